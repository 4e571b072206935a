"""Emergency calls in every state of registration (TS 24.229 5.2.10, RFC 5031)."""

import pytest

from pcscf.flow import Listener, Side
from pcscf.proxy.emergency import ANONYMOUS, EmergencySettings, service_of
from pcscf.sip.message import Request, Response
from tests.support.calls import UE_ANSWER
from tests.support.ladder import End, callee_leg, caller_leg, core_of, plain, register, sdp, secure, ue_of
from tests.support.stage import CORE, LISTENERS, UDP, Stage

ECSCF = ("203.0.113.60", 5060)
SERVED = EmergencySettings("sip:203.0.113.60:5060", frozenset({"112", "+49110"}), max_unregistered=2)
#: A listener whose phones know SRTP without mediasec, and a network that nobody can read.
ASSUMED = Listener(
    Side.ACCESS, "udp", "198.51.100.1", 5062, "access", confidential=True, assume=frozenset({"sdes-srtp"})
)
OPEN = Listener(Side.ACCESS, "udp", "198.51.100.1", 5064, "access")


@pytest.fixture
def stage() -> Stage:
    return Stage(emergency=SERVED, listeners=[*LISTENERS, ASSUMED, OPEN])


def ecscf_of(stage: Stage) -> End:
    return End(stage, stage.flow(CORE, ECSCF), "sip:psap@ecscf.example", "sip:psap@203.0.113.60:5060")


def stranger(stage: Stage, listener: Listener = UDP, port: int = 5099) -> End:
    """A UE that has not registered."""
    return End(
        stage, stage.flow(listener, ("192.0.2.66", port)), ANONYMOUS, f"sip:anonymous@192.0.2.66:{port}"
    )


def call(ue: End, body: bytes, answer: bytes, uri: str = "urn:service:sos", *extra: str) -> Request:
    """Make an emergency call, hang it up at the other end, and return the INVITE as the E-CSCF got it."""
    ecscf = ecscf_of(ue.stage)
    sent = ue.ask("INVITE", uri, body, *extra)
    ue.response(100)
    came = ecscf.request("INVITE")
    ecscf.answer(came, 200, answer)
    leg = caller_leg(ue, sent, ue.response(200))
    leg.send("ACK", cseq=1)
    ecscf.request("ACK")
    leg.send("UPDATE")
    ecscf.answer(ecscf.request("UPDATE"), 200)
    ue.response(200)
    back = callee_leg(ecscf, came)
    back.send("BYE")
    ue.answer(ue.request("BYE"), 200)
    ecscf.response(200)
    return came


@pytest.mark.parametrize("uri", ["urn:service:sos", "urn:service:sos.police", "URN:Service:SOS.fire"])
def test_a_registered_ue_reaches_the_ecscf_protected(stage: Stage, uri: str) -> None:
    ue = ue_of(stage)
    came = call(
        ue, secure(), plain(), uri, "Route: <sip:elsewhere.example;lr>", "P-Preferred-Identity: <sip:x@y>"
    )
    assert came.uri == uri.lower()
    assert came.values("route") == ["<sip:203.0.113.60:5060;lr>"]
    assert came.values("p-asserted-identity") == ["<sip:alice@home.example>"]
    assert "p-preferred-identity" not in came
    assert "icid-value" in (came.get("p-charging-vector") or "")
    assert b"RTP/AVP 8" in came.body
    assert b"crypto" not in came.body
    assert all(action.emergency for action in stage.gateway.actions)
    core_of(stage).nothing()
    stage.check_forgotten()


@pytest.mark.parametrize(
    "uri", ["tel:112", "sip:112@home.example;user=phone", "tel:+49-110", "sip:112@x.example"]
)
def test_a_dialled_local_number_is_an_emergency(stage: Stage, uri: str) -> None:
    assert call(ue_of(stage), plain(), plain(), uri).uri == "urn:service:sos"
    stage.check_forgotten()


def test_other_numbers_are_none() -> None:
    numbers = frozenset({"112"})
    for uri in (
        "tel:1123",
        "sip:bob@home.example",
        "urn:service:sosx",
        "urn:service:counseling",
        "mailto:112",
        "",
    ):
        assert service_of(uri, numbers) is None
    assert service_of("tel:112", frozenset()) is None


def test_an_emergency_registration_serves_emergency_calls_alone(stage: Stage) -> None:
    ue = ue_of(stage)
    ue.contact += ";sos"
    register(ue)
    assert len(stage.registrar.bindings) == 2, "the same URI with sos is another contact"
    core = core_of(stage)
    ue.ask("INVITE", "sip:carol@other.example", secure())
    assert "emergency registration" in (ue.response(403).get("warning") or "")
    ue.contact = ue.contact.removesuffix(";sos")
    ue.ask("MESSAGE", "sip:carol@other.example")
    core.answer(core.request("MESSAGE"), 404)
    ue.response(404)
    ue.contact += ";sos"
    assert call(ue, secure(), plain()).values("p-asserted-identity") == ["<sip:alice@home.example>"]


