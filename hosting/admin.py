"""The admin address of a process: /healthz for supervisors, /metrics for Prometheus. Read only.

Bound to loopback unless the configuration says otherwise: there is no authentication. A handler that breaks
is answered with 500 and logged (by aiohttp, through hosting.logs); the process goes on.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from hosting.daemon import StartError
from hosting.redaction import redact

SHUTDOWN_SECONDS = 1.0
KEEPALIVE_SECONDS = 15.0
MAX_HEADER_OCTETS = 8190
MAX_BODY_OCTETS = 16_384

Health = Callable[[], Mapping[str, Any]]
Collect = Callable[[], Iterable[Metric]]


class Admin:
    """Serves health and metrics.

    health: JSON-able details with ``status``; "ok" answers 200, everything else 503.
    collect: metric families, made at each scrape from plain counters; nothing is global.
    routes: more handlers of the same server.
    """

    def __init__(
        self,
        address: str,
        port: int,
        health: Health,
        collect: Collect,
        routes: Iterable[web.RouteDef] = (),
    ) -> None:
        self._address = address
        self._port = port
        self._health = health
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collector(collect))
        self._routes = [web.get("/healthz", self._healthz), web.get("/metrics", self._metrics), *routes]
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; returns the port (that of the configuration, or the one bound for 0). Raises StartError."""
        app = web.Application(client_max_size=MAX_BODY_OCTETS)
        app.add_routes(self._routes)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
            max_line_size=MAX_HEADER_OCTETS,
            max_field_size=MAX_HEADER_OCTETS,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._address, self._port)
        try:
            await site.start()
        except OSError as error:
            await self.close()
            raise StartError(f"admin: {error.strerror or error}") from None
        self._port = self._runner.addresses[0][1]
        return self._port

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _request: web.Request) -> web.Response:
        health = redact(self._health())
        status = 200 if health.get("status") == "ok" else 503
        return web.Response(
            status=status,
            text=json.dumps(health) + "\n",
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


class _Collector:
    def __init__(self, collect: Collect) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        return ()
