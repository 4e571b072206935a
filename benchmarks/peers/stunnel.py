"""stunnel, which ends TLS of TCP connections; peers prove themselves by their certificate, as with SDP."""

from pathlib import Path

from benchmarks.processes import Group, free_port

_CONFIG = """
foreground = yes
pid =
syslog = no
debug = 5

[media]
accept = 127.0.0.1:{port}
connect = {far[0]}:{far[1]}
cert = {own}
CAfile = {peer}
verifyPeer = yes
sslVersion = TLSv1.3
ciphersuites = TLS_AES_128_GCM_SHA256
sessionResume = no
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
"""


class Stunnel:
    """Accepts TLS 1.3 at ``port`` of 127.0.0.1 with the profile of the gateway and goes on to ``far``."""

    def __init__(self, group: Group, far: tuple[str, int], own: Path, peer: Path) -> None:
        """own: its certificate and key; peer: the one certificate that it accepts."""
        self.port = free_port()
        config = group.directory / "stunnel.conf"
        config.write_text(_CONFIG.format(port=self.port, far=far, own=own, peer=peer), encoding="ascii")
        self.child = group.start("stunnel", "stunnel4", str(config))
        self.child.expect("Configuration successful")
