"""A transaction layer with a virtual clock, and a wire between two of them that loses what it is told to."""

from collections.abc import Callable

from pcscf.sip.message import Request, Response, parse
from pcscf.transaction.layer import (
    Effect,
    Send,
    TransactionLayer,
)
from pcscf.transaction.timers import Timer, TimerQueues
from tests.support.sip import RecordedFlow

STEP = 0.05


class Clock:
    """A layer and its time: ``run`` moves it on and writes down what happens when."""

    def __init__(self, layer: TransactionLayer | None = None) -> None:
        self.layer = TransactionLayer() if layer is None else layer
        self.now = 0.0

    def run(self, seconds: float) -> list[tuple[float, Effect]]:
        """Let ``seconds`` pass; return (time rounded to 0.1 s, effect)."""
        got = []
        for _ in range(round(seconds / STEP)):
            self.now = round(self.now + STEP, 2)
            got += [(round(self.now, 1), effect) for effect in self.layer.tick(self.now)]
        return got

    def receive(self, message: Request | Response, flow: RecordedFlow) -> list[Effect]:
        return self.layer.receive(parse(message.encode()), flow, self.now)


def sends(effects: list[Effect]) -> list[bytes]:
    """Return the start lines of what is sent."""
    return [effect.data.partition(b"\r\n")[0] for effect in effects if isinstance(effect, Send)]


def others(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if not isinstance(effect, Send)]


class End:
    """One end of a wire: its layer, its user as a function of an effect, its flow."""

    def __init__(self, flow: RecordedFlow, user: Callable[["End", Effect], None]) -> None:
        self.layer = TransactionLayer()
        self.flow = flow
        self.user = user
        self.seen: list[Effect] = []
        self.timers = TimerQueues()  # of the user: (data to send again, interval)
        self.now = 0.0

    def tick(self, now: float) -> None:
        self.now = now
        self.apply(self.layer.tick(now))
        for data, interval in self.timers.due(now):
            self.repeat(data, interval * 2)

    def repeat(self, data: bytes, interval: float) -> Timer:
        """Send ``data`` now and with doubling intervals until the timers are dropped (a UAS and its 2xx)."""
        self.flow.send(data)
        return self.timers.start(interval, data, self.now, interval)

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.flow.send(effect.data)
            else:
                self.seen.append(effect)
                self.user(self, effect)


def connect(left: End, right: End, loses: Callable[[int], bool], seconds: float) -> int:
    """Carry messages between two ends for so long; ``loses(n)``: is the n-th lost? Return how many."""
    carried = 0
    for i in range(round(seconds / STEP)):
        now = round((i + 1) * STEP, 2)
        for end in (left, right):
            end.tick(now)
        while left.flow.sent or right.flow.sent:
            for source, sink in ((left, right), (right, left)):
                queue, source.flow.sent = source.flow.sent, []
                for data in queue:
                    carried += 1
                    if not loses(carried):
                        sink.apply(sink.layer.receive(parse(data), sink.flow, now))
    return carried
