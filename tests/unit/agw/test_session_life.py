"""What a session does to its media in its life: procedures of Iq on real packets, over both engines."""

from collections.abc import Iterator

import pytest

from agw.engine.api import Engine
from iq.procedures import Endpoint, Mode, Stream
from tests.support.media_peer import crypto, rtcp, rtp
from tests.support.protected_call import CM
from tests.support.session import ACCESS, CORE, Session
from tests.support.srtp_reference import Reference

OPEN, CLOSED = Mode.SEND_RECEIVE, Mode.INACTIVE
GENERIC_NACK = bytes([0x81, 205, 0, 3]) + bytes.fromhex("0000123400005678") + bytes.fromhex("00010000")
PICTURE_LOSS = bytes([0x81, 206, 0, 2]) + bytes.fromhex("0000123400005678")


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    made = Session(engine)
    yield made
    made.close()
    assert made.contexts.open_ports == 0


async def test_early_media_before_the_answer(session: Session) -> None:
    """A preview goes to the UE and nothing from it, until the call is answered."""
    line = session.line()
    session.offer([line.on(ACCESS, Mode.SEND_ONLY)], [line.on(CORE, Mode.RECEIVE_ONLY, answered=False)])
    line.from_far(rtp(1, b"before 183"))
    assert await session.drops(CORE, line, 1) == {"source": 1}
    session.configure(core=[line.on(CORE, Mode.RECEIVE_ONLY)])  # 183 with SDP
    line.from_far(rtp(2, b"please hold the line"))
    assert line.gateway.unprotect(await line.ue_peer.receive()) == rtp(2, b"please hold the line")
    line.from_ue(rtp(1, b"not yet"))
    assert await session.drops(ACCESS, line, 1) == {"gate": 1}
    session.configure(access=[Stream(1, mode=OPEN)], core=[Stream(1, mode=OPEN)])  # 200
    await line.carry(rtp(3))


async def test_packets_before_the_ue_has_its_answer(session: Session) -> None:
    """RTP/SAVP without keys is closed, not passed: the far end's key of an end-to-end offer may follow."""
    line = session.line()
    session.offer([line.on(ACCESS, OPEN, local_crypto=None, remote_crypto=None)], [line.on(CORE, OPEN)])
    line.from_far(rtp(1))
    line.from_ue(rtp(1))
    assert await session.drops(CORE, line, 1) == {"no_key": 1}
    assert await session.drops(ACCESS, line, 1) == {"no_key": 1}
    session.configure(access=[line.on(ACCESS, OPEN)])
    await line.carry(rtp(2))


async def test_hold_in_one_direction_and_resume(session: Session) -> None:
    """The UE holds: its music goes on, nothing comes to it, and RTCP flows both ways (RFC 3264 5.1)."""
    line = session.established()
    await line.carry(rtp(1))
    session.configure(access=[line.on(ACCESS, Mode.RECEIVE_ONLY)], core=[line.on(CORE, Mode.SEND_ONLY)])
    line.from_ue(rtp(2, b"music"))
    assert await line.far_peer.receive() == rtp(2, b"music")
    line.from_far(rtp(2))
    assert await session.drops(CORE, line, 2) == {"gate": 1}
    line.ue_peer.send_rtcp(line.ue.protect_rtcp(rtcp(), 1), (line.to_access[0], line.to_access[1] + 1))
    assert await line.far_peer.receive_rtcp() == rtcp()
    line.far_peer.send_rtcp(rtcp(9), (line.to_core[0], line.to_core[1] + 1))
    assert line.gateway.unprotect_rtcp(await line.ue_peer.receive_rtcp()) == rtcp(9)
    session.configure(access=[line.on(ACCESS, OPEN)], core=[line.on(CORE, OPEN)])
    await line.carry(rtp(3))


async def test_hold_of_both_over_a_wrap(session: Session) -> None:
    """What is dropped at a closed gate was authenticated: rollover counter and window go on meanwhile."""
    line = session.established()
    await line.carry(rtp(65534))
    session.configure(access=[Stream(1, mode=CLOSED)], core=[Stream(1, mode=CLOSED)])
    for seq, roc in ((65535, 0), (0, 1), (1, 1)):
        line.from_ue(rtp(seq), roc)
    assert await session.drops(ACCESS, line, 4) == {"gate": 3}
    session.configure(access=[Stream(1, mode=OPEN)], core=[Stream(1, mode=OPEN)])
    line.from_ue(rtp(1), 1)
    assert await session.drops(ACCESS, line, 5) == {"gate": 3, "replay": 1}
    line.from_ue(rtp(2), 1)
    assert await line.far_peer.receive() == rtp(2)
    line.from_far(rtp(65535))
    assert line.gateway.unprotect(await line.ue_peer.receive()) == rtp(65535)


async def test_a_re_invite_with_the_same_key_after_a_wrap(session: Session) -> None:
    line = session.established()
    for seq, roc in ((65535, 0), (0, 1)):
        await line.carry(rtp(seq), roc)
    session.configure(access=[line.on(ACCESS, OPEN)], core=[line.on(CORE, OPEN)])
    line.from_ue(rtp(0), 1)
    assert await session.drops(ACCESS, line, 3) == {"replay": 1}
    await line.carry(rtp(1), 1)


