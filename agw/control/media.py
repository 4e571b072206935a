"""From what contexts say to what moves their media: the packet engine, and the relay of TCP."""

from agw.control.checks import wanted_version
from agw.control.legs import dtls_leg, ends_dtls, is_tcp, leg, tcp_leg
from agw.control.ports import Interface, Realm
from agw.control.termination import End, Termination, secured
from agw.dtls.api import DtlsEnds
from agw.engine.api import Counters, Engine, EngineError, Leg, PortId, PortState
from agw.security.api import NewIdentity
from agw.tcp.api import ByteRelay
from iq.errors import IqError
from iq.procedures import Mode, Stream


class Media:
    """Opens the ports of ends, joins, edits and closes them. Edits wait for ``settle``, one for each end."""

    def __init__(
        self,
        engine: Engine,
        tcp: ByteRelay | None,
        dtls: DtlsEnds | None,
        new_identity: NewIdentity | None,
        max_ports: int,
    ) -> None:
        """tcp: None where there is no TCP media. new_identity, max_ports: see Contexts."""
        self.engine = engine
        self.max_ports = max_ports
        self.open_ports = 0
        self.new_identity = new_identity
        self._tcp = tcp
        self._dtls = dtls
        self._restarted: set[PortId] = set()
        self._changed: dict[PortId, tuple[Termination, End]] = {}
        self._started: dict[PortId, bool] = {}

    def open(
        self, realm: Realm, streams: list[Stream], source: str | None, dscp: int | None, now: float
    ) -> list[End]:
        """A port for each of ``streams``, or for none of them: IqError 510, 449."""
        opened: list[End] = []
        try:
            for stream in streams:
                interface = realm.interface(wanted_version(stream, source))
                opened.append(self._open_one(stream, interface, dscp, now))
        except IqError:
            for end in opened:
                self.close(end, now)
            raise
        return opened

    def _open_one(self, stream: Stream, interface: Interface, dscp: int | None, now: float) -> End:
        if self.open_ports >= self.max_ports:
            raise IqError(510, "Insufficient resources: streams")
        if stream.remote is not None and (":" in stream.remote.address) != (interface.version == 6):
            raise IqError(449, "Unsupported or unknown value: Remote address of another IP version")
        tcp = is_tcp(stream.transport)
        if tcp and self._tcp is None:
            raise IqError(515, "Unsupported media type: TCP")
        port, number = interface.open(self._tcp if tcp and self._tcp is not None else self.engine, dscp, now)
        self.open_ports += 1
        return End(
            stream.id,
            stream.media,
            stream.transport,
            stream.formats,
            Mode.INACTIVE if stream.mode is None else stream.mode,
            stream.remote,
            stream.local_crypto,
            stream.remote_crypto,
            stream.rtcp_mux,
            stream.setup,
            interface,
            port,
            number,
            tcp,
            secured(None, stream, self.new_identity),
            stream.local_path,
            stream.remote_path,
        )

    def join(self, end: End, other: End) -> None:
        """Make both the two sides of a stream. Packets and TCP do not go together: then nothing passes."""
        if end.tcp is not other.tcp:
            return
        if not end.tcp:
            self.engine.join(end.port, other.port)
        elif self._tcp is not None:
            self._tcp.join(end.port, other.port)

    def touch(self, termination: Termination, end: End) -> None:
        """Both ends of the stream are to be worked out anew, once for the whole action."""
        self._changed[end.port] = (termination, end)
        other = termination.context.other(termination)
        if other is not None and end.id in other.ends:
            twin = other.ends[end.id]
            self._changed[twin.port] = (other, twin)

    def start(self, end: End, stream: Stream) -> None:
        """``stream`` says who connects, or that it is time to."""
        if end.tcp and (stream.setup is not None or stream.establish):
            self._started[end.port] = stream.establish
        if ends_dtls(end) and (stream.setup is not None or stream.start_tls):
            self._restarted.add(end.port)

    def relatch(self, end: End) -> None:
        if not end.tcp:
            self.engine.relatch(end.port)

    def state(self, end: End) -> PortState:
        if end.tcp and self._tcp is not None:
            return self._tcp.state(end.port)
        state = self.engine.state(end.port)
        passed = self._dtls.passed(end.port) if self._dtls is not None else None
        if passed is not None:
            state.counters = state.counters.plus(passed.counters)
            state.last_activity = max(state.last_activity or 0.0, passed.last_activity or 0.0) or None
        return state

    def close(self, end: End, now: float) -> Counters:
        self._changed.pop(end.port, None)
        self._started.pop(end.port, None)
        self._restarted.discard(end.port)
        tcp = self._tcp if end.tcp else None
        passed = self._dtls.close(end.port) if self._dtls is not None else None
        counters = self.engine.close(end.port) if tcp is None else tcp.close(end.port)
        if passed is not None:
            counters.add(passed.counters)
        end.interface.pool.give_back(end.number, now)
        self.open_ports -= 1
        return counters

    def settle(self) -> EngineError | None:
        """Hand over what has changed; returns what the engine could not do, all else is in effect then."""
        failed: EngineError | None = None
        for termination, end in self._changed.values():
            other = termination.context.other(termination)
            twin = other.ends.get(end.id) if other is not None else None
            if end.tcp:
                if self._tcp is not None:
                    self._tcp.edit(end.port, tcp_leg(termination, end, twin))
                continue
            try:
                self.engine.edit(end.port, self._leg(termination, end, twin))
            except EngineError as error:
                failed = error
        self._changed.clear()
        if self._dtls is not None:
            for port in self._restarted:
                self._dtls.restart(port)
            self._restarted.clear()
        if self._tcp is not None:
            for port, connect in self._started.items():
                self._tcp.start(port, connect)
            self._started.clear()
        self.engine.commit()
        return failed

    def _leg(self, termination: Termination, end: End, twin: End | None) -> Leg:
        secured = dtls_leg(termination, end, twin)
        if secured is None or self._dtls is None:
            return leg(termination, end, twin)
        self._dtls.edit(end.port, secured)
        return leg(termination, end, twin, self._dtls.keys(end.port))
