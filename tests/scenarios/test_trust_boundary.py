"""The border of the trust domain (TS 24.229 4.4): each header field, each way, in dialogs and outside."""

import pytest

from pcscf.sip.message import Message
from tests.support.calls import Established, ends, establish
from tests.support.ladder import path_of
from tests.support.stage import Stage

#: Passes as it is; is removed.
PASS, GONE = True, False

#: A line; whether it passes from a UE: in a request, in a response; and towards a UE: likewise.
#: A text instead of a truth value is what the line becomes.
TABLE = [
    ("Privacy: id", PASS, PASS, PASS, PASS),
    ("P-Preferred-Identity: <sip:alice@home.example>", GONE, GONE, PASS, PASS),
    ("P-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel", PASS, PASS, PASS, PASS),
    ("P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel", GONE, GONE, PASS, PASS),
    ("P-Called-Party-ID: <sip:boss@home.example>", GONE, GONE, PASS, PASS),
    ("P-Associated-URI: <sip:boss@home.example>", GONE, GONE, PASS, PASS),
    ("P-Private-Network-Indication: home.example", GONE, GONE, GONE, GONE),
    ("P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=00aa", PASS, PASS, GONE, GONE),
    ("P-Access-Network-Info: 3GPP-E-UTRAN-FDD;network-provided", GONE, GONE, GONE, GONE),
    (
        "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;Network-Provided, IEEE-802.11",
        "IEEE-802.11", "IEEE-802.11", GONE, GONE,
    ),
    ("Cellular-Network-Info: 3GPP-E-UTRAN-FDD;cell-info-age=1", PASS, PASS, GONE, GONE),
    ("P-Early-Media: supported", PASS, PASS, PASS, PASS),
    ("P-Early-Media: sendrecv", GONE, GONE, PASS, PASS),
    ("P-Early-Media: Supported, inactive", "Supported", "Supported", PASS, PASS),
    ("P-Charging-Vector: icid-value=forged", GONE, GONE, GONE, GONE),
    ("P-Charging-Function-Addresses: ccf=192.0.2.8", GONE, GONE, GONE, GONE),
    ("P-Profile-Key: <sip:!x!@home.example>", GONE, GONE, GONE, GONE),
    ("P-Served-User: <sip:boss@home.example>;sescase=orig", GONE, GONE, GONE, GONE),
    ("P-User-Database: <aaa://hss.home.example>", GONE, GONE, GONE, GONE),
    ("P-Visited-Network-ID: other.example", GONE, GONE, GONE, GONE),
    ("Reason: Q.850;cause=16", PASS, PASS, PASS, GONE),
    ("Response-Source: <urn:3gpp:fe:s-cscf.orig>", GONE, GONE, GONE, GONE),
    ("Feature-Caps: *;+g.3gpp.srvcc", GONE, GONE, PASS, PASS),
    ("Relayed-Charge: tdm", GONE, GONE, GONE, GONE),
    ("Restoration-Info: noresponse", GONE, GONE, GONE, GONE),
    ("Service-Interact-Info: x", GONE, GONE, GONE, GONE),
    ("Attestation-Info: full", GONE, GONE, GONE, GONE),
    ("Origination-Id: 1", GONE, GONE, GONE, GONE),
    ("Priority-Verstat: x", GONE, GONE, GONE, GONE),
    ("Additional-Identity: <sip:boss@home.example>", GONE, GONE, PASS, PASS),
    ("Priority: psap-callback", GONE, GONE, PASS, PASS),
    ("Priority: urgent", PASS, PASS, PASS, PASS),
    ("History-Info: <sip:x@home.example>;index=1", PASS, PASS, PASS, PASS),
    ("Security-Verify: tls", GONE, GONE, GONE, GONE),
    ("Security-Server: tls", GONE, GONE, GONE, GONE),
    ("Security-Client: tls", GONE, GONE, GONE, GONE),
]  # fmt: skip

ROWS = pytest.mark.parametrize(
    ("line", "up", "up_answer", "down", "down_answer"), TABLE, ids=[row[0] for row in TABLE]
)
Outcome = bool | str


def check(message: Message, line: str, outcome: Outcome) -> None:
    name, _, value = line.partition(": ")
    got = message.all(name.lower())
    if isinstance(outcome, str):
        assert got == [outcome]
    elif outcome:
        assert got == [value]
    else:
        assert value not in got


@ROWS
def test_outside_of_dialogs(
    stage: Stage, line: str, up: Outcome, up_answer: Outcome, down: Outcome, down_answer: Outcome
) -> None:
    between = ends(stage)
    ue, core = between.ue, between.core
    ue.ask("MESSAGE", core.aor, b"hello", line, kind="text/plain")
    came = core.request("MESSAGE")
    check(came, line, up)
    core.answer(came, 200, b"", line)
    check(ue.response(200), line, down_answer)
    core.ask("MESSAGE", ue.aor, b"hi", line, kind="text/plain", uri=ue.contact, route=path_of(ue))
    came = ue.request("MESSAGE")
    check(came, line, down)
    ue.answer(came, 200, b"", line)
    check(core.response(200), line, up_answer)


