"""All listeners and connections of one process."""

import asyncio
import ipaddress
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from hosting.tasks import TaskSet
from pcscf.errors import BadMessage, SipRefusal
from pcscf.flow import Flow, Listener, Side
from pcscf.ratelimit import source_of
from pcscf.sip.headers import Via
from pcscf.sip.message import Request, Response, parse
from pcscf.transport.budget import Budget
from pcscf.transport.identity import Peer
from pcscf.transport.stream import StreamFlow
from pcscf.transport.udp import DEFAULT_PORT, UdpSocket, bind_udp

#: Connections open at once, and those of one address on the access side; further ones are closed.
MAX_CONNECTIONS = 20_000
MAX_CONNECTIONS_PER_SOURCE = 1_000
#: Accepted ones among them whose handshakes (TLS, WebSocket) are not done; further ones are
#: closed. One source gets 1/SHARE of them at most, so that it cannot keep all others out.
MAX_HANDSHAKES = 1_000
SHARE = 10
#: Octets of unfinished messages, and of output that peers do not take, on all connections together; above,
#: connections are closed until there is room again.
MAX_UNFINISHED_INPUT = 64 * 1024 * 1024
MAX_UNSENT_OUTPUT = 64 * 1024 * 1024
#: Seconds that opening a connection may take.
CONNECT_TIMEOUT = 4.0
#: Seconds between two looks for connections that keep us waiting.
SWEEP = 5.0
BACKLOG = 1024


def _nobody(*_: object) -> None:
    """Stands for a callback that is not set."""


