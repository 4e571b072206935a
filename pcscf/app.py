"""The P-CSCF process: builds its parts from the configuration, serves, drains."""

import asyncio
from collections.abc import Iterator, Mapping

import structlog

from hosting.admin import Admin
from hosting.config import differences
from hosting.daemon import Stopping, live
from hosting.descriptors import raise_descriptor_limit
from hosting.tls import server_context
from iq.controller import Controller
from pcscf.admin.counters import Counters
from pcscf.admin.metrics import Snapshot, collect
from pcscf.admission import Admission
from pcscf.alg.session import MediaPolicy
from pcscf.certificates import Certificates, without_files
from pcscf.config import Config, listeners
from pcscf.config.core import DnsServer
from pcscf.edge import Edge
from pcscf.entropy import Entropy
from pcscf.flow import Listener, Side, StaticFlow
from pcscf.overload import Overload
from pcscf.proxy.calls import CallSettings
from pcscf.proxy.charging import Charging
from pcscf.proxy.core import Proxy, ProxySettings
from pcscf.proxy.emergency import EmergencySettings
from pcscf.proxy.originating import HeaderSettings
from pcscf.ratelimit import RateLimit
from pcscf.registration.registrar import Registrar, RegistrarSettings
from pcscf.registration.security_agreement import TLS_TRANSPORTS
from pcscf.registration.trunks import Trunk
from pcscf.transaction.layer import TransactionLayer
from pcscf.transport.resolver import Resolver
from pcscf.transport.transports import Transports

log = structlog.get_logger()

#: Open files that are no connections of SIP: listeners, Iq, /metrics, DNS, and what is about to be refused.
RESERVED_DESCRIPTORS = 256
#: Seconds that our own BYEs get to be answered when the process ends with calls still up.
LAST_WORDS = 2.0


async def serve(config: Config, stopping: Stopping) -> None:
    """Serve until a stop is asked for, then drain. Raises OSError or StartError where start fails."""
    await live(Process(config), stopping)


class Process:
    """The parts of one P-CSCF and their common life."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._counters = Counters()
        self._entropy = Entropy()
        self._transports = Transports(
            max_connections=_connections(config.limits.max_connections),
            max_connections_per_source=config.limits.max_connections_per_source,
            max_handshakes=config.limits.max_handshakes,
            max_unfinished_input=config.limits.max_unfinished_input,
            max_unsent_output=config.limits.max_unsent_output,
        )
        limits = config.limits
        self._overload = Overload(limits.overload_lag)
        admission = Admission(
            RateLimit(limits.requests_per_second_per_source, limits.request_burst_per_source),
            RateLimit(limits.registrations_per_second_per_source, limits.registration_burst_per_source),
            self._overload,
            self._counters.refusals,
            frozenset(config.core.emergency_numbers),
        )
        self._layer = TransactionLayer(
            t1=config.timers.t1, limit=limits.max_transactions, admit=admission.check
        )
        self._loop = asyncio.get_running_loop()
        self._stopping: Stopping | None = None

    async def start(self, stopping: Stopping) -> None:
        config, self._stopping = self._config, stopping
        points = [*config.access.listen, *config.core.listen]
        contexts = [point.tls_context() for point in config.access.listen] + [None] * len(config.core.listen)
        bound = await self._transports.start(listeners(config), [point.address for point in points], contexts)
        access = bound[: len(config.access.listen)]
        self._certificates = Certificates(self._transports, config.access, access)
        self._registrar = Registrar(self._registrar_settings(bound), self._trunks(bound))
        self._proxy = Proxy(
            ProxySettings(
                call_settings(config),
                self._header_settings(bound),
                config.core.next_hop,
                _emergency_settings(config),
                config.core.reg_event,
            ),
            bound,
            self._registrar,
            self._counters,
            self._entropy,
        )
        for trunk in self._registrar.trunks.all:
            log.info("trunk", aor=trunk.aor, contact=trunk.contact, route=trunk.path)
        self._edge = Edge(
            self._proxy,
            self._layer,
            self._transports,
            bound,
            self._counters,
            self._entropy,
            self._overload,
            udp_limit=config.core.udp_limit,
            resolver=_resolver(config.core.dns),
        )
        self._controller = Controller(
            f"<{config.node.name}>",
            config.iq.listen.address,
            config.iq.listen.port,
            ssl=server_context(config.iq.tls) if config.iq.tls is not None else None,
            on_up=self._edge.on_gateway_up,
            on_down=self._edge.on_gateway_down,
            on_notify=self._edge.on_notify,
            on_draining=self._edge.on_gateway_draining,
        )
        await self._controller.start()
        self._admin = Admin(
            config.admin.address, config.admin.port, self._health, collect(self._counters, self._snapshot)
        )
        admin_port = await self._admin.start()
        stopping.on_reload = self._reload
        stopping.ready(
            listen=[f"{one.side} {one.transport} {one.hostport}" for one in bound],
            iq=self._controller.port,
            admin=admin_port,
        )

    async def drain(self) -> None:
        """Take nothing new; wait for the calls to end, at most ``drain`` seconds; release what is left."""
        try:
            async with asyncio.timeout(self._config.drain):
                await self._edge.drained()
        except TimeoutError:
            log.warning("releasing calls", calls=len(self._proxy.calls))
            self._edge.release_all()
            await asyncio.sleep(LAST_WORDS)

    async def close(self) -> None:
        for part in ("_admin", "_controller", "_edge", "_transports"):
            if (one := getattr(self, part, None)) is not None:
                await one.close()

    def _header_settings(self, bound: list[Listener]) -> HeaderSettings:
        config = self._config
        return HeaderSettings(
            Charging(_core_of(bound).host, config.node.visited_network),
            config.media_security.mechanisms,
            config.media_security.strict_verify,
        )

    def _registrar_settings(self, bound: list[Listener]) -> RegistrarSettings:
        config = self._config
        return RegistrarSettings(
            core=_core_of(bound),
            visited_network=config.node.visited_network,
            secret=self._entropy(32),
            mechanisms=config.media_security.mechanisms,
            strict_verify=config.media_security.strict_verify,
            require=config.media_security.require,
            tls=any(one.side is Side.ACCESS and one.transport in TLS_TRANSPORTS for one in bound),
            max_bindings=config.limits.max_bindings,
            max_bindings_per_source=config.limits.max_bindings_per_source,
        )

    def _trunks(self, bound: list[Listener]) -> Iterator[Trunk]:
        """Yield the trunks on their listeners, which are the first ones of ``bound``, in the file's order."""
        access = self._config.access
        for one in access.static:
            if (at := access.listener_of(one)) is not None:
                flow = StaticFlow(bound[at], one.remote, self._transports.flow_to)
                yield Trunk(one.aor, one.contact, frozenset(one.mechanisms), flow, one.implicit)

    def _reload(self, config: Config) -> None:
        """Media policy, Timer C and the session timer count for new calls at once.

        New certificates count for new connections. The rest needs a restart, and says so. Raises ConfigError.
        """
        renewed = self._certificates.reload(config.access)
        if renewed:
            log.info("certificates read again", listen=renewed)
        self._proxy.calls.settings = call_settings(config)
        changed = differences(without_files(self._config), without_files(config))
        waiting = [key for key in changed if key in _AGREEMENT or not key.startswith(_RELOADED)]
        if waiting:
            log.warning("these keys need a restart", keys=waiting)
        self._config = config

    def _health(self) -> Mapping[str, object]:
        gateways = dict(self._edge.gateways)
        stopping = self._stopping is not None and self._stopping.requested
        status = "stopping" if stopping else "ok" if any(gateways.values()) else "no gateway"
        return {"status": status, "gateways": gateways, "calls": len(self._proxy.calls)}

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            bindings=len(self._registrar.bindings),
            transactions=len(self._layer),
            calls=len(self._proxy.calls),
            timers=self._layer.timers_running + self._proxy.timers_running,
            tasks=len(asyncio.all_tasks(self._loop)),
            connections=self._transports.connections,
            unfinished_input=self._transports.unfinished_input,
            unsent_output=self._transports.unsent_output,
            overloaded=self._overload.on,
            input_lag=self._overload.lag,
            gateways=self._edge.gateways,
            transaction_events=self._layer.counters,
            transport_events=self._transports.counters,
        )


