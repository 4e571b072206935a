"""What ``imslab ue`` does: register, place or take a call, exchange media, judge."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.call import Call
from lab.kind import Statistics
from lab.ue import UserAgent

#: Seconds that the called end leaves the other one to hang up.
GRACE = 2.0
Say = Callable[[str], None]


@dataclass(slots=True)
class CallReport:
    """One call as its UE saw it; ``problems`` empty means verified."""

    far: str
    seconds: float
    provisional: list[int]
    statistics: Statistics
    problems: list[str] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return not self.problems

    def as_dict(self) -> dict[str, object]:
        return {
            "far": self.far,
            "verified": self.verified,
            "seconds": round(self.seconds, 3),
            "provisional": self.provisional,
            "problems": self.problems,
            "media": self.statistics.as_dict(),
        }


async def place(ue: UserAgent, uri: str, seconds: float, say: Say) -> CallReport:
    """Call ``uri``, exchange ``seconds`` of media, hang up. Raises CallFailed."""
    began = asyncio.get_running_loop().time()
    call = await ue.call(uri)
    say(f"{uri} answered")
    units = ue.kind.units(seconds)
    await call.media.exchange(units)
    return _judge(call, uri, await call.hangup(), units, began)


async def take(ue: UserAgent, seconds: float, say: Say) -> CallReport:
    """Take the next call, talk for ``seconds`` or till the far end hangs up. Raises CallFailed."""
    call = await ue.incoming.get()
    began = asyncio.get_running_loop().time()
    far = call.dialog.remote if call.dialog is not None else ""
    say(f"call from {far}")
    call.ring()
    await call.accept()
    ended = asyncio.ensure_future(call.ended.wait())
    talk = asyncio.ensure_future(_talk(call, seconds))
    try:
        await asyncio.wait([ended, talk], return_when=asyncio.FIRST_COMPLETED)
        if talk.done():
            talk.result()
        await asyncio.wait([ended], timeout=GRACE)
    finally:
        for task in (ended, talk):
            task.cancel()
    return _judge(call, far, await call.hangup(), 1, began)


async def _talk(call: Call, seconds: float) -> None:
    if call.agent.echo:
        await asyncio.sleep(seconds)
    else:
        await asyncio.gather(call.media.send(call.agent.kind.units(seconds)), asyncio.sleep(seconds))


def _judge(call: Call, far: str, statistics: Statistics, units: int, began: float) -> CallReport:
    seconds = asyncio.get_running_loop().time() - began
    problems = [*call.problems, *statistics.problems(units)]
    return CallReport(far, seconds, call.provisional, statistics, problems)
