"""A gateway in memory for MediaSession: answers every Action as an IMS-AGW would, and remembers it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from iq.errors import IqError
from iq.fingerprint import read_fingerprint
from iq.procedures import (
    Action,
    ActionReply,
    Configure,
    Done,
    Endpoint,
    Release,
    Reply,
    Reserve,
    Reserved,
    Stream,
)
from pcscf.alg.session import AccessProfile, MediaSession, Plan
from pcscf.flow import Side

ADDRESSES = {"access": "198.51.100.20", "core": "203.0.113.20"}
#: Of the gateway, for every stream.
CERTIFICATE = (
    "SHA-256 D4:01:D8:ED:43:0D:E0:43:59:FA:9C:FE:67:E9:19:AC:F3:DA:25:FA:0E:83:11:40:61:21:B6:DF:8B:BA:17:9A"
)
KEY_LINE = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:iHHhgz9/CEj23Dme6qS0fWx6Fqcu2PiXwB67LlaB"
UE_KEY = "iHHhgz9/CEj23Dme6qS0fWx6Fqcu2PiXwB67LlaB"
OTHER_KEY = "tixnPdB/4IGYHW7gsmwabOAZ7VOlsRLLUbTx+kad"


@dataclass
class Gateway:
    """ports: per realm, in the order in which streams get them. fail_at: which procedure fails.

    alive: streams of each termination; a context has two at most.
    """

    ports: dict[str, Iterator[int]] = field(
        default_factory=lambda: {"access": count(20000, 2), "core": count(40000, 2)}
    )
    fail_at: int | None = None
    actions: list[Action] = field(default_factory=list)
    terminations: Iterator[int] = field(default_factory=lambda: count(1))
    alive: dict[str, set[int]] = field(default_factory=dict)
    context: int = 812

    def execute(self, action: Action | None) -> ActionReply | None:
        if action is None:
            return None
        self.actions.append(action)
        replies: list[Reply] = []
        for number, procedure in enumerate(action.procedures):
            if number == self.fail_at:
                return ActionReply(self.context, replies, IqError(510, "insufficient resources"))
            match procedure:
                case Reserve():
                    assert len(self.alive) < 2
                    termination = f"ip/0/{procedure.realm}/{next(self.terminations)}"
                    self.alive[termination] = set()
                    replies.append(self._open(termination, procedure.streams))
                case Configure():
                    replies.append(self._open(procedure.termination, procedure.streams))
                case Release(termination="*"):
                    self.alive.clear()
                    replies.append(Done("*"))
                case _:
                    raise AssertionError(procedure)
        return ActionReply(self.context, replies)

    def _open(self, termination: str, streams: list[Stream]) -> Reserved:
        """Close the streams with port 0, open those that are new; reply with the addresses of these."""
        there, realm = self.alive[termination], termination.split("/")[2]
        reply = Reserved(termination)
        for stream in streams:
            if stream.remote is not None and stream.remote.port == 0:
                there.remove(stream.id)
            elif stream.id not in there:
                there.add(stream.id)
                local = Endpoint(ADDRESSES[realm], next(self.ports[realm]))
                chosen = Stream(stream.id, stream.media, stream.transport, local=local)
                if stream.choose_fingerprint is not None:
                    chosen.local_fingerprint = read_fingerprint(CERTIFICATE)
                reply.streams.append(chosen)
        return reply


class Random:
    """Octets by wanted length: queued ones first (``ids`` for o=, ``keys`` for crypto), then counted ones.

    tls_ids: of associations.
    """

    def __init__(
        self,
        ids: list[int] | None = None,
        keys: list[bytes] | None = None,
        tls_ids: list[bytes] | None = None,
    ) -> None:
        self.ids = list(ids or [])
        self.tls_ids = list(tls_ids or [])
        self.keys = list(keys or [])
        self.numbers = count(1)

    def __call__(self, octets: int) -> bytes:
        if octets == 7 and self.ids:
            return self.ids.pop(0).to_bytes(7, "big")
        if octets == 12 and self.tls_ids:
            return self.tls_ids.pop(0)
        if octets >= 28 and self.keys:
            return self.keys.pop(0)
        return next(self.numbers).to_bytes(octets, "big")


def profile(*announced: str, **changes: Any) -> AccessProfile:
    """A UE that announced these mechanisms, on a network that has sdes-srtp, or as ``changes`` say.

    The gateway can do whatever the network announces.
    """
    named = frozenset(announced)
    network = changes.pop("network", frozenset({"sdes-srtp", "msrp-tls"}))
    options = {"source": "192.0.2.10", "terminates": network, "aware": frozenset({"msrp"}), **changes}
    return AccessProfile(named & network, named, network, **options)


def sdp(*media: str, version: int = 1, host: str = "192.0.2.10", session: str = "") -> bytes:
    """A description with ``media`` sections, each lines joined by newlines."""
    head = f"v=0\no=- 77 {version} IN IP4 {host}\ns=-\nc=IN IP4 {host}\nt=0 0\n{session}"
    return (head + "".join(f"{section}\n" for section in media)).replace("\n", "\r\n").encode()


def step(session: MediaSession, gateway: Gateway, plan: Plan) -> bytes:
    """Execute a plan at the gateway; return the SDP that goes out."""
    return session.complete(plan, gateway.execute(plan.action))


def plan_offer(
    session: MediaSession, text: bytes, sender: Side = Side.ACCESS, fork: str | None = None
) -> Plan:
    """Plan an offer; fork: its dialog, by default the latest one."""
    return session.plan_offer(text, sender, next(reversed(session.dialogs), "") if fork is None else fork)


def offer(session: MediaSession, gateway: Gateway, text: bytes, sender: Side = Side.ACCESS) -> bytes:
    return step(session, gateway, plan_offer(session, text, sender))


def answer(
    session: MediaSession,
    gateway: Gateway,
    text: bytes,
    sender: Side = Side.CORE,
    fork: str = "b1",
    *,
    early: bool = False,
) -> bytes:
    """An answer in a 2xx, or early: in an unreliable 18x."""
    if not early:
        session.confirm(fork)
    return step(session, gateway, session.plan_answer(text, sender, fork, provisional=early))
