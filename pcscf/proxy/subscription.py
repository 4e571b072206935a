"""The state machine of one subscription, at the subscriber's end (RFC 6665 4.1, RFC 3680). A table; no IO.

``RegEvents`` tells it what happened and carries out the actions that it names.
"""

from dataclasses import dataclass, field
from enum import StrEnum, auto

from pcscf.registration.bindings import Binding
from pcscf.transaction.timers import Timer


class State(StrEnum):
    NEW = auto()
    PENDING = auto()
    ACTIVE = auto()
    REFRESHING = auto()
    WAITING = auto()
    REFUSED = auto()
    ABANDONED = auto()
    LEAVING = auto()
    OVER = auto()


class Input(StrEnum):
    START = auto()
    ACCEPTED = auto()
    REFUSED = auto()
    FAILED = auto()
    ENDED = auto()
    REJECTED = auto()
    STALE = auto()
    DUE = auto()
    LEAVE = auto()


class Action(StrEnum):
    SUBSCRIBE = auto()
    REFRESH = auto()
    UNSUBSCRIBE = auto()
    ARM = auto()
    RETRY = auto()
    RENEW = auto()
    DISARM = auto()
    FORGET = auto()


S, I, A = State, Input, Action  # noqa: E741

#: START: a contact is registered that was not before. ACCEPTED, REFUSED, FAILED: what a SUBSCRIBE came to,
#: FAILED where it may do better later. ENDED: the notifier ends the subscription; REJECTED: for good.
#: STALE: a notification is missing. DUE: the timer. LEAVE: no contact is left. A pair not listed changes
#: nothing. The timer is started anew by ARM (to refresh), RETRY, RENEW (to try later, soon) and UNSUBSCRIBE.
TRANSITIONS: dict[tuple[State, Input], tuple[State, tuple[Action, ...]]] = {
    (S.NEW, I.START): (S.PENDING, (A.SUBSCRIBE,)),
    (S.PENDING, I.ACCEPTED): (S.ACTIVE, (A.ARM,)),
    (S.PENDING, I.REFUSED): (S.REFUSED, ()),
    (S.PENDING, I.FAILED): (S.WAITING, (A.RETRY,)),
    (S.PENDING, I.ENDED): (S.WAITING, (A.RENEW,)),
    (S.PENDING, I.REJECTED): (S.REFUSED, ()),
    (S.PENDING, I.LEAVE): (S.ABANDONED, ()),
    (S.ACTIVE, I.DUE): (S.REFRESHING, (A.REFRESH,)),
    (S.ACTIVE, I.STALE): (S.REFRESHING, (A.DISARM, A.REFRESH)),
    (S.ACTIVE, I.ENDED): (S.WAITING, (A.RENEW,)),
    (S.ACTIVE, I.REJECTED): (S.REFUSED, (A.DISARM,)),
    (S.ACTIVE, I.LEAVE): (S.LEAVING, (A.UNSUBSCRIBE,)),
    (S.REFRESHING, I.ACCEPTED): (S.ACTIVE, (A.ARM,)),
    (S.REFRESHING, I.REFUSED): (S.WAITING, (A.RENEW,)),
    (S.REFRESHING, I.FAILED): (S.WAITING, (A.RETRY,)),
    (S.REFRESHING, I.ENDED): (S.WAITING, (A.RENEW,)),
    (S.REFRESHING, I.REJECTED): (S.REFUSED, ()),
    (S.REFRESHING, I.LEAVE): (S.LEAVING, (A.UNSUBSCRIBE,)),
    (S.WAITING, I.DUE): (S.PENDING, (A.SUBSCRIBE,)),
    (S.WAITING, I.START): (S.PENDING, (A.DISARM, A.SUBSCRIBE)),
    (S.WAITING, I.LEAVE): (S.OVER, (A.DISARM, A.FORGET)),
    # A core without the event package: asked again at the next initial registration.
    (S.REFUSED, I.START): (S.PENDING, (A.SUBSCRIBE,)),
    (S.REFUSED, I.LEAVE): (S.OVER, (A.FORGET,)),
    # The contacts went while the SUBSCRIBE was on its way.
    (S.ABANDONED, I.ACCEPTED): (S.LEAVING, (A.UNSUBSCRIBE,)),
    (S.ABANDONED, I.REFUSED): (S.OVER, (A.FORGET,)),
    (S.ABANDONED, I.FAILED): (S.OVER, (A.FORGET,)),
    # The last NOTIFY comes behind the 200, or never: then the timer ends it.
    (S.LEAVING, I.REFUSED): (S.OVER, (A.DISARM, A.FORGET)),
    (S.LEAVING, I.FAILED): (S.OVER, (A.DISARM, A.FORGET)),
    (S.LEAVING, I.ENDED): (S.OVER, (A.DISARM, A.FORGET)),
    (S.LEAVING, I.REJECTED): (S.OVER, (A.DISARM, A.FORGET)),
    (S.LEAVING, I.DUE): (S.OVER, (A.FORGET,)),
}


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscription with its dialog (RFC 3261 12) and the contacts that it is for.

    impi: private identity; identity: the public one that is watched. token: user part of our Contact; it
    changes with the dialog, as call_id and tag do. asserted: our Path. remote_tag, target, route: as learnt
    from the first NOTIFY or 2xx, "" before. cseq, remote_cseq: the last ones. version: of the last document
    (RFC 3680 5.2), -1: none yet. expires: seconds as granted. failures: in a row.
    """

    impi: str
    identity: str = ""
    bindings: dict[Binding, None] = field(default_factory=dict)
    state: State = S.NEW
    token: str = ""
    call_id: str = ""
    tag: str = ""
    asserted: str = ""
    remote_tag: str = ""
    target: str = ""
    route: list[str] = field(default_factory=list)
    cseq: int = 0
    remote_cseq: int = -1
    version: int = -1
    expires: int = 0
    retry_after: int | None = None
    failures: int = 0
    timer: Timer | None = None

    def step(self, event: Input) -> tuple[Action, ...]:
        """Take ``event``; return what is to be done."""
        found = TRANSITIONS.get((self.state, event))
        if found is None:
            return ()
        self.state, actions = found
        return actions

    def begin(self, token: str, call_id: str, tag: str) -> None:
        """Forget the dialog of before: a new one begins."""
        self.token, self.call_id, self.tag = token, call_id, tag
        self.remote_tag = self.target = ""
        self.route = []
        self.cseq, self.remote_cseq, self.version = 0, -1, -1
