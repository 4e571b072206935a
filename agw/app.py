"""The gateway process: builds its parts from the configuration, serves, drains."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from prometheus_client import Metric

from agw.config import Config, RealmSection
from agw.control.capacity import capacity
from agw.control.contexts import Contexts
from agw.control.forgeries import Forgeries
from agw.control.notices import bearer_change
from agw.control.outages import Outages
from agw.control.ports import Interface, PortPool, Realm
from agw.control.supervision import Supervision
from agw.control.termination import EndedContext
from agw.dtls import api as dtls
from agw.dtls.ends import make_dtls
from agw.engine.api import PortId
from agw.engine.choice import make_engine, native_missing
from agw.engine.sockets import open_udp
from agw.metrics import families
from agw.security.certificates import Pool
from agw.security.session import Handshakes
from agw.security.sessions import TlsSessions
from agw.tcp.api import Report
from agw.tcp.relay import TcpRelay
from hosting.admin import Admin
from hosting.config import differences
from hosting.daemon import StartError, Stopping, live
from hosting.descriptors import raise_descriptor_limit
from hosting.tls import client_context
from iq.gateway import GatewayLink
from iq.msrp import AWARE
from iq.procedures import (
    Action,
    ActionReply,
    Heartbeat,
    MediaInactivity,
    OutOfService,
    Reason,
    SecurityChange,
    ServiceChangeMethod,
)

log = structlog.get_logger()

TICK_SECONDS = 1.0
"""Between two sweeps of heartbeats and silence."""
LAST_WORDS = 0.2
"""Seconds that the controller gets to hear that the gateway goes."""
MECHANISMS = ("sdes-srtp", "dtls-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls")
"""Of media security, that can end here (TS 24.229 7.2A.7): the controllers are told."""


async def serve(config: Config, stopping: Stopping) -> None:
    """Serve until a stop is asked for, then drain. Raises OSError or StartError where start fails."""
    await live(Process(config), stopping)


class Process:
    """The parts of one gateway and their common life."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._realms = {name: make_realm(name, section) for name, section in config.realms.items()}
        self._capacity = capacity(self._realms.values(), raise_descriptor_limit())
        if not self._capacity.streams:
            raise StartError("no stream is possible: the limit of open files is too low (ulimit -n)")
        self._engine = make_engine(self._loop, config.engine, config.limits.max_ssrcs)
        self._engine.watch(self._engine_event)
        self._certificates = Pool()
        self._handshakes = Handshakes(config.limits.tls_handshakes)
        sessions = TlsSessions(self._handshakes, config.limits.tls_handshake)
        self._tcp = TcpRelay(self._loop, sessions.session, establish=config.limits.tcp_establish)
        self._tcp.watch(self._tcp_event)
        self._dtls = make_dtls(self._loop, self._engine, self._handshakes, config.limits.tls_handshake)
        self._dtls.watch(self._dtls_keys, self._dtls_lost)
        self._contexts = Contexts(
            self._engine,
            self._realms,
            self._capacity.max_ports,
            self._tcp,
            self._certificates.take,
            self._dtls,
        )
        self._outages = Outages(self._contexts)
        self._forgeries = Forgeries(self._contexts, config.limits.auth_failures)
        self._supervision = Supervision(self._contexts, config.limits.control_grace)
        self._link = GatewayLink(
            f"<{config.node.name}>",
            [(controller.address, controller.port) for controller in config.iq.controllers],
            self._engine.abilities.suites,
            secrets.token_hex(8),
            self._execute,
            client_context(config.iq.tls) if config.iq.tls is not None else None,
            on_up=self._on_up,
            mechanisms=MECHANISMS,
            aware=(AWARE,),
        )
        self._admin = Admin(config.admin.address, config.admin.port, self._health, self._collect)
        self._controller: str | None = None
        self._tick_handle: asyncio.TimerHandle | None = None
        self._stopping: Stopping | None = None
        self._fewer = asyncio.Event()

    async def start(self, stopping: Stopping) -> None:
        self._stopping = stopping
        self._warn_of_engine()
        self._try_addresses()
        admin_port = await self._admin.start()
        self._link.start()
        self._tick()
        stopping.on_reload = self._reload
        stopping.ready(
            streams=self._capacity.streams,
            bounded_by=self._capacity.bounded_by,
            engine=self._engine.abilities.name,
            workers=self._engine.abilities.workers,
            suites=list(self._engine.abilities.suites),
            admin=admin_port,
        )

    async def drain(self) -> None:
        """Take no new contexts; wait for those that are there, at most ``drain`` seconds."""
        self._contexts.draining = True
        if len(self._contexts):
            self._link.announce(ServiceChangeMethod.GRACEFUL, Reason.OUT_OF_SERVICE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._config.drain):
                while len(self._contexts):
                    self._fewer.clear()
                    await self._fewer.wait()
        if self._link.up:
            await self._say_goodbye()

    async def _say_goodbye(self) -> None:
        heard = asyncio.Event()
        self._link.announce(ServiceChangeMethod.FORCED, Reason.OUT_OF_SERVICE, lambda _reply: heard.set())
        try:
            async with asyncio.timeout(LAST_WORDS):
                await heard.wait()
        except TimeoutError:
            log.warning("the controller did not hear the end")

    async def close(self) -> None:
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        await self._link.close()
        self._release_all("stopped")
        await self._admin.close()
        self._tcp.stop()
        self._engine.stop()

    def _warn_of_engine(self) -> None:
        if self._config.engine.kind == "auto" and (missing := native_missing()):
            log.warning(
                "the portable packet engine moves the media: good for a lab, not for many calls; "
                "engine.kind: portable says that this is meant",
                native=missing,
            )

    def _try_addresses(self) -> None:
        """An address that this host does not have is told now, not at the first call. Raises StartError."""
        for realm in self._realms.values():
            for interface in realm.interfaces:
                try:
                    open_udp(interface.address, 0, interface.dscp).close()
                except OSError as error:
                    raise StartError(
                        f"realms.{realm.name}: {interface.address}: {error.strerror or error}"
                    ) from None

    def _execute(self, action: Action) -> ActionReply:
        reply = self._contexts.execute(action, self._loop.time())
        if self._contexts.ended:
            self._record()
        return reply

    def _on_up(self, controller: str) -> None:
        """Contexts belong to one controller: another one knows none of them, and could not release them."""
        if self._controller not in (None, controller):
            self._release_all("controller-changed")
        self._controller = controller

    def _release_all(self, reason: str) -> None:
        for context in list(self._contexts.contexts.values()):
            self._contexts.release(context, reason, self._loop.time())
        self._contexts.settle()
        self._record()

    def _tick(self) -> None:
        now = self._loop.time()
        for context, due in self._supervision.tick(now, self._link.up):
            if self._link.up:
                self._notify(context, due)
        for context, report in self._forgeries.tick(now):
            where = {"context": context, "termination": report.termination, "stream": report.stream}
            log.warning("packets fail authentication", count=report.count, **where)
            if self._link.up:
                self._link.notify(context, report)
        self._tcp.tick(now)
        self._certificates.refill()
        self._record()
        self._tick_handle = self._loop.call_later(TICK_SECONDS, self._tick)

    def _notify(self, context: int, due: Heartbeat | MediaInactivity) -> None:
        def answered(reply: ActionReply) -> None:
            if isinstance(due, Heartbeat):
                self._supervision.answered(context, due, reply.error, self._loop.time())
                self._record()

        self._link.notify(context, due, answered)

    def _engine_event(self) -> None:
        self._dtls.take(self._engine.drain())
        for failure in self._engine.failures():
            holder = self._contexts.holders.get(failure.port)
            where = {"context": holder.context.id, "termination": holder.name} if holder is not None else {}
            log.error("the packet engine broke down over a port", error=failure.text, **where)
            for context, report in self._outages.failed(failure.port):
                self._report(context, report)

    def _tcp_event(self) -> None:
        for report in self._tcp.reports():
            self._lost(report)

    def _dtls_keys(self, port: PortId) -> None:
        if (failed := self._contexts.rekey(port)) is not None:
            log.error("keys of DTLS cannot be used", error=str(failed))

    def _dtls_lost(self, report: dtls.Report) -> None:
        self._lost(Report(report.port, report.change, report.detail, report.cause))

    def _lost(self, report: Report) -> None:
        if (told := bearer_change(self._contexts, report)) is None:
            return
        context, change = told
        if isinstance(change, SecurityChange):
            where = {"context": context, "termination": change.termination, "stream": change.stream}
            log.warning("media security failed", cause=change.cause.value, detail=report.cause, **where)
        if self._link.up:
            self._link.notify(context, change)

    def _report(self, context: int, report: OutOfService) -> None:
        def answered(reply: ActionReply) -> None:
            self._outages.answered(context, report, reply.error, self._loop.time())
            self._record()

        self._link.notify(context, report, answered)

    def _record(self) -> None:
        for ended in self._contexts.ended:
            log.info("context released", **describe(ended))
            self._fewer.set()
        self._contexts.ended.clear()

    def _reload(self, config: Config) -> None:
        waiting = [key for key in differences(self._config, config) if not key.startswith(("log.", "drain"))]
        if waiting:
            log.warning("these keys need a restart", keys=waiting)
        self._config = config

    def _health(self) -> Mapping[str, Any]:
        stopping = self._stopping is not None and self._stopping.requested
        return {
            "status": "stopping" if stopping else "ok" if self._link.up else "no controller",
            "controller": self._link.controller,
            "contexts": len(self._contexts),
            "ports": self._contexts.open_ports,
            "streams": self._capacity.streams,
            "engine": self._engine.abilities.name,
            "workers": self._engine.abilities.workers,
        }

    def _collect(self) -> Iterator[Metric]:
        return families(
            self._contexts,
            self._outages.failures,
            self._capacity.streams,
            len(asyncio.all_tasks(self._loop)),
            self._link.up,
            self._link.counters,
            self._forgeries.told,
            self._tcp.connections(),
            self._tcp.tally,
            self._dtls.handshakes,
            self._dtls.tally,
        )


def describe(ended: EndedContext) -> dict[str, Any]:
    """An ended context as fields of its log line: what each side sent in, and what became of it."""
    directions = {
        name: {"packets": one.packets, "octets": one.octets, "rtcp": one.rtcp, "drops": one.dropped()}
        for name, one in ended.directions.items()
    }
    line = {"context": ended.id, "reason": ended.reason, "seconds": round(ended.seconds, 3)}
    return {**line, **({"emergency": True} if ended.emergency else {}), "from": directions}


def make_realm(name: str, section: RealmSection) -> Realm:
    """Each address has ports of its own, in an order that nobody can guess."""
    interfaces = [
        Interface(
            name,
            address,
            (section.advertise or address) if address == section.address else address,
            section.dscp,
            PortPool(*section.ports, os.urandom),
            6 if ":" in address else 4,
        )
        for address in section.addresses
    ]
    return Realm(name, interfaces)
