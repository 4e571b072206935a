"""CPU per packet: SRTP on the access side, RTP on the core side, and back, paced as telephony is.

The gateway is a real process, its contexts are made through real Iq. Beside it rtpengine in userspace, and a
relay in C that does nothing else: the floor of this kernel. Every packet that returns is authenticated and
compared by the load generator.
"""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import report
from benchmarks.edge import gateway_settings, start_gateway
from benchmarks.errors import BenchmarkFailed
from benchmarks.options import Options
from benchmarks.peers import native
from benchmarks.peers.rtpengine import Ng, RtpEngine, media_of
from benchmarks.processes import DRIVER, Child, Group, free_port, quiet
from hosting import logs
from iq.controller import Controller, Gateway
from iq.procedures import Action, ActionReply, Endpoint, Latch, Mode, Reserve, Reserved, Stream
from iq.suites import SUITES, Crypto, Key

#: By the load generator's name: the suite, None for plain RTP.
MODES = {"cm80": "AES_CM_128_HMAC_SHA1_80", "gcm": "AEAD_AES_128_GCM", "plain": None}
UE, FAR = "127.0.0.1", "127.0.0.4"
WARM_UP = 1.0
#: Share of packets that may be lost before a step counts as failed.
HELD = 0.001

#: Address and port of the UE side, of the core side, key from the UE, key to the UE, for one call.
Leg = tuple[str, int, str, int, bytes, bytes]


class Load:
    """The load generator with the ports that it sends from."""

    def __init__(self, group: Group, options: Options) -> None:
        self.ue, self.core = free_port(), free_port()
        self._group = group
        self._options = options
        self._program = native.build("loadgen", "-lcrypto")

    async def run(self, label: str, mode: str, relay: Child, legs: list[Leg]) -> list[dict[str, Any]]:
        """Send through ``relay`` and print its line; returns the steps."""
        path = self._group.directory / "calls.txt"
        path.write_text("".join(_line(leg) for leg in legs), encoding="ascii")
        options, name = self._options, f"loadgen-{label}-{mode}"
        with quiet():
            child = self._group.start(
                name, str(self._program), "-f", str(path), "-p", str(relay.pid), "-m", mode,
                "-n", ",".join(map(str, options.streams)), "-t", str(options.seconds), "-w", str(WARM_UP),
                "-r", str(options.repetitions), "-u", str(self.ue), "-c", str(self.core),
                cpu=DRIVER,
            )  # fmt: skip
            seconds = (options.seconds + 8) * options.repetitions * len(options.streams) + 10
            if await asyncio.to_thread(child.wait, seconds) != 0:
                raise BenchmarkFailed(f"load generator: {child.last_words()}")
        steps = [json.loads(line) for line in child.log.read_text(encoding="ascii").splitlines()]
        for calls in options.streams:
            _print(label, mode, [step for step in steps if step["calls"] == calls])
        return steps


def run(options: Options) -> int:
    """Print the table; return in how many modes our gateway lost or damaged packets."""
    logs.setup("error")
    return asyncio.run(_run(options))


async def _run(options: Options) -> int:
    failed = 0
    calls = max(options.streams)
    with Group() as group:
        load = Load(group, options)
        print(f"{options.seconds:g} s a run, {options.repetitions} runs a step; us of CPU per packet relayed")
        for mode, suite in MODES.items():
            steps = await _gateway(group, load, mode, suite, calls)
            failed += int(sum(step["bad"] for step in steps) > 0 or _lost(steps) > HELD)
            if options.peers:
                await _rtpengine(group, load, mode, suite, calls)
            if mode == "plain":
                await _floor(group, load, calls)
    return failed


async def _gateway(
    group: Group, load: Load, mode: str, suite: str | None, calls: int
) -> list[dict[str, Any]]:
    up: asyncio.Future[Gateway] = asyncio.get_running_loop().create_future()
    controller = Controller(
        "pcscf.ims.example",
        "127.0.0.1",
        0,
        on_up=lambda gateway, _cold: up.set_result(gateway),
        on_down=lambda _gateway, _reason: None,
        on_notify=lambda _gateway, context, _event: ActionReply(context, []),
    )
    await controller.start()
    try:
        with _ended(group, start_gateway(group, gateway_settings(controller.port))) as agw:
            gateway = await asyncio.wait_for(up, 10)
            legs = [await _reserve(gateway, load, suite) for _ in range(calls)]
            return await load.run("agw", mode, agw, legs)
    finally:
        await controller.close()


