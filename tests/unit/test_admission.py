"""Who is served: token buckets of sources, the overload of the process, and what is exempt from both."""

import pytest

from hosting.counters import Tally
from pcscf.admission import EMERGENCY_BURST, Admission
from pcscf.errors import SipRefusal
from pcscf.flow import Listener, Side
from pcscf.overload import CALM_FOR, Overload
from pcscf.ratelimit import SWEEP, RateLimit, source_of
from pcscf.sip.message import parse
from pcscf.transaction.effects import NewRequest, Send
from pcscf.transaction.layer import TransactionLayer
from tests.support.sip import request
from tests.support.stage import CORE, UDP, Stage, StageFlow

UE = ("192.0.2.1", 5060)


def admitted(limit: RateLimit, count: int, now: float, source: str = "a") -> int:
    return sum(limit.admit(source, now) for _ in range(count))


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    limit = RateLimit(rate=10, burst=5)
    assert admitted(limit, 20, 100.0) == 5
    assert admitted(limit, 20, 100.05) == 0
    assert admitted(limit, 20, 100.1) == 1
    assert sum(admitted(limit, 5, 100.1 + step * 0.02) for step in range(1, 51)) == 10
    assert admitted(limit, 20, 1000.0) == 5


def test_what_is_refused_costs_no_token() -> None:
    limit = RateLimit(rate=1, burst=1)
    assert [limit.admit("a", 0.1 * step) for step in range(31)] == [step % 10 == 0 for step in range(31)]


def test_one_source_does_not_starve_another() -> None:
    limit = RateLimit(rate=10, burst=5)
    assert admitted(limit, 1000, 100.0, "flood") == 5
    assert admitted(limit, 5, 100.0, "other") == 5


def test_the_longest_silent_source_is_forgotten_first() -> None:
    limit = RateLimit(rate=1, burst=1, most=3)
    for source in ("a", "b", "c", "a", "d"):
        limit.admit(source, 100.0)
    assert len(limit) == 3
    assert not limit.admit("a", 100.0)
    assert limit.admit("b", 100.0)


def test_a_source_with_a_full_bucket_is_forgotten() -> None:
    limit = RateLimit(rate=0.01, burst=2)
    assert admitted(limit, 2, 1000.0, "often") == 2
    assert [limit.admit(f"s{number}", 1000.0) for number in range(100)] == [True] * 100
    assert limit.admit("often", 1000.0 + 2 * SWEEP)
    assert len(limit) == 1
    assert not limit.admit("often", 1000.0 + 2 * SWEEP)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_what_one_source_is(one: str, other: str, same: bool) -> None:
    assert (source_of(one) == source_of(other)) == same


def samples(overload: Overload, *lags: float, start: float, every: float = 0.2) -> list[bool]:
    """Feed one sample after the other; return ``on`` after each."""
    seen = []
    for number, lag in enumerate(lags):
        overload.measure(lag, start + number * every)
        seen.append(overload.on)
    return seen


def test_one_pause_is_no_overload() -> None:
    assert samples(Overload(0.4), 0.0, 30.0, 0.0, 0.5, 0.4, 0.5, 0.1, start=0.0) == [False] * 7


def test_overload_begins_and_ends_with_hysteresis() -> None:
    overload = Overload(0.4)
    assert samples(overload, 0.41, 0.41, start=0.0) == [False, True]
    assert overload.since == 0.2
    assert samples(overload, 0.3, 0.05, 0.3, 0.05, start=1.0) == [True] * 4
    calm = samples(overload, *[0.05] * 7, start=2.0)
    assert calm.index(False) * 0.2 == pytest.approx(CALM_FOR - 0.4, abs=0.21)
    assert samples(overload, 0.5, 0.5, start=10.0) == [False, True]
    assert overload.since == 10.2


def test_each_change_is_told_once() -> None:
    overload = Overload(0.4)
    told = [overload.measure(lag, 0.2 * number) for number, lag in enumerate([1.0] * 5 + [0.0] * 9)]
    assert [number for number, change in enumerate(told) if change] == [1, 10]


