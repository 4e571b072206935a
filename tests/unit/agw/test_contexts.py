"""Iq actions on contexts: what they open and edit, what they answer, and each error (H.248.8)."""

from dataclasses import replace

import pytest

from agw.engine.api import Transform
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    ActionReply,
    Audited,
    AuditRoot,
    AuditTerminations,
    Configure,
    Done,
    Endpoint,
    Heartbeat,
    Latch,
    Mode,
    Procedure,
    Release,
    Reserve,
    Reserved,
    Stream,
)
from iq.suites import Crypto, Key
from tests.support.fake_engine import FakeEngine, gateway
from tests.support.media_peer import crypto

CM = "AES_CM_128_HMAC_SHA1_80"
UE, FAR = Endpoint("203.0.113.20", 5004), Endpoint("192.0.2.40", 30000)
SEND, RECEIVE = crypto(CM, 1), crypto(CM, 100)


def access(**changes: object) -> Reserve:
    stream = Stream(1, "audio", "RTP/SAVP", "0", Mode.SEND_RECEIVE, None, UE, SEND, RECEIVE)
    return _changed(Reserve("access", [stream], 300, Latch.LATCH, "203.0.113.20"), changes)


def core(**changes: object) -> Reserve:
    stream = Stream(1, "audio", "RTP/AVP", "0", Mode.SEND_RECEIVE, None, FAR)
    return _changed(Reserve("core", [stream], 300), changes)


def _changed(reserve: Reserve, changes: dict[str, object]) -> Reserve:
    """Changes of the Reserve itself, or of its one stream."""
    for name, value in changes.items():
        setattr(reserve if hasattr(reserve, name) else reserve.streams[0], name, value)
    return reserve


class Controller:
    """Sends actions and keeps the time."""

    def __init__(self, pairs: int = 8, max_ports: int = 1000) -> None:
        self.contexts, self.engine = gateway(pairs, max_ports)
        self.now = 1000.0

    def act(self, context: int | None, *procedures: Procedure) -> ActionReply:
        reply = self.contexts.execute(Action(context, list(procedures)), self.now)
        assert self.contexts.open_ports == len(self.engine.ports)
        return reply

    def call(self) -> tuple[int, str, str]:
        """An e2ae call: its context and both terminations."""
        reply = self.act(None, access(), core())
        assert reply.error is None
        assert reply.context is not None
        one, other = reply.replies
        return reply.context, one.termination, other.termination

    def error(self, context: int | None, *procedures: Procedure) -> int:
        """The code; what was not reached has no reply, and nothing was left open by what failed."""
        ports = set(self.engine.ports)
        reply = self.act(context, *procedures)
        assert reply.error is not None
        if not reply.replies:
            assert set(self.engine.ports) == ports
        return reply.error.code


@pytest.fixture
def controller() -> Controller:
    return Controller()


def legs(engine: FakeEngine) -> list[Transform]:
    return [engine.legs[port].transform for port in sorted(engine.ports)]


def test_ordinary_call(controller: Controller) -> None:
    engine = controller.engine
    reply = controller.act(None, access(), core())
    assert reply == ActionReply(
        1,
        [
            Reserved(
                "ip/0/access/1", [Stream(1, "audio", "RTP/SAVP", "0", local=Endpoint("198.51.100.7", 20000))]
            ),
            Reserved("ip/0/core/2", [Stream(1, "audio", "RTP/AVP", "0", local=Endpoint("127.0.0.1", 30000))]),
        ],
    )
    assert list(engine.ports.values()) == [("127.0.0.1", 20000, 46), ("127.0.0.1", 30000, 0)]
    one, other = sorted(engine.ports)
    assert engine.joined == {one: other, other: one}
    assert engine.legs[one].transform is Transform.SRTP
    assert engine.legs[other].transform is Transform.NONE
    assert (engine.legs[one].send, engine.legs[one].receive) == (SEND, RECEIVE)
    assert (engine.legs[one].latching, engine.legs[other].latching) == (True, False)
    assert (engine.legs[one].remote, engine.legs[other].remote) == (UE, FAR)
    assert engine.edits == 2  # once for each leg, although both procedures touch both
    assert controller.act(1, Release()) == ActionReply(1, [Done("*")])
    assert engine.ports == {}
    assert len(controller.contexts) == 0


