"""SIP over UDP on raw sockets: an asyncio datagram endpoint costs 64 us for a socket, a reader 11."""

import asyncio
import ipaddress
import select
import socket
from collections.abc import Callable
from typing import Protocol

from pcscf.errors import BadMessage, SipRefusal
from pcscf.flow import Flow, Listener
from pcscf.sip.framing import from_datagram
from pcscf.sip.headers import Via
from pcscf.sip.message import Request, Response
from pcscf.transport.stun import binding_response

#: Largest datagram that is read (octets): all of UDP.
MAX_DATAGRAM = 65_535
#: Datagrams read in one go, so that timers and connections get their turn under a flood.
BATCH = 64
#: Kernel buffers asked for (octets); the system's limit may give less.
BUFFER = 4 * 1024 * 1024
#: Flow objects kept for use again. They are values: a peer's next one is equal.
MAX_FLOWS = 8192
#: Port of a sent-by without one (RFC 3261 18.2.2).
DEFAULT_PORT = 5060


class Owner(Protocol):
    """What a UDP socket tells the transports."""

    counters: dict[str, int]
    on_message: Callable[[Request | Response, Flow], None]


class UdpFlow:
    """One peer of one UDP listener. ``reply``: where its responses go if not to ``remote`` (18.2.2)."""

    __slots__ = ("_socket", "key", "listener", "remote", "reply")

    closed = False

    def __init__(
        self, socket_: "UdpSocket", remote: tuple[str, int], reply: tuple[str, int] | None = None
    ) -> None:
        self._socket = socket_
        self.listener = socket_.listener
        self.remote = remote
        self.reply = reply
        self.key: tuple[object, ...] = (socket_.name, *remote)

    def send(self, data: bytes) -> None:
        """Send one datagram. What the kernel does not take is lost, as on any network, and counted."""
        remote = self.remote
        if self.reply is not None and data.startswith(b"SIP/"):
            remote = self.reply
        self._socket.send(data, remote)

    def __repr__(self) -> str:
        return f"<UdpFlow {self.remote[0]}:{self.remote[1]}>"


class UdpSocket:
    """One bound UDP listener."""

    def __init__(
        self,
        listener: Listener,
        sock: socket.socket,
        owner: Owner,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.listener = listener
        self.name = f"udp:{listener.hostport}"
        self._sock = sock
        self._owner = owner
        self._loop = loop
        self._flows: dict[tuple[str, int], UdpFlow] = {}
        # By recvfrom() each datagram would begin as 64 kB of its own and shrink to what came: what lives on
        # of it splits the memory around it, the next 64 kB fit nowhere, and the heap grows.
        self._buffer = memoryview(bytearray(MAX_DATAGRAM))
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        #: Since when a batch has not been enough to empty the socket; None: it was empty when last read.
        self.behind_since: float | None = None
        loop.add_reader(sock.fileno(), self._readable)

    def flow(self, host: str, port: int) -> UdpFlow:
        """Return the flow to a numeric address. Raises ValueError for another one."""
        flow = self._flows.get((host, port))
        if flow is None:
            ipaddress.ip_address(host)  # sendto would ask DNS for a name, and wait
            if not 0 < port < 65536:
                raise ValueError(f"port {port}")
            flow = self._remember(host, port)
        return flow

    def send(self, data: bytes, remote: tuple[str, int]) -> None:
        try:
            self._sock.sendto(data, remote)
        except OSError as error:  # a full buffer, ICMP errors of earlier datagrams, no route
            name = "send_blocked" if isinstance(error, BlockingIOError) else "send_errors"
            self._count(name)

    def close(self) -> None:
        """May be called again: a start that fails closes what it opened, and its owner closes everything."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _remember(self, host: str, port: int) -> UdpFlow:
        if len(self._flows) >= MAX_FLOWS:
            self._flows.clear()
        flow = self._flows[host, port] = UdpFlow(self, (host, port))
        return flow

    def _readable(self) -> None:
        receive = self._sock.recvfrom_into
        for _ in range(BATCH):
            try:
                size, address = receive(self._buffer)
            except BlockingIOError:  # its checksum was wrong
                break
            except OSError:  # an ICMP error: it belongs to a datagram that we sent, not to the socket
                self._count("receive_errors")
            else:
                self._datagram(self._buffer[:size].tobytes(), address[0], address[1])
            if not self._waiting():
                break
        else:
            if self.behind_since is None:
                self.behind_since = self._loop.time()
            return
        self.behind_since = None

    def _waiting(self) -> bool:
        """Tell whether more is there: for less than the exception of a recvfrom() that finds nothing."""
        # Closed by what the datagram asked for: its number may be another one's by now.
        return self._sock.fileno() >= 0 and bool(self._poll.poll(0))

    def _datagram(self, data: bytes, host: str, port: int) -> None:
        if data[:1] == b"\x00" and (answer := binding_response(data, host, port)) is not None:
            self._count("stun_keep_alives")
            self.send(answer, (host, port))
            return
        try:
            message = from_datagram(data)
        except BadMessage:
            self._count("bad_messages")
            return
        if message is None:
            self._count("keep_alives")
            return
        flow = self._flows.get((host, port)) or self._remember(host, port)
        if isinstance(message, Request):
            top = message.first("via")
            if top is None or "rport" not in top:
                flow = self._by_via(top or "", host, port)
        self._owner.on_message(message, flow)

    def _by_via(self, top: str, host: str, port: int) -> UdpFlow:
        """Responses go to the source address, but to the port of sent-by, where nobody asked for rport."""
        try:
            reply = Via.parse(top).port or DEFAULT_PORT
        except SipRefusal:
            reply = port  # the transaction layer drops it
        if reply == port:
            return self.flow(host, port)
        return UdpFlow(self, (host, port), (host, reply))

    def _count(self, name: str) -> None:
        self._owner.counters[name] = self._owner.counters.get(name, 0) + 1


def bind_udp(address: str, port: int) -> socket.socket:
    """Return a non-blocking socket bound to a numeric ``address``. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