class Gate:
    """An admission with a flow on each side. rate: of requests; registrations: of REGISTER."""

    def __init__(self, rate: int = 1000, registrations: int = 1000) -> None:
        self.overload = Overload(0.4)
        self.refusals = Tally()
        self.admission = Admission(
            RateLimit(rate, rate),
            RateLimit(registrations, registrations),
            self.overload,
            self.refusals,
            frozenset({"112"}),
        )
        stage = Stage()
        self.ue, self.core = stage.flow(UDP, UE), stage.flow(CORE, ("203.0.113.50", 5060))

    def overloaded(self) -> "Gate":
        samples(self.overload, 1.0, 1.0, start=0.0)
        return self

    def refused(self, method: str, *changes: str, uri: str = "sip:bob@home.example", core: bool = False):
        """Return the refusal of a request, None where it is admitted."""
        message = request(method)
        message.uri = uri
        for change in changes:
            name, _, value = change.partition(": ")
            message.set(name, value)
        try:
            self.admission.check(message, self.core if core else self.ue, 0.0)
        except SipRefusal as refusal:
            return refusal
        return None


def test_requests_above_the_rate() -> None:
    gate = Gate(rate=2)
    answers = [gate.refused("MESSAGE") for _ in range(3)]
    assert answers[:2] == [None, None]
    assert (answers[2].status, answers[2].headers) == (503, (("Retry-After", "1"),))
    assert gate.refusals == {("rate of requests", 503): 1}
    assert not gate.refused("MESSAGE", core=True)
    assert not gate.refused("INVITE", uri="URN:service:sos.fire")
    assert not gate.refused("INVITE", uri="tel:1-1-2")
    assert gate.refused("INVITE", uri="urn:service:sosh").status == 503
    assert gate.refused("MESSAGE", uri="urn:service:sos").status == 503


def test_a_flood_of_emergency_calls_is_a_flood() -> None:
    gate = Gate(rate=2)
    answers = [gate.refused("INVITE", uri="urn:service:sos") for _ in range(EMERGENCY_BURST + 3)]
    assert [bool(answer) for answer in answers] == [False] * (EMERGENCY_BURST + 2) + [True]


def test_registrations_above_their_rate() -> None:
    gate = Gate(registrations=1)
    assert not gate.refused("REGISTER")
    assert gate.refused("REGISTER").status == 503
    assert not gate.refused("INVITE")
    assert not gate.refused("REGISTER", core=True)
    assert gate.refusals == {("rate of registrations", 503): 1}


def test_a_flood_of_emergency_registrations_is_a_flood() -> None:
    gate = Gate(registrations=1)
    contact = "Contact: <sip:alice@192.0.2.1;sos>;expires=60"
    answers = [gate.refused("REGISTER", contact) for _ in range(EMERGENCY_BURST + 2)]
    assert [bool(answer) for answer in answers] == [False] * (EMERGENCY_BURST + 1) + [True]


@pytest.mark.parametrize("core", [False, True])
def test_an_overload_refuses_what_is_new(core: bool) -> None:
    gate = Gate().overloaded()
    for method in ("INVITE", "REGISTER", "MESSAGE", "OPTIONS", "SUBSCRIBE"):
        assert gate.refused(method, "To: <sip:bob@home.example>", core=core).status == 503
    within = "To: <sip:bob@home.example>;tag=1"
    for method in ("INVITE", "BYE", "UPDATE", "PRACK", "ACK"):
        assert not gate.refused(method, within, core=core)
    assert not gate.refused("CANCEL", "To: <sip:bob@home.example>", core=core)
    assert not gate.refused("INVITE", "To: <urn:service:sos>", uri="urn:service:sos", core=core)
    assert not gate.refused("REGISTER", "Contact: <sip:alice@192.0.2.1;sos>;expires=60", core=core)
    assert gate.overload.refused == 5


def test_an_overload_spreads_those_who_come_back() -> None:
    gate = Gate().overloaded()
    told = [gate.refused("MESSAGE", "To: <sip:b@h>").headers[0][1] for _ in range(20)]
    assert set(told) == {str(seconds) for seconds in range(2, 12)}


def test_a_retransmission_is_absorbed_whatever_the_rate() -> None:
    """It would else be answered with 503 while its request goes on."""
    gate = Gate(rate=1)
    layer = TransactionLayer(admit=gate.admission.check)
    listener = Listener(Side.ACCESS, "udp", "198.51.100.1", 5060, "access")
    flow = StageFlow(listener, UE, ("ue",), Stage())
    data = request("INVITE").encode()
    first = layer.receive(parse(data), flow, 0.0)
    assert [type(effect) for effect in first] == [NewRequest]
    assert layer.receive(parse(data), flow, 0.1) == []
    other = layer.receive(parse(data.replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")), flow, 0.1)
    assert isinstance(other[0], Send)
    assert other[0].data.startswith(b"SIP/2.0 503 ")
    assert b"Retry-After: 1\r\n" in other[0].data
    assert len(layer) == 1