def test_answer_comes_later(controller: Controller) -> None:
    engine = controller.engine
    context, ue, far = controller.call()
    reply = controller.act(
        context,
        Configure(far, [Stream(1, "audio", "RTP/AVP", "0", remote=Endpoint("192.0.2.9", 4000))]),
        Configure(ue, [Stream(1, "", "", "", Mode.SEND_ONLY)]),
    )
    assert reply.replies == [Reserved(far, []), Reserved(ue, [])]
    one, other = sorted(engine.ports)
    assert engine.legs[other].remote == Endpoint("192.0.2.9", 4000)
    assert (engine.legs[one].may_send, engine.legs[one].may_receive) == (True, False)
    assert (engine.legs[other].may_send, engine.legs[other].may_receive) == (True, True)


@pytest.mark.parametrize(
    ("mode", "gate"),
    [
        (None, (False, False)),
        (Mode.INACTIVE, (False, False)),
        (Mode.SEND_ONLY, (True, False)),
        (Mode.RECEIVE_ONLY, (False, True)),
        (Mode.SEND_RECEIVE, (True, True)),
    ],
)
def test_mode_is_the_gate(controller: Controller, mode: Mode | None, gate: tuple[bool, bool]) -> None:
    controller.act(None, access(mode=mode), core())
    leg = controller.engine.legs[min(controller.engine.ports)]
    assert (leg.may_send, leg.may_receive) == gate


def test_a_change_of_mode_changes_nothing_else(controller: Controller) -> None:
    """Also where the stream still carries the default transport of its class."""
    context, ue, _ = controller.call()
    before = controller.engine.legs[min(controller.engine.ports)]
    controller.act(context, Configure(ue, [Stream(1, mode=Mode.INACTIVE)]))
    after = controller.engine.legs[min(controller.engine.ports)]
    assert after == replace(before, may_send=False, may_receive=False)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param("RTP/SAVP+", "RTP/AVP", [Transform.SRTP, Transform.NONE], id="e2ae"),
        pytest.param("RTP/SAVPF+", "RTP/AVPF", [Transform.SRTP, Transform.NONE], id="e2ae with feedback"),
        pytest.param("RTP/AVP", "RTP/AVP", [Transform.NONE, Transform.NONE], id="plain"),
        pytest.param("RTP/SAVP", "RTP/SAVP", [Transform.NONE, Transform.NONE], id="end to end"),
        pytest.param("RTP/SAVP", "RTP/AVP", [Transform.CLOSED, Transform.CLOSED], id="key not known yet"),
        pytest.param("RTP/SAVP", "RTP/SAVP+", [Transform.CLOSED, Transform.CLOSED], id="one end has keys"),
        pytest.param("RTP/SAVP+", "RTP/SAVP+", [Transform.SRTP, Transform.SRTP], id="keys at both ends"),
        pytest.param(
            "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF", [Transform.DATAGRAM] * 2, id="DTLS-SRTP end to end"
        ),
        pytest.param("UDP/TLS/RTP/SAVP", "RTP/AVP", [Transform.CLOSED] * 2, id="DTLS-SRTP to plain"),
        pytest.param("udptl", "UDPTL", [Transform.DATAGRAM] * 2, id="T.38"),
        pytest.param("udptl", "RTP/AVP", [Transform.CLOSED] * 2, id="T.38 to audio"),
    ],
)
def test_what_the_transports_mean(
    controller: Controller, left: str, right: str, expected: list[Transform]
) -> None:
    def keys(text: str) -> dict[str, object]:
        key = SEND if text.endswith("+") else None
        return {"transport": text.rstrip("+"), "local_crypto": key, "remote_crypto": key}

    reply = controller.act(None, access(**keys(left)), core(**keys(right)))
    assert reply.error is None
    assert legs(controller.engine) == expected


def test_a_protected_stream_waits_for_its_key(controller: Controller) -> None:
    reply = controller.act(None, core(), access(local_crypto=None, remote_crypto=None))
    assert legs(controller.engine) == [Transform.CLOSED, Transform.CLOSED]
    stream = Stream(1, "audio", "RTP/SAVP", "0", remote=UE, local_crypto=SEND, remote_crypto=RECEIVE)
    controller.act(reply.context, Configure("ip/0/access/2", [stream]))
    assert legs(controller.engine) == [Transform.NONE, Transform.SRTP]


def test_one_termination_alone_is_closed(controller: Controller) -> None:
    controller.act(None, access())
    assert legs(controller.engine) == [Transform.CLOSED]


