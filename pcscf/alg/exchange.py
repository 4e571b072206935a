"""One offer with its answer (RFC 3264): what was offered in each m-line, and what was answered."""

from dataclasses import dataclass, field

from iq.procedures import Endpoint, Setup
from iq.suites import Crypto, Key
from pcscf.alg.association import (
    Association,
    answering,
    role_towards_answerer,
    role_towards_offerer,
)
from pcscf.alg.media_security import Decision, Handling
from pcscf.alg.offer_answer import Phase
from pcscf.alg.profiles import SAVP, is_tcp
from pcscf.alg.stream import MODES, MediaStream, Path, State, flows, remote_of
from pcscf.errors import SdpRejected
from pcscf.flow import Side
from pcscf.sdp.crypto import answered
from pcscf.sdp.model import Media, Sdp, Section
from pcscf.sdp.msrp import is_msrp, known_by, matches_by_id, path_of
from pcscf.sdp.setup import ACTPASS, connecting, setup_of


@dataclass(slots=True)
class Line:
    """One m-line of an offer. stream: None where it has none (refused, or port 0 and nothing ran).

    keys: our crypto: that of the answer to the UE, or those that the UE may choose from.
    remote_crypto: the UE's, where it offers. rtcp_mux: the UE offered it, or it stands in our offer.
    applied: a=3ge2ae:applied goes to the UE. offered: a=setup of the offer; setup: ours of TCP or
    DTLS, where it goes to the UE.
    sha1: a fingerprint by it counts in the answer. answerer_serves: whoever answers is TLS server (RFC 4583).
    may_lead: the gateway may be aware of MSRP here.
    """

    media: Media
    decision: Decision
    stream: MediaStream | None = None
    fresh: bool = False
    keys: list[Crypto] = field(default_factory=list)
    remote_crypto: Crypto | None = None
    rtcp_mux: bool = False
    applied: bool = False
    offered: str | None = None
    setup: str | None = None
    sha1: bool = False
    answerer_serves: bool = False
    may_lead: bool = False

    @property
    def active(self) -> bool:
        return self.stream is not None and self.decision.action is not Handling.OFF

    def record(self) -> dict[str, str | None]:
        """Return what was decided and why, for the log; of MSRP also whether the gateway is aware of it."""
        record = {
            "media": self.media.media,
            "decision": self.decision.action.value,
            "mechanism": self.decision.mechanism,
            "reason": self.decision.reason,
            "clause": self.decision.clause,
            "row": self.decision.row,
        }
        if self.stream is not None and is_msrp(self.media):
            record["msrp"] = "aware" if self.stream.state.core_path is not None else "unread"
        return record


@dataclass(slots=True, repr=False)
class Answer:
    """An answer: what came, what the gateway is to do for it per m-line, and what went out (empty: not yet).

    provisional: it came in an 18x of an INVITE, which may still fail. description: only until it is out.
    """

    sdp: bytes
    description: Sdp | None
    wanted: list[State | None]
    provisional: bool = False
    out: bytes = b""


@dataclass(slots=True, repr=False)
class Exchange:
    """An offer and its answer in one dialog. number: of the offer in the session.

    previous, before, streams: the exchange, the phase and the streams that it found, to go back to.
    """

    number: int
    offerer: Side
    offer: Sdp
    lines: list[Line]
    previous: "Exchange | None"
    before: Phase
    streams: list[MediaStream | None]
    answer: Answer | None = None

    def settle(self) -> None:
        """It is answered for good: what counts is in the streams now, and of its text in the m= lines."""
        self.offer = _SETTLED
        self.lines = [
            Line(Media(line.media.line, [], None), line.decision, line.stream, line.fresh)
            for line in self.lines
        ]


#: Stands for every offer whose text is forgotten.
_SETTLED = Sdp(Section([]), [])


def answer_states(exchange: Exchange, answer: Sdp) -> list[State | None]:
    """Check an answer against its offer; return per m-line what the gateway is to do (None: no stream).

    Raises SdpRejected (RFC 3264 6, RFC 4568 5.1.3): other m-lines, another proto, unusable keys.
    """
    if len(answer.media) != len(exchange.lines):
        raise SdpRejected("answer with another number of m-lines")
    defaults = (exchange.offer.direction, answer.direction)
    taken: list[Key] = []
    states: list[State | None] = []
    for line, media in zip(exchange.lines, answer.media, strict=True):
        state = _answer_state(exchange, line, media, defaults, taken)
        if state is not None and state.remote_crypto is not None:
            taken.append(state.remote_crypto.key)
        if state is not None and not state.closed and line.stream is not None:
            if line.stream.tls:
                _secure(state, exchange, line, media, answer.session, line.stream)
            elif is_tcp(media.proto):
                _connect(state, exchange, line, media, answer.session)
            if line.stream.tcp:
                _lead(state, exchange, line, media, line.stream)
        states.append(state)
    return states


