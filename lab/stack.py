"""The SIP of one node of the lab: transports, transactions, and a tap that writes down every message."""

import asyncio
from typing import Protocol

from lab.address import Target
from lab.errors import LabError
from lab.sockets import free_port
from lab.trace import Trace
from pcscf.flow import Flow, Listener, Side
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction, TransactionLayer
from pcscf.transaction.runner import Runner
from pcscf.transport import Transports
from pcscf.transport.identity import Peer


class Node(Protocol):
    """What a UE or the core does with what its transaction layer reports."""

    def on_request(self, server: ServerTransaction) -> None: ...
    def on_cancel(self, server: ServerTransaction) -> None: ...
    def on_ack(self, request: Request, flow: Flow) -> None: ...
    def on_response(self, client: ClientTransaction, response: Response) -> None: ...
    def on_failed(self, client: ClientTransaction, reason: str) -> None: ...


class TappedFlow:
    """A flow whose messages are written into a trace."""

    __slots__ = ("_flow", "_name", "_trace", "key", "listener", "remote")

    def __init__(self, flow: Flow, name: str, trace: Trace) -> None:
        self._flow = flow
        self._name = name
        self._trace = trace
        self.listener = flow.listener
        self.remote = flow.remote
        self.key = flow.key

    @property
    def closed(self) -> bool:
        return self._flow.closed

    def send(self, data: bytes) -> None:
        self._trace.record(self._name, True, data)
        self._flow.send(data)


class SipStack:
    """``name`` is the node's in the trace; ``side``: what its listeners count as (no meaning in the lab)."""

    def __init__(self, name: str, side: Side, node: Node, trace: Trace | None) -> None:
        self._name = name
        self._side = side
        self._node = node
        self._trace = trace
        self._listeners: dict[str, Listener] = {}

    async def start(self, transports: tuple[str, ...] | str, address: str, port: int) -> Listener:
        """Listen with each transport on ``port`` (0: any, one for all); return the first. Raises OSError."""
        names = (transports,) if isinstance(transports, str) else transports
        if len(names) > 1 and not port:
            port = free_port(address)
        wanted = [Listener(self._side, name, address, port, "lab") for name in names]
        self._begin()
        for listener in await self._transports.start(wanted):
            self._listeners[listener.transport] = listener
        return self.listener

    async def start_client(self, address: str, port: int, proxy: Target, peer: Peer) -> Listener:
        """Connect to ``proxy`` over TLS, and to nobody else; return what stands for a listener in Via.

        Nothing listens there: requests come on the connection (RFC 5923 9.3). port 0: any.
        """
        self._begin()
        await self._transports.start([])
        listener = Listener(self._side, proxy.transport, address, port or free_port(address), "lab")
        self._transports.trust(listener, (proxy.host, proxy.port), peer)
        self._listeners[proxy.transport] = listener
        return listener

    def _begin(self) -> None:
        self._transports = Transports(self._on_message, self._on_closed)
        self._runner = Runner(TransactionLayer(), self._node, asyncio.get_running_loop())

    @property
    def untrusted(self) -> bool:
        """Whether a TLS handshake has failed."""
        return "tls_handshakes_failed" in self._transports.counters

    async def close(self) -> None:
        self._runner.close()
        await self._transports.close()

    @property
    def listener(self) -> Listener:
        """The first listener."""
        return next(iter(self._listeners.values()))

    def listening(self, transport: str) -> Listener:
        """Return the listener of ``transport``; raises LabError where there is none."""
        if (listener := self._listeners.get(transport)) is None:
            raise LabError(f"{self._name} does not speak {transport}")
        return listener

    def is_own(self, host: str, port: int | None) -> bool:
        """Tell whether an address of a URI is one of ours."""
        return any(own.host == host and own.port == (port or 5060) for own in self._listeners.values())

    def flow(self, target: Target) -> Flow:
        """Return the flow to a numeric destination. Raises LabError."""
        try:
            flow = self._transports.flow_to(self.listening(target.transport), target.host, target.port)
        except ValueError as error:
            raise LabError(f"{target.uri}: {error}") from None
        return self._tapped(flow)

    def request(self, request: Request, flow: Flow, context: object) -> ClientTransaction:
        return self._runner.request(request, flow, context)

    def respond(self, server: ServerTransaction, response: Response) -> None:
        self._runner.respond(server, response)

    def cancel(self, client: ClientTransaction) -> None:
        self._runner.cancel(client)

    def _tapped(self, flow: Flow) -> Flow:
        return TappedFlow(flow, self._name, self._trace) if self._trace is not None else flow

    def _on_message(self, message: Request | Response, flow: Flow) -> None:
        if self._trace is not None:
            self._trace.record(self._name, False, message)
        self._runner.receive(message, self._tapped(flow))

    def _on_closed(self, flow: Flow) -> None:
        self._runner.flow_closed(flow)
