"""What happens to each m-line, and why (TS 33.328 7.2, 7.3; TS 23.334 5.11, 6.2.10). One pure function."""

from collections.abc import Sequence

from iq.suites import Crypto, Key
from pcscf.alg.decision import Decision, Handling, plain, refused
from pcscf.alg.from_access import Offered, from_access
from pcscf.alg.from_core import from_core
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.profiles import MEDIA_TYPES, Profile, profile_of
from pcscf.flow import Side
from pcscf.sdp.model import Media, Section

__all__ = ["Decision", "Handling", "decide", "plain_twin", "twin_refused"]


def decide(
    media: Media,
    session: Section,
    offerer: Side,
    policy: MediaPolicy,
    access: AccessProfile,
    *,
    emergency: bool = False,
    established: Decision | None = None,
    agreed: Crypto | None = None,
    used: Sequence[Key] = (),
) -> Decision:
    """Decide on one m-line of an offer.

    session: the session level, where keying attributes may stand. established: the decision that the running
    stream of this m-line stands on. agreed: the UE's crypto in it. used: keys that other streams of the
    session, or we, use.
    Never raises; a line that cannot be served is REFUSED with its reason.
    """
    if media.port == 0:
        if "bundle-only" in media:
            return refused("bundle-only without an accepted bundle", "RFC 8843 7.2", "A1")
        return Decision(Handling.OFF, "port 0", "RFC 3264 6", "A1" if offerer is Side.ACCESS else "B2")
    profile = profile_of(media.proto)
    if (reason := _unusable(media, profile, policy)) is not None:
        return refused(reason, "RFC 3264 6", "unusable")
    if profile is None:
        return _unknown(media, offerer, policy)
    if offerer is Side.CORE:
        if established is not None and not profile.secure:
            return established
        return from_core(media, session, profile, policy, access)
    return from_access(Offered(media, session, profile, policy, access, emergency, established, agreed, used))


def _unusable(media: Media, profile: Profile | None, policy: MediaPolicy) -> str | None:
    """Return what makes an m-line unusable whatever its security."""
    if media.ports != 1:
        return "several ports in one m-line"
    if media.address.problem:
        return media.address.problem
    if policy.unknown_media != "relay" and (profile is None or media.media.lower() not in MEDIA_TYPES):
        return "media type not allowed by policy"
    return None


def _unknown(media: Media, offerer: Side, policy: MediaPolicy) -> Decision:
    udp = media.proto.upper().startswith(("UDP", "RTP/"))
    if offerer is Side.CORE and policy.unknown_media == "relay" and udp:
        return plain("unknown protocol over UDP, relayed", "RFC 3264 6", "unknown")
    return refused("unknown transport protocol", "RFC 3264 6", "unknown")


def plain_twin(index: int, lines: Sequence[Media], decisions: Sequence[Decision]) -> bool:
    """Return whether a plain m-line repeats one that is e2ae: an offer of both for one medium (row A13)."""
    media = lines[index]
    return decisions[index].action is Handling.PLAIN and any(
        decision.action is Handling.E2AE and other.media == media.media and other.formats == media.formats
        for other, decision in zip(lines, decisions, strict=True)
    )


def twin_refused() -> Decision:
    """Return the decision on a plain m-line whose medium another one protects (row A13)."""
    return refused("the same medium is protected in another m-line", "33.328 7.2.1", "A13")
