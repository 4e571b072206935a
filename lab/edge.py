"""P-CSCF and access gateway as a pair of real processes on free ports, for the demo and for tests."""

import asyncio
import io
import tempfile
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from lab.address import Target
from lab.errors import ProcessFailed
from lab.processes import Process
from lab.sockets import free_port, open_socket

#: Ports of each gateway realm.
REALM_PORTS = 200
#: Seconds between two looks at health, and seconds until it has to be good.
LOOK = 0.1
HEALTH_WAIT = 20.0

#: Name and labels of each sample of /metrics.
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
#: May change the settings of a process before it starts.
Edit = Callable[[dict[str, Any]], None]


class Edge:
    """``access`` is where UEs find the P-CSCF; ``pcscf`` and ``agw`` are the processes with their logs.

    next_hop: the core's SIP URI. edit_pcscf, edit_agw: change the settings (those of the files in
    configs/) before they are written. directory: where configurations go; None: a temporary one.
    """

    def __init__(
        self,
        next_hop: str,
        *,
        transport: str = "udp",
        edit_pcscf: Edit | None = None,
        edit_agw: Edit | None = None,
        directory: Path | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="imslab-") if directory is None else None
        self.directory = directory or Path(self._temporary.name if self._temporary else "")
        address = "127.0.0.1"
        self.access = Target(transport, address, free_port(address))
        self.core = Target("udp", address, free_port(address))
        iq = free_port(address)
        self._admin = {"pcscf": free_port(address), "agw": free_port(address)}
        pcscf, agw = _template("pcscf.yaml"), _template("agw.yaml")
        for point in pcscf["access"]["listen"]:
            point["port"] = self.access.port
        for point in pcscf["core"]["listen"]:
            point["port"] = self.core.port
        pcscf["core"]["next_hop"] = next_hop
        pcscf["iq"]["listen"]["port"] = agw["iq"]["controllers"][0]["port"] = iq
        agw["realms"]["access"]["ports"], agw["realms"]["core"]["ports"] = _port_ranges(address)
        for name, settings, edit in (("pcscf", pcscf, edit_pcscf), ("agw", agw, edit_agw)):
            settings["admin"]["port"] = self._admin[name]
            settings["log"] = {"level": "info", "format": "json"}
            if edit is not None:
                edit(settings)
            _write(self.directory / f"{name}.yaml", settings)
        self.pcscf = Process("pcscf", self.directory / "pcscf.yaml")
        self.agw = Process("agw", self.directory / "agw.yaml")

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start both and wait till the gateway has registered with the P-CSCF. Raises ProcessFailed."""
        await asyncio.gather(self.pcscf.start(), self.agw.start())
        deadline = asyncio.get_running_loop().time() + HEALTH_WAIT
        while not all([await self.healthy(name) for name in self._admin]):
            if asyncio.get_running_loop().time() > deadline:
                raise ProcessFailed(f"not healthy after {HEALTH_WAIT:g} s: {self.pcscf.last_words()}")
            await asyncio.sleep(LOOK)

    async def stop(self) -> dict[str, int]:
        """Stop both; return their exit statuses."""
        statuses = {"pcscf": await self.pcscf.stop(), "agw": await self.agw.stop()}
        if self._temporary is not None:
            self._temporary.cleanup()
        return statuses

    async def healthy(self, name: str) -> bool:
        """Tell whether /healthz of a process answers 200."""
        status, _ = await self._get(name, "/healthz")
        return status == 200

    async def metrics(self, name: str) -> Samples:
        """Return every sample of /metrics by name and labels. Raises ProcessFailed."""
        status, text = await self._get(name, "/metrics")
        if status != 200:
            raise ProcessFailed(f"{name}: /metrics answers {status}")
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def _get(self, name: str, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self._admin[name]}{path}"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return response.status, await response.text()
        except aiohttp.ClientError as error:
            return 0, type(error).__name__


def total(samples: Samples, name: str, **labels: str) -> float | None:
    """Return the sum of the samples of ``name`` that have ``labels``; None where there is none."""
    wanted = labels.items()
    found = [
        value for (known, has), value in samples.items() if known == name and wanted <= dict(has).items()
    ]
    return sum(found) if found else None


def _template(name: str) -> dict[str, Any]:
    text = resources.files("lab.configs").joinpath(name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = YAML(typ="safe").load(text)
    return loaded


def _write(path: Path, settings: dict[str, Any]) -> None:
    out = io.StringIO()
    YAML(typ="safe").dump(settings, out)
    path.write_text(out.getvalue(), encoding="utf-8")


def _port_ranges(address: str) -> tuple[list[int], list[int]]:
    """Return two ranges of REALM_PORTS whose first port was free; a gateway passes over single taken ones."""
    ranges: list[list[int]] = []
    while len(ranges) < 2:
        with open_socket(address, 0) as probe:
            first = probe.getsockname()[1] // REALM_PORTS * REALM_PORTS
        found = [first, first + REALM_PORTS - 1]
        if found[0] >= 1024 and found[1] <= 65_535 and found not in ranges:
            ranges.append(found)
    return ranges[0], ranges[1]
