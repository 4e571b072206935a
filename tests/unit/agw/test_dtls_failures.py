"""DTLS that ends at the gateway, in memory: strangers, failures, floods, and who falls silent."""

from agw.dtls.api import Keys
from agw.dtls.association import MAX_HELLOS
from agw.dtls.ends import BATCH, MAX_WAITING
from agw.engine.api import Datagram, PortId
from iq.procedures import Change, SecurityCause
from tests.support.dtls_ends import PORT, UE, UE_RTCP, Gateway, leg, security, ue
from tests.support.tls_ends import MINE, NOBODY

ELSEWHERE = ("192.0.2.99", 4000)


def test_only_from_where_media_may_come() -> None:
    gateway, stranger = Gateway(), ue(address=ELSEWHERE)
    gateway.ends.edit(PORT, leg(source="192.0.2.20"))
    gateway.pump(stranger)
    assert dict(gateway.ends.tally) == {"source": 1}
    gateway.ends.edit(PORT, leg(latching=False))
    gateway.pump(stranger)
    near = ue(address=("192.0.2.20", 4002))  # the right address, another port
    gateway.pump(near)
    assert dict(gateway.ends.tally) == {"source": 2}
    peer = ue()
    gateway.pump(peer)
    assert peer.up


def test_who_does_not_return_the_cookie_takes_nothing() -> None:
    gateway = Gateway()
    gateway.ends.edit(PORT, leg())
    for number in range(50):
        gateway.take(ue(), ue().session.datagrams()[0] if number else b"\x16" + bytes(30), ELSEWHERE)
        gateway.clock.turn()
    answers = gateway.sent()
    assert len(answers) == 49
    assert all(len(datagram.data) < 80 and datagram.address == ELSEWHERE for datagram in answers)
    assert gateway.handshakes.going == gateway.clock.armed == 0
    gateway.clock.pass_by(1.0)
    peer = ue()
    gateway.pump(peer)
    assert peer.up


def test_a_handshake_belongs_to_the_address_that_returned_the_cookie() -> None:
    gateway, peer, stranger = Gateway(), ue(), ue(address=ELSEWHERE)
    gateway.ends.edit(PORT, leg())
    gateway.take(peer, peer.session.datagrams()[0])
    (cookie,) = gateway.sent()
    peer.session.receive(cookie.data, 0.0)
    gateway.take(peer, peer.session.datagrams()[0])
    gateway.pump(stranger)
    assert dict(gateway.ends.tally)["source"] == 1
    assert not stranger.up
    gateway.wire.sent = []
    gateway.clock.now += 0.01
    peer.session.tick(5.0)  # its own timer runs on: the flight of the gateway comes again then
    assert gateway.handshakes.going == 1


def test_another_certificate_than_announced() -> None:
    gateway, peer = Gateway(), ue()
    gateway.ends.edit(PORT, leg(security=security(expected=(NOBODY,))))
    gateway.pump(peer)
    assert [report[:3] for report in gateway.reports] == [(PORT, Change.FAILED, SecurityCause.FINGERPRINT)]
    assert gateway.ends.keys(PORT) == Keys()
    assert dict(gateway.ends.handshakes) == {"fingerprint": 1}
    assert not peer.up
    again = ue()
    gateway.pump(again)
    assert not again.up  # it is over, until the controller says something new
    gateway.ends.edit(PORT, leg())
    third = ue()
    gateway.pump(third)
    assert third.up


def test_a_stranger_who_fails_does_not_cost_the_stream() -> None:
    """Where nothing says whence the UE comes, anybody may try."""
    gateway, stranger, peer = Gateway(), ue(identity=MINE, address=ELSEWHERE), ue()
    gateway.ends.edit(PORT, leg())
    gateway.pump(stranger)
    assert dict(gateway.ends.handshakes) == {"fingerprint": 1}
    assert gateway.reports == []
    gateway.pump(peer)
    assert peer.up
    assert gateway.handshakes.going == gateway.clock.armed == 0


def test_who_fails_where_the_filter_says_that_the_ue_is() -> None:
    gateway, wrong = Gateway(), ue(identity=MINE, address=ELSEWHERE)
    gateway.ends.edit(PORT, leg(source="192.0.2.0/24"))
    gateway.pump(wrong)
    assert [report[1:3] for report in gateway.reports] == [(Change.FAILED, SecurityCause.FINGERPRINT)]


def test_a_stream_whose_rtcp_is_of_somebody_else_is_silent() -> None:
    gateway, media, control = Gateway(), ue(), ue(identity=MINE, address=UE_RTCP, rtcp=True)
    gateway.ends.edit(PORT, leg(rtcp_mux=False))
    gateway.pump(media)
    assert gateway.ends.keys(PORT).send is not None
    gateway.pump(media, control)
    assert [report[1:3] for report in gateway.reports] == [(Change.FAILED, SecurityCause.FINGERPRINT)]
    assert gateway.ends.keys(PORT) == Keys()


