"""The m-sections that go out for an offer or an answer, and the address that most of them share."""

from iq.procedures import Endpoint
from pcscf.alg.exchange import Answer, Exchange, Line
from pcscf.alg.media_security import Handling
from pcscf.alg.profiles import is_tcp
from pcscf.alg.rewriting import (
    DROPPED,
    DROPPED_SESSION_E2E,
    DROPPED_SESSION_NEGOTIATED,
    passed,
    rejected,
    relayed,
)
from pcscf.alg.stream import MediaStream
from pcscf.alg.to_access import to_access
from pcscf.alg.to_core import to_core
from pcscf.flow import Side
from pcscf.sdp import capability
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
        sections.append(_section(line, media, answer.description.session, stream, to, proto, shared))
    return sections, shared


def session_dropped(exchange: Exchange) -> frozenset[str]:
    """Return the attributes of the session level that stay on their side: all that some m-line needs pass."""
    passing = [line.media for line in exchange.lines if line.decision.action is Handling.E2E]
    if not passing:
        return DROPPED
    negotiated = any(capability.offered(media) for media in passing)
    return DROPPED_SESSION_NEGOTIATED if negotiated else DROPPED_SESSION_E2E


def _section(
    line: Line, media: Media, session: Section, stream: MediaStream, to: Side, proto: str, shared: str
) -> list[str]:
    local = stream.on(to).local or Endpoint(shared, 0)
    if line.decision.action is Handling.E2E:
        return passed(media, session, local, shared)
    if is_tcp(media.proto):
        return relayed(media, session, local, shared)
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
        spelling=stream.spelling,
        applied=line.applied,
        rtcp_mux=line.rtcp_mux,
        actual=potential.actual if potential is not None and media is not line.media else None,
    )


def _address(streams: list[MediaStream], to: Side) -> str:
    for stream in streams:
        if (local := stream.on(to).local) is not None:
            return local.address
    return ""