def test_streams_come_and_go(controller: Controller) -> None:
    context, ue, far = controller.call()
    video = Stream(2, "video", "RTP/AVP", "96", Mode.SEND_RECEIVE, remote=FAR)
    reply = controller.act(context, Configure(ue, [replace(video)]), Configure(far, [replace(video)]))
    assert reply.replies == [
        Reserved(ue, [Stream(2, "video", "RTP/AVP", "96", local=Endpoint("198.51.100.7", 20002))]),
        Reserved(far, [Stream(2, "video", "RTP/AVP", "96", local=Endpoint("127.0.0.1", 30002))]),
    ]
    assert legs(controller.engine) == [Transform.SRTP, Transform.NONE, Transform.NONE, Transform.NONE]
    assert len(controller.engine.joined) == 4
    gone = Stream(1, "audio", "RTP/AVP", "0", remote=Endpoint("", 0))
    controller.act(context, Configure(far, [replace(gone)]))
    assert legs(controller.engine) == [Transform.CLOSED, Transform.NONE, Transform.NONE]
    controller.act(context, Configure(ue, [replace(gone)]))
    assert len(controller.engine.ports) == 2
    controller.act(context, Configure(far, [replace(gone)]))  # gone already
    reply = controller.act(context, Configure(far, [core().streams[0]]))
    assert reply.replies[0].streams[0].local == Endpoint("127.0.0.1", 30004)
    controller.act(context, Release())
    assert controller.engine.ports == {}


def test_a_rejected_stream_takes_no_port(controller: Controller) -> None:
    reply = controller.act(None, access(remote=Endpoint("", 0)))
    assert reply.replies == [Reserved("ip/0/access/1", [])]
    assert controller.engine.ports == {}


def test_latch_commands(controller: Controller) -> None:
    context, ue, _ = controller.call()
    port = min(controller.engine.ports)
    controller.act(context, Configure(ue, [], Latch.RELATCH))
    assert controller.engine.relatched == [port]
    assert controller.engine.legs[port].latching
    controller.act(context, Configure(ue, [], Latch.OFF))
    assert not controller.engine.legs[port].latching
    controller.act(context, Configure(ue, [], Latch.LATCH))
    assert controller.engine.legs[port].latching
    assert controller.engine.relatched == [port]


def test_ip_version_follows_what_is_asked(controller: Controller) -> None:
    six, four = "2001:db8::7", "198.51.100.7"
    for changes, expected in (
        ({"remote": Endpoint("2001:db8::20", 5004), "source": None}, six),
        ({"remote": None, "source": "2001:db8::/64"}, six),
        ({"remote": None, "source": None, "local": Endpoint("::", 0)}, six),
        ({"remote": None, "source": None}, four),
    ):
        reply = controller.act(None, access(**changes))
        assert reply.replies[0].streams[0].local.address == expected


def test_dscp_of_the_reserve(controller: Controller) -> None:
    controller.act(None, access(dscp=10))
    assert [dscp for _, _, dscp in controller.engine.ports.values()] == [10]


def test_release_one_termination_then_the_other(controller: Controller) -> None:
    context, ue, far = controller.call()
    assert controller.act(context, Release(ue)).replies == [Done(ue)]
    assert legs(controller.engine) == [Transform.CLOSED]
    assert controller.act(context, Release(far)).replies == [Done(far)]
    assert len(controller.contexts) == 0
    (ended,) = controller.contexts.ended
    assert (ended.id, ended.reason) == (context, "released")
    assert {name: counters.octets for name, counters in ended.directions.items()} == {ue: 100, far: 100}


def test_release_and_audit_of_all_contexts(controller: Controller) -> None:
    calls = [controller.call() for _ in range(3)]
    audited = controller.act(ALL_CONTEXTS, AuditTerminations())
    assert audited.replies == [Audited({context: [ue, far] for context, ue, far in calls})]
    assert controller.act(ALL_CONTEXTS, Release(calls[1][1])).replies == [Done(calls[1][1])]
    assert controller.act(ALL_CONTEXTS, Release()).replies == [Done("*")]
    assert controller.engine.ports == {}
    assert controller.act(ALL_CONTEXTS, AuditTerminations()).replies == [Audited({})]
    assert {name: total.packets for name, total in controller.contexts.totals.items()} == {
        "access": 3,
        "core": 3,
    }


def test_audit_in_pages(controller: Controller) -> None:
    calls = [controller.call() for _ in range(6)]
    found = []
    for digit in range(10):
        reply = controller.act(ALL_CONTEXTS, AuditTerminations(f"ip/*{digit}"))
        assert isinstance(reply.replies[0], Audited)
        found += [name for names in reply.replies[0].contexts.values() for name in names]
    assert sorted(found) == sorted(name for _, *names in calls for name in names)
    one = controller.act(ALL_CONTEXTS, AuditTerminations("ip/0/access/1")).replies
    assert one == [Audited({1: ["ip/0/access/1"]})]


