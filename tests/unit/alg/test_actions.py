"""Every action of a session is one that Iq carries: written as H.248 text and read back it is the same."""

import pytest

from iq.h248.codec import Request, decode, encode_request
from iq.procedures import Action
from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.flow import Side
from tests.support.media import KEY_LINE, OTHER_KEY, UE_KEY, Gateway, Random, answer, offer, profile, sdp

REQUEST = "a=3ge2ae:requested"
SECURE = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}\n{REQUEST}"
PLAIN = "m=audio 5004 RTP/AVP 8"
VIDEO = f"m=video 31000 RTP/SAVPF 96\n{KEY_LINE.replace(UE_KEY, OTHER_KEY)}|{2**1023}:128\n{REQUEST}"
FAX = "m=image 4000 udptl t38"
OTHER = "m={}x 4000 UDP/{}"


def originating() -> list[Action]:
    """A call with everything that is added, held, moved, and closed."""
    session, gateway = MediaSession(MediaPolicy(), profile("sdes-srtp"), Random()), Gateway()
    offer(session, gateway, sdp(f"{SECURE}\na=rtcp-mux"))
    answer(session, gateway, sdp(PLAIN, host="2001:db8::7").replace(b"IP4", b"IP6"))
    offer(session, gateway, sdp(f"{SECURE}\na=sendonly", VIDEO, FAX, version=2, host="192.0.2.11"))
    answer(session, gateway, sdp(f"{PLAIN}\na=recvonly", "m=video 6000 RTP/AVPF 96\na=rtcp:7000", FAX))
    gateway.actions.append(moved(session, "2001:db8::/64"))
    offer(session, gateway, sdp(SECURE, "m=video 0 RTP/SAVPF 96", FAX, version=3))
    answer(session, gateway, sdp(PLAIN, "m=video 0 RTP/AVPF 96", FAX))
    gateway.execute(session.release())
    return gateway.actions


def moved(session: MediaSession, source: str) -> Action:
    action = session.move(source)
    assert action is not None
    return action


def terminating() -> list[Action]:
    policy = MediaPolicy(offer_suites=("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"))
    suites = frozenset(policy.offer_suites)
    session = MediaSession(policy, profile("sdes-srtp", suites=suites), Random(), emergency=True)
    gateway = Gateway()
    offer(session, gateway, sdp(PLAIN, "m={}x 4000 UDP/{} 1", SECURE.replace("audio", "text")), Side.CORE)
    answers = sdp(
        f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}", "m={}x 0 UDP/{} 1", f"m=text 5 RTP/SAVP 8\n{KEY_LINE}"
    )
    answer(session, gateway, answers, Side.ACCESS)
    gateway.execute(session.release())
    return gateway.actions


@pytest.mark.parametrize(
    "action", [*originating(), *terminating()], ids=lambda a: type(a.procedures[0]).__name__
)
def test_action_survives_the_wire(action: Action) -> None:
    [request] = decode(encode_request("<pcscf.example>", 7, action)).items
    assert isinstance(request, Request)
    assert request.actions == [action]
