"""baresip without a sound card: registers, is told what to do over ctrl_tcp, sends a tone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from lab.address import Target
from lab.sockets import free_port
from tests.support.certificates import Files
from tests.support.programs import Program, bound

MODULES = Path("/usr/lib/baresip/modules")
#: Hertz of the tone that it sends.
TONE = 440
_CONFIG = """
module_path {modules}
sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
ctrl_tcp_listen 127.0.0.1:{control}
rtp_stats yes
audio_source ausine,{tone}
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
ausrc_srate 48000
ausrc_channels 2
auplay_srate 8000
module ausine.so
module aubridge.so
module g711.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""
_ACCOUNT = "<{aor}>;audio_codecs=PCMA;answermode=auto;regint={regint}{more}\n"


class Baresip:
    """``events`` is what it has told; ``program`` its process with its output."""

    def __init__(self, program: Program, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.program = program
        self.events: list[dict[str, Any]] = []
        self._reader = reader
        self._writer = writer

    async def registered(self) -> None:
        """Wait for the 200 to its REGISTER; the event for it may have come before anybody listened."""
        await self.program.line(r"200 OK .*\[1 binding\]")

    async def command(self, name: str, params: str = "") -> None:
        """Give a command and wait until it is accepted."""
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        while not (answer := await self._next()).get("response"):
            pass
        assert answer["ok"], answer

    async def event(self, kind: str, within: float = 15.0) -> dict[str, Any]:
        """Wait for an event of this type among those that were not waited for yet."""
        async with asyncio.timeout(within):
            while True:
                for number, event in enumerate(self.events):
                    if event["type"] == kind:
                        del self.events[: number + 1]
                        return event
                await self._next()

    async def _next(self) -> dict[str, Any]:
        length = int((await self._reader.readuntil(b":"))[:-1])
        message: dict[str, Any] = json.loads((await self._reader.readexactly(length + 1))[:-1])
        if message.get("event"):
            self.events.append(message)
        return message


@asynccontextmanager
async def baresip(
    directory: Path,
    aor: str,
    password: str,
    proxy: Target,
    mediaenc: str = "srtp-mand",
    trust: Path | None = None,
    outbound: str = "",
) -> AsyncIterator[Baresip]:
    """Start it with one account, which it registers by itself; calls to it are answered at once.

    trust: PEM file of the CA of a proxy that is reached over TLS. outbound: transport of a second flow to
    the proxy, by RFC 5626. All SIP is in the output, in the clear.
    """
    user = _user(aor)
    more = f";auth_user={user};auth_pass={password};mediaenc={mediaenc}"
    more += f';outbound="sip:{proxy.host}:{proxy.port};transport={proxy.transport}"'
    config = f"sip_cafile {trust}\n" if trust is not None else ""
    if mediaenc.startswith("dtls"):
        config += "module dtls_srtp.so\n"
    if outbound:
        config += "module_tmp uuid.so\n"
        more += f';outbound2="sip:{proxy.host}:{proxy.port};transport={outbound}";sipnat=outbound'
    account = _ACCOUNT.format(aor=aor, regint=3600, more=more)
    async with _running(directory / f"baresip-{user}", config, account, free_pair()) as phone:
        yield phone


@asynccontextmanager
async def plain_far_end(directory: Path, aor: str, port: int) -> AsyncIterator[Baresip]:
    """Start one that registers nowhere, takes every call to ``port`` at once, and knows no SRTP."""
    account = _ACCOUNT.format(aor=aor, regint=0, more="")
    async with _running(directory / f"baresip-{_user(aor)}", "", account, port) as phone:
        yield phone


@asynccontextmanager
async def trunk(directory: Path, aor: str, port: int, proxy: Target, files: Files) -> AsyncIterator[Baresip]:
    """Start one that registers nowhere and has mandatory SRTP; over TLS it listens on ``port`` + 1.

    files: its certificate, and the CA of the proxy that its own calls go to.
    """
    pem = directory / f"{_user(aor)}-both.pem"
    _join(pem, files.certificate, files.private_key)
    more = f';mediaenc=srtp-mand;outbound="sip:{proxy.host}:{proxy.port};transport={proxy.transport}"'
    account = _ACCOUNT.format(aor=aor, regint=0, more=more)
    config = f"sip_certificate {pem}\nsip_cafile {files.ca}\n"
    async with _running(directory / f"baresip-{_user(aor)}", config, account, port) as phone:
        yield phone


def _join(target: Path, *parts: Path) -> None:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))


@asynccontextmanager
async def _running(home: Path, config: str, account: str, sip: int) -> AsyncIterator[Baresip]:
    control = free_port("127.0.0.1")
    _write(home, _CONFIG.format(modules=MODULES, sip=sip, control=control, tone=TONE) + config, account)
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(Program("baresip", "-4", "-s", "-f", home, directory=home))
        await program.listening(control, "tcp")
        reader, writer = await asyncio.open_connection("127.0.0.1", control)
        stack.callback(writer.transport.abort)
        yield Baresip(program, reader, writer)


def _write(home: Path, config: str, account: str) -> None:
    home.mkdir()
    (home / "config").write_text(config, encoding="ascii")
    (home / "accounts").write_text(account, encoding="ascii")


def _user(aor: str) -> str:
    return aor.partition(":")[2].partition("@")[0]


def free_pair() -> int:
    """Return a port that is free with the next one: it takes that for TLS, account or not."""
    while bound((port := free_port("127.0.0.1")) + 1, "tcp"):
        pass
    return port
