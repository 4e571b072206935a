"""The session's context at the gateway: its two terminations, and the streams that are open there."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from iq.procedures import Action, ActionReply, Configure, Latch, Mode, Procedure, Release, Stream
from pcscf.alg.dialog import Dialog
from pcscf.alg.early_media import Gates
from pcscf.alg.exchange import Answer, Exchange
from pcscf.alg.gateway import closing, configure, fresh_streams, is_addressed, reserve, take_addresses
from pcscf.alg.policy import AccessProfile
from pcscf.alg.stream import MediaStream, State
from pcscf.flow import Side


class Context:
    """id: None until the gateway chose one. terminations: one a side. streams: those that are open."""

    __slots__ = ("_access", "_emergency", "_gates", "_released", "id", "streams", "terminations")

    def __init__(self, access: AccessProfile, gates: Gates, *, emergency: bool) -> None:
        self._access = access
        self._gates = gates
        self._emergency = emergency
        self._released = False
        self.id: int | None = None
        self.terminations: dict[Side, str] = {}
        self.streams: list[MediaStream] = []

    def _action(self, procedures: list[Procedure]) -> Action | None:
        return Action(self.id, procedures, self._emergency) if procedures else None

    def reserve(self, dialog: Dialog, exchange: Exchange) -> Action | None:
        """Return what opens the new streams of an offer, None for none."""
        if not dialog.confirmed:
            for index, line in enumerate(exchange.lines):
                if line.fresh and line.stream is not None:
                    line.stream.state = self._gates.gated(line.stream.state, index, dialog.authorized)
        return self._action(reserve(exchange, self._access, self.terminations))

    def take(self, action: Action, reply: ActionReply | None, exchange: Exchange | None) -> bool:
        """Take the reply as far as the gateway got; return whether it did all that ``action`` asked.

        exchange: the one whose streams were to be opened.
        """
        if reply is None:
            return False
        if self.id is None:
            self.id = reply.context
        done = reply.error is None and len(reply.replies) == len(action.procedures)
        if exchange is not None:
            take_addresses(exchange, reply, self.terminations)
            self.streams += fresh_streams(exchange.lines)
            done = done and is_addressed(exchange, reply)
        return done

    def wanted(
        self, dialogs: Iterable[Dialog], dialog: Dialog, exchange: Exchange, answer: Answer
    ) -> list[tuple[MediaStream, State]]:
        """Return what the gateway is to do for an answer in one of ``dialogs``.

        What it declines is shut, and released once the INVITE has succeeded: before, another dialog may take
        it, or the session may go on as it was.
        """
        final = dialog.confirmed and not answer.provisional
        wanted: list[tuple[MediaStream, State]] = []
        for index, (line, state) in enumerate(zip(exchange.lines, answer.wanted, strict=True)):
            stream = line.stream
            if stream is None or state is None or stream.state.closed:
                continue
            goal = state
            if state.closed and not final:
                goal = replace(stream.state, access_mode=Mode.INACTIVE, core_mode=Mode.INACTIVE)
            elif not dialog.confirmed:
                goal = self._gates.gated(state, index, dialog.authorized)
            wanted.append((stream, goal))
        return wanted + closing(self._unused(dialogs, dialog, wanted)) if final else wanted

    def _unused(
        self, dialogs: Iterable[Dialog], dialog: Dialog, wanted: Sequence[tuple[MediaStream, State]]
    ) -> list[MediaStream]:
        """Return the open streams that are not in ``wanted``, nor confirmed or on offer elsewhere."""
        used = {stream.id for stream, _ in wanted}
        if len(used) == len(self.streams):
            return []
        for other in dialogs:
            if other.pending is not None or (other.confirmed and other is not dialog):
                used |= {stream.id for stream in other.streams if stream is not None}
        return [stream for stream in self.streams if stream.id not in used]

    def configure(self, wanted: Sequence[tuple[MediaStream, State]]) -> Action | None:
        """Return what brings the gateway to these states, None where it is there."""
        return self._action(configure(wanted))

    def settle(self, wanted: Sequence[tuple[MediaStream, State]]) -> None:
        """The gateway does this now."""
        for stream, state in wanted:
            stream.state = state
            state.renewed = False  # it is by now: what is said again asks for nothing more
        if any(state.closed for _, state in wanted):
            self.streams = [stream for stream in self.streams if not stream.state.closed]

    def move(self, source: str) -> Action | None:
        """Return what lets the access side latch anew, to ``source`` alone; None where nothing changes."""
        if source == self._access.source:
            return None
        self._access.source = source
        termination = self.terminations.get(Side.ACCESS)
        if termination is None or not self.streams:
            return None
        streams = [
            Stream(stream.id, stream.media, stream.access.transport, rtcp_mux=stream.state.rtcp_mux)
            for stream in self.streams
        ]
        return self._action([Configure(termination, streams, Latch.RELATCH, source)])

    def release(self) -> Action | None:
        """Return the release of everything, once; None where nothing is reserved, or it was asked before."""
        if self.id is None or self._released:
            return None
        self._released = True
        return self._action([Release()])