@pytest.mark.parametrize("suite", [CM, "AEAD_AES_256_GCM"])
async def test_a_new_key_of_the_ue(session: Session, suite: str) -> None:
    """By a Modify of Remote; what it has latched stays, and so does the gateway's own key."""
    line = session.established(suite)
    for seq, roc in ((65535, 0), (0, 1)):
        await line.carry(rtp(seq), roc)
    key = crypto(suite, 200)
    changed = Stream(1, "audio", "RTP/SAVP", "0", remote=line.ue_peer.endpoint, remote_crypto=key)
    session.configure(access=[changed])
    line.from_ue(rtp(1), 1)
    assert await line.far_peer.receive() == rtp(1)  # on its way under the old key
    ue = Reference(suite, key.key.octets)
    line.from_ue(rtp(0), 0, ue)
    assert await line.far_peer.receive() == rtp(0)
    line.from_ue(rtp(2), 1)
    assert await session.drops(ACCESS, line, 5) == {"auth": 1}
    line.from_far(rtp(1))
    assert line.gateway.unprotect(await line.ue_peer.receive(), 1) == rtp(1)
    assert session.contexts.rekeyed == 1


async def test_a_re_invite_that_failed(session: Session) -> None:
    """The former description is restored: a new key that never came into use leaves nothing behind."""
    line = session.established()
    for seq, roc in ((65535, 0), (0, 1)):
        await line.carry(rtp(seq), roc)
    session.configure(access=[line.on(ACCESS, CLOSED, remote_crypto=crypto(CM, 200))])
    session.configure(access=[line.on(ACCESS, OPEN)])
    line.from_ue(rtp(0), 1)
    assert await session.drops(ACCESS, line, 3) == {"replay": 1}
    await line.carry(rtp(1), 1)


async def test_another_ssrc_in_the_middle(session: Session) -> None:
    line = session.established()
    await line.carry(rtp(65535))
    await line.carry(rtp(40000, ssrc=0x99))
    await line.carry(rtp(0), 1)  # the first one has rolled over meanwhile
    await line.carry(rtp(40001, ssrc=0x99))


async def test_two_lines_of_which_one_is_refused(session: Session) -> None:
    audio, video = session.line(), session.line()
    session.offer(
        [audio.on(ACCESS, OPEN), video.on(ACCESS, OPEN, media="video")],
        [audio.on(CORE, OPEN, answered=False), video.on(CORE, OPEN, answered=False)],
    )
    assert session.contexts.open_ports == 4
    gone = Stream(2, "video", "RTP/AVP", "0", remote=Endpoint("", 0))
    session.configure(core=[audio.on(CORE, OPEN), gone], access=[gone])
    assert session.contexts.open_ports == 2
    await audio.carry(rtp(1))
    video.from_ue(rtp(1))
    video.from_far(rtp(1))
    assert video.ue_peer.pending() == []
    assert video.far_peer.pending() == []


async def test_rtcp_mux_on_the_access_side_alone(session: Session) -> None:
    line = session.line()
    session.offer([line.on(ACCESS, OPEN, rtcp_mux=True)], [line.on(CORE, OPEN)])
    await line.carry(rtp(1))
    line.ue_peer.send(line.ue.protect_rtcp(rtcp(), 1), line.to_access)
    assert await line.far_peer.receive_rtcp() == rtcp()
    line.far_peer.send_rtcp(rtcp(9), (line.to_core[0], line.to_core[1] + 1))
    assert line.gateway.unprotect_rtcp(await line.ue_peer.receive()) == rtcp(9)


async def test_rtcp_mux_on_the_core_side_alone(session: Session) -> None:
    line = session.line()
    session.offer([line.on(ACCESS, OPEN)], [line.on(CORE, OPEN, rtcp_mux=True)])
    await line.carry(rtp(1))
    line.ue_peer.send_rtcp(line.ue.protect_rtcp(rtcp(), 1), (line.to_access[0], line.to_access[1] + 1))
    assert await line.far_peer.receive() == rtcp()
    line.far_peer.send(rtcp(9), line.to_core)
    assert line.gateway.unprotect_rtcp(await line.ue_peer.receive_rtcp()) == rtcp(9)


@pytest.mark.parametrize("core", ["RTP/AVPF", "RTP/AVP"])
@pytest.mark.parametrize("feedback", [GENERIC_NACK, PICTURE_LOSS], ids=["NACK", "PLI"])
async def test_feedback_passes(session: Session, core: str, feedback: bytes) -> None:
    """RFC 4585: protected towards the UE as any RTCP."""
    line = session.line()
    session.offer(
        [line.on(ACCESS, OPEN, transport="RTP/SAVPF", rtcp_mux=True)], [line.on(CORE, OPEN, transport=core)]
    )
    line.ue_peer.send(line.ue.protect_rtcp(feedback, 1), line.to_access)
    assert await line.far_peer.receive_rtcp() == feedback
    line.far_peer.send_rtcp(feedback, (line.to_core[0], line.to_core[1] + 1))
    assert line.gateway.unprotect_rtcp(await line.ue_peer.receive()) == feedback


async def test_a_line_that_comes_back_is_a_new_one(session: Session) -> None:
    """Port 0, then the slot again: other ports, and a key that begins with rollover counter 0."""
    line = session.established()
    for seq, roc in ((65535, 0), (0, 1)):
        await line.carry(rtp(seq), roc)
    gone = Stream(1, "audio", "RTP/AVP", "0", remote=Endpoint("", 0))
    session.configure(access=[gone], core=[gone])
    assert session.contexts.open_ports == 0
    old = line.to_access, line.to_core
    session.reopen([line.on(ACCESS, OPEN)], [line.on(CORE, OPEN)])
    assert not {line.to_access, line.to_core} & set(old)
    await line.carry(rtp(1))
