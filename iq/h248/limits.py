"""Named bounds on what a peer may make us read. Each has an error that says so."""

MAX_MESSAGE = 65531
"""Octets of one message: a TPKT frame holds no more (RFC 1006 6)."""

MAX_TRANSACTIONS = 10
"""Transactions, replies and acknowledgements in one message (TS 29.334 5.9); more: 413."""

MAX_DEPTH = 12
"""Nested braces below a transaction."""

MAX_ITEMS = 8192
"""Names, values and descriptors in one message; an audit of a full frame has about 3,000."""

MAX_ID = 0xFFFFFFFF
"""Greatest transaction id; 0 is reserved (H.248.1 8.2.2)."""

CHOOSE_CONTEXT = 0xFFFFFFFE
"""Context ``$`` as a number; what a gateway chooses lies below it."""

MAX_ERROR_TEXT = 160
"""Characters of an error text that we write."""
