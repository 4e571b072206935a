"""A whole edge for tests: real pcscf and agw (lab.edge) behind the lab's core, and what may be left of it."""

import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from lab.call import Call
from lab.core import CoreNetwork
from lab.descriptions import Protection, Terms
from lab.edge import Edge, Samples, total
from lab.processes import Process
from lab.ue import UserAgent
from tests.support.programs import until

DOMAIN = "ims.example"
PASSWORD = "correct-horse"
PLAIN = Terms(Protection.NONE)
#: What is 0 when nothing is going on.
LEFTOVERS = {
    "agw": ("agw_contexts", "agw_terminations", "agw_ports"),
    "pcscf": ("pcscf_active_calls",),
}


@dataclass(slots=True)
class Network:
    """A core with its users, and the edge in front of it."""

    core: CoreNetwork
    edge: Edge
    stack: AsyncExitStack

    async def ue(self, user: str, **changes: Any) -> UserAgent:
        """Return a registered UE that closes with the network."""
        agent = UserAgent(aor(user), PASSWORD, self.edge.access, **changes)
        await self.stack.enter_async_context(agent)
        await agent.register()
        return agent

    async def echo(self, user: str, **changes: Any) -> UserAgent:
        """Return a registered UE that takes every call and sends its media back."""
        return await self.ue(user, answer=accept, echo=True, **changes)

    async def metric(self, process: str, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples with these labels; 0 where there is none."""
        return total(await self.edge.metrics(process), name, **labels) or 0.0

    async def health(self, process: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the content of /healthz."""
        status, text = await self.edge._get(process, "/healthz")
        return status, json.loads(text) if status else {}

    async def restart(self, name: str) -> Process:
        """Start a process of the edge anew, with its configuration of before, and wait until it serves."""
        fresh = Process(name, self.edge.directory / f"{name}.yaml")
        setattr(self.edge, name, fresh)
        await fresh.start()
        await until(lambda: self.health(name), lambda seen: seen[0] == 200, 20.0)
        return fresh

    async def nothing_left(self, *, transactions: bool = False, within: float = 10.0) -> None:
        """Wait until no call, context, termination or media port is left, nor a transaction where asked."""
        wanted = {name: list(metrics) for name, metrics in LEFTOVERS.items()}
        if transactions:
            wanted["pcscf"].append("pcscf_transactions")

        async def look() -> dict[str, float | None]:
            samples: dict[str, Samples] = {name: await self.edge.metrics(name) for name in wanted}
            return {metric: total(samples[name], metric) for name in wanted for metric in wanted[name]}

        await until(look, lambda seen: not any(seen.values()) and None not in seen.values(), within)

    async def good_call(self, caller: UserAgent, callee: str, packets: int = 5) -> None:
        """Place a call with media both ways: the far end has to echo."""
        call = await caller.call(aor(callee), timeout=10)
        await call.media.exchange(packets, interval=0.005)
        statistics = await call.hangup()
        assert not statistics.problems(packets)
        assert not call.problems


def aor(user: str) -> str:
    return f"sip:{user}@{DOMAIN}"


async def accept(call: Call) -> None:
    await call.accept()


@contextlib.asynccontextmanager
async def network(
    users: Iterable[str] = ("alice", "bob"),
    *,
    clean: bool = True,
    core: dict[str, Any] | None = None,
    next_hop: str | None = None,
    **edge: Any,
) -> AsyncIterator[Network]:
    """Start core, pcscf and agw; ``core`` and ``edge`` are further arguments of these.

    next_hop: URI of another core that the edge uses; the lab's own one stays idle then.

    With ``clean`` both processes have to end well, without a traceback or an error in their logs, and nothing
    may have got to the core that must not get there.
    """
    async with AsyncExitStack() as stack, AsyncExitStack() as agents:
        passwords = dict.fromkeys(users, PASSWORD)
        center = await stack.enter_async_context(CoreNetwork(DOMAIN, passwords, **(core or {})))
        front = await stack.enter_async_context(Edge(next_hop or center.uri, **edge))
        yield Network(center, front, agents)
        await agents.aclose()
        statuses = await front.stop()
        if clean:
            assert set(statuses.values()) == {0}
            assert not list(center.violations)
            assert_clean(front.pcscf)
            assert_clean(front.agw)


def assert_clean(process: Process) -> None:
    """Fail where a process has written a traceback, or an event of level error."""
    log = "".join(process.lines)
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    wrong = [event for event in process.events if event.get("level") in ("error", "critical")]
    assert not wrong, wrong[:5]


async def kill(process: Process) -> None:
    """End a process of the edge without warning, as a crash would."""
    os.kill(process.pid, signal.SIGKILL)
    await process.stop()


@contextlib.contextmanager
def frozen(process: Process) -> Iterator[None]:
    """Stop a process in its tracks, connections open, and let it go on afterwards."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
