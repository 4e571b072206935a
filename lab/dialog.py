"""A dialog as one end of it keeps it (RFC 3261 12)."""

from collections.abc import Iterable
from dataclasses import dataclass

from pcscf.sip.build import request_in_dialog
from pcscf.sip.headers import NameAddr, cseq_of
from pcscf.sip.message import Request, Response


@dataclass(slots=True)
class Dialog:
    """local, remote: From and To values with their tags; route: the route set in the order of Route."""

    call_id: str
    local: str
    remote: str
    target: str
    route: list[str]
    cseq: int
    remote_cseq: int = 0

    @classmethod
    def of_caller(cls, request: Request, response: Response) -> "Dialog":
        """Return the dialog that ``response`` to our ``request`` makes (RFC 3261 12.1.2)."""
        return cls(
            call_id=request.get("call-id") or "",
            local=request.get("from") or "",
            remote=response.get("to") or "",
            target=_contact(response) or request.uri,
            route=response.values("record-route")[::-1],
            cseq=cseq_of(request)[0],
        )

    @classmethod
    def of_callee(cls, request: Request, local_tag: str, cseq: int = 0) -> "Dialog":
        """Return the dialog that our response to ``request`` makes (RFC 3261 12.1.1)."""
        return cls(
            call_id=request.get("call-id") or "",
            local=f"{request.get('to')};tag={local_tag}",
            remote=request.get("from") or "",
            target=_contact(request) or request.uri,
            route=request.values("record-route"),
            cseq=cseq,
            remote_cseq=cseq_of(request)[0],
        )

    @property
    def next_hop(self) -> str:
        """The URI that requests are sent to: the first route, else the remote target."""
        return NameAddr.parse(self.route[0]).uri if self.route else self.target

    def refresh(self, message: Request | Response) -> None:
        """Take the remote target of a target refresh (RFC 3261 12.2)."""
        self.target = _contact(message) or self.target

    def request(
        self, method: str, via: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Request:
        """Return the next request; ACK repeats the number of its INVITE."""
        if method != "ACK":
            self.cseq += 1
        return request_in_dialog(
            method,
            target=self.target,
            local=self.local,
            remote=self.remote,
            call_id=self.call_id,
            cseq=self.cseq,
            route=self.route,
            via=via,
            headers=headers,
            body=body,
            content_type="application/sdp" if body else None,
        )


def _contact(message: Request | Response) -> str | None:
    values = message.values("contact")
    return NameAddr.parse(values[0]).uri if values else None
