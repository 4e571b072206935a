"""UDPTL inside DTLS at one leg, in the clear at the other (RFC 7345), in memory."""

import pytest

from agw.dtls.udptl import is_sound
from agw.engine.api import Datagram, PortId
from iq.procedures import Endpoint
from tests.support.dtls_ends import CORE, FAR, PORT, UE, Gateway, Peer, leg, security, udptl, ue
from tests.support.tls_ends import NOBODY

FAX = bytes.fromhex("0005 06 c001800000ff 00 01 06 c001800000fe".replace(" ", ""))


def up(**changes: object) -> tuple[Gateway, Peer]:
    gateway, peer = Gateway(), ue(srtp=False)
    gateway.ends.edit(PORT, udptl(**changes))
    gateway.pump(peer)
    assert peer.up
    return gateway, peer


def test_both_ways_untouched() -> None:
    gateway, peer = up()
    for packet in (FAX, b"\x00", b"\xff" * 1400):
        peer.session.send(packet)
        (out,) = gateway.pump(peer)
        assert out == Datagram(CORE, (FAR.address, FAR.port), packet)
        gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), packet)])
        gateway.pump(peer)
        assert peer.data[-1] == packet
    passed = gateway.ends.passed(PORT)
    assert passed is not None
    assert (passed.counters.packets, passed.counters.octets) == (3, len(FAX) + 1 + 1400)
    assert passed.last_activity == gateway.clock.now
    protected = gateway.ends.passed(CORE)
    assert protected is not None
    assert protected.counters == passed.counters
    assert protected.last_activity is None
    assert gateway.ends.tally["unsound"] == 4  # counted on either way, and passed on
    assert gateway.keyed == []  # there are no keys for the engine
    assert len(peer.data) == 3


def test_one_packet_is_one_record() -> None:
    gateway, peer = up()
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)] * 3)
    gateway.clock.turn()
    sent = gateway.sent()
    assert len(sent) == 3
    assert all(datagram.data[0] == 23 and datagram.address == UE for datagram in sent)
    both = b"".join(datagram.data for datagram in sent[:2])
    peer.told += peer.session.receive(both, 0.0)  # a peer may pack two records into a datagram
    assert peer.data == [FAX, FAX]


def test_nothing_passes_without_an_association() -> None:
    gateway = Gateway()
    gateway.ends.edit(PORT, udptl())
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)])
    gateway.take(ue(), FAX)
    gateway.take(ue(), b"\x17\xfe\xfd" + FAX)
    assert gateway.sent() == []
    assert dict(gateway.ends.tally) == {"unassociated": 1, "stun": 1, "unexpected": 1}
    protected = gateway.ends.passed(CORE)
    assert protected is not None
    assert protected.counters.packets == 0


@pytest.mark.parametrize("order", [(PORT, CORE), (CORE, PORT)], ids=["access first", "core first"])
def test_what_went_either_way_is_told_when_its_port_closes(order: tuple[PortId, ...]) -> None:
    gateway, peer = up()
    peer.session.send(FAX)
    gateway.pump(peer)
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)] * 2)
    told = {}
    for port in order:
        passed = gateway.ends.close(port)
        assert passed is not None
        told[port] = passed.counters.packets
    assert told == {PORT: 1, CORE: 2}
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)])
    assert gateway.ends.passed(CORE) is gateway.ends.close(CORE) is None


def test_gates_and_destinations() -> None:
    gateway, peer = up()
    gateway.ends.edit(PORT, udptl_with(outwards=False))
    peer.session.send(FAX)
    assert gateway.pump(peer) == []
    assert gateway.ends.tally["gate"] == 1
    gateway.ends.edit(PORT, udptl_with(far_remote=None))
    peer.session.send(FAX)
    assert gateway.pump(peer) == []
    assert gateway.ends.tally["unjoined"] == 1
    gateway.wire.latched = ("203.0.113.9", 7)
    gateway.ends.edit(PORT, udptl_with(far_latches=True))
    peer.session.send(FAX)
    (out,) = gateway.pump(peer)
    assert out.address == ("203.0.113.9", 7)
    gateway.ends.edit(PORT, udptl_with(far=None))
    peer.session.send(FAX)
    assert gateway.pump(peer) == []
    assert gateway.ends.tally["unjoined"] == 2


