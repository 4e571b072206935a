"""Errors of the P-CSCF: each SIP refusal carries the response that it calls for."""

from iq.errors import EdgeError, PeerError

__all__ = ["BadMessage", "EdgeError", "PeerError", "SdpRejected", "SipRefusal", "TooMuch"]


class BadMessage(PeerError):
    """Bytes that are no SIP message at all: drop and count; on a stream, close it."""


class TooMuch(BadMessage):
    """More header fields, or larger ones, than are read: 400 or 513, where it is a request."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class SipRefusal(PeerError):
    """Refuse the request.

    status, phrase: the response to send, "" for the usual phrase; headers: extra header lines for it, as
    (name, value); body: with its Content-Type among them.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int = 400,
        phrase: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.phrase = phrase
        self.headers = headers
        self.body = body


class SdpRejected(SipRefusal):
    """The offer or answer cannot be accepted (RFC 3261 21.4.26)."""

    def __init__(
        self,
        reason: str,
        *,
        status: int = 488,
        phrase: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(reason, status=status, phrase=phrase, headers=headers)
