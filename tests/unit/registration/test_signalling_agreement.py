"""Agreements on the security of signalling (RFC 3329, TS 33.203 H and O), and what a network demands."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.flow import Listener, Side
from pcscf.proxy.charging import Charging
from pcscf.proxy.originating import HeaderSettings, check_security_verify
from pcscf.registration.security_agreement import parse_entries, parse_offer
from pcscf.sip.message import Request
from tests.support.registered import (
    ANNOUNCED,
    TLS,
    UDP,
    MemoryFlow,
    binding,
    granted_to_alice,
    octets,
    register,
    registered,
    registrar,
)

LIST = [f"{name};mediasec" for name in ANNOUNCED]
#: Without sdes-srtp, whose keys would be read on an open Gm.
OPEN_LIST = LIST[1:]
WSS = Listener(Side.ACCESS, "wss", "198.51.100.1", 443, "access", confidential=True)
IPSEC = (
    "ipsec-3gpp;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans;"
    "spi-c=8765423;spi-s=1234563;port-c=7524;port-s=1358"
)
SEC_AGREE = "Require: sec-agree", "Proxy-Require: sec-agree"
GRANTED = ("Contact: <sip:alice@192.0.2.10:49152;transport=tls>;expires=60",)


def refused(edge, sent: Request, flow: MemoryFlow) -> SipRefusal:
    with pytest.raises(SipRefusal) as caught:
        edge.to_core(sent, flow, 0.0, octets)
    return caught.value


def server_of(refusal: SipRefusal) -> list[str]:
    return [value for name, value in refusal.headers if name == "Security-Server"]


@pytest.mark.parametrize(
    "line",
    [
        IPSEC,
        "ipsec-3gpp; alg= hmac-sha-1-96;ealg =aes-cbc ; prot=esp;mod = trans; spi-c=8765423;spi-s= 1234563"
        "; port-c =7524; port-s=1358",
        "ipsec-3gpp;q=0.1 ;alg=HMAC-SHA-1-96;ealg=aes-cbc;prot=esp;mod=trans;\r\n"
        "  spi-c=8765423;spi-s=1234563;port-c=7524;\tport-s=1358",
    ],
    ids=["as in the standard", "blanks", "q, case, folded"],
)
def test_ipsec_3gpp_is_read_with_all_its_parameters(line):
    sent = register()
    sent.append("Security-Client", f"{line}, sdes-srtp;mediasec")
    entries = parse_entries(sent, "security-client")
    assert [(entry.name, entry.media) for entry in entries] == [("ipsec-3gpp", False), ("sdes-srtp", True)]
    assert dict(entries[0].parameters) == {
        "alg": "hmac-sha-1-96", "ealg": "aes-cbc", "prot": "esp", "mod": "trans",
        "spi-c": "8765423", "spi-s": "1234563", "port-c": "7524", "port-s": "1358",
    }  # fmt: skip
    assert parse_offer(sent).signalling == {"ipsec-3gpp"}


@pytest.mark.parametrize(
    ("client", "listener", "tls", "status", "listed"),
    [
        pytest.param(IPSEC, TLS, True, 494, ["tls"], id="ipsec alone, on tls"),
        pytest.param(IPSEC, WSS, True, 494, ["tls"], id="ipsec alone, on wss"),
        pytest.param(IPSEC, UDP, True, 494, ["tls"], id="ipsec alone, tls elsewhere"),
        pytest.param(IPSEC, UDP, False, 420, [], id="ipsec alone, no tls at all"),
        pytest.param(f"{IPSEC}, msrp-tls;mediasec", TLS, True, 494, ["tls", *LIST], id="with media, on tls"),
        pytest.param(f"{IPSEC}, tls", TLS, True, 0, ["tls"], id="ipsec and tls, on tls"),
        pytest.param(f"{IPSEC}, tls", UDP, True, 494, ["tls"], id="ipsec and tls, tls elsewhere"),
        pytest.param("tls", TLS, True, 0, ["tls"], id="tls"),
        pytest.param("tls, msrp-tls;mediasec", WSS, True, 0, ["tls", *LIST], id="tls and media"),
        pytest.param("msrp-tls;mediasec", UDP, False, 0, OPEN_LIST, id="media alone"),
    ],
)
def test_a_ue_that_requires_sec_agree(client, listener, tls, status, listed):
    edge, flow = registrar(tls=tls), MemoryFlow(listener)
    sent = register("alice", *SEC_AGREE, f"Security-Client: {client}")
    if status == 0:
        _, got = registered(edge, flow, sent, *GRANTED, status=401)
        assert got.all("security-server") == listed
        return
    refusal = refused(edge, sent, flow)
    assert (refusal.status, server_of(refusal)) == (status, listed)
    assert ("Unsupported", "sec-agree") in refusal.headers or status != 420


@pytest.mark.parametrize("listener", [TLS, UDP])
def test_a_ue_that_does_not_require_sec_agree_goes_on_without_ipsec(listener):
    edge, flow = registrar(tls=True), MemoryFlow(listener)
    pending, got = registered(edge, flow, register("alice", f"Security-Client: {IPSEC}"), *GRANTED)
    assert "security-server" not in got
    assert len(pending.installed) == 1


@pytest.mark.parametrize(
    ("verify", "listener", "status", "listed"),
    [
        pytest.param("tls", TLS, 0, [], id="as sent"),
        pytest.param("TLS ;q=0.1", TLS, 0, [], id="case, blanks, q"),
        pytest.param("tls;x=1", TLS, 494, ["tls"], id="a parameter added"),
        pytest.param(f"tls, {IPSEC}", TLS, 494, ["tls"], id="an entry added"),
        pytest.param(IPSEC, TLS, 494, ["tls"], id="another one"),
        pytest.param("tls", UDP, 494, ["tls"], id="not on this listener"),
        pytest.param(", ".join(["tls", *LIST]), TLS, 0, [], id="with the media list"),
        pytest.param(", ".join(["tls", *LIST[:-1]]), TLS, 494, ["tls", *LIST], id="media entry missing"),
        pytest.param(", ".join(["digest", *LIST]), TLS, 494, ["tls", *LIST], id="media right, tls wrong"),
    ],
)
@pytest.mark.parametrize(
    "client", ["Security-Client: tls", "Supported: path"], ids=["after 401", "after 494"]
)
def test_security_verify_of_signalling(verify, listener, status, listed, client):
    edge, flow = registrar(tls=True), MemoryFlow(listener)
    sent = register("alice", client, f"Security-Verify: {verify}")
    if status == 0:
        forwarded, pending = edge.to_core(sent, flow, 0.0, octets)
        assert "security-verify" not in forwarded
        got = edge.from_core(pending, granted_to_alice(), 0.0)
        assert got.all("security-server")[:1] == ["tls"]
        return
    refusal = refused(edge, sent, flow)
    assert (refusal.status, server_of(refusal)) == (status, listed)


@pytest.mark.parametrize(
    ("verify", "listener", "status"),
    [
        ("tls", TLS, 0),
        (", ".join(["tls", *LIST]), TLS, 0),
        (", ".join(LIST), TLS, 0),
        (", ".join([*LIST, "tls"]), TLS, 0),
        ("digest", TLS, 494),
        (", ".join(["tls;x=1", *LIST]), TLS, 494),
        (IPSEC, UDP, 494),
    ],
)
def test_security_verify_of_other_requests(verify, listener, status):
    sent = register("alice", f"Security-Verify: {verify}")
    invite = Request("INVITE", "sip:bob@home.example", sent.fields)
    settings = HeaderSettings(Charging("203.0.113.1", "visited.example"), ANNOUNCED)
    registration = binding(MemoryFlow(listener), negotiated=frozenset({"sdes-srtp"}))
    if status == 0:
        check_security_verify(invite, registration, listener, settings)
        return
    with pytest.raises(SipRefusal) as caught:
        check_security_verify(invite, registration, listener, settings)
    assert caught.value.status == status
    assert server_of(caught.value) == (["tls", *LIST] if listener is TLS else OPEN_LIST)


ASSUMING = Listener(
    Side.ACCESS, "tls", "198.51.100.1", 5061, "access", confidential=True, assume=frozenset({"sdes-srtp"})
)


@pytest.mark.parametrize(
    ("require", "lines", "listener", "status", "headers"),
    [
        pytest.param(("mediasec",), [], TLS, 421, [("Require", "mediasec")], id="the UE does not know it"),
        pytest.param(
            ("mediasec",), ["Supported: mediasec"], TLS, 494, LIST, id="the UE knows it, and waited for it"
        ),
        pytest.param(("mediasec",), ["Security-Client: msrp-tls;mediasec"], TLS, 0, [], id="it starts it"),
        pytest.param(("mediasec",), [f"Security-Verify: {', '.join(LIST)}"], TLS, 0, [], id="it goes on"),
        pytest.param(("mediasec",), ["Security-Client: tls"], TLS, 421, [("Require", "mediasec")], id="tls"),
        pytest.param(("mediasec",), [], ASSUMING, 0, [], id="assumed: phones without mediasec"),
        pytest.param(("sec-agree",), [], TLS, 421, [("Require", "sec-agree")], id="sec-agree on tls"),
        pytest.param(("sec-agree",), ["k: sec-agree"], UDP, 494, ["tls"], id="sec-agree: tls is elsewhere"),
        pytest.param(("sec-agree",), ["Security-Client: tls"], TLS, 0, [], id="sec-agree agreed"),
        pytest.param(
            ("sec-agree",), ["Security-Client: tls"], UDP, 421, [("Require", "sec-agree")], id="no tls here"
        ),
        pytest.param(
            ("mediasec", "sec-agree"), [], TLS, 421, [("Require", "mediasec, sec-agree")], id="both at once"
        ),
        pytest.param(
            ("mediasec", "sec-agree"),
            ["Supported: sec-agree, MEDIASEC"],
            TLS,
            494,
            ["tls", *LIST],
            id="both, known",
        ),
        pytest.param((), [], TLS, 0, [], id="nothing is demanded"),
    ],
)
def test_what_the_network_demands(require, lines, listener, status, headers):
    edge, flow = registrar(require=require, tls=True), MemoryFlow(listener)
    sent = register("alice", *lines)
    if status == 0:
        edge.to_core(sent, flow, 0.0, octets)
        return
    refusal = refused(edge, sent, flow)
    assert refusal.status == status
    assert list(refusal.headers) == (
        headers if status == 421 else [("Security-Server", value) for value in headers]
    )
    edge.to_core(register("alice", *lines, expires=0), flow, 1.0, octets)  # who leaves is let go


def test_nothing_is_demanded_where_there_is_nothing_to_agree_on():
    registrar(require=("mediasec",), mechanisms=()).to_core(register(), MemoryFlow(), 0.0, octets)


def test_server_initiated_agreement_from_421_to_the_200():
    edge, flow = registrar(require=("mediasec",)), MemoryFlow()
    assert refused(edge, register(), flow).status == 421
    demanded = "Require: mediasec", "Proxy-Require: mediasec"
    refusal = refused(edge, register("alice", *demanded), flow)
    assert (refusal.status, server_of(refusal)) == (494, LIST)
    sent = register("alice", *demanded, media=["sdes-srtp"], verify=LIST)
    pending, got = registered(edge, flow, sent, *GRANTED)
    assert pending.installed[0].mechanisms == {"sdes-srtp"}
    assert got.all("security-server") == LIST
