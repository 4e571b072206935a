"""Decisions on what the served UE offers: rows A2 to A14 (TS 33.328 7.2; TS 23.334 5.11, 6.2.10)."""

from collections.abc import Sequence
from dataclasses import dataclass

from iq.suites import Crypto, Key
from pcscf.alg.association import Peer, peer_of
from pcscf.alg.decision import DTLS, SDES, Decision, Handling, beyond_gateway, end_to_end, plain, refused
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.profiles import SAVP, Profile, is_tcp
from pcscf.sdp import capability
from pcscf.sdp.crypto import CryptoLine, UnusableCrypto, select
from pcscf.sdp.fingerprint import UnusableFingerprint
from pcscf.sdp.indicator import NAME, REQUESTED, indicated
from pcscf.sdp.model import Media, Section

NO_SUITE = "no acceptable SRTP crypto suite"
KEPT = "the stream is e2ae, and stays so"
_NO_EMERGENCY = "an emergency centre supports no end-to-end security"


@dataclass(slots=True)
class Offered:
    """One m-line offered by the served UE, with all that is known about it; as in ``decide``."""

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
    def requested(self) -> bool:
        return indicated(self.media.values(NAME)) == REQUESTED

    @property
    def implicit(self) -> bool:
        """Whether what was announced needs no request (row A7)."""
        return self.policy.implicit or self.access.implicit

    @property
    def keeps_e2ae(self) -> bool:
        # State wins over a missing attribute: never a flip to e2e inside a session.
        return self.established is not None and self.established.action is Handling.E2AE

    def keeps(self, mechanism: str | None) -> bool:
        """Return whether the running stream is e2ae by this mechanism."""
        return self.established is not None and self.keeps_e2ae and self.established.mechanism == mechanism

    def may(self, mechanism: str) -> tuple[bool, str, str]:
        """Return (whether e2ae by a mechanism may be applied, row, reason)."""
        if mechanism in self.access.mechanisms or self.keeps(mechanism):
            return True, "A3", f"UE asks for e2ae and announced {mechanism}"
        if mechanism not in self.access.network:
            return False, "A5", f"the network does not offer {mechanism} on this access"
        if self.policy.lenient or self.emergency:
            return True, "A4", f"UE asks for e2ae without having announced {mechanism}"
        return False, "A4", f"UE did not announce {mechanism}"

    def peer(self) -> Peer:
        """Return what the m-line says of its (D)TLS session. Raises UnusableFingerprint."""
        return peer_of(self.media, self.session, sha1=self.policy.sha1_fingerprint)

    def choose(self, values: Sequence[str]) -> CryptoLine:
        """Choose a crypto line that the gateway can do. Raises UnusableCrypto."""
        suites = [suite for suite in self.policy.accept_suites if suite in self.access.suites]
        return select(values, suites, self.used, self.agreed)


def from_access(offer: Offered) -> Decision:
    """Decide on one m-line of a known profile, whose port is not 0."""
    if not offer.profile.secure:
        return _plain(offer)
    return _savp(offer) if offer.profile.mechanism == SDES else _tls(offer)


def _tls(offer: Offered) -> Decision:
    """Decide on a profile with TLS or DTLS: A8, A9, A10, A10a."""
    profile, mechanism = offer.profile, offer.profile.mechanism
    browser = offer.access.webrtc and mechanism == DTLS
    if mechanism is None and offer.requested:
        return refused("the network does not offer this mechanism on this access", "33.328 5.4.1", "A5")
    if mechanism is not None and (offer.requested or browser):
        return _terminated(offer, mechanism)
    if mechanism is not None and offer.established is not None and offer.keeps(mechanism):
        return _taken(_terminated(offer, mechanism), offer.established.row, KEPT)
    if mechanism in offer.access.mechanisms and offer.implicit and offer.has("fingerprint"):
        reason = f"TLS or DTLS of a UE that announced {mechanism} is a request"
        return _taken(_terminated(offer, mechanism or ""), "A7", reason)
    clause, reason = "23.334 6.2.10A", "TLS or DTLS without an e2ae request"
    row = "A10a" if profile.carrier == "rtp" else "A9"
    if "fingerprint" not in offer.media and offer.has("key-mgmt"):
        row, clause, reason = "A8", "33.328 7.2.3", "keys from a key management system"
    if offer.emergency:
        if row != "A8" and mechanism in offer.access.network:
            return _terminated(offer, mechanism or "")
        return refused(_NO_EMERGENCY, "24.229 4.2B.2", row)
    return end_to_end(offer.policy, reason, clause, row)


def _terminated(offer: Offered, mechanism: str) -> Decision:
    """Terminate TLS or DTLS here where that may be and can be: A3 to A5, A10, A10a, A14."""
    allowed, row, reason = offer.may(mechanism)
    browser = offer.access.webrtc and mechanism == DTLS
    if browser and mechanism in offer.access.network:
        allowed, row, reason = True, "A10", "media of a browser ends at the edge"
    if not allowed:
        return refused(reason, "33.328 5.4.1", row)
    if mechanism == DTLS and row == "A3":
        row = "A10a"
    if mechanism == DTLS and offer.profile.carrier == "tcp":
        return beyond_gateway("DTLS-SRTP over TCP", "23.334 5.11.2.5", row)
    if mechanism not in offer.access.terminates:
        return beyond_gateway(mechanism, "33.328 7.2.1", row)
    try:
        peer = offer.peer()
    except UnusableFingerprint as error:
        return refused(f"e2ae requested, but {error.reason}", "RFC 8122 5", "A14")
    if problem := peer.setup_problem(tcp=is_tcp(offer.media.proto)):
        return refused(f"e2ae requested, but {problem}", "RFC 5763 5", "A14")
    return Decision(Handling.E2AE, reason, "33.328 7.2.1", row, mechanism, peer=peer)


