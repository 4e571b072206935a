"""Random sequences of actions: no port is ever lost, no error escapes, both sides of the books agree."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agw.control.outages import Outages
from agw.control.supervision import Supervision
from agw.control.termination import End
from agw.engine.api import PortId
from agw.tcp.api import TcpLeg
from iq.errors import IqError
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    AuditTerminations,
    Configure,
    Endpoint,
    Latch,
    Mode,
    Procedure,
    Release,
    Reserve,
    Setup,
    Stream,
)
from iq.suites import Crypto, Key
from tests.support.fake_engine import FakeEngine, gateway

TRANSPORTS = ["RTP/AVP", "RTP/SAVP", "UDPTL", "UDP/TLS/RTP/SAVPF", "TCP/MSRP", "TCP/TLS", ""]
ADDRESSES = ["192.0.2.1", "2001:db8::1", "", "no address", "224.0.0.1"]

paths = st.sampled_from(["msrp://a:1/s;tcp"] * 3 + ["msrp://b:2/t;tcp", None])
endpoints = st.none() | st.builds(Endpoint, st.sampled_from(ADDRESSES), st.integers(0, 65536))
cryptos = st.none() | st.builds(
    Crypto,
    st.sampled_from(["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "unknown"]),
    st.sampled_from([28, 30]).map(lambda length: Key(bytes(length))),
)
#: MSRP of which the gateway is to be aware, as a rule.
messages = st.builds(
    Stream,
    st.integers(1, 2),
    st.just("message"),
    st.sampled_from(["TCP/MSRP"] * 3 + TRANSPORTS),
    setup=st.none() | st.sampled_from(Setup),
    local_path=paths,
    remote_path=paths,
)
streams = messages | st.builds(
    Stream,
    st.integers(0, 4),
    st.just("audio"),
    st.sampled_from(TRANSPORTS),
    st.just("0"),
    st.none() | st.sampled_from(Mode),
    st.none(),
    endpoints,
    cryptos,
    cryptos,
    st.booleans(),
    st.none() | st.sampled_from(Setup),
    st.booleans(),
)
terminations = st.builds(
    "ip/0/{}/{}".format, st.sampled_from(["access", "core"]), st.integers(1, 12)
) | st.just("*")
procedures: st.SearchStrategy[Procedure] = st.one_of(
    st.builds(
        Reserve,
        st.sampled_from(["access", "core", "nowhere"]),
        st.lists(streams, max_size=4),
        st.integers(0, 20),
        st.sampled_from(Latch),
        st.sampled_from([None, "192.0.2.0/24", "nonsense"]),
        st.sampled_from([None, 5]),
    ),
    st.builds(Configure, terminations, st.lists(streams, max_size=4), st.none() | st.sampled_from(Latch)),
    st.builds(Release, terminations),
    st.builds(AuditTerminations),
)
sessions = st.tuples(messages, messages).map(
    lambda both: Action(None, [Reserve("access", [both[0]], 20), Reserve("core", [both[1]], 20)])
)
actions = sessions | st.builds(
    Action,
    st.none() | st.integers(0, 6) | st.just(ALL_CONTEXTS),
    st.lists(procedures, max_size=4),
)
steps = st.tuples(actions, st.floats(0.0, 3.0), st.booleans(), st.booleans(), st.none() | st.integers(1, 20))


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=25))
def test_ports_open_are_ports_of_live_terminations(
    sequence: list[tuple[Action, float, bool, bool, int | None]],
) -> None:
    """broken: a port over which the engine breaks down, open or not; the controller knows nothing of it."""
    contexts, engine = gateway(pairs=4, max_ports=10)
    supervision, outages = Supervision(contexts), Outages(contexts)
    now = 0.0
    for action, later, refuse, controlled, broken in sequence:
        now += later
        engine.refuse = refuse
        reply = contexts.execute(action, now)
        assert len(reply.replies) <= len(action.procedures)
        engine.refuse = False
        supervision.tick(now, controlled)
        if broken is not None:
            reports = outages.failed(PortId(broken))
            assert outages.failed(PortId(broken)) == []
            for report in reports:
                outages.answered(*report, IqError(411, "unknown ContextID"), now)
            assert PortId(broken) not in engine.ports
        assert contexts.holders.keys() == engine.ports.keys() | engine.tcp.ports.keys()
        _audit(contexts.terminations, contexts.contexts, engine)
        assert contexts.open_ports == len(engine.ports) + len(engine.tcp.ports) <= 10
    contexts.execute(Action(ALL_CONTEXTS, [Release()]), now)
    assert engine.ports == engine.tcp.ports == {}
    assert engine.joined == engine.tcp.joined == {}
    assert len(contexts.ended) == len({ended.id for ended in contexts.ended})


def _audit(terminations: dict, contexts: dict, engine: FakeEngine) -> None:
    alive = {
        end.port: (end.interface.address, end.number)
        for termination in terminations.values()
        for end in termination.ends.values()
    }
    assert alive == {port: where[:2] for port, where in (engine.ports | engine.tcp.ports).items()}
    listed = [termination for context in contexts.values() for termination in context.terminations]
    assert {termination.name for termination in listed} == set(terminations)
    assert all(context.terminations for context in contexts.values())
    for context in contexts.values():
        if len(context.terminations) == 2:
            one, other = context.terminations
            for number in one.ends.keys() & other.ends.keys():
                end, twin = one.ends[number], other.ends[number]
                joined = engine.tcp.joined if end.tcp else engine.joined
                assert joined.get(end.port) == (twin.port if end.tcp is twin.tcp else None)
                if end.tcp and twin.tcp:
                    _audit_paths(engine.tcp.legs[end.port], engine.tcp.legs[twin.port], end, twin)


def _audit_paths(one: TcpLeg, other: TcpLeg, end: End, twin: End) -> None:
    """The gateway is aware of MSRP in both directions or in none, and of what it was told."""
    told = {end.local_path, end.remote_path, twin.local_path, twin.remote_path}
    assert (one.rewriting is None) is (other.rewriting is None)
    if one.rewriting is not None:
        assert None not in told
        assert one.rewriting == (end.local_path, twin.remote_path, twin.local_path)
    elif told != {None} and end.transport.upper() == "TCP/MSRP":
        assert one.setup is other.setup is None
