"""Decisions on what the core offers to the served UE: rows B1 to B5 (TS 33.328 7.3; TS 23.334 5.11)."""

from pcscf.alg.decision import DTLS, SDES, Decision, Handling, beyond_gateway, end_to_end, plain, refused
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.profiles import Profile
from pcscf.sdp import capability
from pcscf.sdp.model import Media, Section


def from_core(
    media: Media, session: Section, profile: Profile, policy: MediaPolicy, access: AccessProfile
) -> Decision:
    """Decide on one m-line of a known profile, whose port is not 0."""
    if profile.secure:
        return _secure(media, session, profile, policy)
    if profile.carrier == "rtp":
        return _rtp(media, profile, policy, access)
    if profile.mechanism is not None and profile.mechanism in access.mechanisms:
        return _terminated(profile.mechanism, access, f"UE announced {profile.mechanism}")
    return _not_announced(profile, access)


def _terminated(mechanism: str, access: AccessProfile, reason: str) -> Decision:
    """Protect what the UE announced, where the gateway can."""
    if mechanism not in access.terminates:
        return beyond_gateway(mechanism, "33.328 7.3.1", "B1")
    return Decision(Handling.E2AE, reason, "33.328 7.3.1", "B1", mechanism)


def _secure(media: Media, session: Section, profile: Profile, policy: MediaPolicy) -> Decision:
    keyed = any(name in media or name in session for name in ("fingerprint", "key-mgmt"))
    if profile.mechanism == SDES and not keyed and "crypto" not in media:
        return refused("secure profile without keys", "RFC 4568 5.1.2", "B3")
    if profile.mechanism is None and media.formats.lower().startswith("webrtc-datachannel"):
        return end_to_end(policy, "data channels are between the UE and their other end", "24.186 9.3", "B4")
    return end_to_end(policy, "secured by the far end", "33.328 7.3.2", "B3")


def _rtp(media: Media, profile: Profile, policy: MediaPolicy, access: AccessProfile) -> Decision:
    if access.webrtc and DTLS in access.network:
        return _terminated(DTLS, access, "media of a browser ends at the edge")
    mechanism = _preferred(policy, access)
    if mechanism == DTLS:
        return _terminated(DTLS, access, "UE announced dtls-srtp")
    if mechanism == SDES:
        if not any(suite in access.suites for suite in policy.offer_suites):
            return refused("the gateway can do no suite that is to be offered", "33.328 7.3.1", "B1")
        return _terminated(SDES, access, "UE announced sdes-srtp")
    if access.webrtc:
        return refused("the network does not offer dtls-srtp on this access", "33.328 7.3.1", "B1")
    negotiable = capability.offered(media) and policy.capability_negotiation
    if "crypto" not in media and "key-mgmt" not in media and not negotiable:
        return _not_announced(profile, access)
    if policy.end_to_end:
        return Decision(Handling.E2E, "the far end offers SRTP as a choice: passed on", "RFC 8643", "B5")
    return plain("end-to-end security is not allowed: its lines are removed", "RFC 8643", "B5")


def _preferred(policy: MediaPolicy, access: AccessProfile) -> str | None:
    """Return what protects RTP of this UE: of what was announced the preferred one that the gateway can."""
    order = (DTLS, SDES) if policy.prefer == DTLS else (SDES, DTLS)
    announced = [mechanism for mechanism in order if mechanism in access.mechanisms]
    able = [mechanism for mechanism in announced if mechanism in access.terminates]
    return next(iter(able or announced), None)


def _not_announced(profile: Profile, access: AccessProfile) -> Decision:
    name = profile.mechanism or "e2ae"
    by_ue = name in access.announced
    who = f"the network does not offer {name} on this access" if by_ue else f"UE did not announce {name}"
    return plain(who, "33.328 5.4.1", "B2")