def _connections(wanted: int) -> int:
    """Return how many connections there may be: without open files none can be accepted, nor refused."""
    descriptors = raise_descriptor_limit()
    most = max(1, min(wanted, descriptors - RESERVED_DESCRIPTORS))
    if most < wanted:
        log.warning("fewer connections than limits.max_connections", most=most, open_files=descriptors)
    return most


def _resolver(server: DnsServer | None) -> Resolver:
    return Resolver() if server is None else Resolver([server.address], server.port)


def _core_of(bound: list[Listener]) -> Listener:
    """Return the listener that Path names: the first of the core side."""
    return next(listener for listener in bound if listener.side is Side.CORE)


#: What a reload brings into force.
_RELOADED = ("media_security.", "timers.timer_c", "timers.session_expires_max", "log.", "drain")
#: What it does not: UEs hold the registrar to what it announced.
_AGREEMENT = frozenset(f"media_security.{key}" for key in ("mechanisms", "strict_verify", "require"))


def _emergency_settings(config: Config) -> EmergencySettings:
    return EmergencySettings(
        config.core.emergency,
        frozenset(config.core.emergency_numbers),
        config.limits.max_unregistered_emergency_calls,
    )


def call_settings(config: Config) -> CallSettings:
    """Return what the configuration comes to for calls that start from now on."""
    media = config.media_security
    policy = MediaPolicy(
        offer_suites=media.offer_suites,
        accept_suites=media.accept_suites,
        answer_indicator=media.answer_indicator,
        implicit=media.implicit,
        lenient=media.lenient,
        best_effort=media.best_effort,
        capability_negotiation=media.capability_negotiation,
        end_to_end=media.end_to_end,
        downgrade=media.downgrade,
        unknown_media=media.unknown_media,
        early_media=media.early_media,
        prefer=media.prefer,
        sha1_fingerprint=media.sha1_fingerprint,
        bfcp_tls_role=media.bfcp_tls_role,
        msrp=media.msrp,
        node=config.node.name,
    )
    return CallSettings(
        policy=policy,
        core_realm=config.core.realm,
        timer_c=config.timers.timer_c,
        session_expires_max=config.timers.session_expires_max,
        inactivity=media.media_inactivity or None,
        max_calls=config.limits.max_calls,
        release_forged=media.authentication_failures == "release",
    )
