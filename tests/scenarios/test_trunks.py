"""Trunks without REGISTER: both directions of a call, who is one, and how the core addresses one."""

import pytest

from pcscf.flow import Listener, Side, StaticFlow
from pcscf.registration.trunks import Trunk, Trunks
from pcscf.sip.uri import SipUri
from tests.support.calls import REQUESTED, ends, establish
from tests.support.ladder import End, core_of, plain, secure, ue_of
from tests.support.stage import CORE, LISTENERS, UDP, Stage

TCP = Listener(Side.ACCESS, "tcp", "198.51.100.1", 5060, "access", confidential=True)
PBX = "sip:+4922812345@home.example"


def stage_with(*trunks: tuple[str, str, Listener, str], implicit: bool = True) -> Stage:
    """A stage with trunks: aor, contact, listener, mechanism ("" for none)."""
    stage = Stage(listeners=[*LISTENERS, TCP])
    made = []
    for aor, contact, listener, mechanism in trunks:
        uri = SipUri.parse(contact)
        flow = StaticFlow(
            listener, (uri.host, uri.port or 5060), lambda own, host, port: stage.flow(own, (host, port))
        )
        made.append(Trunk(aor, contact, frozenset({mechanism} - {""}), flow, implicit))
    stage.registrar.trunks = Trunks(made, CORE, stage.registrar.network)
    return stage


def trunk_end(
    stage: Stage, aor: str = PBX, *, listener: Listener = UDP, remote: tuple[str, int] = ("192.0.2.77", 5080)
) -> End:
    contact = f"sip:pbx@{remote[0]}:{remote[1]}"
    stage.paths.update((b.aor, b.path) for b in stage.registrar.trunks.all)
    return End(stage, stage.flow(listener, remote), aor, contact)


@pytest.mark.parametrize("originating", [True, False])
def test_a_protected_call_of_a_trunk(originating: bool) -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, "sdes-srtp"))
    call = establish(ends(stage, originating=originating, ue=trunk_end(stage)))
    assert call.came.values("p-asserted-identity") == ([f"<{PBX}>"] if originating else [])
    offer, answer = call.came.body, call.ok.body
    secured = answer if originating else offer
    assert b"RTP/SAVP" in secured
    assert b"a=crypto:" in secured
    assert b"RTP/SAVP" not in (offer if originating else answer)
    call.ue.send("INFO")
    call.core.end.answer(call.core.end.request("INFO"), 200)
    call.ue.end.response(200)
    call.hang_up(call.core)
    stage.check_forgotten()


@pytest.mark.parametrize(("implicit", "profile"), [(True, b"RTP/AVP"), (False, b"RTP/SAVP")])
def test_a_trunk_need_not_ask_for_protection(implicit: bool, profile: bytes) -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, "sdes-srtp"), implicit=implicit)
    ue, core = trunk_end(stage), core_of(stage)
    ue.ask("INVITE", "sip:carol@other.example", secure(more=""))
    came = core.request("INVITE")
    assert b" %b " % profile in came.body
    assert (b"a=crypto" in came.body) is not implicit


def test_without_the_mechanism_a_trunk_gets_plain_media() -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, ""))
    ue, core = trunk_end(stage), core_of(stage)
    core.ask("INVITE", PBX, plain(), uri=ue.contact)
    came = ue.request("INVITE")
    assert b"RTP/AVP" in came.body
    ue.answer(came, 486)
    ue.request("ACK")
    core.response(100)
    core.response(486)
    stage.check_forgotten()


@pytest.mark.parametrize(
    ("uri", "route", "becomes"),
    [
        pytest.param("sip:pbx@192.0.2.77:5080", None, None, id="its contact"),
        pytest.param("sip:+49228999@192.0.2.77:5080", None, None, id="another number at its contact"),
        pytest.param(PBX, None, "sip:pbx@192.0.2.77:5080", id="its identity"),
        pytest.param(f"{PBX};user=phone", None, "sip:pbx@192.0.2.77:5080", id="with parameters"),
        pytest.param("sip:+4922812345@203.0.113.1", None, "sip:pbx@192.0.2.77:5080", id="its user at ours"),
        pytest.param("sip:+49228999@home.example", "token", None, id="its token in Route"),
    ],
)
def test_how_the_core_addresses_a_trunk(uri: str, route: str | None, becomes: str | None) -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, ""))
    ue, core = trunk_end(stage), core_of(stage)
    core.ask("MESSAGE", PBX, uri=uri, route=stage.paths[PBX] if route else "<sip:203.0.113.1:5060;lr>")
    came = ue.request("MESSAGE")
    assert came.uri == (becomes or uri)
    assert "route" not in came
    ue.answer(came, 200)
    assert core.response(200).all("p-asserted-identity") == [f"<{PBX}>"]


@pytest.mark.parametrize(
    "uri", ["sip:pbx@192.0.2.77:5081", "sip:other@home.example", "sip:other@203.0.113.1", "tel:+4922812345"]
)
def test_who_is_no_trunk_gets_404(uri: str) -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, ""))
    core = core_of(stage)
    core.ask("MESSAGE", PBX, uri=uri)
    core.response(404)


