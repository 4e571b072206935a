"""A whole session with its gateway, for scripts of offers and answers."""

from typing import Any

from iq.procedures import Action, Configure, Stream
from pcscf.alg.session import MediaPolicy, MediaSession, Plan
from pcscf.flow import Side
from tests.support.media import KEY_LINE, Gateway, Random, answer, plan_offer, profile, sdp, step

REQUEST = "a=3ge2ae:requested"
SECURE = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}\n{REQUEST}"
PLAIN = "m=audio 5004 RTP/AVP 8"
UE_ANSWER = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}"


class Call:
    """A session with its gateway."""

    def __init__(self, *mechanisms: str, policy: MediaPolicy | None = None, **options: Any) -> None:
        emergency = bool(options.pop("emergency", False))
        access = profile(*(mechanisms or ("sdes-srtp",)), **options)
        self.session = MediaSession(policy or MediaPolicy(), access, Random(), emergency=emergency)
        self.gateway = Gateway()

    def offer(self, text: bytes, sender: Side = Side.ACCESS, fork: str | None = None) -> str:
        return step(self.session, self.gateway, self.plan_offer(text, sender, fork)).decode()

    def plan_offer(self, text: bytes, sender: Side = Side.ACCESS, fork: str | None = None) -> Plan:
        """Plan an offer; fork: its dialog, by default the latest one."""
        return plan_offer(self.session, text, sender, fork)

    def answer(self, text: bytes, sender: Side = Side.CORE, fork: str = "b1", *, early: bool = False) -> str:
        return answer(self.session, self.gateway, text, sender, fork, early=early).decode()

    def originate(self) -> str:
        self.offer(sdp(SECURE))
        return self.answer(sdp(PLAIN, host="203.0.113.77"))

    def terminate(self) -> str:
        self.offer(sdp(PLAIN, host="203.0.113.77"), Side.CORE)
        return self.answer(sdp(UE_ANSWER), Side.ACCESS)

    @property
    def last(self) -> Action:
        return self.gateway.actions[-1]

    def changes(self) -> list[tuple[str, Stream]]:
        return [
            (p.termination, s) for p in self.last.procedures if isinstance(p, Configure) for s in p.streams
        ]


def version_of(text: str) -> str:
    return text.split("\r\n")[1].split()[2]


def crypto_of(text: str) -> str:
    return next(line for line in text.split("\r\n") if line.startswith("a=crypto:"))
