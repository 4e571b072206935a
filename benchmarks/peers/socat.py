"""socat, which carries octets between two TCP connections."""

from benchmarks.processes import Group, free_port

BLOCK = 65_536
"""Octets that it reads at once: as many as the gateway, and faster than its own 8192."""


class Socat:
    """Accepts connections at ``port`` of 127.0.0.1, each in a process of its own, and goes on to ``far``."""

    def __init__(self, group: Group, far: tuple[str, int]) -> None:
        self.port = free_port()
        self.child = group.start(
            "socat", "socat", "-d", "-d", "-b", str(BLOCK),
            f"TCP4-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr", f"TCP4:{far[0]}:{far[1]}",
        )  # fmt: skip
        self.child.expect("listening on")
