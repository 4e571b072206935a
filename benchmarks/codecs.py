"""What the parts of a call cost inside one process, without SIP and Iq sockets, against their budget."""

import asyncio
import gc
import importlib
import io
import sys
import timeit
from collections.abc import Callable
from contextlib import redirect_stdout

from agw.app import make_realm
from agw.config import RealmSection
from agw.control.contexts import Contexts
from agw.engine.portable import PortableEngine
from benchmarks.edge import REALMS
from benchmarks.memory_edge import ACCESS, CORE, MemoryEdge, MemoryFlow, settled
from benchmarks.options import Options
from hosting import logs
from hosting.garbage import THRESHOLDS
from iq.h248 import codec
from iq.procedures import Action, ActionReply
from pcscf.alg.session import AccessProfile, MediaPolicy, MediaSession
from pcscf.flow import Side
from pcscf.sdp.body import find_sdp
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, parse
from pcscf.transaction.layer import NewRequest, TransactionLayer

_MID = "<pcscf.ims.example>"
_SUITES = frozenset({"AES_CM_128_HMAC_SHA1_80"})
_MECHANISMS = frozenset({"sdes-srtp"})


def run(options: Options) -> int:
    """Print the table; returns 0."""
    uvloop = importlib.import_module("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(20 if options.quick else 500, 1 if options.quick else 5))


async def _run(calls: int, repeats: int) -> int:
    logs.setup("info", "json")
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)  # as hosting.garbage does it
    engine = PortableEngine(asyncio.get_running_loop())
    realms = {name: make_realm(name, RealmSection(**section)) for name, section in REALMS.items()}
    contexts = Contexts(engine, realms, 10_000)
    gateway = _Timed(contexts)
    with redirect_stdout(io.StringIO()):  # the records of the calls: written as to a file
        edge = MemoryEdge(gateway.execute)
        whole, at_gateway = [], []
        number = 0
        for _ in range(repeats + 1):
            edge.seconds = gateway.seconds = 0.0
            for _ in range(calls):
                number += 1
                edge.call(number)
            whole.append(edge.seconds / calls)
            at_gateway.append(gateway.seconds / calls)
            await settled(edge)
        await edge.close()
    engine.stop()
    logs.setup("info", "auto")

    def fastest(work: Callable[[], object]) -> float:
        timer = timeit.Timer(work)
        return min(timer.repeat(repeats, calls)) / calls

    iq = fastest(lambda: _iq(edge.actions))
    transactions = _transactions(edge.received, calls)
    sdp = fastest(lambda: _media(edge.received, edge.actions))
    messages = [*edge.received, *edge.sent]
    parsed = [parse(data) for data in messages]
    print(f"the fastest of {repeats} times {calls} calls, us per call; Python {sys.version.split()[0]}")
    print("                                                     us   budget")
    _line("P-CSCF whole, in memory (SIP, SDP and policy)", min(whole), 450)
    _line("  of it SIP: parsing the messages received", fastest(lambda: [parse(d) for d in edge.received]))
    _line(
        f"  of it SIP: encoding {len(edge.sent)} messages",
        fastest(lambda: [m.encode() for m in parsed[-len(edge.sent) :]]),
    )
    _line("  of it transactions: 2 servers, 2 clients, matching", transactions)
    _line("  of it SDP and policy: plan and complete, both ways", sdp, 100)
    _line(f"Iq: {2 * len(edge.actions)} encodings, {2 * len(edge.actions)} parsings", iq, 300)
    _line("AGW and portable engine (4 sockets, 2 SRTP sessions)", min(at_gateway), 250)
    total = min(whole) + iq + min(at_gateway)
    _line("sum, without sockets of SIP and Iq and their wake-ups", total, 1000)
    return 0


def _line(what: str, seconds: float, budget: int | None = None) -> None:
    print(f"{what:54s}{seconds * 1e6:6.1f}" + (f"{budget:9d}" if budget else ""))


class _Timed:
    """Executes actions on real contexts and keeps the time."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._loop = asyncio.get_running_loop()
        self.seconds = 0.0

    def execute(self, action: Action) -> ActionReply:
        started = timeit.default_timer()
        reply = self._contexts.execute(action, self._loop.time())
        self._contexts.ended.clear()
        self.seconds += timeit.default_timer() - started
        return reply


def _transactions(received: list[bytes], calls: int) -> float:
    """Seconds a call in the transaction layer: as a server and as a client for INVITE and for BYE."""
    layer, flow = TransactionLayer(), MemoryFlow(ACCESS, ("127.0.0.1", 5080))
    core = MemoryFlow(CORE, ("127.0.0.1", 5090))
    invite, _, _, ack, bye, _ = received
    seconds = 0.0
    for number in range(calls):
        asked = [parse(data.replace(b"z9hG4bK", b"z9hG4bK%d." % number)) for data in (invite, ack, bye)]
        branches = [f"z9hG4bKc{number}.{index}" for index in range(3)]
        started = timeit.default_timer()
        for message, branch in zip(asked, branches, strict=True):
            now = number * 0.002
            effects = layer.receive(message, flow, now)
            if not isinstance(message, Request) or message.method == "ACK":
                continue
            server = next(effect.server for effect in effects if isinstance(effect, NewRequest))
            out = message.copy()
            out.prepend("Via", f"SIP/2.0/UDP 127.0.0.1:5070;branch={branch}")
            layer.request(out, core, now)
            for status in (100, 180, 200) if message.method == "INVITE" else (200,):
                layer.receive(response_to(out, status, to_tag="s1"), core, now)
                layer.respond(server, response_to(message, status, to_tag="s1"), now)
        if number % 25 == 0:
            layer.tick(number * 0.002)
        seconds += timeit.default_timer() - started
    return seconds / calls


def _iq(actions: list[tuple[Action, ActionReply]]) -> None:
    for number, (action, reply) in enumerate(actions, 1):
        codec.decode(codec.encode_request(_MID, number, action))
        codec.decode(codec.encode_reply(_MID, number, [action], [reply]))


def _media(messages: list[bytes], actions: list[tuple[Action, ActionReply]]) -> None:
    """Decide and rewrite the offer and the answer of a call, as ``proxy.calls`` does."""
    profile = AccessProfile(
        _MECHANISMS, _MECHANISMS, _MECHANISMS, "access", "core", "127.0.0.1", _SUITES, 600, None
    )
    session = MediaSession(MediaPolicy(), profile, bytes)
    bodies = _BODIES.get(id(messages))
    if bodies is None:
        bodies = _BODIES[id(messages)] = [m.body for m in map(parse, messages) if m.body]
    for body, side, (_, reply) in zip(bodies, (Side.ACCESS, Side.CORE), actions, strict=False):
        part = find_sdp("application/sdp", body)
        if part is None:
            continue
        plan = session.plan_offer if side is Side.ACCESS else session.plan_answer
        part.replace(session.complete(plan(part.sdp, side), reply))
    session.release()


_BODIES: dict[int, list[bytes]] = {}
