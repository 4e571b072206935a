"""What the P-CSCF answers for in the header fields of calls: each rule is a row."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.proxy.charging import Charging
from pcscf.proxy.originating import HeaderSettings, check_security_verify, originate
from pcscf.proxy.terminating import answer_from_ue, terminate
from pcscf.proxy.trust import strip_for_ue, strip_untrusted
from pcscf.sip.message import Request, Response
from tests.support.registered import (
    ANNOUNCED,
    UDP,
    MemoryFlow,
    binding,
    octets,
    request,
    response,
)

ICID = octets(12).hex()
CHARGING = Charging("203.0.113.1", "visited.example")
SETTINGS = HeaderSettings(CHARGING, ANNOUNCED)
LIST = [f"{name};mediasec" for name in ANNOUNCED]


def invite(*lines: str, to: str = "<sip:bob@home.example>", method: str = "INVITE") -> Request:
    head = (
        f"{method} sip:bob@home.example SIP/2.0",
        "Via: SIP/2.0/TLS 192.0.2.10;branch=z9hG4bK1",
        f"To: {to}",
    )
    return request("\n".join((*head, *lines)))


def ok(*lines: str, status: int = 200) -> Response:
    return response("\n".join((f"SIP/2.0 {status} OK", "Via: SIP/2.0/TLS 192.0.2.10", *lines)))


@pytest.mark.parametrize(
    ("lines", "asserted"),
    [
        pytest.param([], "sip:alice@home.example", id="the default one"),
        pytest.param(["<tel:+4922812345>"], "tel:+4922812345", id="tel"),
        pytest.param(["<tel:+49-228-12345>"], "tel:+4922812345", id="equal tel, as registered"),
        pytest.param(
            ['"Boss" <sip:%61lice@HOME.example;x=1>'], "sip:alice@home.example", id="no display name"
        ),
        pytest.param(["<sip:x@h>, <tel:+4922812345>"], "tel:+4922812345", id="the registered one of two"),
        pytest.param(["<tel:+4922812345>", "<sip:alice@home.example>"], "tel:+4922812345", id="exactly one"),
        pytest.param(["<sip:boss@home.example>"], "sip:alice@home.example", id="not registered"),
        pytest.param(["<sip:alice@home.example;user=phone>"], "sip:alice@home.example", id="not equal"),
        pytest.param(["<", "mailto:x@y"], "sip:alice@home.example", id="unreadable"),
    ],
)
def test_asserted_identity(lines, asserted):
    wishes = [f"P-Preferred-Identity: {line}" for line in lines]
    forged = "P-Asserted-Identity: <sip:president@home.example>"
    got = originate(invite(forged, *wishes), binding(), SETTINGS, octets, 0.0)
    assert got.all("p-asserted-identity") == [f"<{asserted}>"]
    assert "p-preferred-identity" not in got


def test_without_associated_identities_the_address_of_record_is_asserted():
    got = originate(invite(), binding(associated=[]), SETTINGS, octets, 0.0)
    assert got.get("p-asserted-identity") == "<sip:alice@home.example>"


@pytest.mark.parametrize("values", [{"live": False}, {"expires_at": 5.0}])
def test_a_registration_that_has_run_out_is_403(values):
    with pytest.raises(SipRefusal) as caught:
        originate(invite(), binding(**values), SETTINGS, octets, 5.0)
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("route", "service_route", "expected"),
    [
        pytest.param(
            ["<sip:198.51.100.1:5061;lr>, <sip:a;lr>"], ["<sip:a;lr>"], ["<sip:a;lr>"], id="as it should be"
        ),
        pytest.param(
            ["<sip:evil;lr>", "<sip:b;lr>"],
            ["<sip:a;lr>", "<sip:b;lr>"],
            ["<sip:a;lr>", "<sip:b;lr>"],
            id="replaced",
        ),
        pytest.param([], ["<sip:a;lr>"], ["<sip:a;lr>"], id="added"),
        pytest.param(["<sip:evil;lr>"], [], [], id="no Service-Route: no Route"),
    ],
)
def test_route(route, service_route, expected):
    lines = [f"Route: {value}" for value in route]
    got = originate(invite(*lines), binding(service_route=service_route), SETTINGS, octets, 0.0)
    assert got.values("route") == expected


#: What a UE must not say (24.229 4.4).
FORGED = (
    "P-Asserted-Identity: <sip:boss@home.example>",
    "P-Asserted-Service: urn:x",
    "P-Charging-Vector: icid-value=1",
    "P-Charging-Function-Addresses: ccf=1",
    "P-User-Database: <aaa://h>",
    "P-Profile-Key: <sip:x@h>",
    "P-Served-User: <sip:boss@h>",
    "P-Called-Party-ID: <sip:boss@h>",
    'P-Visited-Network-ID: "x"',
    "P-Associated-URI: <sip:boss@h>",
    "Feature-Caps: *;x",
    "Security-Client: tls",
    "Security-Verify: tls",
    "Security-Server: tls",
    "Relayed-Charge: x",
    "Restoration-Info: x",
    "Response-Source: x",
    "P-Preferred-Identity: <",
    "Service-Interact-Info: x",
    "Attestation-Info: full",
    "Origination-Id: 1",
    "Additional-Identity: <sip:x@h>",
)
#: What it may.
KEPT = (
    "From: <sip:anonymous@anonymous.invalid>;tag=1",
    "Privacy: id",
    "P-Preferred-Service: urn:x",
    "Supported: 100rel",
    "P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=001122334455",
    "History-Info: <sip:x@h>;index=1",
    "P-Early-Media: supported",
    "Contact: <sip:alice@192.0.2.10>",
    "Reason: SIP;cause=200",
    "Require: 100rel",
)


def names(*lines: str) -> set[str]:
    return {line.partition(":")[0].lower() for line in lines}


@pytest.mark.parametrize("message", [invite(*FORGED, *KEPT), ok(*FORGED, *KEPT)], ids=["request", "response"])
def test_strip_untrusted(message):
    strip_untrusted(message)
    assert {key for key, _ in message} - {"via", "to"} == names(*KEPT)


def test_originate_trusts_nothing_either():
    got = originate(invite(*FORGED, *KEPT), binding(), SETTINGS, octets, 0.0)
    added = {"route", "p-asserted-identity", "p-charging-vector"}
    assert {key for key, _ in got} - {"via", "to"} == names(*KEPT) | added
    assert got.all("p-charging-vector") == [
        f'icid-value="{ICID}";icid-generated-at=203.0.113.1;orig-ioi="Type 1visited.example"'
    ]


def test_network_provided_access_information_of_a_ue_is_removed():
    line = "P-Access-Network-Info: IEEE-802.11, 3GPP-NR;cgi=1;Network-Provided"
    got = originate(
        invite(line, "P-Access-Network-Info: 3GPP-NR;network-provided"), binding(), SETTINGS, octets, 0
    )
    assert got.all("p-access-network-info") == ["IEEE-802.11"]


@pytest.mark.parametrize(
    ("lines", "require", "proxy_require"),
    [
        (["Require: mediasec", "Proxy-Require: mediasec"], [], []),
        (["Require: 100rel, mediasec", "Proxy-Require: sec-agree,x"], ["100rel"], ["x"]),
        (["Require: MediaSec, sec-agree"], [], []),
    ],
)
def test_option_tags_end_here_in_both_directions(lines, require, proxy_require):
    to_core = originate(invite(*lines), binding(), SETTINGS, octets, 0.0)
    to_ue, _ = terminate(invite(*lines), binding())
    in_dialog, back = invite(*lines), ok(*lines)
    strip_untrusted(in_dialog)
    strip_for_ue(back)
    for got in (to_core, to_ue, in_dialog, back):
        assert (got.values("require"), got.values("proxy-require")) == (require, proxy_require)
        assert ("require" in got, "proxy-require" in got) == (bool(require), bool(proxy_require))


VERIFY = f"Security-Verify: {', '.join(LIST)}"
MEDIA = frozenset({"sdes-srtp"})


@pytest.mark.parametrize(
    ("lines", "negotiated", "strict", "refused"),
    [
        pytest.param([VERIFY], MEDIA, False, False, id="as announced"),
        pytest.param([VERIFY.replace(";", " ; ").upper()], MEDIA, False, False, id="in another spelling"),
        pytest.param([VERIFY], frozenset(), False, True, id="without a media registration"),
        pytest.param(["Security-Verify: tls"], frozenset(), False, False, id="signalling only"),
        pytest.param(["Security-Verify: sdes-srtp;mediasec"], MEDIA, False, True, id="another list"),
        pytest.param(["Require: mediasec"], MEDIA, False, False, id="Require alone: accepted"),
        pytest.param(["Require: mediasec"], MEDIA, True, True, id="Require alone: strict"),
        pytest.param(["Proxy-Require: mediasec"], frozenset(), True, True, id="Proxy-Require alone: strict"),
        pytest.param([], MEDIA, True, False, id="nothing said: strict has nothing to compare"),
    ],
)
def test_security_verify_of_other_requests(lines, negotiated, strict, refused):
    flow, settings = MemoryFlow(), HeaderSettings(CHARGING, ANNOUNCED, strict)
    served = binding(flow, negotiated=negotiated)
    if not refused:
        check_security_verify(invite(*lines), served, flow.listener, settings)
        return
    with pytest.raises(SipRefusal) as caught:
        check_security_verify(invite(*lines), served, flow.listener, settings)
    assert (caught.value.status, caught.value.phrase) == (494, "Security Agreement Required")
    assert [value for _, value in caught.value.headers] == LIST


def test_security_verify_is_compared_with_the_list_of_the_listener():
    flow = MemoryFlow(UDP)
    served = binding(flow, negotiated=MEDIA)
    check_security_verify(invite(f"Security-Verify: {', '.join(LIST[1:])}"), served, flow.listener, SETTINGS)
    with pytest.raises(SipRefusal):
        check_security_verify(invite(VERIFY), served, flow.listener, SETTINGS)


@pytest.mark.parametrize("method", ["ACK", "CANCEL", "BYE", "PRACK"])
def test_nothing_of_it_ends_a_session(method):
    flow = MemoryFlow()
    check_security_verify(invite(VERIFY, method=method), binding(flow), flow.listener, SETTINGS)
    check_security_verify(invite(VERIFY, to="<sip:b@h>;tag=1"), binding(flow), flow.listener, SETTINGS)


#: What stays in the trust domain (24.229 4.4), and what reaches the UE.
INSIDE = (
    "P-Charging-Vector: icid-value=1",
    "P-Charging-Function-Addresses: ccf=1",
    "P-Profile-Key: <sip:x@h>",
    "P-Served-User: <sip:alice@h>",
    "P-User-Database: <aaa://h>",
    "P-Access-Network-Info: 3GPP-NR;cgi=1",
    'P-Visited-Network-ID: "x"',
    "Security-Server: tls",
    "Security-Client: tls",
    "Security-Verify: tls",
    "Relayed-Charge: x",
    "Restoration-Info: x",
    "Response-Source: x",
    "Service-Interact-Info: x",
)
OUTSIDE = (
    "P-Asserted-Identity: <sip:carol@other.example>",
    "P-Called-Party-ID: <sip:alice@home.example>",
    "P-Asserted-Service: urn:x",
    "Feature-Caps: *;x",
    "History-Info: <sip:x@h>;index=1",
    "Privacy: history",
)


def test_terminate_keeps_the_cores_business_inside():
    got, saved = terminate(invite(*INSIDE, *OUTSIDE, "Reason: SIP;cause=200"), binding())
    assert {key for key, _ in got} - {"via", "to"} == names(*OUTSIDE, "Reason: x")
    assert (saved.charging, saved.called_party) == ("icid-value=1", "sip:alice@home.example")


def test_responses_to_a_ue_carry_no_reason():
    got = ok(*INSIDE, *OUTSIDE, "Reason: Q.850;cause=16")
    strip_for_ue(got)
    assert {key for key, _ in got} - {"via"} == names(*OUTSIDE)


@pytest.mark.parametrize(
    ("privacy", "shown"),
    [
        (None, True),
        ("none", True),
        ("header;user", True),
        ("id", False),
        ("critical; ID", False),
        ("user,id", False),
    ],
)
def test_privacy(privacy, shown):
    lines = ["P-Asserted-Identity: <sip:carol@other.example>", *([f"Privacy: {privacy}"] if privacy else [])]
    got, back = terminate(invite(*lines), binding())[0], ok(*lines)
    strip_for_ue(back)
    for message in (got, back):
        assert ("p-asserted-identity" in message) is shown
        assert message.get("privacy") == privacy


def test_the_cores_parameters_of_an_identity_stay_inside():
    line = "P-Asserted-Identity: <tel:+1;cpc=ordinary;oli=00>, <sip:+1@h;iotl=homeA-homeB;user=phone>"
    got, _ = terminate(invite(line), binding())
    assert got.values("p-asserted-identity") == ["<tel:+1>", "<sip:+1@h;user=phone>"]


@pytest.mark.parametrize(
    ("called", "values", "asserted"),
    [
        pytest.param("<sip:alice@home.example>", {}, ["<sip:alice@home.example>"], id="the called one"),
        pytest.param('"A" <tel:+49-22812345>', {}, ["<tel:+4922812345>"], id="as registered"),
        pytest.param("<sip:alice2@home.example>", {}, [], id="no longer registered"),
        pytest.param(None, {}, ["<sip:alice@home.example>"], id="not said: the default one"),
        pytest.param("<sip:alice@home.example>", {"live": False}, [], id="binding gone"),
        pytest.param("<sip:alice@home.example>", {"expires_at": 1.0}, [], id="binding run out"),
    ],
)
def test_asserted_identity_of_the_answer(called, values, asserted):
    served = binding()
    lines = [f"P-Called-Party-ID: {called}"] if called else []
    _, saved = terminate(invite(*lines), served)
    for name, value in values.items():
        setattr(served, name, value)
    got = answer_from_ue(ok("P-Asserted-Identity: <sip:boss@h>"), saved, CHARGING, 2.0)
    assert got.all("p-asserted-identity") == asserted


@pytest.mark.parametrize(
    ("status", "count"), [(100, 0), (180, 1), (183, 1), (200, 1), (302, 0), (486, 0), (603, 0)]
)
def test_only_1xx_and_2xx_say_who_answers(status, count):
    _, saved = terminate(invite("P-Called-Party-ID: <sip:alice@home.example>"), binding())
    assert len(answer_from_ue(ok(status=status), saved, CHARGING, 0.0).all("p-asserted-identity")) == count


@pytest.mark.parametrize(
    ("vector", "answered"),
    [
        ('icid-value="o;9";orig-ioi=o', 'icid-value="o;9";orig-ioi=o;term-ioi="Type 1visited.example"'),
        (
            "ICID-Value=1; icid-generated-at=h ;term-ioi=x;fe-identifier=y",
            'ICID-Value=1;icid-generated-at=h;term-ioi="Type 1visited.example"',
        ),
        ("orig-ioi=o", None),
        ("", None),
        (None, None),
    ],
)
def test_charging_vector_of_the_answer(vector, answered):
    _, saved = terminate(invite(*([] if vector is None else [f"P-Charging-Vector: {vector}"])), binding())
    got = answer_from_ue(ok("P-Charging-Vector: icid-value=forged"), saved, CHARGING, 0.0)
    assert got.all("p-charging-vector") == ([answered] if answered else [])
