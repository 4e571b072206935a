"""Errors shared by both processes. Each class tells the caller what to do."""


class EdgeError(Exception):
    """Base of everything raised on purpose."""


class PeerError(EdgeError):
    """The remote side broke the protocol: refuse, count it, carry on."""


class BadFrame(PeerError):
    """The stream cannot be resynchronised: close it."""


class IqError(PeerError):
    """An H.248 error descriptor, to send or received.

    code: H.248.8 error code, 400 to 581; text: one line, without key material.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
