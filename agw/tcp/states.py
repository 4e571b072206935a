"""One side of a TCP stream as a table: who waits, who connects, when it is over. No IO.

Both sides have one of these. What one side tells the other goes in there as an event: its ``UP`` is the
other's ``START`` (the incoming SYN triggers the outgoing one), its end is the other's ``STOP``.
"""

from enum import Enum


class State(Enum):
    IDLE = "idle"
    """Who connects to whom is not known."""
    WAITING = "waiting"
    """Passive: for the peer."""
    READY = "ready"
    """Active: for the other side, or for the command."""
    CONNECTING = "connecting"
    SECURING = "securing"
    """Connected, and TLS is being set up."""
    UP = "up"
    OVER = "over"
    """It ended or failed, and nothing comes until it is begun anew."""


class Event(Enum):
    AWAIT = "await"
    """The leg says passive, and from whom."""
    PREPARE = "prepare"
    """The leg says active, and to whom."""
    START = "start"
    """The other side is up, or the controller commands it."""
    ARRIVED = "arrived"
    """Accepted, or connected, and there is TLS to be set up."""
    OPENED = "opened"
    """Accepted, or connected; under TLS: the peer has proved itself."""
    FAILED = "failed"
    """Refused, unreachable, not in time, or not who it has to be."""
    ENDED = "ended"
    """The connection is over: closed in both directions, or broken."""
    STOP = "stop"
    """The other side's is over, or failed."""
    RENEW = "renew"
    """Back to the beginning: another leg, or another connection."""


class Effect(Enum):
    RESERVE = "reserve"
    """Take the port: a SYN waits there, and nobody is accepted."""
    LISTEN = "listen"
    TRY = "try"
    """START follows where it was commanded before, or the other side is up already."""
    CONNECT = "connect"
    """From the port, which listens no more."""
    TELL_UP = "tell up"
    """The other side hears START."""
    TELL_STOP = "tell stop"
    """The other side hears STOP."""
    REPORT_FAILED = "report failed"
    REPORT_RELEASED = "report released"
    CLOSE = "close"
    """Connection and listener go."""
    ABORT = "abort"
    """The same, and the peer hears that this is no orderly end."""


_FAILED = (State.OVER, (Effect.CLOSE, Effect.REPORT_FAILED, Effect.TELL_STOP))
_STOPPED = (State.OVER, (Effect.ABORT,))
_RENEWED = (State.IDLE, (Effect.CLOSE, Effect.RESERVE))

TABLE: dict[tuple[State, Event], tuple[State, tuple[Effect, ...]]] = {
    (State.IDLE, Event.AWAIT): (State.WAITING, (Effect.LISTEN,)),
    (State.IDLE, Event.PREPARE): (State.READY, (Effect.TRY,)),
    (State.WAITING, Event.OPENED): (State.UP, (Effect.TELL_UP,)),
    (State.WAITING, Event.ARRIVED): (State.SECURING, ()),
    (State.WAITING, Event.FAILED): _FAILED,
    (State.WAITING, Event.STOP): _STOPPED,
    (State.READY, Event.START): (State.CONNECTING, (Effect.CONNECT,)),
    (State.READY, Event.FAILED): _FAILED,
    (State.READY, Event.STOP): _STOPPED,
    (State.CONNECTING, Event.OPENED): (State.UP, (Effect.TELL_UP,)),
    (State.CONNECTING, Event.ARRIVED): (State.SECURING, ()),
    (State.CONNECTING, Event.FAILED): _FAILED,
    (State.CONNECTING, Event.STOP): _STOPPED,
    (State.SECURING, Event.OPENED): (State.UP, (Effect.TELL_UP,)),
    (State.SECURING, Event.FAILED): _FAILED,
    (State.SECURING, Event.STOP): _STOPPED,
    (State.UP, Event.ENDED): (State.OVER, (Effect.CLOSE, Effect.REPORT_RELEASED, Effect.TELL_STOP)),
    (State.UP, Event.STOP): _STOPPED,
    (State.WAITING, Event.RENEW): _RENEWED,
    (State.READY, Event.RENEW): _RENEWED,
    (State.CONNECTING, Event.RENEW): _RENEWED,
    (State.SECURING, Event.RENEW): _RENEWED,
    (State.UP, Event.RENEW): _RENEWED,
    (State.OVER, Event.RENEW): _RENEWED,
}


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """The next state and what is to be done, in this order. What means nothing here changes nothing."""
    return TABLE.get((state, event), (state, ()))
