"""How many streams the port ranges and the descriptors of the process allow."""

from collections.abc import Iterable
from dataclasses import dataclass

from agw.control.ports import Realm

DESCRIPTORS_PER_PORT = 2
"""RTP and RTCP."""
RESERVED_DESCRIPTORS = 64
"""For everything but media: Iq, admin, logs, the loop."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """max_ports: ports that may be open at a time. streams: two-sided ones; bounded_by says by what."""

    max_ports: int
    streams: int
    bounded_by: str


def capacity(realms: Iterable[Realm], descriptors: int) -> Capacity:
    """descriptors: limit of open files of the process. A stream has one port in each of two realms."""
    max_ports = max(0, descriptors - RESERVED_DESCRIPTORS) // DESCRIPTORS_PER_PORT
    by_descriptors = max_ports // 2
    smallest = min(realms, key=_ports)
    by_ports = _ports(smallest)
    if by_ports <= by_descriptors:
        return Capacity(max_ports, by_ports, f"ports of realm {smallest.name}")
    return Capacity(max_ports, by_descriptors, "open files")


def _ports(realm: Realm) -> int:
    return max(interface.pool.size for interface in realm.interfaces)
