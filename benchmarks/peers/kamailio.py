"""Kamailio as an edge proxy with rtpengine, on ports of its own; the packaged service is not touched."""

from pathlib import Path

from benchmarks.processes import Group, free_port

_CONFIG = Path(__file__).with_name("kamailio.cfg")


class Kamailio:
    """One worker over UDP: ``port`` is where UEs send to, calls go on to ``core``."""

    def __init__(self, group: Group, core: int, ng: int | None, registrar: int) -> None:
        """ng: rtpengine's control port; None: a proxy alone; registrar: port that REGISTER goes to."""
        self.port = free_port()
        directory = str(group.directory)
        definitions = [f"PORT={self.port}", f"CORE_PORT={core}", f"REGISTRAR_PORT={registrar}"]
        definitions += [f"NG_PORT={ng}", "WITH_RTPENGINE"] if ng is not None else []
        self.child = group.start(
            "kamailio",
            "kamailio", "-DD", "-E", "-f", str(_CONFIG), "-m", "256", "-M", "16",
            "-w", directory, "-Y", directory, "-P", f"{directory}/kamailio.pid",
            *(word for one in definitions for word in ("-A", one)),
        )  # fmt: skip
        self.child.expect("udp: 127.0.0.1")  # its worker may follow: SIPp asks again in the warm-up
