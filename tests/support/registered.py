"""An edge node in memory for the tests of registration and header procedures: listeners, flows, messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pcscf.flow import Listener, Side
from pcscf.registration.bindings import Binding
from pcscf.registration.registrar import PendingRegistration, Registrar, RegistrarSettings
from pcscf.sip.message import Message, Request, Response, parse

GOLDEN = Path(__file__).parent.parent / "golden"
ANNOUNCED = ("sdes-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls")
TLS = Listener(Side.ACCESS, "tls", "198.51.100.1", 5061, "access", confidential=True)
UDP = Listener(Side.ACCESS, "udp", "198.51.100.1", 5060, "access")
CORE = Listener(Side.CORE, "udp", "203.0.113.1", 5060, "core")


def octets(count: int) -> bytes:
    """Randomness of the tests."""
    return bytes(range(count))


@dataclass(eq=False)
class MemoryFlow:
    """A flow that keeps what is sent."""

    listener: Listener = TLS
    number: int = 1
    remote: tuple[str, int] = ("192.0.2.10", 49152)
    closed: bool = False
    sent: list[bytes] = field(default_factory=list)

    @property
    def key(self) -> tuple[object, ...]:
        return (self.listener.transport, self.number)

    def send(self, data: bytes) -> None:
        self.sent.append(data)


def message(text: str) -> Request | Response:
    """Parse a message written with bare line feeds and without the closing empty line."""
    return parse(text.strip("\n").replace("\n", "\r\n").encode() + b"\r\n\r\n")


def request(text: str) -> Request:
    parsed = message(text)
    assert isinstance(parsed, Request)
    return parsed


def response(text: str) -> Response:
    parsed = message(text)
    assert isinstance(parsed, Response)
    return parsed


def golden(name: str, **values: str) -> Request | Response:
    """Read tests/golden/NAME.sip, with ``{key}`` replaced by each of ``values``."""
    text = (GOLDEN / f"{name}.sip").read_text()
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return message(text)


def shape(parsed: Message) -> tuple[str, dict[str, list[str]]]:
    """What binds of a message: its start line, and of each header its values in order."""
    fields: dict[str, list[str]] = {}
    for key, value in parsed:
        fields.setdefault(key, []).append(value)
    return parsed.start_line(), fields


def registrar(**settings: object) -> Registrar:
    values: dict[str, object] = {"core": CORE, "visited_network": "visited.example", "secret": b"s" * 32}
    values["mechanisms"] = ANNOUNCED
    return Registrar(RegistrarSettings(**(values | settings)))


def register(
    user: str = "alice",
    *extra: str,
    contact: str | None = None,
    media: Sequence[str] = (),
    verify: Sequence[str] | None = None,
    expires: int = 3600,
) -> Request:
    """A REGISTER of USER@home.example; ``extra`` are further header lines."""
    contact = f"<sip:{user}@192.0.2.10:49152;transport=tls>" if contact is None else contact
    lines = [
        "REGISTER sip:home.example SIP/2.0",
        "Via: SIP/2.0/TLS 192.0.2.10:49152;branch=z9hG4bKr1;rport",
        f"From: <sip:{user}@home.example>;tag=a",
        f"To: <sip:{user}@home.example>",
        "Call-ID: r@192.0.2.10",
        "CSeq: 1 REGISTER",
        *([f"Contact: {contact}"] if contact else []),
        f"Expires: {expires}",
        *(f"Security-Client: {name};mediasec" for name in media),
        *(f"Security-Verify: {entry}" for entry in verify or ()),
        *extra,
    ]
    return request("\n".join(lines))


def answer(status: int, *lines: str) -> Response:
    """A response of the core; its Contact, Service-Route and so on are ``lines``."""
    head = (
        f"SIP/2.0 {status} Whatever",
        "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKp",
        "CSeq: 1 REGISTER",
    )
    return response("\n".join((*head, *lines)))


def granted_to_alice() -> Response:
    """A 200 that grants alice's usual Contact an hour."""
    return answer(200, "Contact: <sip:alice@192.0.2.10:49152;transport=tls>;expires=3600")


def registered(
    edge: Registrar,
    flow: MemoryFlow,
    sent: Request,
    *lines: str,
    status: int = 200,
    now: float = 0.0,
) -> tuple[PendingRegistration, Response]:
    """Take ``sent`` to the core and its answer back; return what became of it."""
    _, pending = edge.to_core(sent, flow, now, octets)
    return pending, edge.from_core(pending, answer(status, *lines), now)


def binding(flow: MemoryFlow | None = None, **values: object) -> Binding:
    """A live binding of alice."""
    flow = flow or MemoryFlow()
    defaults: dict[str, object] = {
        "service_route": ["<sip:orig@scscf.home.example;lr>"],
        "associated": ["sip:alice@home.example", "tel:+4922812345"],
        "live": True,
        "token": "ft-1",
    }
    aor, contact = "sip:alice@home.example", "sip:alice@192.0.2.10:49152;transport=tls"
    return Binding(aor, contact, flow, **(defaults | values))
