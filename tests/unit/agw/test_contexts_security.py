"""TLS that ends at the gateway, in contexts: whose certificate, which role, and what the relay is told."""

import pytest

from agw.control.notices import bearer_change
from agw.engine.api import PortId
from agw.security.api import Security
from agw.tcp.api import Report, TcpLeg
from iq.fingerprint import Fingerprint
from iq.procedures import (
    Change,
    Configure,
    Latch,
    Mode,
    Release,
    Reserve,
    SecurityCause,
    SecurityChange,
    Setup,
    Stream,
)
from tests.support.agw_controller import FAR, UE, Controller

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE
PEER, OTHER = Fingerprint("sha-256", bytes(32)), Fingerprint("sha-256", bytes(range(32)))


@pytest.fixture
def controller() -> Controller:
    return Controller()


def message(transport: str = "TCP/TLS/MSRP", **changes: object) -> Stream:
    stream = Stream(1, "message", transport, "*", Mode.SEND_RECEIVE)
    for name, value in changes.items():
        setattr(stream, name, value)
    return stream


def call(controller: Controller, ue: Stream, transport: str = "TCP/MSRP") -> tuple[int, str, Stream]:
    """Its context, the access termination, and what the reply says of the UE's stream."""
    far = message(transport, setup=ACTIVE, remote=FAR)
    reply = controller.act(None, Reserve("access", [ue], 300, Latch.LATCH), Reserve("core", [far], 300))
    assert reply.error is None
    assert reply.context is not None
    return reply.context, reply.replies[0].termination, reply.replies[0].streams[0]


def leg(controller: Controller) -> TcpLeg:
    """That of the access side."""
    return controller.engine.tcp.legs[PortId(-1)]


def security(controller: Controller) -> Security:
    found = leg(controller).security
    assert found is not None
    return found


def test_the_gateway_is_the_server_of_a_ue_that_connects(controller: Controller) -> None:
    ue = message(setup=PASSIVE, remote=UE, choose_fingerprint="sha-256", remote_fingerprints=(PEER,))
    _, _, reply = call(controller, ue)
    found = security(controller)
    assert (found.expected, found.client) == ((PEER,), False)
    assert reply.local_fingerprint == found.identity.fingerprint("sha-256")
    assert leg(controller).setup is PASSIVE
    assert controller.engine.tcp.legs[PortId(-2)] == TcpLeg(ACTIVE, True, True, FAR)


def test_what_is_said_later_counts_and_the_certificate_stays(controller: Controller) -> None:
    context, name, reply = call(controller, message(choose_fingerprint="sha-256"))
    before = security(controller)
    assert (before.expected, before.client) == ((), False)
    answer = message(setup=ACTIVE, remote=UE, remote_fingerprints=(PEER,), start_tls=True, tls_id="x" * 20)
    controller.act(context, Configure(name, [answer]))
    after = security(controller)
    assert after == Security(before.identity, (PEER,), True, "x" * 20)
    controller.act(context, Configure(name, [Stream(1, mode=Mode.INACTIVE)]))
    assert security(controller) is not None
    assert security(controller) == after
    asked = controller.act(context, Configure(name, [message(choose_fingerprint="sha-512")])).replies[0]
    assert asked.streams[0].local_fingerprint == before.identity.fingerprint("sha-512")
    assert security(controller) == after
    controller.act(context, Configure(name, [message(setup=PASSIVE, remote_fingerprints=(OTHER,))]))
    assert security(controller) == Security(before.identity, (OTHER,), False, "x" * 20)
    assert reply.local_fingerprint == before.identity.fingerprint("sha-256")


def test_the_role_in_tls_is_not_that_in_tcp(controller: Controller) -> None:
    """BFCP: who answered is the server of TLS, whoever connects (RFC 8856)."""
    ue = message("TCP/TLS/BFCP", setup=PASSIVE, remote=UE, remote_fingerprints=(PEER,), start_tls=True)
    call(controller, ue, "TCP/BFCP")
    assert leg(controller).setup is PASSIVE
    assert security(controller).client


def test_each_stream_has_a_certificate_of_its_own(controller: Controller) -> None:
    streams = [message(id=number, choose_fingerprint="sha-256") for number in (1, 2)]
    reply = controller.act(None, Reserve("access", streams, 300)).replies[0]
    one, other = (stream.local_fingerprint for stream in reply.streams)
    assert one is not None
    assert other is not None
    assert one != other


@pytest.mark.parametrize(
    ("ue", "far", "open_"),
    [
        ("TCP/TLS/MSRP", "TCP/MSRP", True),
        ("TCP/TLS", "TCP", True),
        ("tcp/tls/bfcp", "TCP/BFCP", True),
        ("TCP/TLS/MSRP", "TCP/TLS/MSRP", False),
        ("TCP/TLS/MSRP", "TCP/BFCP", False),
        ("TCP/TLS/MSRP", "TCP", False),
    ],
)
def test_what_goes_together(controller: Controller, ue: str, far: str, open_: bool) -> None:
    stream = message(ue, setup=PASSIVE, remote=UE, remote_fingerprints=(PEER,))
    call(controller, stream, far)
    assert (leg(controller).setup is PASSIVE) is open_
    assert (controller.engine.tcp.legs[PortId(-2)].setup is ACTIVE) is open_


def test_tls_without_certificates_ends_elsewhere(controller: Controller) -> None:
    call(controller, message(setup=PASSIVE, remote=UE), "TCP/TLS/MSRP")
    assert leg(controller).security is None
    assert leg(controller).setup is PASSIVE
    controller.act(None, Reserve("access", [message(setup=PASSIVE, remote=UE)], 300))
    assert controller.engine.tcp.legs[PortId(-3)].setup is None  # and never meets the plain one


def test_refusals(controller: Controller) -> None:
    for code, stream in (
        (473, message("TCP/MSRP", remote_fingerprints=(PEER,))),
        (473, message("RTP/AVP", choose_fingerprint="sha-256")),
        (473, message(local_path="msrps://a:1/s;tcp")),  # TLS passes unread
        (473, message("TCP/TLS", remote_fingerprints=(PEER,), local_path="msrps://a:1/s;tcp")),
        (473, message("TCP/MSRP", remote_fingerprints=(PEER,), local_path="msrps://a:1/s;tcp")),
        (472, message(start_tls=True)),
    ):
        assert controller.error(None, Reserve("access", [stream], 300)) == code
    context, name, _ = call(controller, message())
    assert controller.error(context, Configure(name, [message(start_tls=True)])) == 472
    controller.contexts.media.new_identity = None
    stream = message(choose_fingerprint="sha-256")
    assert controller.error(None, Reserve("access", [stream], 300)) == 515
    assert controller.error(context, Configure(name, [stream])) == 515


def test_what_the_relay_tells_of_tls(controller: Controller) -> None:
    context, name, _ = call(controller, message(remote_fingerprints=(PEER,)))
    report = Report(PortId(-1), Change.FAILED, "the certificate", SecurityCause.FINGERPRINT)
    assert bearer_change(controller.contexts, report) == (
        context,
        SecurityChange(name, 1, Change.FAILED, SecurityCause.FINGERPRINT),
    )
    controller.act(context, Release())
    assert bearer_change(controller.contexts, report) is None
