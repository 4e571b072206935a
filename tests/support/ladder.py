"""The ends of a ladder: UEs and the core, which write and read whole SIP messages by hand."""

import itertools
from dataclasses import dataclass, field

from pcscf.flow import Listener
from pcscf.sip.build import response_to
from pcscf.sip.headers import NameAddr, cseq_of, tag_of
from pcscf.sip.message import Message, Request, Response, parse
from tests.support.stage import CORE, SCSCF, TLS, Stage, StageFlow

KEY = "iHHhgz9/CEj23Dme6qS0fWx6Fqcu2PiXwB67LlaB"
OTHER_KEY = "tixnPdB/4IGYHW7gsmwabOAZ7VOlsRLLUbTx+kad"
SUITE = "AES_CM_128_HMAC_SHA1_80"
ROUTE = "<sip:203.0.113.50:5060;lr>"
MEDIASEC = "sdes-srtp;mediasec, msrp-tls;mediasec, bfcp-tls;mediasec, udptl-dtls;mediasec"


def sdp(media: str, host: str, *, number: int = 77, version: int = 1) -> bytes:
    """A description; ``media`` are m-sections with newlines."""
    head = f"v=0\no=- {number} {version} IN IP4 {host}\ns=-\nc=IN IP4 {host}\nt=0 0\n"
    return (head + media.strip("\n") + "\n").replace("\n", "\r\n").encode()


def secure(key: str = KEY, *, tag: int = 1, version: int = 1, more: str = "a=3ge2ae:requested") -> bytes:
    """A UE's description with one SDES line; as an answer pass more=""."""
    media = f"m=audio 30000 RTP/SAVP 8\na=crypto:{tag} {SUITE} inline:{key}\n{more}"
    return sdp(media, "192.0.2.10", number=1001, version=version)


def plain(*, port: int = 5004, version: int = 1, more: str = "", number: int = 555) -> bytes:
    """A description of the far end."""
    return sdp(f"m=audio {port} RTP/AVP 8\n{more}", "203.0.113.77", number=number, version=version)


_ends = itertools.count(1)


