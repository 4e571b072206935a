"""What ``native/sip-py`` builds: ordinary SIP messages read at once, for pcscf.sip.message alone."""

def read(data: bytes) -> tuple[str, str, int, list[tuple[str, str]], int, int] | None:
    """Return method or "", Request-URI or reason phrase, status or 0, fields as ``Message`` has them, where
    the body begins, and Content-Length, with which the message passes ``validate``.

    None for what is not ordinary: it may be in order, and is not looked at here.
    """
