"""What has to hold of a call between two talkers: of each description, of both legs, of the gateway."""

import base64
from dataclasses import dataclass

from agw.engine.api import Leg, Transform
from iq.suites import Key
from pcscf.flow import Side
from tests.support.describing import Author, Line, read
from tests.support.ladder import core_of, path_of, ue_of
from tests.support.stage import Stage, StageGateway
from tests.support.talking import Talker
from tests.support.watching import Watch


@dataclass
class Session:
    """A UE and the core, each of which may call the other, and the stage between them."""

    stage: Stage
    ue: Talker
    core: Talker
    originating: bool

    @property
    def caller(self) -> Talker:
        return self.ue if self.originating else self.core

    @property
    def callee(self) -> Talker:
        return self.core if self.originating else self.ue

    @property
    def both(self) -> tuple[Talker, Talker]:
        return self.ue, self.core

    def other(self, talker: Talker) -> Talker:
        return self.core if talker is self.ue else self.ue

    def invite(self, lines: list[Line], *extra: str) -> None:
        if self.originating:
            self.ue.call("sip:carol@other.example", lines, *extra)
        else:
            how = {"uri": self.ue.end.contact, "route": path_of(self.ue.end)}
            self.core.call(self.ue.end.aor, lines, *extra, **how)

    def read(self) -> None:
        """Both ends take what has arrived, until nothing more does."""
        for _ in range(20):
            if not any(talker.end.flow.sent for talker in self.both):
                return
            for talker in self.both:
                talker.read()

    @property
    def quiet(self) -> bool:
        """Whether both ends know the same, and nothing is on its way."""
        gateway = self.stage.gateway
        return (
            not any(t.pending or t.wrong or t.over or t.end.flow.sent for t in self.both)
            and self.ue.settled == self.core.settled > 0
            and not gateway.held
            and gateway.up
        )

    def check_gateway(self) -> None:
        """The gateway does what both ends agreed on, no more and no less."""
        assert self.stage.contexts() == 1
        wanted = Wanted(self.ue, self.core, self.stage.gateway)
        wanted.check(confirmed=self.caller.confirmed and self.callee.confirmed)


class Wanted:
    """The state of the gateway that follows from the four descriptions in force."""

    def __init__(self, ue: Talker, core: Talker, gateway: StageGateway) -> None:
        self.lines = list(
            zip(*(read(body).lines for body in (ue.mine, ue.theirs, core.mine, core.theirs)), strict=True)
        )
        self.gateway = gateway
        self.ports = {where[1]: port for port, where in gateway.engine.ports.items()}

    def check(self, *, confirmed: bool) -> None:
        """confirmed: the call is up; before, gates may be shut, and what is declined may stay reserved."""
        streams = 0
        for ue, to_ue, core, to_core in self.lines:
            runs = ue.active and to_ue.active
            assert runs == (core.active and to_core.active), "runs for one and not for the other"
            if not runs:
                continue
            streams += 1
            assert ue.proto == to_ue.proto
            assert core.proto == to_core.proto
            one, other = self._leg(to_ue), self._leg(to_core)
            assert self.gateway.engine.joined[self.ports[to_ue.port]] == self.ports[to_core.port]
            self._remotes(ue, core, one, other)
            self._transforms(ue, to_ue, core, one, other)
            if confirmed:
                self._modes(ue, core, one, other)
        fit = len(self.ports) == 2 * streams if confirmed else len(self.ports) >= 2 * streams
        assert fit, f"{len(self.ports)} ports for {streams} streams"

    def _leg(self, line: Line) -> Leg:
        assert line.port in self.ports, f"no port {line.port} at the gateway"
        return self.gateway.engine.legs[self.ports[line.port]]

    def _remotes(self, ue: Line, core: Line, one: Leg, other: Leg) -> None:
        assert one.remote is not None
        assert other.remote is not None
        assert (one.remote.address, one.remote.port) == (ue.host, ue.port)
        assert (other.remote.address, other.remote.port) == (core.host, core.port)

    def _transforms(self, ue: Line, to_ue: Line, core: Line, one: Leg, other: Leg) -> None:
        assert not (core.secure and not ue.secure)
        assert other.transform is Transform.NONE
        if ue.secure and not core.secure:
            assert one.transform is Transform.SRTP
            assert one.send is not None
            assert one.receive is not None
            assert (written(one.send.key), one.send.suite) == (to_ue.key, to_ue.suite)
            assert (written(one.receive.key), one.receive.suite) == (ue.key, ue.suite)
        else:
            assert one.transform is Transform.NONE

    def _modes(self, ue: Line, core: Line, one: Leg, other: Leg) -> None:
        up, down = ue.sends and core.receives, core.sends and ue.receives
        assert (one.may_receive, other.may_send) == (up, up)
        assert (other.may_receive, one.may_send) == (down, down)


def written(key: Key) -> str:
    return base64.b64encode(key.octets).decode()


def session(originating: bool, *, capable: bool = True, **stage: object) -> Session:
    """Return a stage with a registered UE and the core. capable: the UE announced sdes-srtp."""
    made = Stage(**stage)  # type: ignore[arg-type]
    author, far = Author("192.0.2.10", 1001, 1), Author("203.0.113.77", 555, 2)
    ue = Talker(ue_of(made, media=capable), Side.ACCESS, author, Watch(Side.ACCESS, author))
    core = Talker(core_of(made), Side.CORE, far, Watch(Side.CORE, far), author.secrets)
    return Session(made, ue, core, originating)
