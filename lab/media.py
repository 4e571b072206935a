"""One end of an RTP stream, plain or SRTP: sends known speech, checks what comes back bit for bit."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from lab import kind, rtcp, rtp
from lab.dtls import is_record
from lab.kind import Check
from lab.sockets import Address, drain, open_pair, transmit
from lab.speech import SAMPLES, payload
from lab.srtp import Protector, SdesKey, Unprotector

#: Most packets of one exchange (an hour of speech), most sources told apart in one stream.
MAX_PACKETS = 180_000
MAX_SOURCES = 16
#: Packets between two RTCP reports: a second of speech.
REPORT_EVERY = 50
#: Longest packet that is echoed: SRTP has to fit behind it.
MAX_ECHO = 1300


@dataclass(slots=True)
class Statistics(kind.Statistics):
    """What one end sent and saw, in packets. ``exact``: with the right payload, ``bad``: with another one.

    undecryptable: failed authentication or replay check; foreign: from another address than the peer's.
    rtcp_clear, rtcp_opaque: as ``clear`` and ``opaque``.
    """

    undecryptable: int = 0
    foreign: int = 0
    lost: int = 0
    reordered: int = 0
    duplicates: int = 0
    jitter_ms: float = 0.0
    rtcp_sent: int = 0
    rtcp_received: int = 0
    rtcp_clear: int = 0
    rtcp_opaque: int = 0

    def problems(self, units: int) -> list[str]:
        found = []
        if self.exact < units:
            found.append(f"{self.exact} of {units} packets arrived bit-exact")
        names = ("bad", "undecryptable", "lost", "foreign", "duplicates")
        found += [f"{count} {name}" for name in names if (count := getattr(self, name))]
        if self.suite and (self.clear or self.rtcp_clear):
            found.append(f"{self.clear} RTP and {self.rtcp_clear} RTCP packets in clear on a protected leg")
        if not self.suite and self.opaque:
            found.append(f"{self.opaque} packets without the known payload on a plain leg")
        return found

    def checks(self, user: str, units: int) -> Iterable[Check]:
        problems = self.problems(units)
        seen = f"{self.exact} exact, {self.lost} lost, jitter {self.jitter_ms:.2f} ms"
        yield Check(f"{user} got {units} packets bit-exact", not problems, "; ".join(problems) or seen)
        hidden = self.suite is not None and self.opaque > 0 and not self.clear and not self.rtcp_clear
        yield Check(
            f"nothing readable on {user}'s access leg",
            hidden,
            f"{self.suite}: {self.opaque} RTP and {self.rtcp_opaque} RTCP packets, all encrypted"
            if hidden
            else f"{self.clear} RTP and {self.rtcp_clear} RTCP packets in clear",
        )
        yield Check(f"{user} got RTCP", self.rtcp_received > 0, f"{self.rtcp_received} reports")

    def columns(self) -> dict[str, str]:
        return {
            "sent": str(self.sent),
            "received": str(self.received),
            "bit-exact": str(self.exact),
            "bad": str(self.bad),
            "not opened": str(self.undecryptable),
            "lost": str(self.lost),
            "reordered": str(self.reordered),
            "jitter ms": f"{self.jitter_ms:.2f}",
            "readable": f"{self.clear} of {self.clear + self.opaque}",
            "RTCP in/out": f"{self.rtcp_received}/{self.rtcp_sent}",
        }


class MediaEnd:
    """Two UDP sockets on the running loop. ``connect`` names the peer and the keys; ``close`` when done.

    echo: every packet that arrived goes back as it is (same SSRC and sequence number), under this end's key.
    heard: something of the peer could be opened. records: takes what is DTLS on the RTP port.
    """

    def __init__(self, address: str = "127.0.0.1", port: int = 0, *, echo: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._rtp, self._rtcp = open_pair(address, port)
        self.local: Address = (address, self._rtp.getsockname()[1])
        self.echo = echo
        self.heard = asyncio.Event()
        self.records: Callable[[bytes, Address], None] | None = None
        self.ssrc = secrets.randbits(32)
        # Below 2^15, so that early loss cannot shift the peer's roll-over counter (RFC 3711 3.3.1).
        self._sequence = secrets.randbits(14)
        self._timestamp = secrets.randbits(31)
        self._remote: Address | None = None
        self._remote_rtcp: Address | None = None
        self._send_key: SdesKey | None = None
        self._receive_key: SdesKey | None = None
        self._protector: Protector | None = None
        self._unprotector: Unprotector | None = None
        self._counts = Statistics()
        self._sources: dict[int, rtp.Reception] = {}
        self._wanted = 0
        self._waiting: tuple[int, asyncio.Future[None]] | None = None
        self._loop.add_reader(self._rtp, drain, self._rtp, self._on_rtp)
        self._loop.add_reader(self._rtcp, drain, self._rtcp, self._on_rtcp)

    def connect(
        self,
        remote: Address,
        send: SdesKey | None = None,
        receive: SdesKey | None = None,
        remote_rtcp: Address | None = None,
    ) -> None:
        """Set the peer and the keys (both or none). A key that stays keeps its context and its counters.

        remote_rtcp: None: the port above; the same as ``remote``: both come and go by one port (RFC 5761).
        """
        if (send is None) != (receive is None):
            raise ValueError("SRTP needs a key for each direction")
        self._remote = remote
        self._remote_rtcp = remote_rtcp or (remote[0], remote[1] + 1)
        if send != self._send_key:
            self._protector = Protector(send) if send else None
        if receive != self._receive_key:
            self._unprotector = Unprotector(receive) if receive else None
        self._send_key, self._receive_key = send, receive
        self._counts.suite = send.suite if send else None

    async def exchange(self, packets: int = 50, *, interval: float = 0.02, grace: float = 2.0) -> Statistics:
        """Send ``packets``, one each ``interval`` seconds; wait till as many came or ``grace`` is over."""
        self._wanted += packets
        await self.send(packets, interval=interval)
        await self.arrived(self._wanted, timeout=grace)
        return self.statistics()

    async def send(self, packets: int, *, interval: float = 0.02) -> None:
        """Send ``packets`` of speech at a steady pace, with an RTCP report each second and at the end."""
        if not 0 < packets <= MAX_PACKETS:
            raise ValueError(f"1 to {MAX_PACKETS} packets")
        due = self._loop.time()
        for n in range(packets):
            self._send_rtp(rtp.build(self.ssrc, self._sequence, self._timestamp, marker=n == 0))
            self._counts.sent += 1
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._timestamp = (self._timestamp + SAMPLES) & 0xFFFFFFFF
            if n % REPORT_EVERY == 0:
                self.report()
            due += interval
            await asyncio.sleep(max(0.0, due - self._loop.time()))
        self.report()

    async def arrived(self, exact: int, *, timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        """Wait till ``exact`` right packets came in all; False when ``timeout`` seconds went by."""
        if self._counts.exact < exact:
            self._waiting = (exact, self._loop.create_future())
            await asyncio.wait([self._waiting[1]], timeout=timeout)
            self._waiting = None
        return self._counts.exact >= exact

    def report(self) -> None:
        """Send one RTCP compound: SR, or RR where nothing was sent."""
        if self._remote_rtcp is None:
            return
        sent = self._counts.sent
        packet = rtcp.report(
            self.ssrc,
            self._sources,
            now=time.time(),
            sent=sent,
            octets=sent * SAMPLES,
            timestamp=self._timestamp,
        )
        if self._protector:
            packet = self._protector.rtcp(packet)
        out = self._rtp if self._muxed else self._rtcp
        self._counts.rtcp_sent += transmit(out, packet, self._remote_rtcp)

    def statistics(self) -> Statistics:
        """Return the counts so far, loss and jitter over all sources included."""
        counts = self._counts
        receptions = self._sources.values()
        counts.lost = sum(r.lost for r in receptions)
        counts.reordered = sum(r.reordered for r in receptions)
        counts.duplicates = sum(r.duplicates for r in receptions)
        counts.jitter_ms = round(max((r.jitter_ms for r in receptions), default=0.0), 3)
        return Statistics(**asdict(counts))

    def close(self) -> None:
        """Close both sockets; further calls do nothing."""
        for sock in (self._rtp, self._rtcp):
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock)
                sock.close()

    def emit(self, datagram: bytes, to: Address) -> None:
        """Send a datagram from the RTP port as it is."""
        transmit(self._rtp, datagram, to)

    @property
    def _muxed(self) -> bool:
        return self._remote is not None and self._remote == self._remote_rtcp

    def _send_rtp(self, packet: bytes) -> None:
        if self._remote is None:
            return
        if self._protector:
            packet = self._protector.rtp(packet)
        transmit(self._rtp, packet, self._remote)

    def _on_rtp(self, data: bytes, source: Address) -> None:
        counts = self._counts
        if self.records is not None and is_record(data):
            self.records(data, source)
            return
        if source != self._remote:
            counts.foreign += 1
            return
        if self._muxed and rtcp.is_rtcp(data):
            self._on_rtcp(data, source)
            return
        counts.received += 1
        if rtp.in_clear(data):
            counts.clear += 1
        else:
            counts.opaque += 1
        opened = self._unprotector.rtp(data) if self._unprotector else data
        packet = rtp.parse(opened) if opened is not None else None
        if opened is None or packet is None:
            counts.undecryptable += 1
            return
        self.heard.set()
        self._count(packet)
        if self.echo and len(opened) <= MAX_ECHO:
            self._send_rtp(opened)
            counts.sent += 1

    def _count(self, packet: rtp.RtpPacket) -> None:
        now = self._loop.time()
        if reception := self._sources.get(packet.ssrc):
            if not reception.add(packet, now):
                return
        elif len(self._sources) < MAX_SOURCES:
            self._sources[packet.ssrc] = rtp.Reception(packet, now)
        if packet.payload != payload(packet.ssrc, packet.sequence):
            self._counts.bad += 1
            return
        self._counts.exact += 1
        if self._waiting and self._counts.exact >= self._waiting[0] and not self._waiting[1].done():
            self._waiting[1].set_result(None)

    def _on_rtcp(self, data: bytes, source: Address) -> None:
        if source != self._remote_rtcp:
            self._counts.foreign += 1
            return
        if rtcp.in_clear(data):
            self._counts.rtcp_clear += 1
        else:
            self._counts.rtcp_opaque += 1
        opened = self._unprotector.rtcp(data) if self._unprotector else data
        if opened is None or not rtcp.is_rtcp(opened):
            self._counts.undecryptable += 1
            return
        self._counts.rtcp_received += 1
        if self.echo and not self.heard.is_set():
            self.report()
        self.heard.set()
