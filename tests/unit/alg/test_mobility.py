"""UEs that get another address within a call."""

from iq.procedures import Configure, Endpoint, Latch, Reserve
from tests.support.call import PLAIN, SECURE, Call
from tests.support.media import sdp

VIDEO = "m=video 31000 RTP/AVP 96"


def test_a_moved_ue_is_latched_anew() -> None:
    call = Call()
    call.originate()
    call.offer(sdp(SECURE, version=2, host="192.0.2.11"))
    call.answer(sdp(PLAIN, host="203.0.113.77"))
    [configure] = call.last.procedures
    assert isinstance(configure, Configure)
    assert configure.latch is Latch.RELATCH
    assert configure.streams[0].remote == Endpoint("192.0.2.11", 30000)


def test_a_ue_that_changes_its_ip_version_gets_another_stream() -> None:
    call = Call()
    call.originate()
    call.offer(sdp(SECURE, version=2, host="2001:db8::1").replace(b"IP4", b"IP6"))
    assert [stream.id for _, stream in call.changes()] == [2, 2]
    # What holds by address has none.
    held = Call()
    held.originate()
    held.offer(sdp(SECURE, version=2, host="::").replace(b"IP4", b"IP6"))
    assert len(held.gateway.actions) == 2


def test_media_follows_the_flow_of_the_ue() -> None:
    call = Call()
    assert call.session.move("192.0.2.11") is None, "nothing is reserved: the Reserve will say it"
    call.offer(sdp(SECURE, VIDEO))
    reserve = call.last.procedures[0]
    assert isinstance(reserve, Reserve)
    assert reserve.source == "192.0.2.11"
    call.answer(sdp(PLAIN, VIDEO))
    assert call.session.move("192.0.2.11") is None
    action = call.session.move("2001:db8::5")
    assert action is not None
    [configure] = action.procedures
    assert isinstance(configure, Configure)
    assert (configure.latch, configure.source) == (Latch.RELATCH, "2001:db8::5")
    assert [(s.id, s.transport, s.remote, s.mode) for s in configure.streams] == [
        (1, "RTP/SAVP", None, None),
        (2, "RTP/AVP", None, None),
    ]
