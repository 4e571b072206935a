"""What ends DTLS at ports of the packet engine. Values go in, keys and reports come out.

A *port* is one of the engine; its RTP socket carries one association, and without rtcp-mux that of RTCP
another one (RFC 5764 4). Handshakes go through Python; SRTP never does. UDPTL does: a fax sends 50 packets a
second.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agw.engine.api import Counters, Datagram, PortId
from agw.security.api import Security
from iq.procedures import Change, Endpoint, SecurityCause
from iq.suites import Crypto


@dataclass(slots=True)
class DtlsLeg:
    """One side of a stream.

    security: while it expects no fingerprint the peer is not heard, but its hello waits; another one is
    another association. srtp: for the keys of SRTP; else UDPTL is inside, which goes to and comes from the
    port ``far`` in the clear.
    remote, latching, source, rtcp_mux: as in agw.engine.api.Leg. A client's handshake goes to ``remote``.
    outwards: the gate from here to ``far``, which sends to ``far_remote``, or to what it has latched.
    """

    security: Security
    srtp: bool = True
    remote: Endpoint | None = None
    latching: bool = False
    source: str | None = None
    rtcp_mux: bool = False
    outwards: bool = False
    far: PortId | None = None
    far_remote: Endpoint | None = None
    far_latches: bool = False


@dataclass(frozen=True, slots=True)
class Keys:
    """For agw.engine.api.Leg: ``rtcp_send`` and ``rtcp_receive`` where there is an association for RTCP.

    remote: where the peer of an association that stands has proved to be, which behind a NAT is not where its
    SDP says.
    """

    send: Crypto | None = None
    receive: Crypto | None = None
    rtcp_send: Crypto | None = None
    rtcp_receive: Crypto | None = None
    remote: Endpoint | None = None


class Report(NamedTuple):
    """The association at ``port`` failed, or has ended. detail: for the log, nothing secret."""

    port: PortId
    change: Change
    cause: SecurityCause
    detail: str


@dataclass(slots=True)
class Passed:
    """What came out of associations in the clear and went on; of a far port, what went into them.

    last_activity: loop time, None before, and of a far port.
    """

    counters: Counters
    last_activity: float | None = None


class DtlsEnds(Protocol):
    """Ends DTLS. All calls come from the loop's thread; none blocks."""

    def edit(self, port: PortId, leg: DtlsLeg) -> None:
        """Replace the leg; DTLS ends here from the first one on. An equal ``security`` keeps the association;
        the one before brings its own back, since a change may be taken back."""

    def restart(self, port: PortId) -> None:
        """Begin anew where it has failed or ended."""

    def keys(self, port: PortId) -> Keys:
        """What there is so far; while an association is renewed, those of the one before."""

    def passed(self, port: PortId) -> Passed | None:
        """None where DTLS ends neither at this port nor at the one that it is the far one of."""

    def close(self, port: PortId) -> Passed | None:
        """Forget everything, and return what ``passed`` has; the peer hears of it."""

    def take(self, datagrams: list[Datagram]) -> None:
        """What the engine handed over, of any port."""

    def watch(self, keyed: Callable[[PortId], None], reported: Callable[[Report], None]) -> None:
        """Have ``keyed`` called when ``keys`` of a port have changed, and ``reported`` for what went wrong;
        never from within ``edit``, ``restart`` or ``close``. Once."""
