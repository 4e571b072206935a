"""SIPp (Debian's sip-tester) with the scenarios of configs/sipp."""

from pathlib import Path

from lab.sockets import open_pair
from tests.support.programs import Program

SCENARIOS = Path(__file__).parents[2] / "configs" / "sipp"


def sipp(scenario: str, port: int, directory: Path, *more: str | int) -> Program:
    """SIPp with a scenario of ours on ``port``, echoing RTP on a free pair of ports."""
    rtp, rtcp = open_pair("127.0.0.1")
    media = rtp.getsockname()[1]
    rtp.close()
    rtcp.close()
    return Program(
        "sipp", "-sf", SCENARIOS / scenario, "-i", "127.0.0.1", "-p", str(port),
        "-mi", "127.0.0.1", "-mp", str(media), "-rtp_echo", "-nostdin",
        "-trace_err", "-error_file", directory / "errors.log", *map(str, more),
        directory=directory,
    )  # fmt: skip


def errors_of(directory: Path) -> str:
    """Return what SIPp found wrong."""
    log = directory / "errors.log"
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
