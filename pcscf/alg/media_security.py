"""What happens to each m-line, and why (TS 33.328 7.2, 7.3; TS 23.334 5.11, 6.2.10). One pure function."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from iq.suites import Crypto, Key
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.profiles import MEDIA_TYPES, SAVP, Profile, profile_of
from pcscf.flow import Side
from pcscf.sdp import capability
from pcscf.sdp.crypto import CryptoLine, UnusableCrypto, select
from pcscf.sdp.indicator import NAME, REQUESTED, indicated
from pcscf.sdp.model import Media, Section


class Handling(StrEnum):
    """E2AE: protected UE to gateway, plain beyond. E2E: passed as it is. OFF: port 0, as its sender wants."""

    E2AE = "e2ae"
    E2E = "e2e"
    PLAIN = "plain"
    REFUSED = "refused"
    OFF = "off"


@dataclass(slots=True)
class Decision:
    """What is done with one m-line, for the log and the call's record.

    reason: one line of our own words, without anything of the peer's. row: of the decision table in
    docs/media-security.md. crypto: the chosen line of a UE's offer. potential: the RFC 5939 configuration
    that is taken.
    """

    action: Handling
    reason: str
    clause: str
    row: str
    mechanism: str | None = None
    crypto: CryptoLine | None = None
    potential: capability.Potential | None = None


NO_SUITE = "no acceptable SRTP crypto suite"
_NOT_BUILT = {
    "msrp-tls": "TLS for MSRP is not built yet",
    "bfcp-tls": "TLS for BFCP is not built yet",
    "udptl-dtls": "DTLS for UDPTL is not built yet",
    "dtls-srtp": "DTLS-SRTP is not built yet",
}
_SDES = "sdes-srtp"


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
            return _refused("bundle-only without an accepted bundle", "RFC 8843 7.2", "A1")
        return Decision(Handling.OFF, "port 0", "RFC 3264 6", "A1" if offerer is Side.ACCESS else "B2")
    profile = profile_of(media.proto)
    if (reason := _unusable(media, profile, policy)) is not None:
        return _refused(reason, "RFC 3264 6", "unusable")
    if profile is None:
        return _unknown(media, offerer, policy)
    if offerer is Side.CORE:
        if established is not None and not profile.secure:
            return established
        return _from_core(media, session, profile, policy, access)
    context = _Offer(media, session, profile, policy, access, emergency, established, agreed, used)
    return _secure_from_access(context) if profile.secure else _plain_from_access(context)


@dataclass(slots=True)
class _Offer:
    """One m-line offered by the served UE, with all that is known about it."""

    media: Media
    session: Section
    profile: Profile
    policy: MediaPolicy
    access: AccessProfile
    emergency: bool
    established: Decision | None
    agreed: Crypto | None
    used: Sequence[Key]

    def has(self, *names: str) -> bool:
        """Return whether one of these attributes stands at the media or, else, at the session level."""
        return any(name in self.media or name in self.session for name in names)

    @property
    def keeps_e2ae(self) -> bool:
        # State wins over a missing attribute: never a flip to e2e inside a session.
        return self.established is not None and self.established.action is Handling.E2AE

    def may_sdes(self) -> tuple[bool, str, str]:
        """Return (whether e2ae by SDES may be applied, row, reason)."""
        if _SDES in self.access.mechanisms or self.keeps_e2ae:
            return True, "A3", "UE asks for e2ae and announced sdes-srtp"
        if _SDES not in self.access.network:
            return False, "A5", "the network does not offer sdes-srtp on this access"
        if self.policy.lenient or self.emergency:
            return True, "A4", "UE asks for e2ae without having announced sdes-srtp"
        return False, "A4", "UE did not announce sdes-srtp"

    def choose(self, values: Sequence[str]) -> CryptoLine:
        """Choose a crypto line that the gateway can do. Raises UnusableCrypto."""
        suites = [suite for suite in self.policy.accept_suites if suite in self.access.suites]
        return select(values, suites, self.used, self.agreed)


def _unusable(media: Media, profile: Profile | None, policy: MediaPolicy) -> str | None:
    """Return what makes an m-line unusable whatever its security."""
    if media.ports != 1:
        return "several ports in one m-line"
    if media.address.problem:
        return media.address.problem
    if policy.unknown_media != "relay" and (profile is None or media.media.lower() not in MEDIA_TYPES):
        return "media type not allowed by policy"
    if profile is not None and profile.carrier == "tcp":
        if profile.secure and profile.mechanism is not None and profile.mechanism in _NOT_BUILT:
            return f"media over TCP is not built yet ({_NOT_BUILT[profile.mechanism]})"
        return "media over TCP is not built yet"
    return None


def _unknown(media: Media, offerer: Side, policy: MediaPolicy) -> Decision:
    udp = media.proto.upper().startswith(("UDP", "RTP/"))
    if offerer is Side.CORE and policy.unknown_media == "relay" and udp:
        return Decision(Handling.PLAIN, "unknown protocol over UDP, relayed", "RFC 3264 6", "unknown")
    return _refused("unknown transport protocol", "RFC 3264 6", "unknown")


def _secure_from_access(offer: _Offer) -> Decision:
    requested = indicated(offer.media.values(NAME)) == REQUESTED
    if offer.profile.mechanism == _SDES:
        return _savp_from_access(offer, requested)
    if requested or (offer.access.webrtc and offer.profile.mechanism == "dtls-srtp"):
        return _dtls_from_access(offer)
    if offer.emergency:
        return _refused("an emergency centre supports no end-to-end security", "24.229 4.2B.2", "A9")
    row = "A8" if offer.has("key-mgmt") else "A10a" if offer.profile.carrier == "rtp" else "A9"
    return _end_to_end(offer.policy, row, "DTLS without an e2ae request", "23.334 6.2.10A")


def _dtls_from_access(offer: _Offer) -> Decision:
    mechanism = offer.profile.mechanism
    row = "A10" if offer.access.webrtc else "A10a"
    if not offer.has("fingerprint"):
        return _refused("e2ae requested without a fingerprint", "33.328 7.2.1", "A14")
    if mechanism is None or mechanism not in offer.access.network:
        return _refused("the network does not offer this mechanism on this access", "33.328 5.4.1", "A5")
    return _refused(_NOT_BUILT[mechanism], "33.328 7.2.1", row)


def _savp_from_access(offer: _Offer, requested: bool) -> Decision:
    crypto = offer.media.values("crypto")
    if requested or offer.keeps_e2ae:
        return _originating(offer, crypto)
    if offer.emergency:
        # An emergency centre sees plain media only: terminate where that can be done, else let the UE retry.
        if crypto and _SDES in offer.access.network:
            return _originating(offer, crypto)
        return _refused("an emergency centre supports no end-to-end security", "24.229 4.2B.2", "A6")
    if offer.has("key-mgmt"):
        return _end_to_end(offer.policy, "A8", "key-mgmt: key management system", "33.328 7.2.3")
    if not crypto and not offer.has("fingerprint"):
        return _refused("secure profile without keys", "RFC 4568 5.1.2", "A14")
    if crypto and offer.policy.implicit and _SDES in offer.access.mechanisms:
        decision = _originating(offer, crypto)
        if decision.action is Handling.E2AE:
            decision.row, decision.reason = "A7", "registered for sdes-srtp, implicit request"
        return decision
    return _end_to_end(offer.policy, "A6", "SDES without an e2ae request", "33.328 7.2.2")


def _originating(offer: _Offer, crypto: Sequence[str]) -> Decision:
    """A3 to A5 and A14: terminate SDES here."""
    allowed, row, reason = offer.may_sdes()
    if not allowed:
        return _refused(reason, "33.328 5.4.1", row)
    try:
        line = offer.choose(crypto)
    except UnusableCrypto as error:
        detail = "" if error.reason == "suite not accepted" else f" ({error.reason})"
        return _refused(NO_SUITE + detail, "RFC 4568 5.1.2", "A14")
    return Decision(Handling.E2AE, reason, "33.328 7.2.1", row, _SDES, line)


def _plain_from_access(offer: _Offer) -> Decision:
    media, policy = offer.media, offer.policy
    if capability.offered(media) and policy.capability_negotiation and offer.profile.carrier == "rtp":
        return _potential_from_access(offer)
    if "crypto" in media and offer.profile.carrier == "rtp":
        if policy.best_effort or offer.keeps_e2ae:
            decision = _originating(offer, media.values("crypto"))
            if decision.action is Handling.E2AE:
                decision.row, decision.reason = "A11", "best-effort SRTP counts as a request"
                return decision
            return Decision(Handling.PLAIN, f"best-effort SRTP: {decision.reason}", "RFC 8643", "A11")
        return Decision(Handling.PLAIN, "best-effort SRTP is not a request: keys removed", "RFC 8643", "A11")
    return Decision(Handling.PLAIN, "UE offers plain media", "23.334 5.11.1", "A2")


def _potential_from_access(offer: _Offer) -> Decision:
    media = offer.media
    if indicated(media.values(NAME)) != REQUESTED and not offer.keeps_e2ae:
        if offer.policy.end_to_end and not offer.emergency:
            return Decision(Handling.E2E, "capability negotiation passed on", "RFC 5939", "A12")
        return Decision(Handling.PLAIN, "capability lines removed", "RFC 5939", "A12")
    for potential in capability.potentials(offer.session, media):
        if potential.proto.upper() not in SAVP:
            continue
        decision = _originating(offer, potential.crypto)
        if decision.action is Handling.E2AE:
            decision.row, decision.potential = "A12", potential
            decision.reason = "UE asks for e2ae by a potential configuration"
            return decision
    return Decision(Handling.PLAIN, "no potential configuration can be taken", "RFC 5939", "A12")


def _from_core(
    media: Media, session: Section, profile: Profile, policy: MediaPolicy, access: AccessProfile
) -> Decision:
    if profile.secure:
        keyed = any(name in media or name in session for name in ("fingerprint", "key-mgmt"))
        if profile.mechanism == _SDES and not keyed and "crypto" not in media:
            return _refused("secure profile without keys", "RFC 4568 5.1.2", "B3")
        return _end_to_end(policy, "B3", "secured by the far end", "33.328 7.3.2")
    if profile.carrier == "rtp":
        if _SDES in access.mechanisms:
            if not any(suite in access.suites for suite in policy.offer_suites):
                return _refused("the gateway can do no suite that is to be offered", "33.328 7.3.1", "B1")
            return Decision(Handling.E2AE, "UE announced sdes-srtp", "33.328 7.3.1", "B1", _SDES)
        if "dtls-srtp" in access.mechanisms or access.webrtc:
            return _refused(_NOT_BUILT["dtls-srtp"], "33.328 7.3.1", "B1")
        if "crypto" in media and policy.end_to_end:
            return Decision(Handling.E2E, "best-effort SRTP of the far end passed on", "RFC 8643", "B5")
    elif profile.mechanism in access.mechanisms:
        return _refused(_NOT_BUILT[profile.mechanism or ""], "33.328 7.3.1", "B1")
    return Decision(Handling.PLAIN, "UE did not announce e2ae for this kind of media", "33.328 5.4.1", "B2")


def _end_to_end(policy: MediaPolicy, row: str, reason: str, clause: str) -> Decision:
    if policy.end_to_end:
        return Decision(Handling.E2E, reason, clause, row)
    return _refused("end-to-end security is not allowed by policy", clause, row)


def _refused(reason: str, clause: str, row: str) -> Decision:
    return Decision(Handling.REFUSED, reason, clause, row)


def plain_twin(index: int, lines: Sequence[Media], decisions: Sequence[Decision]) -> bool:
    """Return whether a plain m-line repeats one that is e2ae: an offer of both for one medium (row A13)."""
    media = lines[index]
    return decisions[index].action is Handling.PLAIN and any(
        decision.action is Handling.E2AE and other.media == media.media and other.formats == media.formats
        for other, decision in zip(lines, decisions, strict=True)
    )


def twin_refused() -> Decision:
    """Return the decision on a plain m-line whose medium another one protects (row A13)."""
    return _refused("the same medium is protected in another m-line", "33.328 7.2.1", "A13")
