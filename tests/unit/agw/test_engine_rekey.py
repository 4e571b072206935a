"""Keys that change, stay and come back within a stream (RFC 3711 3.3.1, RFC 4568 7.1.4)."""

from dataclasses import replace

import pytest

from agw.engine.api import Leg, Transform
from agw.engine.srtp import OLD_KEY_SECONDS, Receiver
from iq.suites import Crypto
from tests.support.media_peer import Relay, crypto, rtcp, rtp
from tests.support.protected_call import CM, ProtectedCall
from tests.support.srtp_reference import Reference

GCM = "AEAD_AES_256_GCM"


def new_key(suite: str = CM) -> tuple[Crypto, Reference]:
    """A key of the UE that was not in use, and its sender."""
    key = crypto(suite, 130)
    return key, Reference(suite, key.key.octets)


async def carry(call: ProtectedCall, seq: int, roc: int = 0, ue: Reference | None = None) -> None:
    """One packet each way arrives."""
    call.relay.from_ue((ue or call.ue).protect(rtp(seq), roc))
    assert await call.relay.far.receive() == rtp(seq)
    call.relay.from_far(rtp(seq))
    assert call.gateway.unprotect(await call.relay.ue.receive(), roc) == rtp(seq)


async def test_editing_the_leg_keeps_the_rollover_counter(relay: Relay) -> None:
    call = ProtectedCall(relay)
    for seq, roc in ((65535, 0), (0, 1)):
        call.send(rtp(seq), roc)
        relay.from_far(rtp(seq))
        await relay.far.receive()
        await relay.ue.receive()
    relay.edit(Leg(Transform.CLOSED), Leg(Transform.CLOSED))
    call.edit()
    call.send(rtp(0), 1)
    assert await relay.drops(3) == {"replay": 1}
    call.send(rtp(1), 1)
    assert await relay.far.receive() == rtp(1)
    relay.from_far(rtp(1))
    assert call.gateway.unprotect(await relay.ue.receive(), 1) == rtp(1)


async def test_a_sequence_number_that_wrapped_before_a_re_invite(relay: Relay) -> None:
    """The same keys in a Modify: rollover counter, replay window and SSRCs go on, in both directions."""
    call = ProtectedCall(relay)
    for seq, roc in ((65535, 0), (0, 1)):
        await carry(call, seq, roc)
    send, receive = (replace(key, tag=7) for key in call.keys)  # the tag is that of the last offer
    call.edit(send=send, receive=receive)
    relay.from_ue(call.ue.protect(rtp(65535), 0))
    relay.from_ue(call.ue.protect(rtp(0), 1))
    relay.from_ue(call.ue.protect(rtp(1), 0))  # who starts over is not the same sender
    assert await relay.drops(5) == {"replay": 2, "auth": 1}
    await carry(call, 1, 1)


@pytest.mark.parametrize("suite", [CM, GCM])
async def test_a_new_key_of_the_ue(relay: Relay, suite: str) -> None:
    """It begins with rollover counter 0 and an empty window; the gateway's own key goes on with its own."""
    call = ProtectedCall(relay, suite)
    for seq, roc in ((65535, 0), (0, 1)):
        await carry(call, seq, roc)
    relay.ue.send_rtcp(call.ue.protect_rtcp(rtcp(), 9), relay.to_access_rtcp)
    assert await relay.far.receive_rtcp() == rtcp()
    key, ue = new_key(suite)
    call.edit(receive=key)
    for seq in (0, 65000, 1):
        relay.from_ue(ue.protect(rtp(seq, ssrc=seq + 7)))
        assert await relay.far.receive() == rtp(seq, ssrc=seq + 7)
    relay.from_ue(ue.protect(rtp(0)))
    assert await relay.far.receive() == rtp(0)
    relay.ue.send_rtcp(ue.protect_rtcp(rtcp(), 1), relay.to_access_rtcp)
    assert await relay.far.receive_rtcp() == rtcp()
    relay.from_far(rtp(1))
    assert call.gateway.unprotect(await relay.ue.receive(), 1) == rtp(1)


