"""Listeners, flows without sockets, and plain messages."""

from pcscf.flow import Listener, Side
from pcscf.sip.message import Request, Response, parse

ACCESS = Listener(Side.ACCESS, "udp", "192.0.2.1", 5060, "access")
ACCESS_TCP = Listener(Side.ACCESS, "tcp", "192.0.2.1", 5060, "access")
CORE = Listener(Side.CORE, "udp", "198.51.100.1", 5070, "core")
CORE_TCP = Listener(Side.CORE, "tcp", "198.51.100.1", 5070, "core")

#: A usual INVITE of a phone, about 900 octets.
INVITE = (
    b"INVITE tel:+15145550101 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 203.0.113.9:5062;branch=z9hG4bKnashds7;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b"Route: <sip:192.0.2.1:5060;lr>, <sip:orig@scscf1.ims.example;lr>\r\n"
    b'From: "Alice" <sip:alice@ims.example>;tag=171828\r\n'
    b"To: <tel:+15145550101>\r\n"
    b"Call-ID: cb03a0s09a2sdfglkj490333\r\n"
    b"CSeq: 127 INVITE\r\n"
    b'Contact: <sip:alice@203.0.113.9:5062>;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"\r\n'
    b'P-Preferred-Identity: "Alice" <sip:alice@ims.example>\r\n'
    b"P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11\r\n"
    b"Privacy: none\r\n"
    b"Supported: 100rel, timer\r\n"
    b"Session-Expires: 1800\r\n"
    b"Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, REFER, MESSAGE\r\n"
    b"User-Agent: phone/1.0\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 128\r\n"
    b"\r\n"
    b"v=0\r\no=- 1 1 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n"
    b"m=audio 49170 RTP/AVP 0 8\r\na=sendrecv\r\na=rtpmap:0 PCMU/8000\r\n"
)


class RecordedFlow:
    """A flow that keeps what is sent on it."""

    def __init__(self, listener: Listener = ACCESS, remote: tuple[str, int] = ("203.0.113.9", 5062)) -> None:
        self.listener = listener
        self.remote = remote
        self.key: tuple[object, ...] = (id(self), *remote)
        self.closed = False
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)


def request(
    method: str = "INVITE",
    *,
    branch: str = "z9hG4bK1",
    sent_by: str = "203.0.113.9:5062",
    cseq: int = 1,
    to_tag: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> Request:
    """Return a small valid request."""
    contact = "Contact: <sip:alice@203.0.113.9:5062>\r\n" if method == "INVITE" else ""
    tag = f";tag={to_tag}" if to_tag else ""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    message = parse(
        f"{method} sip:bob@ims.example SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {sent_by};branch={branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:alice@ims.example>;tag=a1\r\n"
        f"To: <sip:bob@ims.example>{tag}\r\n"
        "Call-ID: c1@203.0.113.9\r\n"
        f"CSeq: {cseq} {method}\r\n"
        f"{contact}{lines}"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    assert isinstance(message, Request)
    return message


def reparsed(message: Request | Response) -> Request | Response:
    """Return a copy that has been over a wire."""
    return parse(message.encode())
