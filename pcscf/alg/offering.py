"""Turns an offer into lines: decides each m-line, makes its stream and our keys for it."""

from collections.abc import Callable, Sequence

from iq.msrp import AWARE
from iq.suites import SUITES, Crypto, Key
from pcscf.alg.association import Association, fresh_tls_id, offered_setup
from pcscf.alg.decision import DTLS
from pcscf.alg.exchange import Line
from pcscf.alg.media_security import Decision, Handling, decide, plain_twin, twin_refused
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.stream import MODES, MediaStream, State, flows, kind_of, new_stream, remote_of
from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from pcscf.sdp.indicator import NAME, REQUESTED, indicated
from pcscf.sdp.model import Media, Sdp
from pcscf.sdp.msrp import matches_by_id, path_of
from pcscf.sdp.setup import setup_of

_ACTIVE = frozenset({Handling.E2AE, Handling.E2E, Handling.PLAIN})


class Offering:
    """What offers of one session are judged by, and the running number of its streams."""

    __slots__ = ("_access", "_emergency", "_last_id", "_policy", "_random")

    def __init__(
        self,
        policy: MediaPolicy,
        access: AccessProfile,
        random: Callable[[int], bytes],
        emergency: bool,
    ) -> None:
        self._policy = policy
        self._access = access
        self._random = random
        self._emergency = emergency
        self._last_id = 0

    def decide(self, offer: Sdp, offerer: Side, streams: Sequence[MediaStream | None]) -> list[Decision]:
        """Decide on every m-line, with the rules across lines. Raises SdpRejected for lost lines."""
        if len(offer.media) < len(streams):
            raise SdpRejected("fewer m-lines than before")
        used = _keys(streams)
        decisions: list[Decision] = []
        for index, media in enumerate(offer.media):
            stream = streams[index] if index < len(streams) else None
            if stream is not None and stream.media != kind_of(media):
                stream = None  # RFC 3264 8.3.3: another media type is another stream
            remote = stream.state.remote_crypto if stream is not None else None
            decision = decide(
                media,
                offer.session,
                offerer,
                self._policy,
                self._access,
                emergency=self._emergency,
                established=stream.decision if stream is not None else None,
                agreed=remote,
                used=[key for key in used if remote is None or key is not remote.key] if used else (),
            )
            if decision.crypto is not None:
                used.append(decision.crypto.crypto.key)
            decisions.append(decision)
        if len(decisions) > 1:
            twins = [index for index in range(len(decisions)) if plain_twin(index, offer.media, decisions)]
            for index in twins:
                decisions[index] = twin_refused()
        return decisions

    def lines(
        self,
        offer: Sdp,
        offerer: Side,
        streams: Sequence[MediaStream | None],
        decisions: Sequence[Decision],
    ) -> list[Line]:
        """Return one Line for each m-line.

        A running stream goes on where it fits; else a new one takes its m-line and its own keys, and the old
        one lasts until the answer. Raises SdpRejected where nothing is left of the offer, or a protected
        stream would lose its protection.
        """
        self._check_any(decisions)
        used = _keys(streams)
        used += [decision.crypto.crypto.key for decision in decisions if decision.crypto is not None]
        return [
            self._line(media, decision, offerer, streams[i] if i < len(streams) else None, offer, used)
            for i, (media, decision) in enumerate(zip(offer.media, decisions, strict=True))
        ]

    def _check_any(self, decisions: Sequence[Decision]) -> None:
        refused = [decision for decision in decisions if decision.action is Handling.REFUSED]
        if refused and not any(decision.action in _ACTIVE for decision in decisions):
            raise self.rejected(refused[0].reason)

    def rejected(self, reason: str) -> SdpRejected:
        """Return the 488 with its Warning (RFC 3261 20.43)."""
        return SdpRejected(reason, headers=(("Warning", f'399 {self._policy.node} "{reason}"'),))

    def _line(
        self,
        media: Media,
        decision: Decision,
        offerer: Side,
        running: MediaStream | None,
        offer: Sdp,
        used: list[Key],
    ) -> Line:
        if decision.action not in _ACTIVE:
            if decision.action is Handling.REFUSED and running is not None:
                raise self.rejected(decision.reason)
            return Line(media, decision, running)
        may_lead = self._may_lead(media, decision)
        aware = may_lead and self._aware(media, running)
        stream = new_stream(self._last_id + 1, media, decision, offerer, aware=aware)
        if running is not None and not (running.fits(stream) and running.reaches(offerer, media)):
            self._check_kept(running, media, decision, offerer)
            running = None
        if running is None:
            self._last_id += 1
        line = Line(media, decision, running or stream, running is None, may_lead=may_lead)
        if (running or stream).tls:
            self._give_certificate(line, offerer, running or stream, setup_of(media, offer.session))
        elif decision.action is Handling.E2AE:
            self._give_keys(line, offerer, running, used)
        if decision.action is not Handling.E2E:
            line.rtcp_mux = _rtcp_mux(media, offerer, running, dtls=decision.mechanism == DTLS)
        if running is None:
            stream.state = self._initial(line, offerer, offer.direction)
        return line

    def _may_lead(self, media: Media, decision: Decision) -> bool:
        """Return whether the gateway may be aware of MSRP (TS 23.334 5.19)."""
        if decision.action is Handling.E2E or self._policy.msrp == "agnostic":
            return False
        return AWARE in self._access.aware and path_of(media) is not None

    def _aware(self, media: Media, running: MediaStream | None) -> bool:
        """Return whether it is to be, whatever is answered; where it may. What runs goes on as it is."""
        if running is not None and (running.aware or running.state.core_path is not None):
            return running.aware
        return self._policy.msrp == "aware" or not matches_by_id(media)

    def _check_kept(self, running: MediaStream, media: Media, decision: Decision, offerer: Side) -> None:
        """Raises SdpRejected where a protected stream would be so no more, or no more by us."""
        if decision.action is running.decision.action or not running.protects(media):
            return
        may = offerer is Side.ACCESS and self._policy.downgrade
        if decision.action is Handling.E2E or (decision.action is Handling.PLAIN and not may):
            raise self.rejected("a protected stream is to stay so")

    def _give_keys(self, line: Line, offerer: Side, running: MediaStream | None, used: list[Key]) -> None:
        """Set our keys: of a running stream those that it has, else fresh ones."""
        chosen = line.decision.crypto
        kept = running.state.local_crypto if running is not None else None
        line.applied = self._applied(line.media, offerer)
        if offerer is Side.CORE:
            line.keys = [kept] if kept is not None else self._offered_keys(used)
            return
        if chosen is None or line.stream is None:
            raise self.rejected("e2ae without a crypto line")
        line.stream.spelling = chosen.spelling
        line.remote_crypto = chosen.crypto
        suite, tag = chosen.crypto.suite, chosen.crypto.tag
        line.keys = [Crypto(suite, kept.key, tag) if kept is not None else self._fresh(suite, tag, used)]

    def _applied(self, media: Media, offerer: Side) -> bool:
        """Return whether a=3ge2ae:applied goes to the UE: in offers, and where it asked (24.229 7.5.2)."""
        if offerer is Side.CORE:
            return True
        return self._policy.answer_indicator == "applied" and indicated(media.values(NAME)) == REQUESTED

    def _give_certificate(self, line: Line, offerer: Side, stream: MediaStream, setup: str | None) -> None:
        """Set what goes to the UE of (D)TLS beside the certificate, which comes from the gateway.

        setup: a=setup of the offer. Our tls-id stands for the association as long as it lasts.
        """
        line.applied = self._applied(line.media, offerer)
        line.sha1 = self._policy.sha1_fingerprint
        line.answerer_serves = (
            line.decision.mechanism == "bfcp-tls" and self._policy.bfcp_tls_role == "answerer-server"
        )
        line.offered = setup
        named = stream.peer.tls_id is not None if stream.peer is not None else not stream.tcp
        if line.fresh and named:
            stream.tls_id = fresh_tls_id(self._random)
        if offerer is Side.CORE:
            line.setup = offered_setup(setup, stream.state.access_setup, tcp=stream.tcp)

    def _offered_keys(self, used: list[Key]) -> list[Crypto]:
        suites = [suite for suite in self._policy.offer_suites if suite in self._access.suites]
        return [self._fresh(suite, tag, used) for tag, suite in enumerate(suites, 1)]

    def _fresh(self, suite: str, tag: int, used: list[Key]) -> Crypto:
        key = Key(self._random(SUITES[suite].octets))
        if key in used:
            raise SipRefusal("random source repeats keys", status=500, phrase="Server Internal Error")
        used.append(key)
        return Crypto(suite, key, tag)

    def _initial(self, line: Line, offerer: Side, default: str) -> State:
        """Return what Reserve tells the gateway: the offerer's side, and the gate as if all were accepted."""
        sends, receives = flows(line.media, default)
        remote = remote_of(line.media, line.rtcp_mux and offerer is Side.ACCESS)
        # With several keys on offer only the answer tells which one is ours (23.334 5.11.2.1).
        local = line.keys[0] if len(line.keys) == 1 else None
        if offerer is Side.ACCESS:
            state = State(remote, None, *MODES[sends, receives], local, line.remote_crypto, line.rtcp_mux)
            if (peer := line.decision.peer) is not None:
                state.association = Association(peer.fingerprints, peer.tls_id)
            return state
        return State(None, remote, *MODES[receives, sends], local)


def _rtcp_mux(media: Media, offerer: Side, running: MediaStream | None, *, dtls: bool) -> bool:
    """Return whether RTCP shares the port on the access side: where the UE offers it, and then it stays.

    dtls: we offer it, too: without it RTCP would need an association of its own (RFC 5764 3).
    """
    if offerer is Side.ACCESS:
        return "rtcp-mux" in media or "rtcp-mux-only" in media
    return running.state.rtcp_mux if running is not None else dtls


def _keys(streams: Sequence[MediaStream | None]) -> list[Key]:
    """Return every key in use."""
    return [
        crypto.key
        for stream in streams
        if stream is not None
        for crypto in (stream.state.local_crypto, stream.state.remote_crypto)
        if crypto is not None
    ]
