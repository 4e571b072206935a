"""Iq actions that are refused: each error (H.248.8), what stays in force, what is given back."""

import pytest

from iq.procedures import (
    ALL_CONTEXTS,
    AuditRoot,
    AuditTerminations,
    Configure,
    Endpoint,
    Heartbeat,
    Mode,
    Procedure,
    Release,
    Stream,
)
from iq.suites import Crypto, Key
from tests.support.agw_controller import CM, SEND, UE, Controller, access, core
from tests.support.media_peer import crypto


@pytest.fixture
def controller() -> Controller:
    return Controller()


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
        pytest.param(449, access(transport="TCP/TLS/RTP/SAVP"), id="transport"),
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
        (449, [Stream(1, mode=Mode.INACTIVE), Stream(2, transport="TCP/TLS/RTP/SAVP")]),
        (473, [Stream(1, "message", "TCP/MSRP", "*", remote=UE)]),
        (449, [Stream(1, "audio", "RTP/SAVP", "0", remote=Endpoint("2001:db8::1", 9))]),
        (449, [Stream(1, "audio", "RTP/SAVP", "0", local=Endpoint("198.51.100.7", 1))]),
        (473, [Stream(1, "audio", "RTP/AVP", "0", remote=UE, local_crypto=SEND)]),
        (472, [Stream(2, "", "", "", Mode.SEND_RECEIVE)]),
        (510, [Stream(i) for i in range(2, 18)]),
    ):
        assert controller.error(context, Configure(ue, streams)) == code
    assert controller.error(context, Configure(ue, [], source="somewhere")) == 449
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
