"""Client-initiated connections (RFC 5626) and keep-alives (RFC 6223) as a registration sees them."""

import pytest

from pcscf.flow import Listener, Side
from pcscf.registration.outbound import answer_keep
from pcscf.sip.message import Request
from tests.support.registered import UDP, MemoryFlow, answer, octets, register, registered, registrar

INSTANCE = '+sip.instance="<urn:uuid:1>"'
OUTBOUND = f"<sip:alice@192.0.2.10:49152>;{INSTANCE};reg-id="
SUPPORTED = "Supported: path, outbound"
GRANTED = ("Require: outbound", f"Contact: {OUTBOUND}1;expires=600")
WSS = Listener(Side.ACCESS, "wss", "198.51.100.1", 443, "access", confidential=True)


def behind_a_proxy(sent: Request) -> Request:
    sent.append("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKua")
    return sent


@pytest.mark.parametrize(
    ("sent", "ob"),
    [
        pytest.param(register("alice", SUPPORTED, contact=f"{OUTBOUND}1"), True, id="asked for"),
        pytest.param(register("alice", "k: gruu,OUTBOUND", contact=f"{OUTBOUND}1"), True, id="compact form"),
        pytest.param(register(contact=f"{OUTBOUND}1"), False, id="not supported"),
        pytest.param(register("alice", SUPPORTED, contact=f"<sip:a@h>;{INSTANCE}"), False, id="no reg-id"),
        pytest.param(register("alice", SUPPORTED, contact="<sip:a@h>;reg-id=1"), False, id="no instance"),
        pytest.param(register("alice", SUPPORTED, contact=f"{OUTBOUND}0"), False, id="reg-id 0"),
        pytest.param(register("alice", SUPPORTED, contact=f"{OUTBOUND}2147483648"), False, id="reg-id 2^31"),
        pytest.param(register("alice", SUPPORTED, contact=f"{OUTBOUND}one"), False, id="reg-id no number"),
        pytest.param(register("alice", SUPPORTED, contact=""), False, id="query"),
        pytest.param(
            behind_a_proxy(register("alice", SUPPORTED, contact=f"{OUTBOUND}1")),
            False,
            id="not its first hop",
        ),
    ],
)
def test_ob_in_path(sent, ob):
    forwarded, pending = registrar().to_core(sent, MemoryFlow(), 0.0, octets)
    assert forwarded.values("path") == [f"<sip:{pending.token}@203.0.113.1:5060;lr{';ob' if ob else ''}>"]


@pytest.mark.parametrize(
    ("flow", "status", "extra", "lines", "timer"),
    [
        pytest.param(MemoryFlow(), 200, [SUPPORTED], GRANTED, ["120"], id="tls"),
        pytest.param(MemoryFlow(WSS), 200, [SUPPORTED], GRANTED, ["120"], id="wss"),
        pytest.param(MemoryFlow(UDP), 200, [SUPPORTED], GRANTED, ["29"], id="udp"),
        pytest.param(
            MemoryFlow(), 200, [SUPPORTED], ("Flow-Timer: 9", *GRANTED), ["120"], id="not the core's"
        ),
        pytest.param(MemoryFlow(), 200, [SUPPORTED], ("Supported: outbound",), [], id="not in use"),
        pytest.param(MemoryFlow(), 200, [], ("Flow-Timer: 9", *GRANTED), [], id="not asked for"),
        pytest.param(MemoryFlow(), 401, [SUPPORTED], ("Require: outbound",), [], id="no 2xx"),
    ],
)
def test_flow_timer(flow, status, extra, lines, timer):
    sent = register("alice", *extra, contact=f"{OUTBOUND}1")
    _, got = registered(registrar(), flow, sent, *lines, status=status)
    assert got.all("flow-timer") == timer
    assert got.values("require") == [line[9:] for line in lines if line.startswith("Require")]


def test_439_of_a_registrar_without_outbound_passes():
    edge = registrar()
    sent = register("alice", SUPPORTED, contact=f"{OUTBOUND}1")
    pending, got = registered(edge, MemoryFlow(), sent, status=439)
    assert got.status == 439
    assert (pending.installed, len(edge.bindings)) == ([], 0)


@pytest.mark.parametrize(
    ("listener", "via", "answered"),
    [
        (UDP, "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1;keep;rport=1", "keep=29"),
        (WSS, "SIP/2.0/WSS x.invalid;branch=z9hG4bK1;rport=1; KEEP ", "keep=120"),
        (UDP, "SIP/2.0/UDP 192.0.2.10;keep;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.1;branch=z;keep", "keep=29"),
        (UDP, "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1;keep=5", None),
        (UDP, "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1;keeper", None),
        (UDP, "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.1;branch=z;keep", None),
    ],
)
def test_keep(listener, via, answered):
    response = answer(200)
    response.replace_values("Via", [via])
    answer_keep(response, listener)
    top, *rest = response.values("via")
    if answered is None:
        assert response.get("via") == via
    else:
        assert top.count("keep") == 1
        assert answered in top.split(";")
        assert ";branch=z9hG4bK1" in top
        assert all(value.endswith(";keep") for value in rest)


@pytest.mark.parametrize(("status", "kept"), [(401, True), (200, True), (403, False), (500, False)])
def test_keep_is_answered_where_the_registration_goes_on(status, kept):
    edge = registrar()
    _, pending = edge.to_core(register(), MemoryFlow(), 0.0, octets)
    response = answer(status)
    response.replace_values("Via", ["SIP/2.0/TLS 192.0.2.10:49152;branch=z9hG4bKr1;keep"])
    got = edge.from_core(pending, response, 0.0)
    assert ("keep=120" in (got.get("via") or "")) == kept