@pytest.mark.parametrize("first", ["RTP", "RTCP"])
async def test_the_old_key_serves_until_the_first_packet_under_the_new_one(relay: Relay, first: str) -> None:
    call = ProtectedCall(relay)
    await carry(call, 1)
    key, ue = new_key()
    call.edit(receive=key)
    for seq in (2, 3):
        relay.from_ue(call.ue.protect(rtp(seq)))
        assert await relay.far.receive() == rtp(seq)
    relay.from_ue(call.ue.protect(rtp(3)))  # its replay state goes on
    relay.from_ue(Reference(CM, crypto(CM, 50).key.octets).protect(rtp(9)))  # authenticates under neither
    assert await relay.drops(5) == {"auth": 2}
    relay.from_ue(call.ue.protect(rtp(4)))
    assert await relay.far.receive() == rtp(4)
    if first == "RTP":
        relay.from_ue(ue.protect(rtp(5)))
        assert await relay.far.receive() == rtp(5)
    else:
        relay.ue.send_rtcp(ue.protect_rtcp(rtcp(), 1), relay.to_access_rtcp)
        assert await relay.far.receive_rtcp() == rtcp()
    relay.from_ue(call.ue.protect(rtp(6)))
    relay.ue.send_rtcp(call.ue.protect_rtcp(rtcp(), 5), relay.to_access_rtcp)
    assert await relay.drops(9) == {"auth": 4}
    assert relay.far.pending() == []


async def test_two_changes_in_a_row(relay: Relay) -> None:
    """Only the key before the present one still serves."""
    call = ProtectedCall(relay)
    await carry(call, 1)
    key, ue = new_key()
    call.edit(receive=key)
    last = crypto(CM, 160)
    call.edit(receive=last)
    relay.from_ue(ue.protect(rtp(2)))
    assert await relay.far.receive() == rtp(2)
    relay.from_ue(call.ue.protect(rtp(3)))
    assert await relay.drops(3) == {"auth": 1}
    relay.from_ue(Reference(CM, last.key.octets).protect(rtp(4)))
    assert await relay.far.receive() == rtp(4)


async def test_a_change_that_is_taken_back(relay: Relay) -> None:
    """As after a re-INVITE that failed: both directions go on where they were."""
    call = ProtectedCall(relay)
    for seq, roc in ((65535, 0), (0, 1)):
        await carry(call, seq, roc)
    key, ue = new_key()
    call.edit(send=crypto(CM, 30), receive=key)
    relay.from_ue(ue.protect(rtp(40)))
    assert await relay.far.receive() == rtp(40)
    call.edit()
    relay.from_ue(call.ue.protect(rtp(0), 1))
    assert await relay.drops(4) == {"replay": 1}
    await carry(call, 1, 1)


async def test_a_new_key_while_held_and_a_new_ssrc(relay: Relay) -> None:
    """Re-INVITE with hold and a key that the UE makes for each offer, then another SSRC on resuming."""
    call = ProtectedCall(relay)
    await carry(call, 1)
    key, ue = new_key()
    held = Leg(Transform.SRTP, call.keys[0], key, False, False, relay.ue.endpoint, True)
    core = Leg(Transform.NONE, None, None, False, False, relay.far.endpoint)
    relay.edit(held, core)
    relay.from_ue(ue.protect(rtp(2)))
    assert await relay.drops(2) == {"gate": 1}
    call.edit(receive=key)
    await carry(call, 3, ue=ue)
    for ssrc, seq in ((0x5678, 65535), (0x1234, 4)):
        relay.from_ue(ue.protect(rtp(seq, ssrc=ssrc)))
        assert await relay.far.receive() == rtp(seq, ssrc=ssrc)
    relay.from_ue(ue.protect(rtp(0, ssrc=0x5678), 1))
    assert await relay.far.receive() == rtp(0, ssrc=0x5678)


def test_old_key_ends() -> None:
    old, new = Receiver(crypto(CM, 1), 128), Receiver(crypto(CM, 2), 128)
    new.succeed(old, now=100.0)
    sender = Reference(CM, crypto(CM, 1).key.octets)
    assert new.unprotect(sender.protect(rtp(1)), False, 100.0 + OLD_KEY_SECONDS - 0.1) == rtp(1)
    assert new.unprotect(sender.protect(rtp(2)), False, 100.0 + OLD_KEY_SECONDS).name == "AUTH"
