"""Decisions on what the core offers to the served UE: rows B1 to B5 (TS 33.328 7.3; TS 23.334 5.11)."""

from pcscf.alg.decision import NOT_BUILT, SDES, Decision, Handling, end_to_end, plain, refused
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
    if profile.mechanism in access.mechanisms:
        return refused(NOT_BUILT[profile.mechanism or ""], "33.328 7.3.1", "B1")
    return _not_announced(profile, access)


def _secure(media: Media, session: Section, profile: Profile, policy: MediaPolicy) -> Decision:
    keyed = any(name in media or name in session for name in ("fingerprint", "key-mgmt"))
    if profile.mechanism == SDES and not keyed and "crypto" not in media:
        return refused("secure profile without keys", "RFC 4568 5.1.2", "B3")
    if profile.mechanism is None and media.formats.lower().startswith("webrtc-datachannel"):
        return end_to_end(policy, "data channels are between the UE and their other end", "24.186 9.3", "B4")
    return end_to_end(policy, "secured by the far end", "33.328 7.3.2", "B3")


def _rtp(media: Media, profile: Profile, policy: MediaPolicy, access: AccessProfile) -> Decision:
    if SDES in access.mechanisms:
        if not any(suite in access.suites for suite in policy.offer_suites):
            return refused("the gateway can do no suite that is to be offered", "33.328 7.3.1", "B1")
        return Decision(Handling.E2AE, "UE announced sdes-srtp", "33.328 7.3.1", "B1", SDES)
    if "dtls-srtp" in access.mechanisms or access.webrtc:
        return refused(NOT_BUILT["dtls-srtp"], "33.328 7.3.1", "B1")
    negotiable = capability.offered(media) and policy.capability_negotiation
    if "crypto" not in media and "key-mgmt" not in media and not negotiable:
        return _not_announced(profile, access)
    if policy.end_to_end:
        return Decision(Handling.E2E, "the far end offers SRTP as a choice: passed on", "RFC 8643", "B5")
    return plain("end-to-end security is not allowed: its lines are removed", "RFC 8643", "B5")


def _not_announced(profile: Profile, access: AccessProfile) -> Decision:
    name = profile.mechanism or "e2ae"
    by_ue = name in access.announced
    who = f"the network does not offer {name} on this access" if by_ue else f"UE did not announce {name}"
    return plain(who, "33.328 5.4.1", "B2")
