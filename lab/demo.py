"""``imslab demo``: the edge as real processes between two UEs and a core, and the proof of what it does."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.call import Call
from lab.core import CoreNetwork
from lab.edge import Edge, total
from lab.errors import CallFailed, LabError, ProcessFailed, RegistrationFailed
from lab.kind import Kind
from lab.ladder import Ladder
from lab.processes import Event
from lab.records import CALL, CONTEXTS, RELEASED, ContextRecord, LegRecord, gateway_table
from lab.report import console, statistics_table, witness_table
from lab.trace import Event as Seen
from lab.trace import Trace
from lab.ue import UserAgent
from lab.verdict import CallRecord, Result, leaks

DOMAIN = "ims.example"
USERS = {"alice": "wonderland", "bob": "builder"}
#: Seconds for what follows a call: log lines, released contexts, the far end's BYE.
SETTLE = 5.0
LOOK = 0.05


class Demo:
    """Runs once; ``result`` and ``traces``, one for each kind of media, are what it saw."""

    def __init__(self, out: Console, kinds: Sequence[Kind], seconds: float, directory: Path) -> None:
        self.result = Result()
        self.traces: dict[str, list[Seen]] = {}
        self.keys: set[str] = set()
        self.logs: dict[str, str] = {}
        self._out = out
        self._kinds = kinds
        self._seconds = seconds
        self._trace = Trace()
        self._directory = directory

    async def run(self) -> Result:
        """Raises LabError where the edge does not come up; everything else is a failed check."""
        async with contextlib.AsyncExitStack() as stack:
            core = await stack.enter_async_context(CoreNetwork(DOMAIN, USERS, trace=self._trace))
            self._say(f"core      {core.uri}")
            edge = Edge(core.uri, directory=self._directory)
            try:
                await self._between(edge, core)
            finally:
                statuses = await edge.stop()
                self.logs = {p.module: "".join(p.lines) for p in (edge.pcscf, edge.agw)}
        for name, status in statuses.items():
            self.result.add(f"{name} ended in order", status == 0, f"exit status {status}")
        self._check_secrets()
        return self.result

    async def _between(self, edge: Edge, core: CoreNetwork) -> None:
        await edge.start()
        self._say(f"pcscf     {edge.access.uri}")
        for kind in self._kinds:
            since = len(self._trace.events)
            await self._show(kind, edge, core)
            self.traces[kind.name] = list(self._trace.events)[since:]
        await self._nothing_left(edge)
        violations = sorted(set(core.violations))
        self.result.add("nothing reached the core that must not", not violations, "; ".join(violations))

    async def _show(self, kind: Kind, edge: Edge, core: CoreNetwork) -> None:
        """Two UEs that announce the mechanism of this kind alone call each other."""
        async with contextlib.AsyncExitStack() as stack:
            agents = []
            for user, password in USERS.items():
                agent = UserAgent(f"sip:{user}@{DOMAIN}", password, edge.access, kind=kind, trace=self._trace)
                agents.append(await stack.enter_async_context(agent))
            await self._register(kind, agents)
            suites = tuple(suite for terms in kind.calls for suite in terms.suites)
            for (caller, callee), terms in zip((agents, agents[::-1]), kind.calls, strict=True):
                caller.terms, callee.terms = terms, replace(terms, suites=suites)
                await self._call(edge, core, caller, callee)
            for agent in agents:
                await agent.deregister()

    async def _register(self, kind: Kind, agents: Iterable[UserAgent]) -> None:
        registrations = self.result.registrations[kind.name] = {}
        for agent in agents:
            name = f"{agent.user} registered with {kind.mechanism}"
            try:
                registration = await agent.register()
            except RegistrationFailed as error:
                self.result.add(name, False, str(error))
                continue
            registrations[agent.user] = registration.security_server
            listed = ", ".join(registration.security_server)
            offered = f"{kind.mechanism};mediasec" in registration.security_server
            self.result.add(name, offered and not registration.problems, f"Security-Server: {listed}")
            self._say(f"{agent.user:9} registered; the network offers {listed or 'nothing'}")

    async def _call(self, edge: Edge, core: CoreNetwork, caller: UserAgent, callee: UserAgent) -> None:
        kind = caller.kind
        record = CallRecord(kind, caller.user, callee.user, kind.units(self._seconds))
        self.result.calls.append(record)
        self._say(f"call      {record.name}, {record.units} {kind.unit}")
        before = len(edge.agw.events)
        try:
            placed, taken = await _connect(caller, callee)
        except CallFailed as error:
            self.result.add(f"{record.name}: set up", False, str(error))
            return
        record.call_id = placed.call_id
        await asyncio.gather(*(call.media.exchange(record.units) for call in (placed, taken)))
        record.ends = {caller.user: await placed.hangup()}
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(taken.ended.wait(), SETTLE)
        record.ends[callee.user] = taken.media.statistics()
        record.core = core.witness.observed(placed.call_id)
        record.problems = [*placed.problems, *taken.problems]
        record.legs = await _legs(edge, placed.call_id)
        record.gateway = await _contexts(edge, before)
        self.keys |= placed.keys | taken.keys
        self.result.checks += record.checks()

    async def _nothing_left(self, edge: Edge) -> None:
        deadline = asyncio.get_running_loop().time() + SETTLE
        while (left := total(await edge.metrics("agw"), CONTEXTS)) != 0:
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(LOOK)
        self.result.add("no context left in the gateway", left == 0, f"{CONTEXTS} is {left}")

    def _check_secrets(self) -> None:
        found = leaks(self.keys, self.logs)
        detail = f"looked for {len(self.keys)} keys in {sum(map(len, self.logs.values()))} characters of log"
        self.result.add("no key in any log", not found and bool(self.keys), ", ".join(found) or detail)

    def _say(self, text: str) -> None:
        self._out.print(text, style="dim")


async def main(*, kinds: Sequence[Kind], seconds: float, keep: bool, as_json: bool) -> int:
    """Run, show, and return the exit status."""
    out = console(stderr=as_json)
    with contextlib.ExitStack() as stack:
        if keep:
            directory = Path(tempfile.mkdtemp(prefix="imslab-"))
        else:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imslab-")))
        demo = Demo(out, kinds, seconds, directory)
        try:
            result = await demo.run()
        except LabError as error:
            demo.result.add("the demo ran to its end", False, str(error))
            result = demo.result
        if keep:
            for name, text in demo.logs.items():
                (directory / f"{name}.log").write_text(text, encoding="utf-8")
            out.print(f"configurations and logs: {directory}")
    with out.capture() as capture:
        for kind in kinds:
            calls, events = result.of(kind), demo.traces.get(kind.name, [])
            if kind is not kinds[0]:  # the first ladder shows what all have in common
                events = [event for event in events if event.call_id in {call.call_id for call in calls[:1]}]
            show(out, calls, events)
    shown = capture.get()
    if leaks(demo.keys, {"output": shown + json.dumps(result.as_dict())}):
        result.add("no key in this output", False, "the output was withheld")
        shown = ""
    out.file.write(shown)
    out.print(_verdict(result))
    if as_json:
        print(json.dumps(result.as_dict(), indent=2))
    return 0 if result.verified else 1


def show(out: Console, calls: Sequence[CallRecord], events: Iterable[Seen]) -> None:
    """Print ladder, decisions, and what each leg carried; ``calls``: all of one kind."""
    if not calls:
        return
    out.print()
    out.print(Ladder("alice", "bob").render(events), no_wrap=True, overflow="ellipsis")
    for call in calls:
        out.print(f"[bold]{call.name}[/bold]: what pcscf decided for each m-line, and why")
        for text in (line for leg in call.legs for line in leg.lines()):
            out.print(f"  {text}", markup=False)
    out.print()
    named = [(f"{user} ({c.name})", s) for c in calls for user, s in c.ends.items()]
    out.print(statistics_table(named))
    out.print(gateway_table({call.name: call.gateway for call in calls}))
    out.print(witness_table({call.name: call.core for call in calls}))


def _verdict(result: Result) -> Table:
    table = Table(title="Verified" if result.verified else "NOT verified", title_justify="left")
    table.title_style = "bold green" if result.verified else "bold red"
    for name in ("", "what", "seen"):
        table.add_column(name)
    for check in result.checks:
        mark, style = ("ok", "green") if check.passed else ("FAILED", "bold red")
        table.add_row(f"[{style}]{mark}[/]", check.name, check.detail)
    return table


async def _connect(caller: UserAgent, callee: UserAgent) -> tuple[Call, Call]:
    placed = caller.place(callee.aor)
    answered = asyncio.ensure_future(placed.answered())
    invited = asyncio.ensure_future(callee.incoming.get())
    await asyncio.wait([answered, invited], return_when=asyncio.FIRST_COMPLETED)
    if not invited.done():
        invited.cancel()
        await answered
        raise CallFailed(500, "answered, but not by the callee")
    taken = invited.result()
    taken.ring()
    await asyncio.gather(taken.accept(), answered)
    return placed, taken


async def _legs(edge: Edge, call_id: str) -> list[LegRecord]:
    """Return what pcscf's log says of both legs of a call, written when they end; the caller's first."""
    found: dict[str, LegRecord] = {}

    def both_legs(event: Event) -> bool:
        if event.get("event") == CALL and event.get("call_id") == call_id:
            record = LegRecord.of(event)
            found[record.direction] = record
        return len(found) == 2

    with contextlib.suppress(ProcessFailed):
        await edge.pcscf.wait_for(both_legs, SETTLE)
    return [found[direction] for direction in sorted(found)]


async def _contexts(edge: Edge, since: int) -> list[ContextRecord]:
    """Return what agw's log says of the contexts of a call, one for each leg, written when they end."""
    found: dict[int, ContextRecord] = {}

    def both_legs(event: Event) -> bool:
        if event.get("event") == RELEASED:
            record = ContextRecord.of(event)
            found[record.context] = record
        return len(found) == 2

    with contextlib.suppress(ProcessFailed):
        await edge.agw.wait_for(both_legs, SETTLE, since=since)
    return [found[context] for context in sorted(found)]
