"""``pcscf`` and ``agw`` as real processes, on free ports, set up for load from one address."""

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.processes import Child, Group, free_port

#: Loopback addresses of this process: two benchmarks at a time do not take each other's ports.
SUBNET = f"127.0.{os.getpid() % 250 + 2}"


def realms(host: int = 2) -> dict[str, dict[str, Any]]:
    """Where a gateway opens its media ports. host: last octet of its access side, the core has the next."""
    return {
        "access": {"address": f"{SUBNET}.{host}", "ports": [10_000, 31_999]},
        "core": {"address": f"{SUBNET}.{host + 1}", "ports": [10_000, 31_999]},
    }


REALMS = realms()
#: The P-CSCF's token buckets and its overload bound. One address is all UEs here, and what cannot be carried
#: shall be late, not refused.
LIMITS = {
    "requests_per_second_per_source": 1_000_000,
    "request_burst_per_source": 1_000_000,
    "registrations_per_second_per_source": 1_000_000,
    "registration_burst_per_source": 1_000_000,
    "overload_lag": 60,
}


def describe_limits() -> str:
    """Return the line that tells LIMITS."""
    return "limits    " + ", ".join(f"{key} {value}" for key, value in LIMITS.items())


class Edge:
    """Both processes. ``access`` and ``core`` are the SIP ports of the P-CSCF on 127.0.0.1.

    admin: port of each process's /metrics, by its name.
    """

    def __init__(self, group: Group, registrar: int) -> None:
        """registrar: port of what answers REGISTER."""
        self.access, self.core, iq = free_port(), free_port(), free_port()
        settings, gateway = self._pcscf(registrar, iq), gateway_settings(iq)
        self.admin = {"pcscf": settings["admin"]["port"], "agw": gateway["admin"]["port"]}
        pcscf = _write(group.directory / "pcscf.yaml", settings)
        self.pcscf = group.start("pcscf", sys.executable, "-m", "pcscf", "run", "-c", str(pcscf))
        self.agw = start_gateway(group, gateway)
        self.pcscf.expect('"ready"')
        self.pcscf.expect('"iq.up"')

    def _pcscf(self, registrar: int, iq: int) -> dict[str, Any]:
        return {
            "node": {"name": "pcscf.ims.example", "visited_network": "ims.example"},
            "access": {
                "listen": [
                    # Everything stays inside this host: nobody can read the keys.
                    {"transport": "udp", "address": "127.0.0.1", "port": self.access, "confidential": True}
                ]
            },
            "core": {
                "listen": [
                    {"transport": "udp", "address": "127.0.0.1", "port": self.core},
                    {"transport": "tcp", "address": "127.0.0.1", "port": self.core},
                ],
                "next_hop": f"sip:127.0.0.1:{registrar}",
                "udp_limit": 65_000,  # the peers send everything over UDP, too
            },
            # Scenarios repeat this list as Security-Verify; calls are held without media.
            "media_security": {"mechanisms": ["sdes-srtp"], "media_inactivity": 0},
            "iq": {"listen": {"address": "127.0.0.1", "port": iq}},
            "limits": LIMITS,
            "drain": 1,
            "admin": {"address": "127.0.0.1", "port": free_port()},
            "log": {"level": "info", "format": "json"},
        }


def gateway_settings(iq: int, engine: Mapping[str, object] | None = None, host: int = 2) -> dict[str, Any]:
    """Return the configuration of a gateway whose controller listens at port ``iq``; host: see ``realms``."""
    return {
        "node": {"name": "agw.ims.example"},
        "iq": {"controllers": [{"address": "127.0.0.1", "port": iq}]},
        "realms": realms(host),
        "engine": dict(engine or {}),
        "drain": 1,
        "admin": {"address": "127.0.0.1", "port": free_port()},
        "log": {"level": "info", "format": "json"},
    }


def start_gateway(group: Group, settings: dict[str, Any], name: str = "agw") -> Child:
    """Start ``agw`` and wait till it is ready; it may still be looking for its controller."""
    path = _write(group.directory / f"{name}.yaml", settings)
    child = group.start(name, sys.executable, "-m", "agw", "run", "-c", str(path))
    child.expect('"ready"')
    return child


def _write(path: Path, settings: dict[str, Any]) -> Path:
    out = io.StringIO()
    YAML(typ="safe").dump(settings, out)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path