def _secure(
    state: State, exchange: Exchange, line: Line, media: Media, session: Section, stream: MediaStream
) -> None:
    """Say who begins on each side where (D)TLS ends at the gateway, and with whom. Raises SdpRejected.

    Who connects is settled on each side by itself: the gateway may connect to both, or wait for both.
    """
    now, association = stream.state, stream.state.association
    offered, answered = line.offered, setup_of(media, session)
    if exchange.offerer is Side.ACCESS:
        access = role_towards_offerer(offered, now.access_setup)
        core = connecting(offered, answered)[1] if stream.tcp else None
        peer = line.decision.peer or stream.peer
    else:
        access = role_towards_answerer(line.setup or ACTPASS, answered, tcp=stream.tcp)
        core = _towards_core(offered, access) if stream.tcp else None
        peer = answering(media, session, sha1=line.sha1)
    if not stream.tcp and access is None:
        raise SdpRejected("answer that holds a DTLS association")
    if stream.tcp and None in {access, core}:
        access = core = None
    connection = media.first("connection") if stream.tcp and not line.fresh else None
    if connection == "existing" and now.access_setup is not None and now.core_setup is not None:
        access, core = now.access_setup, now.core_setup
    state.access_setup, state.core_setup = access, core
    state.renewed = connection == "new"
    if peer is None:
        return
    # Who is TLS client (TS 23.334 5.11); of TCP that stands it stays so.
    state.association = Association(peer.fingerprints, peer.tls_id, access is Setup.ACTIVE)
    if line.answerer_serves:
        state.association.client = exchange.offerer is Side.CORE
    if association is not None and stream.tcp and now.access_setup is not None and not state.renewed:
        state.association.client = association.client


def _towards_core(offered: str | None, access: Setup | None) -> Setup | None:
    """Return what the gateway is towards a core that offers ``offered``; free to choose, what the UE is."""
    if access is None:
        return None
    if offered == ACTPASS:
        return Setup.ACTIVE if access is Setup.PASSIVE else Setup.PASSIVE
    return role_towards_offerer(offered, None)


def _connect(state: State, exchange: Exchange, line: Line, media: Media, session: Section) -> None:
    """Say towards whom the gateway connects (RFC 4145). Raises SdpRejected."""
    offered, answered_setup = setup_of(line.media, exchange.offer.session), setup_of(media, session)
    to_offerer, to_answerer = connecting(offered, answered_setup)
    from_access = exchange.offerer is Side.ACCESS
    state.access_setup = to_offerer if from_access else to_answerer
    state.core_setup = to_answerer if from_access else to_offerer
    state.renewed = not line.fresh and media.first("connection") == "new"


def _lead(state: State, exchange: Exchange, line: Line, media: Media, stream: MediaStream) -> None:
    """Say whence and where messages of MSRP go, where the gateway is to be aware of it.

    It has to be unless both ends match sessions by their id alone (RFC 6714); once it is, it stays so. Raises
    SdpRejected.
    """
    offered, answered = path_of(line.media), path_of(media)
    if not stream.aware:
        by_id = matches_by_id(line.media) and matches_by_id(media) and stream.state.core_path is None
        if by_id or answered is None or not line.may_lead:
            return
    offerer, answerer = exchange.offerer, exchange.offerer.other
    if offered is None or answered is None:
        raise SdpRejected("answer without a usable a=path")
    of_offerer = Path(offered, _known(stream, offerer, media, answered))
    of_answerer = Path(answered, _known(stream, answerer, line.media, offered))
    from_access = offerer is Side.ACCESS
    state.access_path = of_offerer if from_access else of_answerer
    state.core_path = of_answerer if from_access else of_offerer


def _known(stream: MediaStream, side: Side, media: Media, uri: str) -> str:
    """Return the URI that stands in the description for ``side``, which is made of ``media``."""
    local = stream.on(side).local or Endpoint("", 0)
    secure = side is Side.ACCESS if stream.tls else None
    return known_by(media, uri, local.address, local.port, secure=secure, aware=stream.aware)


def _answer_state(
    exchange: Exchange, line: Line, media: Media, defaults: tuple[str, str], taken: list[Key]
) -> State | None:
    stream = line.stream
    if media.media != line.media.media:
        raise SdpRejected("answer with another media type")
    if stream is None:
        return None
    now = stream.state
    if media.port == 0 or not line.active or now.closed:
        return State(now.access_remote, now.core_remote, now.access_mode, now.core_mode, closed=True)
    from_access = exchange.offerer is Side.ACCESS
    _check_proto(line, media, stream.core.proto if from_access else stream.access.proto)
    if media.address.problem:
        raise SdpRejected(f"answer: {media.address.problem}")
    remote_crypto, local_crypto = line.remote_crypto, line.keys[0] if line.keys else None
    if line.keys and not from_access:
        others = [*taken, *other_keys(exchange, line)]
        remote_crypto, local_crypto = answered(media.values("crypto"), line.keys, others)
    offer_flow, answer_flow = flows(line.media, defaults[0]), flows(media, defaults[1])
    if from_access:
        access, core, access_flow, core_flow = line.media, media, offer_flow, answer_flow
        rtcp_mux = line.rtcp_mux
    else:
        access, core, access_flow, core_flow = media, line.media, answer_flow, offer_flow
        rtcp_mux = line.rtcp_mux and "rtcp-mux" in media
    modes = MODES[access_flow[0] and core_flow[1], core_flow[0] and access_flow[1]]
    return State(
        remote_of(access, rtcp_mux) or now.access_remote,
        remote_of(core, False) or now.core_remote,
        *modes,
        local_crypto,
        remote_crypto,
        rtcp_mux,
    )


def _check_proto(line: Line, media: Media, offered: str) -> None:
    if media.proto.lower() == offered.lower():
        return
    negotiated = line.decision.action is Handling.E2E and "pcfg" in line.media
    if not (negotiated and media.proto.upper().removeprefix("UDP/TLS/") in SAVP):
        raise SdpRejected("answer with another transport protocol")


def other_keys(exchange: Exchange, line: Line) -> list[Key]:
    """Return every key that stands in other m-lines of the exchange."""
    keys: list[Key] = []
    for other in exchange.lines:
        if other is not line and other.stream is not None:
            keys += [crypto.key for crypto in other.keys]
            if (remote := other.stream.state.remote_crypto) is not None:
                keys.append(remote.key)
    return keys