def _savp(offer: Offered) -> Decision:
    """Decide on RTP/SAVP(F): A3 to A8, A14."""
    crypto = offer.media.values("crypto")
    if offer.requested:
        return _originating(offer, crypto)
    if offer.established is not None and offer.keeps_e2ae:
        return _taken(_originating(offer, crypto), offer.established.row, KEPT)
    if offer.emergency:
        # An emergency centre sees plain media only: terminate where that can be done, else let the UE retry.
        if crypto and SDES in offer.access.network:
            return _originating(offer, crypto)
        return refused(_NO_EMERGENCY, "24.229 4.2B.2", "A6" if crypto else "A8")
    if offer.has("key-mgmt"):
        return end_to_end(offer.policy, "keys from a key management system", "33.328 7.2.3", "A8")
    if not crypto and not offer.has("fingerprint"):
        return refused("secure profile without keys", "RFC 4568 5.1.2", "A14")
    if crypto and offer.implicit and SDES in offer.access.mechanisms:
        return _taken(_originating(offer, crypto), "A7", "SDES of a UE that announced sdes-srtp is a request")
    return end_to_end(offer.policy, "SDES without an e2ae request", "33.328 7.2.2", "A6")


def _originating(offer: Offered, crypto: Sequence[str]) -> Decision:
    """Terminate SDES here where that may be and can be: A3 to A5, A14."""
    allowed, row, reason = offer.may(SDES)
    if not allowed:
        return refused(reason, "33.328 5.4.1", row)
    if SDES not in offer.access.terminates:
        return beyond_gateway(SDES, "33.328 7.2.1", row)
    try:
        line = offer.choose(crypto)
    except UnusableCrypto as error:
        detail = "" if error.reason == "suite not accepted" else f" ({error.reason})"
        return refused(NO_SUITE + detail, "RFC 4568 5.1.2", "A14")
    return Decision(Handling.E2AE, reason, "33.328 7.2.1", row, SDES, line)


def _taken(decision: Decision, row: str, reason: str) -> Decision:
    """Give a decision for e2ae the row and the reason that led to it."""
    if decision.action is Handling.E2AE:
        decision.row, decision.reason = row, reason
    return decision


def _plain(offer: Offered) -> Decision:
    """Decide on a profile without protection: A2, A8, A11, A12."""
    media, policy = offer.media, offer.policy
    rtp = offer.profile.carrier == "rtp"
    if "key-mgmt" in media and rtp and not offer.keeps_e2ae:
        if policy.end_to_end and not offer.emergency and not offer.requested:
            return Decision(Handling.E2E, "keys from a key management system", "33.328 7.2.3", "A8")
        return plain("plain profile: the key management lines are removed", "33.328 7.2.3", "A8")
    if capability.offered(media) and rtp:
        return _potential(offer)
    if "crypto" in media and rtp:
        if not (policy.best_effort or offer.keeps_e2ae):
            removed = "the keys and the request" if offer.requested else "the keys"
            return plain(f"best-effort SRTP is off: {removed} are removed", "RFC 8643", "A11")
        decision = _originating(offer, media.values("crypto"))
        if decision.action is not Handling.E2AE:
            return plain(f"best-effort SRTP: {decision.reason}", "RFC 8643", "A11")
        return _taken(decision, "A11", "best-effort SRTP counts as a request")
    asked = ", its request is removed" if offer.requested else ""
    return plain(f"UE offers plain media{asked}", "23.334 5.11.1", "A2")


def _potential(offer: Offered) -> Decision:
    """Decide on RTP/AVP(F) that offers another configuration: A12."""
    requested = offer.requested or offer.keeps_e2ae
    if not offer.policy.capability_negotiation:
        return plain("capability negotiation is off: its lines are removed", "RFC 5939", "A12")
    usable = [p for p in capability.potentials(offer.session, offer.media) if p.proto.upper() in SAVP]
    wanted = [p for p in usable if requested or p.requested]
    for potential in wanted:
        decision = _originating(offer, potential.crypto)
        if decision.action is Handling.E2AE:
            decision.potential = potential
            return _taken(decision, "A12", "UE asks for e2ae by a potential configuration")
    if requested or wanted:
        return plain("no potential configuration can be taken", "RFC 5939", "A12")
    if offer.policy.end_to_end and not offer.emergency:
        return Decision(Handling.E2E, "capability negotiation without an e2ae request", "RFC 5939", "A12")
    why = _NO_EMERGENCY if offer.emergency else "end-to-end security is not allowed by policy"
    return plain(f"capability lines removed: {why}", "RFC 5939", "A12")