def test_audit_of_root_and_of_one_context(controller: Controller) -> None:
    assert controller.act(0, AuditRoot()).replies == [Done("ROOT")]
    context, *names = controller.call()
    assert controller.act(context, AuditTerminations()).replies == [Audited({context: names})]


@pytest.mark.parametrize(
    ("code", "procedure"),
    [
        pytest.param(472, access(heartbeat=0), id="no heartbeat"),
        pytest.param(449, access(heartbeat=-1), id="heartbeat"),
        pytest.param(449, access(heartbeat=10**9), id="long heartbeat"),
        pytest.param(449, access(inactivity=0), id="inactivity"),
        pytest.param(449, access(realm="nowhere"), id="realm"),
        pytest.param(449, access(source="somewhere"), id="source"),
        pytest.param(449, access(dscp=64), id="dscp"),
        pytest.param(472, access(streams=[]), id="no stream"),
        pytest.param(472, access(transport=""), id="no transport"),
        pytest.param(449, access(transport="TCP/MSRP"), id="transport"),
        pytest.param(448, access(streams=[Stream(1), Stream(1)]), id="stream twice"),
        pytest.param(410, access(id=0), id="stream 0"),
        pytest.param(410, access(id=65536), id="stream 65536"),
        pytest.param(510, access(streams=[Stream(i) for i in range(1, 18)]), id="17 streams"),
        pytest.param(473, access(transport="RTP/AVP"), id="key on a plain stream"),
        pytest.param(449, access(local_crypto=Crypto("F8_128_HMAC_SHA1_80", Key(bytes(30)))), id="suite"),
        pytest.param(449, access(remote_crypto=crypto("AEAD_AES_256_GCM", 1)), id="suite of no engine"),
        pytest.param(449, access(local_crypto=Crypto(CM, Key(bytes(29)))), id="short key"),
        pytest.param(449, access(remote_crypto=Crypto(CM, Key(bytes(31)))), id="long key"),
        pytest.param(449, access(remote_crypto=Crypto(CM, Key(bytes(30)), 1, (1, 129))), id="MKI length"),
        pytest.param(449, access(remote=Endpoint("ue.example", 5004)), id="name as Remote"),
        pytest.param(449, access(remote=Endpoint("224.0.0.1", 5004)), id="multicast"),
        pytest.param(449, access(remote=Endpoint("0.0.0.0", 5004)), id="unspecified"),
        pytest.param(449, access(remote=Endpoint("fe80::1%eth0", 5004)), id="zone"),
        pytest.param(449, access(remote=Endpoint("192.0.2.1", 65536)), id="port"),
        pytest.param(449, access(remote=Endpoint("192.0.2.1", 5004, 0)), id="RTCP port"),
        pytest.param(449, core(remote=Endpoint("2001:db8::1", 5004)), id="no such IP version"),
        pytest.param(
            449, access(local=Endpoint("192.0.2.1", 0), remote=Endpoint("::2", 9)), id="two versions"
        ),
        pytest.param(421, Release(), id="release nothing"),
        pytest.param(421, Configure("ip/0/access/1", []), id="configure nothing"),
        pytest.param(421, AuditRoot(), id="ROOT in a context"),
        pytest.param(443, Heartbeat("ip/0/access/1"), id="not for a gateway"),
    ],
)
def test_refusals(controller: Controller, code: int, procedure: Procedure) -> None:
    assert controller.error(None, procedure) == code
    assert len(controller.contexts) == 0
    assert controller.contexts.refused == {code: 1}


def test_unknown_contexts_and_terminations(controller: Controller) -> None:
    context, ue, _ = controller.call()
    other, *_ = controller.call()
    for procedure in (Configure(ue, []), Release(), Release(ue), access(), AuditTerminations()):
        assert controller.error(999, procedure) == 411
        assert controller.error(0, procedure) == 421
    assert controller.error(ALL_CONTEXTS, access()) == 421
    assert controller.error(ALL_CONTEXTS, Release("ip/0/access/99")) == 430
    for procedure in (Configure("ip/0/access/99", []), Release("ip/0/access/99")):
        assert controller.error(context, procedure) == 430
    for procedure in (Configure(ue, []), Release(ue)):
        assert controller.error(other, procedure) == 435
    assert controller.error(context, core()) == 434