@pytest.fixture
def call(stage: Stage) -> Established:
    return establish(ends(stage))


@ROWS
def test_inside_of_dialogs(
    call: Established, line: str, up: Outcome, up_answer: Outcome, down: Outcome, down_answer: Outcome
) -> None:
    ue, core = call.ends.ue, call.ends.core
    call.ue.send("INFO", b"", line)
    came = core.request("INFO")
    check(came, line, up)
    core.answer(came, 200, b"", line)
    check(ue.response(200), line, down_answer)
    call.core.send("INFO", b"", line)
    came = ue.request("INFO")
    check(came, line, down)
    ue.answer(came, 200, b"", line)
    check(core.response(200), line, up_answer)
    call.hang_up()


@ROWS
def test_at_the_ends_of_a_call(
    stage: Stage, line: str, up: Outcome, up_answer: Outcome, down: Outcome, down_answer: Outcome
) -> None:
    """INVITE, provisional response, CANCEL and 487 both ways: each goes another way through the proxy."""
    for originating, asked, answered in ((True, up, down_answer), (False, down, up_answer)):
        between = ends(stage, originating=originating)
        if not originating and line.startswith("Security-"):
            continue  # a UE has one security agreement for a connection
        sent = between.invite(None, *([] if line.startswith("Security-") else [line]))
        between.caller.response(100)
        came = between.callee.request("INVITE")
        if not line.startswith("Security-"):
            check(came, line, asked)
        between.callee.answer(came, 180, b"", line)
        check(between.caller.response(180), line, answered)
        between.caller.cancel(sent)
        between.caller.response(200)
        between.callee.answer(between.callee.request("CANCEL"), 200)
        between.callee.answer(came, 487, b"", line)
        between.callee.request("ACK")
        over = between.caller.response(487)
        check(over, line, answered)
        between.caller.acknowledge(sent, over)


def test_asserted_identity_of_either_side(stage: Stage) -> None:
    """The UE is called what it registered; what the core asserts reaches it unless privacy was asked for."""
    between = ends(stage)
    ue, core = between.ue, between.core
    ue.ask("MESSAGE", core.aor, b"", "P-Asserted-Identity: <sip:boss@home.example>")
    came = core.request("MESSAGE")
    assert came.all("p-asserted-identity") == ["<sip:alice@home.example>"]
    core.answer(came, 200, b"", "P-Asserted-Identity: <sip:carol@other.example;cpc=operator>")
    assert ue.response(200).all("p-asserted-identity") == ["<sip:carol@other.example>"]
    for privacy, shown in (("none", True), ("id", False), ("header;id", False)):
        lines = (f"Privacy: {privacy}", "P-Asserted-Identity: <tel:+1;oli=62;iotl=siptrunk>")
        core.ask("MESSAGE", ue.aor, b"", *lines, uri=ue.contact, route=path_of(ue))
        came = ue.request("MESSAGE")
        assert came.all("p-asserted-identity") == (["<tel:+1>"] if shown else [])
        ue.answer(came, 200, b"", "P-Asserted-Identity: <sip:boss@home.example>")
        assert core.response(200).all("p-asserted-identity") == ["<sip:alice@home.example>"]


@pytest.mark.parametrize(
    ("called", "asserted"),
    [("<sip:alice@home.example>", ["<sip:alice@home.example>"]), ("<sip:boss@home.example>", [])],
)
def test_the_called_identity_answers(stage: Stage, called: str, asserted: list[str]) -> None:
    between = ends(stage)
    ue, core = between.ue, between.core
    lines = (f"P-Called-Party-ID: {called}", "P-Charging-Vector: icid-value=77;orig-ioi=home.example")
    core.ask("OPTIONS", ue.aor, b"", *lines, uri=ue.contact, route=path_of(ue))
    came = ue.request("OPTIONS")
    assert came.get("p-called-party-id") == called
    ue.answer(came, 200)
    answer = core.response(200)
    assert answer.all("p-asserted-identity") == asserted
    assert answer.get("p-charging-vector") == (
        'icid-value=77;orig-ioi=home.example;term-ioi="Type 1visited.example"'
    )


def test_parameters_of_the_network_in_a_request_uri_of_a_ue(stage: Stage) -> None:
    between = ends(stage)
    between.ue.ask("OPTIONS", "sip:+1@other.example;iotl=homeA-homeB;user=phone;CPC=operator")
    came = between.core.request("OPTIONS")
    assert came.uri == "sip:+1@other.example;user=phone"
    between.core.answer(came, 200)
    between.ue.response(200)
