"""The procedures of Iq (TS 23.334 clauses 5, 6, 8) as values: what the IMS-ALG asks, the IMS-AGW answers.

Plain slots, no validation: they stand on the path of every call. ``iq.h248`` maps them to H.248 commands.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from iq.errors import IqError
from iq.fingerprint import Fingerprint
from iq.suites import Crypto

ALL_CONTEXTS = 0xFFFFFFFF
"""Context ``*`` of a wildcard Release or audit (not a context that a gateway may choose)."""


class Mode(StrEnum):
    """Gate of a stream: may the termination send to, and receive from, its peer (H.248.1 7.1.7)."""

    SEND_RECEIVE = "SendReceive"
    SEND_ONLY = "SendOnly"
    RECEIVE_ONLY = "ReceiveOnly"
    INACTIVE = "Inactive"


class Latch(StrEnum):
    """ipnapt/latch (H.248.37): replace Remote by the source that packets come from."""

    OFF = "OFF"
    LATCH = "LATCH"
    RELATCH = "RELATCH"


class Setup(StrEnum):
    """Which end of a TCP connection (RFC 4145 4), or of a DTLS association (RFC 5763 5), a termination is."""

    ACTIVE = "active"
    """It connects to Remote; the DTLS client."""
    PASSIVE = "passive"
    """It waits for the peer at Local; the DTLS server."""


@dataclass(slots=True)
class Endpoint:
    """A transport address. rtcp_port None: port + 1, or the same port under rtcp-mux."""

    address: str
    port: int
    rtcp_port: int | None = None


@dataclass(slots=True)
class Stream:
    """One H.248 stream of one termination: LocalControl, Local and Remote (TS 23.334 5.11).

    transport (the m= line's proto) tells the gateway what to do: RTP/SAVP is SRTP with these keys,
    RTP/AVP plain; both terminations RTP/SAVP without keys is a transparent relay.
    local_crypto: what the gateway protects with; remote_crypto: what the peer protects with.
    In a request ``local`` None asks for an address; a reply carries it. mode None: unchanged.
    remote None: unchanged in Configure, not known yet in Reserve; remote.port 0 releases the stream.

    setup: for TCP, what the gateway does at this termination (TS 23.334 5.16); None: unchanged, at first not
    known yet (nothing is accepted, a SYN waits). An active end connects when the other end's connection is
    there (the incoming SYN triggers the outgoing one), or by ``establish`` (tcpbcc/EstBNC). Either of them,
    after a connection has ended or failed: a new one. ``establish``, another setup or another Remote replace
    a connection that stands (a=connection:new).

    (D)TLS ends at the gateway where a certificate was asked for or the peer's is known (TS 23.334 5.11);
    else TLS passes unread. choose_fingerprint: in a request, the hash (of iq.fingerprint.HASHES) by which the
    gateway shall tell its certificate, which the stream keeps for its life; ``local_fingerprint`` of the
    reply is that. remote_fingerprints: of the peer's certificate; (): unchanged. One of the strongest hash
    among them has to match. Until the first ones are known there is no handshake.
    start_tls: the gateway is the client, and begins as soon as the transport is there (tlsbsc/EstBNC): over
    TCP when the connection stands, over UDP when Remote and remote_fingerprints are known. Whoever gives a
    ``setup`` without it makes the gateway the server. Over UDP it goes with Setup.ACTIVE and no other.
    tls_id: the peer's (RFC 8842); None: unchanged. Another tls_id, other fingerprints or another role begin a
    new session; over TCP on a new connection.

    local_path, remote_path: where the gateway is to be aware of MSRP (TS 23.334 5.19): the URI by which the
    peer of this termination knows it, and the first URI of that peer's own path; None: unchanged. With these
    of both terminations the gateway leads the paths of each message over itself, as long as the transport is
    MSRP. A stream without any passes unread.
    """

    id: int = 1
    media: str = "audio"
    transport: str = "RTP/AVP"
    formats: str = "-"
    mode: Mode | None = None
    local: Endpoint | None = None
    remote: Endpoint | None = None
    local_crypto: Crypto | None = None
    remote_crypto: Crypto | None = None
    rtcp_mux: bool = False
    setup: Setup | None = None
    establish: bool = False
    choose_fingerprint: str | None = None
    local_fingerprint: Fingerprint | None = None
    remote_fingerprints: tuple[Fingerprint, ...] = ()
    start_tls: bool = False
    tls_id: str | None = None
    local_path: str | None = None
    remote_path: str | None = None


@dataclass(slots=True)
class Reserve:
    """Reserve AGW Connection Point; Reserve and Configure where a stream has its remote (23.334 8.1, 8.2).

    heartbeat: hangterm/thb timerx in seconds, mandatory. source: only media from this address (or prefix,
    "192.0.2.0/24") may latch (gm/saf, gm/sam). inactivity: adid/ipstop in seconds, None off.
    """

    realm: str
    streams: list[Stream]
    heartbeat: int
    latch: Latch = Latch.OFF
    source: str | None = None
    inactivity: int | None = None
    dscp: int | None = None


@dataclass(slots=True)
class Configure:
    """Configure AGW Connection Point, and Change Through-Connection by ``mode`` (TS 23.334 8.3).

    source: as in Reserve, for a peer that has moved; None: unchanged. It stands in each of ``streams``.
    """

    termination: str
    streams: list[Stream]
    latch: Latch | None = None
    source: str | None = None


@dataclass(slots=True)
class Release:
    """Release AGW Termination (TS 23.334 8.4). termination "*": the whole context, one wildcarded reply."""

    termination: str = "*"


@dataclass(slots=True)
class AuditRoot:
    """Empty AuditValue on ROOT: is the gateway alive. Context must be 0."""


@dataclass(slots=True)
class AuditTerminations:
    """AuditValue ``*`` in context ``*``: which terminations exist. Context must be ALL_CONTEXTS.

    pattern: "*" for all, or a page of them: "ip/*7" are those whose number ends with 7.
    """

    pattern: str = "*"


class ServiceChangeMethod(StrEnum):
    """H.248.1 7.2.8."""

    GRACEFUL = "Graceful"
    FORCED = "Forced"
    RESTART = "Restart"
    DISCONNECTED = "Disconnected"
    HANDOFF = "Handoff"
    FAILOVER = "Failover"


class Reason(IntEnum):
    """ServiceChange reasons in use (H.248.8)."""

    SERVICE_RESTORED = 900
    COLD_BOOT = 901
    WARM_BOOT = 902
    MALFUNCTIONING = 904
    OUT_OF_SERVICE = 905


@dataclass(slots=True)
class Register:
    """IMS-AGW Restoration, Communication Up or Out-of-Service: ServiceChange on ROOT (TS 23.334 8).

    epoch: hexadecimal, chosen by the gateway process at its start: the same epoch still has its contexts.
    suites: what its engine can do; an empty tuple means MANDATORY_SUITE alone. mechanisms: of media security
    that it can end (TS 24.229 7.2A.7); an empty tuple means MANDATORY_MECHANISM alone. aware: protocols of
    media that it can be aware of (TS 23.334 5.19).
    """

    method: ServiceChangeMethod
    reason: Reason
    version: int = 2
    profile: str = "threegimsagw/1"
    epoch: str = ""
    suites: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ()
    aware: tuple[str, ...] = ()


@dataclass(slots=True)
class Heartbeat:
    """Termination heartbeat indication (hangterm/thb)."""

    termination: str


@dataclass(slots=True)
class BearerReleased:
    """IP Bearer Released (g/cause). general: NR, UR, FT, FP, IW or UN (H.248.1 E.1.2)."""

    termination: str
    general: str
    failure: str = ""


@dataclass(slots=True)
class MediaInactivity:
    """Media inactivity (adid/ipstop)."""

    termination: str


@dataclass(slots=True)
class OutOfService:
    """Termination Out-of-Service: a Forced ServiceChange on the termination (TS 23.334 8).

    reason: MALFUNCTIONING or OUT_OF_SERVICE.
    """

    termination: str
    reason: Reason


class Change(StrEnum):
    """What became of a TCP connection (tcpbcc/BNCChange), or of a (D)TLS session (tlsbsc/BNCChange)."""

    FAILED = "FAIL"
    """It was not established: refused, unreachable, or not in time."""
    RELEASED = "REL"
    """It stood, and has ended: closed by a peer, or broken."""


@dataclass(slots=True)
class BearerChange:
    """TCP establishment failure or loss (TS 23.334 5.16): the connections of ``stream`` at both terminations
    are gone; reported once, at the termination where it began. cause: for the log."""

    termination: str
    stream: int
    change: Change
    cause: str = ""


class SecurityCause(StrEnum):
    """Why there is no (D)TLS session (any more)."""

    FINGERPRINT = "fingerprint mismatch"
    """The peer's certificate is not the one that its SDP announced."""
    NO_CERTIFICATE = "no certificate"
    CERTIFICATE = "bad certificate"
    """One that no fingerprint saves: of a weak key, or not to be read."""
    PROTOCOL = "protocol error"
    """Not (D)TLS at all, a version or suite that is not allowed, a broken record."""
    REFUSED = "refused by peer"
    """An alert of the peer, of our certificate for instance."""
    TIMEOUT = "timeout"
    CLOSED = "closed"
    """The peer ended the session, or the transport went away in the handshake."""
    OVERLOAD = "too many handshakes"


@dataclass(slots=True)
class SecurityChange:
    """(D)TLS failure or loss (TS 23.334 5.11): ``stream`` passes nothing any more at both terminations, and
    has no TCP connections; reported once, without a BearerChange. FAILED: no octet of media has passed."""

    termination: str
    stream: int
    change: Change
    cause: SecurityCause


@dataclass(slots=True)
class AuthenticationFailures:
    """``stream`` gets packets that fail authentication: ``count`` of them since the last report.

    Our extension (TS 23.334 has no such procedure). The stream goes on; nothing of them was forwarded.
    """

    termination: str
    stream: int
    count: int


Notification = (
    Heartbeat
    | BearerReleased
    | MediaInactivity
    | OutOfService
    | BearerChange
    | SecurityChange
    | AuthenticationFailures
)

Procedure = (
    Reserve
    | Configure
    | Release
    | AuditRoot
    | AuditTerminations
    | Register
    | Heartbeat
    | BearerReleased
    | MediaInactivity
    | OutOfService
    | BearerChange
    | SecurityChange
    | AuthenticationFailures
)


@dataclass(slots=True)
class Action:
    """Procedures on one context, executed in order, stopping at the first that fails (H.248.1 8.2.2).

    context: None chooses a new one (``$``); 0 is the null context (ROOT); ALL_CONTEXTS is ``*``.
    priority: 0 to 15 (TS 23.334 6.2.12).
    """

    context: int | None
    procedures: list[Procedure]
    emergency: bool = False
    priority: int | None = None


@dataclass(slots=True)
class Reserved:
    """Reply to Reserve and Configure: the termination, and per stream what was asked with ``$``."""

    termination: str
    streams: list[Stream] = field(default_factory=list)


@dataclass(slots=True)
class Done:
    """Reply to everything that returns nothing but its termination ("ROOT", "*" included)."""

    termination: str


@dataclass(slots=True)
class Registered:
    """Reply to Register: what the controller agreed to."""

    version: int = 2
    profile: str | None = None


@dataclass(slots=True)
class Audited:
    """Reply to AuditTerminations: every context with its terminations."""

    contexts: dict[int, list[str]]


Reply = Reserved | Done | Registered | Audited


@dataclass(slots=True)
class ActionReply:
    """Replies in the order of the procedures; ``error`` is that of the first that failed.

    What was done before the error stays in force: the IMS-ALG has to subtract (H.248.1 8.2.2).
    """

    context: int | None
    replies: list[Reply]
    error: IqError | None = None
