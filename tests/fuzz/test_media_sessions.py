"""Any order of offers, answers, failures and forks in a media session, and a gateway that keeps book."""

from base64 import b64encode
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from iq.procedures import Action, ActionReply, Configure, Reserve, Reserved, Stream
from iq.suites import SUITES
from pcscf.alg.session import MediaPolicy, MediaSession, Plan
from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.sdp.model import Media, Sdp
from tests.support.media import Gateway, Random, profile, sdp

NAMES = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM")
FORKS = ("1", "2")

offers = st.tuples(
    st.just("offer"),
    st.sampled_from(Side),
    st.sampled_from(FORKS),
    st.lists(st.sampled_from(["e2ae", "suite", "e2e", "plain", "fax", "off"]), min_size=1, max_size=3),
    st.sampled_from(["sendrecv", "sendonly", "inactive"]),
)
answers = st.tuples(
    st.just("answer"),
    st.sampled_from(FORKS),
    st.integers(0, 7),
    st.sampled_from(["final", "early", "reliable"]),
    st.sampled_from(["sendrecv", "recvonly"]),
)
others = st.tuples(
    st.sampled_from(["fail", "fail", "fail", "confirm", "fork", "leave", "forget", "move"]),
    st.sampled_from(FORKS),
)


class Bookkeeper(Gateway):
    """Knows of every stream what it was told last."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[tuple[str, int], Stream] = {}

    def execute(self, action: Action | None) -> ActionReply | None:
        reply = super().execute(action)
        if action is None or reply is None:
            return None
        for procedure, done in zip(action.procedures, reply.replies, strict=True):
            if isinstance(procedure, Reserve | Configure) and isinstance(done, Reserved):
                for stream in procedure.streams:
                    self._note((done.termination, stream.id), stream)
        return reply

    def _note(self, key: tuple[str, int], stream: Stream) -> None:
        if stream.remote is not None and stream.remote.port == 0:
            del self.told[key]
            return
        known = self.told.get(key, stream)
        self.told[key] = replace(
            known,
            mode=stream.mode or known.mode,
            remote=stream.remote or known.remote,
            local_crypto=stream.local_crypto or known.local_crypto,
            remote_crypto=stream.remote_crypto or known.remote_crypto,
        )


class Life:
    """A session and what its two ends do. waiting: the offer that waits in each dialog, as it went out."""

    def __init__(self) -> None:
        policy = MediaPolicy(accept_suites=NAMES)
        access = profile("sdes-srtp", suites=frozenset(NAMES))
        self.session = MediaSession(policy, access, Random())
        self.gateway = Bookkeeper()
        self.keys = count(1)
        self.versions = count(1)
        self.waiting: dict[str, tuple[Plan, bytes]] = {}
        self.lines: dict[str, int] = {}

    def key(self, suite: str) -> str:
        key = next(self.keys).to_bytes(SUITES[suite].octets, "little")
        return f"a=crypto:1 {suite} inline:{b64encode(key).decode()}"

    def line(self, kind: str, side: Side) -> str:
        match kind:
            case "off":
                return "m=audio 0 RTP/AVP 8"
            case "fax":
                return "m=image 4000 udptl t38"
            case "e2e":
                return f"m=audio 4000 RTP/SAVP 8\n{self.key(NAMES[0])}"
            case "e2ae" | "suite" if side is Side.ACCESS:
                suite = NAMES[kind == "suite"]
                return f"m=audio 4000 RTP/SAVP 8\n{self.key(suite)}\na=3ge2ae:requested"
        return "m=audio 4000 RTP/AVP 8"

    def offer(self, side: Side, fork: str, kinds: list[str], direction: str) -> None:
        fork = fork if self.session.dialogs else ""
        kinds += ["off"] * (self.lines.get(fork, 0) - len(kinds))
        text = sdp(
            *(f"{self.line(kind, side)}\na={direction}" for kind in kinds), version=next(self.versions)
        )
        try:
            plan = self.session.plan_offer(text, side, fork)
        except SipRefusal:
            return
        self.waiting[fork] = plan, self.step(plan)
        self.lines[fork] = len(kinds)

    def answer(self, fork: str, declined: int, how: str, direction: str) -> None:
        plan, out = self.waiting.get(fork) or self.waiting.get("") or (None, b"")
        if plan is None:
            return
        sender = plan.exchange.offerer.other
        lines = [
            self.reply(media, sender, declined=bool(declined >> index & 1))
            for index, media in enumerate(Sdp.parse(out).media)
        ]
        text = sdp(*(f"{line}\na={direction}" for line in lines), version=next(self.versions))
        if how == "final":
            self.session.confirm(fork)
        try:
            answer = self.session.plan_answer(
                text, sender, fork, provisional=how != "final", reliable=how == "reliable"
            )
        except SipRefusal:
            return
        self.step(answer)
        self.lines[fork] = len(lines)
        self.waiting.pop(fork, None)

    def reply(self, media: Media, sender: Side, *, declined: bool) -> str:
        if media.port == 0 or declined:
            return f"m={media.media} 0 {media.proto} {media.formats}"
        line = f"m={media.media} 5000 {media.proto} {media.formats}"
        if media.proto != "RTP/SAVP":
            return line
        suite = media.values("crypto")[0].split()[1]
        return f"{line}\n{self.key(suite)}"

    def other(self, what: str, fork: str) -> None:
        match what:
            case "fail" if fork in self.waiting:
                plan, _ = self.waiting.pop(fork)
                self.gateway.execute(self.session.rollback(plan))
                self.lines[fork] = len(self.session.dialogs[fork].streams)
            case "confirm" if fork in self.session.dialogs:
                self.session.confirm(fork)
            case "fork":
                self.follow(self.session.plan_fork(fork))
            case "leave":
                self.follow(self.session.plan_leave(fork))
            case "forget":
                self.session.forget(fork)
            case "move":
                self.gateway.execute(self.session.move(f"192.0.2.{next(self.versions) % 250}"))
        if fork not in self.session.dialogs:
            self.waiting.pop(fork, None)
            self.lines.pop(fork, None)

    def follow(self, plan: Plan | None) -> None:
        if plan is not None:
            self.step(plan)

    def step(self, plan: Plan) -> bytes:
        return self.session.complete(plan, self.gateway.execute(plan.action))

    def check(self) -> None:
        """Both have the same streams, and think the same of them; no key of ours stands in two."""
        told = self.gateway.told
        streams = self.session._context.streams
        assert {number for _, number in told} == {stream.id for stream in streams}
        ours = [s.state.local_crypto.key for s in streams if s.state.local_crypto is not None]
        assert len({key.octets for key in ours}) == len(ours)
        for stream in streams:
            state = stream.state
            access, core = (told[stream.on(side).termination, stream.id] for side in Side)
            assert (access.mode, core.mode) == (state.access_mode, state.core_mode)
            assert (access.remote, core.remote) == (state.access_remote, state.core_remote)
            assert (access.local_crypto is None) == (state.local_crypto is None)
            for known, wanted in (
                (access.local_crypto, state.local_crypto),
                (access.remote_crypto, state.remote_crypto),
            ):
                assert (
                    known is None or wanted is None or (known.suite, known.key) == (wanted.suite, wanted.key)
                )
            assert (core.local_crypto, core.remote_crypto) == (None, None)


@settings(max_examples=300, deadline=None)
@given(offers, st.lists(st.one_of(offers, answers, answers, others), max_size=25))
def test_the_gateway_does_what_the_session_thinks(
    first: tuple[Any, ...], steps: list[tuple[Any, ...]]
) -> None:
    life = Life()
    for what, *arguments in [first, *steps]:
        if what == "offer":
            life.offer(*arguments)
        elif what == "answer":
            life.answer(*arguments)
        else:
            life.other(what, *arguments)
        life.check()
    life.gateway.execute(life.session.release())
    assert life.gateway.alive == {}