@dataclass
class End:
    """One UE, or the core: what it sends comes in at its flow, what it gets is taken in order.

    name: makes its branches and tags its own; its address in memory may be that of an end before it.
    features: of its Contact, ";isfocus".
    """

    stage: Stage
    flow: StageFlow
    aor: str
    contact: str
    record_route: str = ""
    numbers: int = 0
    name: int = field(default_factory=_ends.__next__)
    features: str = ""

    def send(self, message: Message | bytes) -> None:
        self.stage.receive(message, self.flow)

    def take(self, start: str) -> Message:
        """Return the next message that came here; its start line begins with ``start``: method or status."""
        assert self.flow.sent, f"nothing came where {start} should"
        message = parse(self.flow.sent.pop(0))
        line = message.start_line().removeprefix("SIP/2.0 ")
        assert line.startswith(start), f"{line} came where {start} should"
        return message

    def request(self, method: str) -> Request:
        message = self.take(method)
        assert isinstance(message, Request)
        return message

    def response(self, status: int) -> Response:
        message = self.take(str(status))
        assert isinstance(message, Response)
        return message

    def nothing(self) -> None:
        assert [data.partition(b"\r\n")[0] for data in self.flow.sent] == []

    def starts(self) -> list[str]:
        """Return the start lines of all that came, and forget them."""
        lines = [parse(data).start_line().removeprefix("SIP/2.0 ").split()[0] for data in self.flow.sent]
        self.flow.sent.clear()
        return lines

    def via(self, branch: str) -> str:
        host, port = self.flow.remote
        return f"SIP/2.0/{self.flow.listener.transport.upper()} {host}:{port};branch=z9hG4bK{branch};rport"

    def ask(
        self,
        method: str,
        to: str,
        body: bytes = b"",
        *extra: str,
        uri: str | None = None,
        route: str | None = None,
        call_id: str | None = None,
        kind: str = "application/sdp",
        hops: str | None = "70",
    ) -> Request:
        """Send a request outside any dialog; ``extra`` are header lines."""
        self.numbers += 1
        number = f"{self.name}-{self.numbers}"
        lines = [
            f"{method} {uri or to} SIP/2.0",
            f"Via: {self.via(number)}",
            *([f"Max-Forwards: {hops}"] if hops is not None else []),
            *([f"Route: {route}"] if route else []),
            f"From: <{self.aor}>;tag=f{number}",
            f"To: <{to}>",
            f"Call-ID: {call_id or f'c{number}@{self.flow.remote[0]}'}",
            f"CSeq: 1 {method}",
            f"Contact: <{self.contact}>{self.features}",
            *([f"Record-Route: {self.record_route}"] if self.record_route else []),
            *extra,
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        message = parse("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body)
        assert isinstance(message, Request)
        self.send(message)
        return message

    def answer(
        self,
        request: Request,
        status: int,
        body: bytes = b"",
        *extra: str,
        tag: str = "b1",
        kind: str = "application/sdp",
    ) -> Response:
        """Send a response to a request that came here."""
        headers = [tuple(line.split(": ", 1)) for line in extra]
        if request.method != "BYE" and status < 300:
            headers.append(("Contact", f"<{self.contact}>{self.features}"))
        if body:
            headers.append(("Content-Type", kind))
        response = response_to(request, status, to_tag=tag, headers=headers, body=body)
        if status < 300 and status != 100:
            routes = [(k, raw) for k, raw in request.fields if k == "record-route"]
            if self.record_route and routes:
                routes.insert(0, ("record-route", f"Record-Route: {self.record_route}"))
            response.fields[1:1] = routes
        self.send(response)
        return response

    def cancel(self, invite: Request, *reasons: str) -> None:
        """Send the CANCEL of an INVITE that this end sent; reasons: values of Reason."""
        fields = [f for f in invite.fields if f[0] in {"via", "from", "to", "call-id", "route"}]
        cancel = Request("CANCEL", invite.uri, fields)
        cancel.append("CSeq", f"{cseq_of(invite)[0]} CANCEL")
        for reason in reasons:
            cancel.append("Reason", reason)
        cancel.append("Max-Forwards", "70")
        cancel.append("Content-Length", "0")
        self.send(cancel)

    def acknowledge(self, invite: Request, response: Response) -> None:
        """Send the ACK of a 3xx to 6xx."""
        fields = [f for f in invite.fields if f[0] in {"via", "from", "call-id", "route"}]
        ack = Request("ACK", invite.uri, fields)
        ack.append("To", response.get("to") or "")
        ack.append("CSeq", f"{cseq_of(invite)[0]} ACK")
        ack.append("Max-Forwards", "70")
        ack.append("Content-Length", "0")
        self.send(ack)


@dataclass
class Leg:
    """One end's view of a dialog."""

    end: End
    call_id: str
    local: str
    remote: str
    target: str
    routes: list[str]
    cseq: int
    sent: list[Request] = field(default_factory=list)

    def send(
        self,
        method: str,
        body: bytes = b"",
        *extra: str,
        cseq: int | None = None,
        kind: str = "application/sdp",
    ) -> Request:
        if cseq is None and method != "ACK":
            self.cseq += 1
        number = self.cseq if cseq is None else cseq
        self.end.numbers += 1
        branch = f"{self.end.name}d{self.end.numbers}"
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: {self.end.via(branch)}",
            "Max-Forwards: 70",
            *(f"Route: {route}" for route in self.routes),
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            *(
                [f"Contact: <{self.end.contact}>{self.end.features}"]
                if method in {"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY"}
                else []
            ),
            *extra,
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        message = parse("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body)
        assert isinstance(message, Request)
        self.sent.append(message)
        self.end.send(message)
        return message


def caller_leg(end: End, invite: Request, response: Message) -> Leg:
    """The dialog as the caller sees it, from its request and a response with a To tag."""
    return Leg(
        end,
        invite.get("call-id") or "",
        invite.get("from") or "",
        response.get("to") or "",
        NameAddr.parse(response.values("contact")[0]).uri,
        [route for route in response.values("record-route")[::-1] if route != end.record_route],
        cseq_of(invite)[0],
    )


def callee_leg(end: End, invite: Request, tag: str = "b1") -> Leg:
    """The dialog as the callee sees it, from the request as it came."""
    to = invite.get("to") or ""
    return Leg(
        end,
        invite.get("call-id") or "",
        to if tag_of(to) else f"{to};tag={tag}",
        invite.get("from") or "",
        NameAddr.parse(invite.values("contact")[0]).uri,
        invite.values("record-route"),
        0,
    )


def core_of(stage: Stage) -> End:
    """The S-CSCF, which plays the far user, too."""
    return End(
        stage, stage.flow(CORE, SCSCF), "sip:carol@other.example", "sip:carol@203.0.113.77:5060", ROUTE
    )


def ue_of(
    stage: Stage,
    user: str = "alice",
    *,
    listener: Listener = TLS,
    port: int = 49152,
    number: int = 0,
    media: bool = True,
) -> End:
    """A UE that registers now. number: of its connection."""
    flow = stage.flow(listener, ("192.0.2.10", port), number)
    end = End(stage, flow, f"sip:{user}@home.example", f"sip:{user}@192.0.2.10:{port}")
    register(end, media=media)
    return end


def register(end: End, *, media: bool = True, expires: int = 3600) -> None:
    """Register (again) through the core."""
    core = core_of(end.stage)
    lines = [f"Security-Client: {entry}" for entry in MEDIASEC.split(", ")] if media else []
    end.ask("REGISTER", end.aor, b"", f"Expires: {expires}", *lines, uri="sip:home.example")
    asked = core.request("REGISTER")
    end.stage.paths[end.aor] = asked.values("path")[0]
    ok = response_to(
        asked,
        200,
        to_tag="r",
        headers=[
            ("Contact", f"<{end.contact}>;expires={expires}"),
            ("Service-Route", "<sip:orig@scscf.home.example;lr>"),
            ("P-Associated-URI", f"<{end.aor}>"),
        ],
    )
    core.send(ok)
    end.response(200)


def path_of(end: End) -> str:
    """The Path under which the core reaches a UE."""
    return end.stage.paths[end.aor]