class Transports:
    """UDP, TCP, TLS, WS and WSS. Messages arrive by ``on_message(message, flow)``; a connection that was up
    or was wanted and is gone is told by ``on_closed(flow)``, once. Both run in the loop.

    counters: how often each thing happened that no callback tells.
    """

    def __init__(
        self,
        on_message: Callable[[Request | Response, Flow], None] = _nobody,
        on_closed: Callable[[Flow], None] = _nobody,
        *,
        max_connections: int = MAX_CONNECTIONS,
        max_connections_per_source: int = MAX_CONNECTIONS_PER_SOURCE,
        max_handshakes: int = MAX_HANDSHAKES,
        max_unfinished_input: int = MAX_UNFINISHED_INPUT,
        max_unsent_output: int = MAX_UNSENT_OUTPUT,
    ) -> None:
        self.on_message = on_message
        self.on_closed = on_closed
        self.counters: dict[str, int] = {}
        self._max_connections = max_connections
        self._max_per_source = max_connections_per_source
        self._max_handshakes = max_handshakes
        self._input: Budget[StreamFlow] = Budget(max_unfinished_input)
        self._output: Budget[StreamFlow] = Budget(max_unsent_output)
        self._handshakes: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskSet("transport")
        self._udp: dict[Listener, UdpSocket] = {}
        self._servers: list[asyncio.Server] = []
        self._contexts: dict[Listener, ssl.SSLContext] = {}
        self._flows: dict[object, StreamFlow] = {}
        self._peers: dict[tuple[Listener, str, int], StreamFlow] = {}
        self._trusted: dict[tuple[Listener, str, int], Peer] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._closing = False

    async def start(
        self,
        listeners: Sequence[Listener],
        addresses: Sequence[str] | None = None,
        contexts: Sequence[ssl.SSLContext | None] | None = None,
    ) -> list[Listener]:
        """Bind and serve; return the listeners as bound: those that flows will carry, port 0 filled in.

        addresses: numeric ones to bind, one for each listener where that is not its ``host``. contexts: of
        TLS, one for each listener; None where it has none. Raises OSError (nothing stays open) or ValueError
        for TLS without a context.
        """
        addresses = addresses or [own.host for own in listeners]
        contexts = contexts or [None] * len(listeners)
        bound = []
        try:
            for listener, address, context in zip(listeners, addresses, contexts, strict=True):
                bound.append(await self._listen(listener, address, context))
        except (OSError, ValueError):
            await self.close()
            raise
        self._sweeper = self._loop.call_later(SWEEP, self._sweep)
        return bound

    async def _listen(self, listener: Listener, address: str, context: ssl.SSLContext | None) -> Listener:
        if listener.transport == "udp":
            sock = bind_udp(address, listener.port)
            listener = replace(listener, port=sock.getsockname()[1])
            self._udp[listener] = UdpSocket(listener, sock, self, self._loop)
            return listener
        if (context is not None) != listener.encrypts:
            raise ValueError(f"{listener.transport} {'without' if context is None else 'with'} a certificate")

        def accept() -> StreamFlow:
            return StreamFlow(bound, self, self._loop, tls=self._contexts.get(bound))

        server = await self._loop.create_server(
            accept, address, listener.port, backlog=BACKLOG, start_serving=False
        )
        self._servers.append(server)
        bound = replace(listener, port=server.sockets[0].getsockname()[1])
        if context is not None:
            self._contexts[bound] = context
        await server.start_serving()
        return bound

    def renew(self, listener: Listener, context: ssl.SSLContext) -> None:
        """Use other certificates for the connections that come from now on; those that are up stay."""
        self._contexts[listener] = context

    def trust(self, listener: Listener, remote: tuple[str, int], peer: Peer) -> None:
        """Let connections be opened over TLS to ``remote``, which has to prove that it is ``peer``.

        Connections that come from there do not count as such. Raises ValueError without a numeric address.
        """
        self._trusted[listener, str(ipaddress.ip_address(remote[0])), remote[1]] = peer

    @property
    def connections(self) -> int:
        return len(self._flows)

    @property
    def unfinished_input(self) -> int:
        """Octets of messages and handshakes that have begun and not ended."""
        return self._input.total

    @property
    def unsent_output(self) -> int:
        """Octets that peers have not taken, small amounts aside."""
        return self._output.total

    def behind(self, now: float) -> float:
        """Return for how many seconds some UDP socket has had more to read than is read in one go."""
        since = [udp.behind_since for udp in self._udp.values() if udp.behind_since is not None]
        return max(0.0, now - min(since, default=now))

    def flow_to(self, listener: Listener, host: str, port: int) -> Flow:
        """Return a flow to a numeric address: UDP, or the connection there, opened where there is none.

        What is sent while it opens waits. Raises ValueError where host or port is none, or nothing but the
        peer may open connections: over WebSocket (RFC 7118), and over TLS to peers without ``trust``.
        """
        if host.startswith("["):
            host = host[1:-1]
        udp = self._udp.get(listener)
        if udp is not None:
            return udp.flow(host, port)
        known = self._peers.get((listener, host, port))
        if known is not None and not known.closed:
            return known
        peer = self._trusted.get((listener, host, port))
        if listener.transport != "tcp" and peer is None:
            raise ValueError(f"no connection is opened over {listener.transport}")
        ipaddress.ip_address(host)
        if not 0 < port < 65536:
            raise ValueError(f"port {port}")
        flow = StreamFlow(listener, self, self._loop, (host, port), peer)
        if not self.opened(flow):
            flow.abort()
            return flow
        self._tasks.spawn(self._connect(flow), f"connect {host}")
        return flow

    async def _connect(self, flow: StreamFlow) -> None:
        host, port = flow.remote
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._loop.create_connection(lambda: flow, host, port)
        except (OSError, TimeoutError):
            self.count("connect_errors")
            flow.failed()

    async def close(self) -> None:
        """Close everything; no callback runs after this was called."""
        self._closing = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for server in self._servers:
            server.close()
        for udp in self._udp.values():
            udp.close()
        await self._tasks.close()
        for flow in list(self._flows.values()):
            flow.leave()
        for _ in range(100):  # connections tell their end from the loop
            if not self._flows:
                break
            await asyncio.sleep(0)

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(SWEEP, self._sweep)
        now = self._loop.time()
        for flow in list(self._flows.values()):
            flow.check(now)

    # What connections tell

    def arrived(self, message: Request | Response, flow: StreamFlow) -> None:
        if not self._closing:
            self.on_message(message, flow)

    def opened(self, flow: StreamFlow) -> bool:
        if flow.key in self._flows:
            return True
        source = source_of(flow.remote[0])
        crowded = flow.listener.side is Side.ACCESS and self._sources[source] >= self._max_per_source
        if crowded or len(self._flows) >= self._max_connections or self._closing:
            self.count("connections_refused")
            return False
        if flow.pending and not flow.ours:
            share = -(-self._max_handshakes // SHARE)
            if self._handshakes[source] >= share or self._handshakes.total() >= self._max_handshakes:
                self.count("handshakes_refused")
                return False
            self._handshakes[source] += 1
        self._flows[flow.key] = flow
        self._sources[source] += 1
        place = (flow.listener, *flow.remote)
        if flow.ours or place not in self._trusted:
            self._peers[place] = flow
        return True

    def established(self, flow: StreamFlow) -> None:
        _take_off(self._handshakes, source_of(flow.remote[0]))

    def lost(self, flow: StreamFlow) -> None:
        if self._peers.get((flow.listener, *flow.remote)) is flow:
            del self._peers[flow.listener, *flow.remote]
        self._input.hold(flow, "", 0)
        self._output.hold(flow, "", 0)
        if self._flows.pop(flow.key, None) is not None:
            source = source_of(flow.remote[0])
            _take_off(self._sources, source)
            if flow.pending and not flow.ours:
                _take_off(self._handshakes, source)
        if not self._closing:
            self.on_closed(flow)

    def elsewhere(self, flow: StreamFlow, response: bytes) -> None:
        """Open a connection to received and sent-by of the top Via (RFC 3261 18.2.2)."""
        try:
            via = Via.parse(parse(response).first("via") or "")
            host = via.params.get("received") or via.host
            other = self.flow_to(flow.listener, host, via.port or DEFAULT_PORT)
        except (BadMessage, SipRefusal, ValueError):
            self.count("responses_lost")
            return
        if not other.closed:
            other.send(response)

    def holds(self, flow: StreamFlow, octets: int) -> None:
        if self._input.hold(flow, _payer(flow), octets):
            for other in self._input.release(lambda one: one.unfinished):
                self.count("input_overflows")
                other.abort()

    def waits(self, flow: StreamFlow, octets: int) -> None:
        if self._output.hold(flow, _payer(flow), octets):
            for other in self._output.release(lambda one: one.unsent):
                self.count("output_overflows")
                other.abort()

    def count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1


def _payer(flow: StreamFlow) -> str:
    """Return the source that gives way for what a connection holds; "" for the core, which is trusted."""
    return source_of(flow.remote[0]) if flow.listener.side is Side.ACCESS else ""


def _take_off(counter: Counter[str], source: str) -> None:
    if counter[source] > 1:
        counter[source] -= 1
    else:
        del counter[source]
