"""Datagrams of anybody at ports whose DTLS ends here: no exception, no keys, no place taken for long."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agw.dtls.api import Keys
from agw.dtls.udptl import is_sound
from agw.engine.api import Datagram
from tests.support.dtls_ends import CORE, PORT, UE, Gateway, leg, security, udptl, ue

ELSEWHERE = ("192.0.2.99", 4000)


def _record(kind: int, version: bytes, epoch: bytes, number: bytes, body: bytes) -> bytes:
    """Of DTLS (RFC 6347 4.1)."""
    return bytes([kind]) + version + epoch + number + len(body).to_bytes(2) + body


_RECORD = st.builds(
    _record,
    st.sampled_from([20, 21, 22, 23, 24, 25, 63]),
    st.sampled_from([b"\xfe\xff", b"\xfe\xfd", b"\xfe\xfc", b"\x03\x03"]),
    st.sampled_from([b"\x00\x00", b"\x00\x01", b"\xff\xff"]),
    st.binary(min_size=6, max_size=6),
    st.binary(max_size=200),
)
_JUNK = st.one_of(st.binary(min_size=1, max_size=300), _RECORD, st.lists(_RECORD, min_size=1).map(b"".join))
_STEP = st.one_of(
    st.tuples(st.just("junk"), _JUNK, st.sampled_from([UE, ELSEWHERE])),
    st.tuples(st.just("mutated"), st.integers(0, 2000), st.integers(1, 255)),
    st.tuples(st.just("wait"), st.floats(0.0, 3.0), st.none()),
    st.tuples(st.just("go on"), st.none(), st.none()),
)


@settings(deadline=None, max_examples=150)
@given(st.booleans(), st.booleans(), st.lists(_STEP, max_size=12))
def test_a_handshake_among_junk(client: bool, fax: bool, steps: list[tuple[str, object, object]]) -> None:
    gateway, peer = Gateway(), ue(client=not client, srtp=not fax)
    made = udptl if fax else leg
    gateway.ends.edit(PORT, made(security=security(client=client)))
    for kind, what, how in steps:
        gateway.clock.turn()
        if kind == "junk":
            gateway.ends.take([Datagram(PORT, how, what), Datagram(CORE, how, what)])
        elif kind == "wait":
            gateway.clock.pass_by(what)
        else:
            for datagram in gateway.sent():
                if datagram.address == UE:
                    peer.told += peer.session.receive(datagram.data, 0.0, b"gateway")
            for data in peer.session.datagrams():
                gateway.take(peer, _mutated(data, what, how) if kind == "mutated" else data)
    assert fax or peer.up or gateway.ends.keys(PORT) == Keys() or gateway.ends.handshakes["ok"] == 1
    gateway.ends.close(PORT)
    gateway.clock.turn()
    assert len(gateway.ends) == gateway.handshakes.going == gateway.clock.armed == 0


def _mutated(data: bytes, at: int, by: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([data[at] ^ by]) + data[at + 1 :]


@given(st.binary(max_size=400))
def test_any_octets_as_udptl(packet: bytes) -> None:
    assert is_sound(packet) in (True, False)
    if is_sound(packet):
        assert not is_sound(packet[:3])
