"""Error codes of H.248.8 in use, and their texts."""

from iq.errors import IqError
from iq.h248 import model
from iq.h248.limits import MAX_ERROR_TEXT

SYNTAX_IN_MESSAGE = 400
SYNTAX_IN_TRANSACTION = 403
VERSION_NOT_SUPPORTED = 406
INCORRECT_IDENTIFIER = 410
UNKNOWN_CONTEXT = 411
TOO_MANY_TRANSACTIONS = 413
ILLEGAL_ACTION = 421
SYNTAX_IN_ACTION = 422
UNKNOWN_TERMINATION = 430
NO_WILDCARD_MATCH = 431
UNSUPPORTED_PACKAGE = 440
SYNTAX_IN_COMMAND = 442
UNSUPPORTED_COMMAND = 443
UNSUPPORTED_DESCRIPTOR = 444
DESCRIPTOR_TWICE = 448
UNSUPPORTED_VALUE = 449
NO_SUCH_PROPERTY = 450
NO_SUCH_EVENT = 451
NO_SUCH_SIGNAL = 452
PROPERTY_TWICE = 456
MISSING_INFORMATION = 472
CONFLICTING_VALUES = 473
INVALID_SDP = 474
INTERNAL_FAILURE = 500
NOT_IMPLEMENTED = 501
NOT_READY = 502
NOT_REGISTERED = 505
PENDINGS_EXCEEDED = 506
BUSY = 511
NETWORK_FAILURE = 530
TOO_LARGE = 533

#: Errors of a context or of the whole action: they stand in the place of the commands, not in one of them.
ACTION_LEVEL = frozenset({INCORRECT_IDENTIFIER, UNKNOWN_CONTEXT, 412, ILLEGAL_ACTION, SYNTAX_IN_ACTION})

_PLAIN = str.maketrans({'"': "'", **{chr(code): " " for code in (*range(32), 127)}})


def plain(text: str) -> str:
    """Make ``text`` fit for a quoted string: one line, without double quotes, bounded."""
    return text.translate(_PLAIN)[:MAX_ERROR_TEXT]


def descriptor(error: IqError) -> model.Error:
    """Return ``error`` as it is written."""
    return model.Error(error.code, plain(error.text))


def received(error: model.Error) -> IqError:
    """Return the peer's ``error`` as it is raised or handed on."""
    return IqError(error.code, plain(error.text))