def test_no_profile_in_common() -> None:
    gateway, peer = Gateway(), ue(srtp=False)
    gateway.ends.edit(PORT, leg())
    gateway.pump(peer)
    assert [report[1:3] for report in gateway.reports] == [(Change.FAILED, SecurityCause.PROTOCOL)]
    assert gateway.ends.keys(PORT) == Keys()
    assert dict(gateway.ends.handshakes) == {"protocol": 1}


def test_a_peer_that_falls_silent() -> None:
    gateway, peer = Gateway(seconds=10.0), ue()
    gateway.ends.edit(PORT, leg())
    gateway.take(peer, peer.session.datagrams()[0])
    peer.session.receive(gateway.sent()[0].data, 0.0)
    gateway.take(peer, peer.session.datagrams()[0])
    gateway.clock.pass_by(9.9)
    assert gateway.reports == []
    gateway.clock.pass_by(0.2)
    assert [report[1:3] for report in gateway.reports] == [(Change.FAILED, SecurityCause.TIMEOUT)]
    assert gateway.handshakes.going == gateway.clock.armed == 0


def test_a_client_whom_nobody_answers() -> None:
    gateway = Gateway(seconds=10.0)
    gateway.ends.edit(PORT, leg(security=security(client=True)))
    gateway.clock.pass_by(10.1)
    assert [report[1:3] for report in gateway.reports] == [(Change.FAILED, SecurityCause.TIMEOUT)]


def test_rtcp_that_nobody_keys_costs_rtcp_alone() -> None:
    gateway, media = Gateway(), ue(client=False)
    gateway.ends.edit(PORT, leg(security=security(client=True), rtcp_mux=False))
    gateway.pump(media)
    gateway.clock.pass_by(11)
    assert gateway.reports == []
    assert dict(gateway.ends.handshakes) == {"ok": 1, "timeout": 1}
    assert gateway.ends.keys(PORT).send is not None


def test_stun_and_nonsense_do_no_harm() -> None:
    gateway, peer = Gateway(), ue()
    gateway.ends.edit(PORT, leg())
    gateway.pump(peer)
    for data in (
        bytes(20),
        b"\x16",
        b"\x17\xfe\xfd" + bytes(40),
        b"\x16\xfe\xfd" + b"\xff" * 60,
        b"\x15" * 15,
    ):
        gateway.take(peer, data)
    gateway.clock.turn()
    assert gateway.reports == []
    assert gateway.ends.tally["stun"] == 1
    assert gateway.ends.keys(PORT).send is not None


def test_no_more_handshakes_than_room() -> None:
    gateway = Gateway(handshakes=1)
    first, second = ue(), ue()
    gateway.ends.edit(PORT, leg())
    gateway.ends.edit(PortId(2), leg())
    gateway.ends.edit(PortId(3), leg(security=security(client=True)))
    assert gateway.handshakes.going == 1  # that of the client
    gateway.pump(first)
    assert not first.up
    assert gateway.ends.tally["overload"] == 1
    gateway.ends.close(PortId(3))
    gateway.sent()
    first = ue()
    gateway.pump(first)
    gateway.pump(second, port=PortId(2))
    assert first.up
    assert second.up


def test_a_client_waits_for_room() -> None:
    gateway = Gateway(handshakes=1, seconds=60)
    gateway.ends.edit(PortId(2), leg(security=security(client=True)))
    gateway.sent()
    gateway.ends.edit(PORT, leg(security=security(client=True)))
    assert gateway.sent() == []
    gateway.ends.close(PortId(2))
    gateway.clock.pass_by(0.5)
    peer = ue(client=False)
    gateway.pump(peer)
    assert peer.up


def test_a_flood_of_hellos_at_one_port() -> None:
    gateway, peer = Gateway(), ue()
    gateway.ends.edit(PORT, leg())
    (hello,) = ue().session.datagrams()
    for _ in range(3 * MAX_HELLOS):
        gateway.take(peer, hello, ELSEWHERE)
    gateway.clock.pass_by(0.0)
    assert len(gateway.sent()) == MAX_HELLOS
    assert gateway.ends.tally["overload"] == 2 * MAX_HELLOS
    gateway.clock.pass_by(1.0)
    gateway.pump(peer)
    assert peer.up


def test_a_burst_is_worked_off_in_portions() -> None:
    gateway = Gateway()
    gateway.ends.edit(PORT, leg())
    hellos = [ue().session.datagrams()[0]] * (MAX_WAITING + 5)
    gateway.ends.take([Datagram(PORT, UE, data) for data in hellos])
    assert len(gateway.sent()) == BATCH
    assert gateway.ends.tally["overload"] == 5
    gateway.clock.turn()
    assert len(gateway.sent()) == BATCH