def test_a_ue_that_is_not_registered_may_call_for_help_and_do_nothing_else(stage: Stage) -> None:
    ue = stranger(stage)
    forged = "P-Asserted-Identity: <sip:alice@home.example>"
    came = call(ue, plain(), plain(), "urn:service:sos", forged, "Geolocation: <cid:here>")
    assert "p-asserted-identity" not in came
    assert came.get("geolocation") == "<cid:here>"
    for method, uri in [("INVITE", "sip:carol@other.example"), ("MESSAGE", "urn:service:sos")]:
        ue.ask(method, uri, plain() if method == "INVITE" else b"")
        ue.response(403)
    assert len(stage.registrar.bindings) == 0
    stage.check_forgotten()


@pytest.mark.parametrize(
    ("listener", "status"), [(ASSUMED, 200), (UDP, 200), (OPEN, 488)], ids=["assumed", "confidential", "open"]
)
def test_protection_without_a_registration_needs_a_gm_that_nobody_reads(
    stage: Stage, listener: Listener, status: int
) -> None:
    ue = stranger(stage, listener)
    if status == 200:
        assert b"RTP/AVP" in call(ue, secure(), plain()).body
    else:
        ue.ask("INVITE", "urn:service:sos", secure())
        ue.response(488)
    assert b"RTP/AVP" in call(ue, plain(), plain()).body
    stage.check_forgotten()


def test_another_flow_does_not_get_at_the_call_of_an_unregistered_ue(stage: Stage) -> None:
    ue, ecscf = stranger(stage), ecscf_of(stage)
    sent = ue.ask("INVITE", "urn:service:sos", plain())
    ue.response(100)
    ecscf.answer(ecscf.request("INVITE"), 200, plain())
    leg = caller_leg(ue, sent, ue.response(200))
    leg.end = stranger(stage, port=5098)
    leg.send("BYE")
    leg.end.response(403)
    ecscf.nothing()


def test_unregistered_calls_are_bounded(stage: Stage) -> None:
    ecscf = ecscf_of(stage)
    for port in (6001, 6002):
        stranger(stage, port=port).ask("INVITE", "urn:service:sos", plain())
        ecscf.request("INVITE")
    one_more = stranger(stage, port=6003)
    one_more.ask("INVITE", "urn:service:sos", plain())
    check_alternative(one_more.response(380))


def check_alternative(response: Response, service: str = "urn:service:sos") -> None:
    assert response.get("content-type") == "application/3gpp-ims+xml"
    assert b"<type>emergency</type>" in response.body
    assert b"<action>emergency-registration</action>" in response.body
    assert response.values("contact") == [f"<{service}>"]


def test_without_an_ecscf_it_is_380_with_our_path(stage: Stage) -> None:
    stage = Stage(emergency=EmergencySettings(None, frozenset({"112"})))
    ue = ue_of(stage)
    for uri in ("urn:service:sos", "tel:112"):
        ue.ask("INVITE", uri, secure())
        answer = ue.response(380)
        check_alternative(answer)
        assert answer.values("p-asserted-identity") == [stage.paths[ue.aor]]
    other = stranger(stage)
    other.ask("INVITE", "urn:service:sos", plain())
    answer = other.response(380)
    check_alternative(answer)
    assert "p-asserted-identity" not in answer
    assert stage.gateway.asked() == []


def test_an_ecscf_that_does_not_answer_is_380_and_bars_nobody(stage: Stage) -> None:
    ue = ue_of(stage)
    ue.ask("INVITE", "urn:service:sos", secure())
    stage.run(40)
    ue.response(100)
    check_alternative(ue.response(380))
    ue.ask("MESSAGE", "sip:carol@other.example")
    core_of(stage).request("MESSAGE")


def test_no_gateway_is_380() -> None:
    stage = Stage(emergency=SERVED, gateways=())
    ue = ue_of(stage)
    ue.ask("INVITE", "urn:service:sos", secure())
    check_alternative(ue.response(380))


def test_draining_and_limits_do_not_stop_it() -> None:
    stage = Stage(emergency=SERVED, max_calls=1)
    ue, core = ue_of(stage), core_of(stage)
    ue.ask("INVITE", "sip:carol@other.example", secure())
    ue.response(100)
    core.request("INVITE")
    ue.ask("INVITE", "sip:carol@other.example", secure())
    ue.response(503)
    call(ue, secure(), plain())
    stage.proxy.draining = True
    stage.proxy.gateways.draining.add("agw")
    ue.ask("INVITE", "sip:carol@other.example", secure())
    ue.response(503)
    call(ue, secure(), plain())


def test_a_wrong_security_verify_does_not_stop_it(stage: Stage) -> None:
    ue, wrong = ue_of(stage), "Security-Verify: msrp-tls;mediasec"
    ue.ask("INVITE", "sip:carol@other.example", plain(), wrong)
    ue.response(494)
    assert "security-verify" not in call(ue, plain(), plain(), "urn:service:sos", wrong)


def test_a_call_back_needs_nothing_special(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    core.ask("INVITE", ue.aor, plain(), "Priority: psap-callback", uri=ue.contact, route=stage.paths[ue.aor])
    came = ue.request("INVITE")
    assert came.get("priority") == "psap-callback"
    ue.answer(came, 200, UE_ANSWER)
    core.response(100)
    core.response(200)


def test_end_to_end_keys_are_terminated(stage: Stage) -> None:
    ue = ue_of(stage)
    offer = sdp(
        "m=audio 30000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
        "inline:iHHhgz9/CEj23Dme6qS0fWx6Fqcu2PiXwB67LlaB",
        "192.0.2.10",
    )
    assert b"crypto" not in call(ue, offer, plain()).body
