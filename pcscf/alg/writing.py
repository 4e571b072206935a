"""The m-sections that go out for an offer or an answer, and the address that most of them share."""

from iq.procedures import Endpoint
from pcscf.alg.association import answered_setup
from pcscf.alg.exchange import Answer, Exchange, Line
from pcscf.alg.media_security import Handling
from pcscf.alg.profiles import is_tcp
from pcscf.alg.rewriting import (
    DROPPED,
    DROPPED_SESSION_E2E,
    DROPPED_SESSION_NEGOTIATED,
    Connection,
    connected,
    passed,
    rejected,
    relayed,
)
from pcscf.alg.stream import MediaStream, State
from pcscf.alg.to_access import to_access
from pcscf.alg.to_core import to_core
from pcscf.flow import Side
from pcscf.sdp import capability
from pcscf.sdp.indicator import APPLIED_LINE
from pcscf.sdp.model import Media, Section


def offer_sections(exchange: Exchange) -> tuple[list[list[str]], str]:
    """Return the m-sections for the side that is to answer, and their address ("": nothing is active)."""
    to = exchange.offerer.other
    shared = _address([line.stream for line in exchange.lines if line.active and line.stream is not None], to)
    sections = []
    for line in exchange.lines:
        stream = line.stream
        if stream is None or not line.active:
            proto = stream.on(to).proto if stream is not None else line.media.proto
            sections.append(rejected(line.media, proto))
        else:
            sections.append(
                _section(line, line.media, exchange.offer.session, stream, to, stream.on(to).proto, shared)
            )
    return sections, shared


def answer_sections(exchange: Exchange, answer: Answer) -> tuple[list[list[str]], str]:
    """Return the m-sections for the offerer: every line with the proto that it offered (RFC 3264 6)."""
    to = exchange.offerer
    if answer.description is None:
        return [], ""
    triples = list(zip(exchange.lines, answer.description.media, answer.wanted, strict=True))
    shared = _address(
        [
            line.stream
            for line, _, wanted in triples
            if line.stream is not None and wanted is not None and not wanted.closed
        ],
        to,
    )
    sections = []
    for line, media, wanted in triples:
        stream = line.stream
        if stream is None or wanted is None or wanted.closed:
            sections.append(rejected(media, line.media.proto))
            continue
        potential = line.decision.potential
        proto = potential.proto if potential is not None else line.media.proto
        sections.append(_section(line, media, answer.description.session, stream, to, proto, shared, wanted))
    return sections, shared


def session_dropped(exchange: Exchange) -> frozenset[str]:
    """Return the attributes of the session level that stay on their side: all that some m-line needs pass."""
    passing = [line.media for line in exchange.lines if line.decision.action is Handling.E2E]
    if not passing:
        return DROPPED
    negotiated = any(capability.offered(media) for media in passing)
    return DROPPED_SESSION_NEGOTIATED if negotiated else DROPPED_SESSION_E2E


def _section(
    line: Line,
    media: Media,
    session: Section,
    stream: MediaStream,
    to: Side,
    proto: str,
    shared: str,
    wanted: State | None = None,
) -> list[str]:
    """Return one m-section. wanted: what the gateway is to do, for an answer."""
    local = stream.on(to).local or Endpoint(shared, 0)
    if line.decision.action is Handling.E2E:
        return passed(media, session, local, shared)
    if stream.tls and stream.tcp:
        return _over_tls(line, media, session, stream, to, proto, shared, wanted)
    if is_tcp(media.proto):
        return relayed(media, session, local, shared, aware=stream.aware)
    potential = line.decision.potential
    if to is Side.CORE:
        added = potential.lines if potential is not None and media is line.media else ()
        return to_core(media, proto, local, shared, added)
    return to_access(
        media,
        proto,
        local,
        shared,
        line.keys,
        _certificate(line, media, stream, _setup(line, to, wanted)) if stream.tls else (),
        spelling=stream.spelling,
        applied=line.applied,
        rtcp_mux=line.rtcp_mux,
        actual=potential.actual if potential is not None and media is not line.media else None,
    )


def _over_tls(
    line: Line,
    media: Media,
    session: Section,
    stream: MediaStream,
    to: Side,
    proto: str,
    shared: str,
    wanted: State | None,
) -> list[str]:
    """Return an m-section of TCP whose TLS ends at the gateway."""
    local = stream.on(to).local or Endpoint(shared, 0)
    connection = Connection(_setup(line, to, wanted), line.fresh)
    aware = stream.aware
    if to is Side.CORE:
        return connected(media, session, proto, local, shared, connection, secure=False, aware=aware)
    added = _certificate(line, media, stream, None)
    if line.applied:
        added.append(APPLIED_LINE)
    return connected(media, session, proto, local, shared, connection, added, secure=True, aware=aware)


def _setup(line: Line, to: Side, wanted: State | None) -> str | None:
    """Return our a=setup for one side; None where the core gets what the UE offers."""
    if wanted is None:
        return line.setup if to is Side.ACCESS else None
    return answered_setup(line.offered, wanted.access_setup if to is Side.ACCESS else wanted.core_setup)


def _certificate(line: Line, media: Media, stream: MediaStream, setup: str | None) -> list[str]:
    """Return what tells the UE of the gateway's certificate; with the association of DTLS."""
    lines = [f"a=fingerprint:{stream.certificate.text}"] if stream.certificate is not None else []
    if setup is not None:
        lines.append(f"a=setup:{setup}")
    peer = line.decision.peer
    asked = media is line.media or (peer is not None and peer.tls_id is not None)
    if stream.tls_id is not None and asked:
        lines.append(f"a=tls-id:{stream.tls_id}")
    return lines


def _address(streams: list[MediaStream], to: Side) -> str:
    for stream in streams:
        if (local := stream.on(to).local) is not None:
            return local.address
    return ""
