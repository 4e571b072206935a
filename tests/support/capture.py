"""What is on the wire: dumpcap on the loopback interface, read with tshark (Debian's tshark)."""

import asyncio
import secrets
import socket
from pathlib import Path
from typing import Self

from tests.support.programs import Program, until

#: Severity of tshark's expert information that a message of ours may not reach.
EXPERT_WARNING = 0x0060_0000


class Capture:
    """Captures into ``directory`` while it is entered. The filter has to let datagrams of UDP pass."""

    def __init__(self, directory: Path, capture_filter: str) -> None:
        self.file = directory / "lo.pcap"
        self._directory = directory
        self._program = Program(
            "dumpcap", "-q", "-i", "lo", "-P", "-B", "16", "-f", capture_filter, "-w", self.file,
            directory=directory,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        await self._program.__aenter__()
        try:
            await self._program.line("^File:")
            await self._caught_up()
        except BaseException:
            await self._program.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._program.stop()

    async def finish(self) -> None:
        """End the capture with all in it that was sent before this call; ``read`` works from then on."""
        await self._caught_up()
        await self._program.stop()

    async def _caught_up(self) -> None:
        """Wait until what was sent before this call is in the file: a datagram after it is."""
        mark = secrets.token_bytes(24)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink, sink.dup() as source:
            sink.bind(("127.0.0.1", 0))

            async def look() -> bool:
                source.sendto(mark, sink.getsockname())
                return self.file.exists() and mark in self.file.read_bytes()

            await until(look, bool)

    async def read(self, passes: str, *fields: str, decode_as: tuple[str, ...] = ()) -> list[list[str]]:
        """Return ``fields`` of every packet that passes this display filter, under ``decode_as`` rules.

        A field that occurs more than once in a packet has its values separated by commas.
        """
        command = ["tshark", "-r", str(self.file), "-Y", passes, "-T", "fields"]
        for field in fields:
            command += ["-e", field]
        for rule in decode_as:
            command += ["-d", rule]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode(errors="replace")
        return [line.split("\t") for line in out.decode("utf-8", "replace").splitlines()]