@pytest.mark.parametrize(
    ("listener", "remote", "status"),
    [
        pytest.param(UDP, ("192.0.2.77", 5081), 403, id="udp: another port"),
        pytest.param(UDP, ("192.0.2.78", 5080), 403, id="udp: another address"),
        pytest.param(TCP, ("192.0.2.77", 5080), 403, id="another transport"),
        pytest.param(TCP, ("192.0.2.88", 40001), None, id="tcp: any port"),
        pytest.param(TCP, ("192.0.2.89", 5080), 403, id="tcp: another address"),
    ],
)
def test_a_trunk_is_known_by_its_address(
    listener: Listener, remote: tuple[str, int], status: int | None
) -> None:
    stage = stage_with(
        (PBX, "sip:pbx@192.0.2.77:5080", UDP, ""),
        ("sip:second@home.example", "sip:192.0.2.88;transport=tcp", TCP, ""),
    )
    end, core = trunk_end(stage, listener=listener, remote=remote), core_of(stage)
    end.ask("MESSAGE", "sip:carol@other.example")
    if status is not None:
        end.response(status)
        core.nothing()
        return
    came = core.request("MESSAGE")
    assert came.all("p-asserted-identity") == ["<sip:second@home.example>"]
    core.answer(came, 200)
    end.response(200)


def test_a_call_over_tcp_goes_to_the_contact_and_its_requests_come_from_any_port() -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080;transport=tcp", TCP, "sdes-srtp"))
    core = core_of(stage)
    listening = trunk_end(stage, listener=TCP)
    calling = trunk_end(stage, listener=TCP, remote=("192.0.2.77", 40001))
    call = establish(ends(stage, originating=False, ue=listening))
    call.ue.end = calling
    call.ue.send("BYE")
    core.answer(core.request("BYE"), 200)
    calling.response(200)

    stranger = trunk_end(stage, listener=TCP, remote=("192.0.2.66", 40001))
    call = establish(ends(stage, originating=False, ue=listening))
    call.ue.end = stranger
    call.ue.send("BYE")
    stranger.response(403)
    call.ue.end = listening
    call.hang_up()
    stage.check_forgotten()


def test_a_trunk_that_refuses_connections_gets_430() -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080;transport=tcp", TCP, ""))
    stage.refused_connections.add(("192.0.2.77", 5080))
    core = core_of(stage)
    core.ask("MESSAGE", PBX)
    core.response(430)


def test_trunks_at_one_address_are_told_apart_by_their_identities() -> None:
    other = "sip:second@home.example"
    stage = stage_with(
        (PBX, "sip:pbx@192.0.2.77:5080", UDP, ""), (other, "sip:second@192.0.2.77:5080", UDP, "")
    )
    end, core = trunk_end(stage), core_of(stage)
    for aor, extra, asserted in [
        (PBX, (), PBX),
        (other, (), other),
        ("sip:anonymous@anonymous.invalid", (f"P-Preferred-Identity: <{other}>",), other),
        ("sip:nobody@home.example", (), None),
    ]:
        end.aor = aor
        end.ask("MESSAGE", "sip:carol@other.example", b"", *extra)
        if asserted is None:
            end.response(403)
            continue
        came = core.request("MESSAGE")
        assert came.all("p-asserted-identity") == [f"<{asserted}>"]
        core.answer(came, 200)
        end.response(200)
    core.ask("MESSAGE", other, uri="sip:second@192.0.2.77:5080")
    end.answer(end.request("MESSAGE"), 200)
    core.response(200)
    core.ask("MESSAGE", other, uri="sip:third@192.0.2.77:5080")
    core.response(404)


def test_a_subscription_of_a_trunk_is_a_dialog_both_ways() -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, ""))
    end, core = trunk_end(stage), core_of(stage)
    end.ask("SUBSCRIBE", PBX, b"", "Event: reg")
    came = core.request("SUBSCRIBE")
    token = stage.registrar.trunks.all[0].token
    assert all(f"<sip:{token}@" in value for value in came.values("record-route"))
    core.answer(came, 200)
    end.response(200)


def test_register_changes_no_trunk() -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, "sdes-srtp"))
    ue_of(stage, "+4922812345")
    binding = stage.registrar.trunks.all[0]
    assert (binding.live, binding.mechanisms) == (True, {"sdes-srtp"})
    end = trunk_end(stage)
    assert stage.registrar.sender(end.ask("OPTIONS", PBX), end.flow) is binding
    core_of(stage).request("OPTIONS")


def test_an_unreachable_core_does_not_lock_a_trunk_out() -> None:
    stage = stage_with((PBX, "sip:pbx@192.0.2.77:5080", UDP, ""))
    end, core = trunk_end(stage), core_of(stage)
    end.ask("INVITE", "sip:carol@other.example", REQUESTED)
    core.starts()
    stage.run(40)
    assert "504" in end.starts()
    core.starts()
    end.ask("MESSAGE", "sip:carol@other.example")
    core.answer(core.request("MESSAGE"), 200)
    end.response(200)
