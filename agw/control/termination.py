"""What the gateway remembers: a context, its terminations, and each termination's end of each stream."""

from dataclasses import dataclass, field

from agw.control.ports import Interface
from agw.engine.api import Counters, PortId
from agw.security.api import NewIdentity, Security
from iq.procedures import Endpoint, Mode, Setup, Stream
from iq.suites import Crypto


@dataclass(slots=True)
class Watch:
    """Of packets that fail authentication: how many there were when the present period began, when it ends,
    and whether it began with a report."""

    before: int = 0
    until: float = 0.0
    told: bool = False


@dataclass(slots=True)
class End:
    """One stream at one termination: the last that was said of it, and the port it has.

    mode: closed until a mode was given (H.248.1 7.1.7). Keys and setup are those of iq.procedures.Stream.
    tcp: the port is one of the relay of TCP, not of the packet engine. security: of (D)TLS that ends here.
    local_path, remote_path: as in iq.procedures.Stream.
    """

    id: int
    media: str
    transport: str
    formats: str
    mode: Mode
    remote: Endpoint | None
    local_crypto: Crypto | None
    remote_crypto: Crypto | None
    rtcp_mux: bool
    setup: Setup | None
    interface: Interface
    port: PortId
    number: int
    tcp: bool
    security: Security | None = None
    local_path: str | None = None
    remote_path: str | None = None
    forgeries: Watch = field(default_factory=Watch)

    def reply(self, asked: Stream) -> Stream:
        """What ``asked`` has with ``$``: the local address, the certificate. Keys are not sent back."""
        reply = Stream(
            self.id,
            self.media,
            self.transport,
            self.formats,
            None,
            Endpoint(self.interface.advertise, self.number),
        )
        if asked.choose_fingerprint is not None and self.security is not None:
            reply.local_fingerprint = self.security.identity.fingerprint(asked.choose_fingerprint)
        return reply

    def rekeyed_by(self, stream: Stream) -> bool:
        """Does ``stream`` give the peer another key than it had?"""
        had, gets = self.remote_crypto, stream.remote_crypto
        return had is not None and gets is not None and not had.same_key(gets)

    def update(self, stream: Stream, new_identity: NewIdentity | None) -> None:
        """Take over what ``stream`` says (checked before). What it leaves out stays.

        The m= line counts only where a descriptor carried one: a mere change of Mode says nothing of it.
        """
        self.security = secured(self.security, stream, new_identity)
        if stream.mode is not None:
            self.mode = stream.mode
        if stream.local_crypto is not None:
            self.local_crypto = stream.local_crypto
        if stream.remote_crypto is not None:
            self.remote_crypto = stream.remote_crypto
        if stream.remote is not None:
            self.remote = stream.remote
        if stream.setup is not None:
            self.setup = stream.setup
        if stream.local_path is not None:
            self.local_path = stream.local_path
        if stream.remote_path is not None:
            self.remote_path = stream.remote_path
        if has_description(stream):
            self.media = stream.media
            self.transport = stream.transport
            self.formats = stream.formats
            self.rtcp_mux = stream.rtcp_mux


def has_description(stream: Stream) -> bool:
    """Did a Local or Remote descriptor, and with it an m= line, come with ``stream``?"""
    return stream.transport != "" and (
        stream.remote is not None
        or stream.local is not None
        or stream.local_crypto is not None
        or stream.remote_crypto is not None
        or stream.setup is not None
        or speaks_of_certificates(stream)
        or speaks_of_paths(stream)
    )


def speaks_of_certificates(stream: Stream) -> bool:
    """Does ``stream`` say that (D)TLS ends here?"""
    return stream.choose_fingerprint is not None or stream.remote_fingerprints != ()


def speaks_of_paths(stream: Stream) -> bool:
    """Does ``stream`` say that the gateway is aware of MSRP?"""
    return stream.local_path is not None or stream.remote_path is not None


def secured(had: Security | None, stream: Stream, new_identity: NewIdentity | None) -> Security | None:
    """What becomes of ``had`` by ``stream``: the certificate stays, the rest as far as it is said anew."""
    if had is None:
        if new_identity is None or not speaks_of_certificates(stream):
            return None
        had = Security(new_identity())
    said = stream.start_tls or stream.setup is not None
    return Security(
        had.identity,
        stream.remote_fingerprints or had.expected,
        stream.start_tls if said else had.client,
        had.tls_id if stream.tls_id is None else stream.tls_id,
    )


@dataclass(slots=True)
class Termination:
    """An IP termination. heartbeat: seconds (hangterm/thb); deadline: when the next one is due.

    latching, source: as in agw.engine.api.Leg. inactivity: seconds without media to report, None: never;
    quiet_since: when that time began. out_of_service: its media broke down, which was reported.
    """

    name: str
    context: "Context"
    realm: str
    heartbeat: int
    deadline: float
    latching: bool
    source: str | None
    inactivity: int | None
    quiet_since: float
    dscp: int | None
    ends: dict[int, End] = field(default_factory=dict)
    out_of_service: bool = False


@dataclass(slots=True)
class Context:
    """A context and, of what it no longer has, the counters. started: loop time in seconds."""

    id: int
    started: float
    emergency: bool = False
    terminations: list[Termination] = field(default_factory=list)
    closed: dict[str, Counters] = field(default_factory=dict)

    def other(self, termination: Termination) -> Termination | None:
        """The termination on the other side, if it is there."""
        for one in self.terminations:
            if one is not termination:
                return one
        return None


@dataclass(slots=True)
class EndedContext:
    """For the record: what a context carried. directions: by the termination that received it.

    reason: released (by the controller), heartbeat (the controller does not know it), engine-failed (and the
    controller does not release it), control-lost, controller-changed, stopped.
    """

    id: int
    seconds: float
    reason: str
    emergency: bool
    directions: dict[str, Counters]