def test_configure_is_checked_before_anything_is_done(controller: Controller) -> None:
    context, ue, _ = controller.call()
    before = dict(controller.engine.legs)
    for code, streams in (
        (449, [Stream(1, mode=Mode.INACTIVE), Stream(2, transport="TCP")]),
        (449, [Stream(1, "audio", "RTP/SAVP", "0", remote=Endpoint("2001:db8::1", 9))]),
        (449, [Stream(1, "audio", "RTP/SAVP", "0", local=Endpoint("198.51.100.7", 1))]),
        (473, [Stream(1, "audio", "RTP/AVP", "0", remote=UE, local_crypto=SEND)]),
        (472, [Stream(2, "", "", "", Mode.SEND_RECEIVE)]),
        (510, [Stream(i) for i in range(2, 18)]),
    ):
        assert controller.error(context, Configure(ue, streams)) == code
    assert controller.engine.legs == before


def test_what_was_done_before_a_failure_stays(controller: Controller) -> None:
    reply = controller.act(None, access(), core(realm="nowhere"), Release())
    assert reply.error is not None
    assert reply.error.code == 449
    assert (reply.context, len(reply.replies), len(controller.contexts)) == (1, 1, 1)
    assert controller.act(1, Release()).error is None
    assert controller.engine.ports == {}


def test_ports_run_out(controller: Controller) -> None:
    for _ in range(8):
        controller.call()
    assert controller.error(None, access()) == 510
    controller.act(1, Release())
    assert controller.error(None, access()) == 510  # it rests
    controller.now += 2.0
    controller.call()


def test_a_reserve_that_fails_midway_gives_back_what_it_took() -> None:
    controller = Controller(pairs=2)
    three = [Stream(i, transport="RTP/AVP") for i in (1, 2, 3)]
    assert controller.error(None, access(streams=three)) == 510
    controller.now += 2.0
    context, ue, _ = controller.call()
    assert controller.error(context, Configure(ue, three)) == 510
    assert len(controller.engine.ports) == 2


def test_descriptors_run_out(controller: Controller) -> None:
    controller.engine.exhausted = True
    assert controller.error(None, access()) == 510
    controller.engine.exhausted = False
    controller.call()


def test_limit_of_open_ports() -> None:
    controller = Controller(max_ports=3)
    controller.call()
    assert controller.act(None, access(), core()).error.code == 510
    controller.act(2, Release())
    controller.act(1, Release())
    controller.call()


def test_ports_that_others_hold_are_skipped(controller: Controller) -> None:
    controller.engine.taken = {("127.0.0.1", 20000), ("127.0.0.1", 20002)}
    reply = controller.act(None, access())
    assert reply.replies[0].streams[0].local.port == 20004
    controller.engine.taken = {("127.0.0.1", port) for port in range(20000, 20016, 2)}
    assert controller.error(None, access()) == 510


def test_draining_takes_no_new_contexts(controller: Controller) -> None:
    context, ue, _ = controller.call()
    controller.contexts.draining = True
    assert controller.error(None, access()) == 503
    assert controller.act(context, Configure(ue, [])).error is None
    assert controller.act(context, Release()).error is None


def test_an_engine_that_refuses_is_an_internal_failure(controller: Controller) -> None:
    controller.engine.refuse = True
    reply = controller.act(None, access(), core())
    assert reply.error is not None
    assert (reply.error.code, len(reply.replies)) == (500, 2)
    controller.engine.refuse = False
    assert controller.act(reply.context, Release()).error is None
    assert controller.engine.ports == {}


def test_context_numbers_are_not_used_again(controller: Controller) -> None:
    first, *_ = controller.call()
    controller.act(first, Release())
    second, *_ = controller.call()
    assert second != first


def test_keys_reach_neither_replies_nor_errors(controller: Controller) -> None:
    reply = controller.act(None, access(), core())
    failed = controller.act(None, access(local_crypto=Crypto(CM, Key(SEND.key.octets[:29]))))
    refused = Crypto("<inline:secret>" * 9, SEND.key)
    strange = controller.act(None, access(local_crypto=refused))
    shown = repr((reply, failed, strange, str(failed.error), controller.contexts.terminations))
    assert "inline:" not in shown
    for text in (SEND.key.octets.hex(), repr(SEND.key.octets)[2:30], str(list(SEND.key.octets))[:40]):
        assert text not in shown
    assert all(stream.local_crypto is None for stream in reply.replies[0].streams)
