"""Between exchanges and Iq: the procedures that a step needs, and what their replies tell (TS 23.334 8)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from iq.h248.errors import NETWORK_FAILURE
from iq.procedures import ActionReply, Configure, Latch, Procedure, Reserve, Reserved, Stream
from pcscf.alg.exchange import Exchange, Line
from pcscf.alg.policy import AccessProfile
from pcscf.alg.stream import MediaStream, State
from pcscf.flow import Side

_SIDES = (Side.ACCESS, Side.CORE)


def fresh_streams(lines: list[Line]) -> list[MediaStream]:
    """Return the streams that an offer adds."""
    return [stream for line in lines if line.fresh and (stream := line.stream) is not None]


def reserve(exchange: Exchange, access: AccessProfile, terminations: dict[Side, str]) -> list[Procedure]:
    """Return what opens the new streams on both sides, the offerer's first; [] for none.

    A session has one termination a side: further streams are added to it. Towards the UE the gateway always
    latches, and only to where its SIP comes from.
    """
    streams = fresh_streams(exchange.lines)
    if not streams:
        return []
    procedures: list[Procedure] = []
    for side in (exchange.offerer, exchange.offerer.other):
        wanted = [stream.reserved(side) for stream in streams]
        if side in terminations:
            procedures.append(Configure(terminations[side], wanted))
        elif side is Side.CORE:
            procedures.append(Reserve(access.core_realm, wanted, access.heartbeat))
        else:
            procedures.append(
                Reserve(
                    access.access_realm,
                    wanted,
                    access.heartbeat,
                    Latch.LATCH,
                    access.source,
                    access.inactivity,
                )
            )
    return procedures


def configure(pairs: Sequence[tuple[MediaStream, State]]) -> list[Procedure]:
    """Return one Configure for each termination where some stream's state differs from the wanted one.

    A UE that moved is latched anew.
    """
    changes: dict[str, Configure] = {}
    for stream, wanted in pairs:
        for side in _SIDES:
            termination = stream.on(side).termination
            if not termination or (change := stream.changed(side, wanted)) is None:
                continue
            known = changes.get(termination)
            if known is None:
                known = changes[termination] = Configure(termination, [])
            known.streams.append(change)
            if side is Side.ACCESS and _moved(stream, change):
                known.latch = Latch.RELATCH
    return list(changes.values())


def _moved(stream: MediaStream, change: Stream) -> bool:
    before = stream.state.access_remote
    return (
        before is not None
        and change.remote is not None
        and change.remote.port > 0
        and change.remote != before
    )


def is_addressed(exchange: Exchange, reply: ActionReply) -> bool:
    """Return whether a reply has an address on both sides for each new stream, and each certificate."""
    streams = fresh_streams(exchange.lines)
    wanted = {stream.id for stream in streams}
    return all(
        isinstance(reserved, Reserved)
        and wanted <= {s.id for s in reserved.streams if s.local is not None and s.local.port}
        for reserved in reply.replies
    ) and not any(stream.tls and stream.certificate is None for stream in streams)


def take_addresses(exchange: Exchange, reply: ActionReply, terminations: dict[Side, str]) -> None:
    """Give the new streams the terminations and addresses that the gateway chose, as far as it got.

    Where no reply came it may have got further than we know: then they are closed wherever they may be.
    """
    streams = {stream.id: stream for stream in fresh_streams(exchange.lines)}
    for side, reserved in zip((exchange.offerer, exchange.offerer.other), reply.replies, strict=False):
        if isinstance(reserved, Reserved):
            terminations[side] = reserved.termination
            for chosen in reserved.streams:
                if (stream := streams.get(chosen.id)) is not None:
                    end = stream.on(side)
                    end.termination, end.local = reserved.termination, chosen.local
                    if side is Side.ACCESS:
                        stream.certificate = chosen.local_fingerprint
    if reply.error is not None and reply.error.code == NETWORK_FAILURE:
        for side, termination in terminations.items():
            for stream in streams.values():
                stream.on(side).termination = termination


def closing(streams: Iterable[MediaStream]) -> list[tuple[MediaStream, State]]:
    """Return each open stream with the state that ends it."""
    return [(stream, replace(stream.state, closed=True)) for stream in streams if not stream.state.closed]