async def _reserve(gateway: Gateway, load: Load, suite: str | None) -> Leg:
    """Make a context as an answered call has it."""
    access = Stream(1, "audio", "RTP/SAVP" if suite else "RTP/AVP", "8", Mode.SEND_RECEIVE)
    access.remote = Endpoint(UE, load.ue)
    there = back = b""
    if suite is not None:
        there, back = os.urandom(SUITES[suite].octets), os.urandom(SUITES[suite].octets)
        access.remote_crypto, access.local_crypto = Crypto(suite, Key(there)), Crypto(suite, Key(back))
    core = Stream(1, "audio", "RTP/AVP", "8", Mode.SEND_RECEIVE, remote=Endpoint(FAR, load.core))
    reserves = [Reserve("access", [access], 3600, Latch.LATCH, UE), Reserve("core", [core], 3600)]
    reply: asyncio.Future[ActionReply] = asyncio.get_running_loop().create_future()
    gateway.send(Action(None, [*reserves]), reply.set_result)
    made = await asyncio.wait_for(reply, 10)
    ends = [one.streams[0].local for one in made.replies if isinstance(one, Reserved)]
    if made.error is not None or len(ends) != 2 or ends[0] is None or ends[1] is None:
        raise BenchmarkFailed(f"the gateway refused a call: {made.error}")
    return ends[0].address, ends[0].port, ends[1].address, ends[1].port, there, back


async def _rtpengine(group: Group, load: Load, mode: str, suite: str | None, calls: int) -> None:
    engine = RtpEngine(group)
    with _ended(group, engine.child):
        ng, legs = Ng(engine.ng), []
        for number in range(calls):
            key = os.urandom(SUITES[suite].octets) if suite else b""
            line = f"a=crypto:1 {suite} inline:{base64.b64encode(key).decode()}\r\n" if suite else ""
            offer = _sdp(UE, load.ue, "RTP/SAVP" if suite else "RTP/AVP", line)
            there, back = ng.call(number, offer, _sdp(FAR, load.core, "RTP/AVP"))
            (core, core_port, _), (ue, ue_port, text) = media_of(there), media_of(back)
            legs.append((ue, ue_port, core, core_port, key, base64.b64decode(text + "=" * (-len(text) % 4))))
        await load.run("rtpengine", mode, engine.child, legs)


async def _floor(group: Group, load: Load, calls: int) -> None:
    first = 12_000
    relay = group.start(
        "relay", str(native.build("relay")), str(calls), str(first), str(load.ue), str(load.core)
    )
    with _ended(group, relay):
        relay.expect("ready")
        legs = [("127.0.0.22", first + i, "127.0.0.23", first + i, b"", b"") for i in range(calls)]
        await load.run("floor", "plain", relay, legs)


@contextmanager
def _ended(group: Group, child: Child) -> Iterator[Child]:
    try:
        yield child
        child.alive()
    finally:
        group.drop(child)


def _sdp(address: str, port: int, transport: str, extra: str = "") -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} {transport} 8\r\na=rtpmap:8 PCMA/8000\r\n{extra}"
    )


def _line(leg: Leg) -> str:
    ue, ue_port, core, core_port, there, back = leg
    return f"{ue} {ue_port} {core} {core_port} {there.hex() or '-'} {back.hex() or '-'}\n"


def _lost(steps: list[dict[str, Any]]) -> float:
    """Return the share of packets of all runs that never came back.

    After a stall of the machine those of one run come in the next: they are late, not lost.
    """
    sent: int = sum(step["tx"] for step in steps)
    back: int = sum(step["rx_core"] + step["rx_ue"] for step in steps)
    return max(0, sent - back) / max(sent, 1)


def _print(label: str, mode: str, steps: list[dict[str, Any]]) -> None:
    cost = report.spread([step["relay_us_per_pkt"] for step in steps], 1)
    lost = 100 * _lost(steps)
    late = max(step["late_pct"] for step in steps)
    bad = sum(step["bad"] for step in steps)
    stolen = sum(sum(step["steal_s"]) for step in steps)
    cores = max(step["relay_cores"] for step in steps)
    stolen_too = f", stolen {stolen:.1f} s" if stolen >= 0.1 else ""
    print(
        f"{steps[0]['calls']:5d} calls  {mode:5s}  {label:9s} {cost:22s} {cores:.2f} cores, "
        f"lost {lost:.2f} %, late {late:.2f} %, bad {bad}{stolen_too}",
        flush=True,
    )