def udptl_with(**changes: object) -> object:
    leg = udptl()
    for name, value in changes.items():
        setattr(leg, name, value)
    return leg


def test_a_peer_behind_a_nat_that_moves_it() -> None:
    gateway, peer = up()
    peer.address = ("192.0.2.20", 4711)
    peer.session.send(FAX)
    gateway.pump(peer)
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)])
    assert [datagram.address for datagram in gateway.sent()] == [peer.address]
    forged = b"\x17\xfe\xfd\x00\x01" + bytes(6) + b"\x00\x20" + bytes(32)
    gateway.take(peer, forged, ("192.0.2.66", 1))
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)])
    assert [datagram.address for datagram in gateway.sent()] == [peer.address]
    assert gateway.reports == []


def test_replayed_records_do_not_pass() -> None:
    gateway, peer = up()
    peer.session.send(FAX)
    (record,) = peer.session.datagrams()
    for _ in range(3):
        gateway.take(peer, record)
    assert len(gateway.sent()) == 1


def test_the_old_association_serves_until_the_new_one_stands() -> None:
    gateway, peer = up()
    gateway.ends.edit(PORT, udptl(security=security(tls_id="another-association-1")))
    peer.session.send(FAX)
    assert [datagram.data for datagram in gateway.pump(peer)] == [FAX]
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)])
    gateway.pump(peer)
    assert peer.data == [FAX]
    fresh = ue(srtp=False)
    gateway.pump(fresh)
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)])
    gateway.pump(fresh)
    assert fresh.data == [FAX]
    assert peer.data == [FAX]


def test_a_renewal_that_fails_ends_the_fax() -> None:
    gateway, peer = up()
    gateway.ends.edit(PORT, udptl(security=security(expected=(NOBODY,))))
    gateway.pump(ue(srtp=False))
    assert len(gateway.reports) == 1
    peer.session.send(FAX)
    assert gateway.pump(peer) == []
    gateway.ends.take([Datagram(CORE, (FAR.address, FAR.port), FAX)])
    assert gateway.sent() == []


def test_media_of_srtp_does_not_come_as_application_data() -> None:
    gateway, peer = Gateway(), ue()
    gateway.ends.edit(PORT, leg(far=CORE, far_remote=Endpoint("203.0.113.7", 6000), outwards=True))
    gateway.pump(peer)
    peer.session.send(FAX)
    assert gateway.pump(peer) == []
    assert gateway.ends.tally["unexpected"] == 1


@pytest.mark.parametrize(
    ("packet", "sound"),
    [
        pytest.param(FAX, True, id="redundancy"),
        pytest.param(bytes.fromhex("0001 01 06 00 00"), True, id="nothing to recover"),
        pytest.param(bytes.fromhex("0001 02 c001 80 0102 0106 0204 aabbccdd"), True, id="FEC"),
        pytest.param(b"\x00\x01\x80\xc8" + bytes(200) + b"\x00\x00", True, id="long IFP"),
        pytest.param(b"", False, id="empty"),
        pytest.param(b"\x00\x01", False, id="sequence number alone"),
        pytest.param(bytes.fromhex("0001 00 00 00"), False, id="no IFP"),
        pytest.param(bytes.fromhex("0001 06 c001"), False, id="IFP is cut off"),
        pytest.param(bytes.fromhex("0001 01 06"), False, id="no recovery"),
        pytest.param(bytes.fromhex("0001 01 06 00"), False, id="recovery without a count"),
        pytest.param(bytes.fromhex("0001 01 06 40 00"), False, id="unknown recovery"),
        pytest.param(b"\x00\x01\x80", False, id="half a length"),
        pytest.param(b"\x00\x01\xc1" + bytes(300), False, id="a length in fragments"),
    ],
)
def test_soundness_of_a_packet(packet: bytes, sound: bool) -> None:
    assert is_sound(packet) is sound
