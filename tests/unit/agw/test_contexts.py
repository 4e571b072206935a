"""Iq actions on contexts: what they open and edit, what they answer."""

from dataclasses import replace

import pytest

from agw.engine.api import Transform
from iq.procedures import (
    ALL_CONTEXTS,
    ActionReply,
    Audited,
    AuditRoot,
    AuditTerminations,
    Configure,
    Done,
    Endpoint,
    Latch,
    Mode,
    Release,
    Reserved,
    Stream,
)
from tests.support.agw_controller import FAR, RECEIVE, SEND, UE, Controller, access, core, legs


@pytest.fixture
def controller() -> Controller:
    return Controller()


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
