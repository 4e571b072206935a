"""The way of a packet through the portable engine: admit, unprotect, latch, gate, protect, send.

This is all that is done per packet: attributes and locals, no exception but those of the operating system
and of libsrtp for packets that are dropped, one read for each readiness of a socket.
"""

import errno
import functools
import ipaddress
import socket
from typing import Any

from agw.engine.api import (
    MAX_HANDED_OVER,
    Counters,
    Datagram,
    DropReason,
    Leg,
    PortId,
    PortState,
    Transform,
)
from agw.engine.keys import Keys
from agw.engine.sockets import as_source
from agw.engine.srtp import Receiver, Sender

MAX_DATAGRAM = 2048
"""Octets; longer ones are dropped as TOO_LARGE."""
RTP_HEADER = 12
RTCP_HEADER = 8


class Common:
    """What all ports of an engine share. now: the loop's time, read once for each batch of packets;
    handed_over: what waits for ``Engine.drain``."""

    __slots__ = ("handed_over", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self.handed_over: list[Datagram] = []


class Port:
    """Both sockets of one leg and what is done with their packets."""

    __slots__ = (
        "common", "counters", "datagrams", "drops", "filter", "forwards", "forwards_rtcp", "handed", "id",
        "keys", "last_activity", "latching", "leg", "locked", "mux", "peer", "receiver", "rtcp",
        "rtcp_keys", "rtcp_receiver", "rtcp_sender", "rtp", "sender",
    )  # fmt: skip

    def __init__(
        self, number: PortId, pair: tuple[socket.socket, ...], common: Common, window: int, ssrcs: int
    ) -> None:
        """pair: for RTP and for RTCP."""
        self.id = number
        self.common = common
        self.rtp = Half(self, pair[0], False)
        self.rtcp = Half(self, pair[1], True)
        self.peer: Port | None = None
        self.counters = Counters()
        self.drops = self.counters.drops
        self.last_activity: float | None = None
        self.sender: Sender | None = None
        self.receiver: Receiver | None = None
        self.rtcp_sender: Sender | None = None
        self.rtcp_receiver: Receiver | None = None
        self.keys = Keys(window, ssrcs)
        self.rtcp_keys = Keys(window, ssrcs)
        self.forwards = self.forwards_rtcp = False
        self.filter: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
        self.leg = Leg()
        self.locked, self.datagrams, self.handed, self.latching, self.mux = True, False, False, False, False

    def apply(self, leg: Leg) -> None:
        """Take over ``leg``. Raises EngineError, ValueError (addresses); then nothing passes."""
        self.locked = True
        self._apply_keys(leg)
        if leg.source != self.leg.source:
            self.filter = _network(leg.source) if leg.source else None
        self.handed = leg.transform is Transform.HANDED
        self.datagrams = self.handed or leg.transform is Transform.DATAGRAM
        self.latching = leg.latching
        self.mux = leg.rtcp_mux
        remote = leg.remote
        if remote is None:
            self.rtp.direct(None)
            self.rtcp.direct(None)
        else:
            rtcp_port = remote.rtcp_port or (remote.port + 1) & 0xFFFF
            rtp, rtcp = as_source(remote.address, remote.port, rtcp_port)
            self.rtp.direct(rtp)
            self.rtcp.direct(rtcp)
        self.leg = leg
        self.locked = leg.transform in (Transform.CLOSED, Transform.SRTP)

    def _apply_keys(self, leg: Leg) -> None:
        self.sender = self.receiver = self.rtcp_sender = self.rtcp_receiver = None
        protected = leg.transform is Transform.SRTP
        keys, now = self.keys, self.common.now
        keys.apply(leg.send if protected else None, leg.receive if protected else None, now)
        self.sender, self.receiver = keys.sender, keys.receiver
        if leg.rtcp_apart:
            keys = self.rtcp_keys
            keys.apply(leg.rtcp_send if protected else None, leg.rtcp_receive if protected else None, now)
        self.rtcp_sender, self.rtcp_receiver = keys.sender, keys.receiver

    def regate(self) -> None:
        """Work out what may pass from here to the peer, after either leg has changed.

        A gate that is open one way keeps RTCP going both ways (RFC 3264 5.1); a closed one stops all.
        """
        peer = self.peer
        if peer is None:
            self.forwards = self.forwards_rtcp = False
            return
        mine, its = self.leg, peer.leg
        self.forwards = mine.may_receive and its.may_send
        self.forwards_rtcp = (mine.may_send or mine.may_receive) and (its.may_send or its.may_receive)

    def state(self) -> PortState:
        return PortState(self.counters, self.rtp.latched, self.rtcp.latched, self.last_activity)


class Half:
    """One socket: RTP (and RTCP under mux), or RTCP.

    source: the address that packets are taken from, None: none yet. destination: where to send.
    latched: was learnt. armed: RELATCH was commanded.
    """

    __slots__ = (
        "_receive",
        "_send",
        "armed",
        "destination",
        "is_rtcp",
        "latched_to",
        "port",
        "sock",
        "source",
    )

    def __init__(self, port: Port, sock: socket.socket, is_rtcp: bool) -> None:
        self.port = port
        self.sock = sock
        self.is_rtcp = is_rtcp
        self._receive = sock.recvfrom
        self._send = sock.sendto
        self.source: Any = None
        self.destination: Any = None
        self.latched_to: Any = None
        self.armed = False

    @property
    def latched(self) -> tuple[str, int] | None:
        return self.latched_to[:2] if self.latched_to is not None else None

    def direct(self, remote: Any) -> None:
        """Set where packets come from and go to before, or without, latching."""
        port = self.port
        if not port.latching:
            self.source = self.destination = remote
            self.latched_to = None
            self.armed = False
            return
        self.source = self.latched_to
        if self.latched_to is not None:
            return
        self.destination = remote
        # Nobody gets plain media sent to an address that it could not send from.
        if remote is not None and port.receiver is None and port.filter is not None:
            self.destination = remote if ipaddress.ip_address(remote[0]) in port.filter else None

    def readable(self) -> None:
        """Take one datagram; the poller comes back while there are more, after the other sockets."""
        try:
            data, source = self._receive(MAX_DATAGRAM + 1)
        except BlockingIOError:
            return
        except OSError:  # an ICMP error of an earlier send
            self.port.drops[DropReason.SOCKET] += 1
            return
        if (reason := self._relay(data, source)) is not None:
            self.port.drops[reason] += 1

    def _relay(self, data: bytes, source: Any) -> DropReason | None:
        port = self.port
        octets = len(data)
        rtcp = self.is_rtcp
        if octets > MAX_DATAGRAM:
            return DropReason.TOO_LARGE
        if not port.datagrams:
            if octets < RTCP_HEADER or not 128 <= data[0] <= 191:
                return self._foreign(data, source)
            if 192 <= data[1] <= 223:  # RFC 5761 4; without mux it is RTP with a marker
                rtcp = rtcp or port.mux
            elif rtcp:
                return DropReason.NOT_MEDIA
            if octets < RTP_HEADER and not rtcp:
                return DropReason.SHORT
        moved = source != self.source
        receiver = port.rtcp_receiver if rtcp else port.receiver
        if moved and not self._admits(source, receiver):
            return DropReason.SOURCE
        if receiver is not None:
            plain = receiver.unprotect(data, rtcp, port.common.now)
            if isinstance(plain, DropReason):
                return plain
            data = plain
        elif port.locked:
            return DropReason.NO_KEY
        if moved:
            self.source = self.destination = self.latched_to = source
            self.armed = False
        port.last_activity = port.common.now
        return self._forward(data, rtcp, octets)

    def _forward(self, data: bytes, rtcp: bool, octets: int) -> DropReason | None:
        port = self.port
        if (peer := port.peer) is None:
            return DropReason.UNJOINED
        if not (port.forwards_rtcp if rtcp else port.forwards):
            return DropReason.GATE
        if port.handed:
            return self._hand(data, self.source, DropReason.DTLS)
        out = peer.rtcp if rtcp and not peer.mux else peer.rtp
        if out.destination is None:
            return DropReason.NO_REMOTE
        sender = peer.rtcp_sender if rtcp else peer.sender
        if sender is not None:
            protected = sender.protect(data, rtcp)
            if isinstance(protected, DropReason):
                return protected
            data = protected
        elif peer.locked:
            return DropReason.NO_KEY
        try:
            out._send(data, out.destination)
        except OSError as error:
            return DropReason.TOO_LARGE if error.errno == errno.EMSGSIZE else DropReason.SOCKET
        counters = port.counters
        if rtcp:
            counters.rtcp += 1
        else:
            counters.packets += 1
            counters.octets += octets
        return None

    def _admits(self, source: Any, receiver: Receiver | None) -> bool:
        """May a packet from a new source go on? On a protected leg its authentication decides."""
        port = self.port
        if not port.latching:
            return False
        if receiver is not None:
            return True
        if self.source is not None and not self.armed:
            return False
        return self._within(source)

    def _within(self, source: Any) -> bool:
        """Does the source filter let ``source`` pass?"""
        port = self.port
        return port.filter is None or ipaddress.ip_address(source[0].partition("%")[0]) in port.filter

    def _foreign(self, data: bytes, source: Any) -> DropReason | None:
        """What is not media is dropped, or waits for Python: it moves no latch, so one that is there does
        not keep it out either."""
        port = self.port
        reason = _kind(data)
        if not port.leg.hand_over or reason not in (DropReason.STUN, DropReason.DTLS):
            return reason
        if not port.latching:
            expected = source == self.source
        else:
            expected = port.leg.transform is Transform.SRTP or self._within(source)
        if not expected:
            return DropReason.SOURCE
        return self._hand(data, source, reason)

    def _hand(self, data: bytes, source: Any, reason: DropReason) -> DropReason | None:
        """To Python, which takes no more than so much: ``reason``."""
        port = self.port
        if len(port.common.handed_over) >= MAX_HANDED_OVER:
            return reason
        port.common.handed_over.append(Datagram(port.id, source[:2], data, self.is_rtcp))
        port.counters.handed_over += 1
        return None


@functools.lru_cache(maxsize=1024)
def _network(prefix: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(prefix, strict=False)


def _kind(data: bytes) -> DropReason:
    """What else shares a media port (RFC 7983 7)."""
    if not data:
        return DropReason.SHORT
    if data[0] < 4:
        return DropReason.STUN
    if 20 <= data[0] <= 63:
        return DropReason.DTLS
    return DropReason.SHORT if 128 <= data[0] <= 191 else DropReason.NOT_MEDIA
