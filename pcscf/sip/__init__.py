"""SIP messages (RFC 3261): lossless and lazy. Pure."""
