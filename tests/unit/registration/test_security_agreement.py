"""Security-Client, Security-Verify and Security-Server: each rule of the negotiation is a row here."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.flow import Listener, Side
from pcscf.registration.security_agreement import (
    MAX_ENTRIES,
    MAX_TEXT,
    network_mechanisms,
    parse_entries,
    parse_offer,
)
from pcscf.sip.message import split_values
from tests.support.registered import (
    ANNOUNCED,
    TLS,
    UDP,
    MemoryFlow,
    octets,
    register,
    registered,
    registrar,
)

LIST = [f"{name};mediasec" for name in ANNOUNCED]
GRANTED = ("Contact: <sip:alice@192.0.2.10:49152;transport=tls>;expires=3600",)


@pytest.mark.parametrize(
    ("lines", "media", "signalling"),
    [
        pytest.param(["sdes-srtp;mediasec"], {"sdes-srtp"}, set(), id="one entry"),
        pytest.param(["sdes-srtp;mediasec, msrp-tls;mediasec"], {"sdes-srtp", "msrp-tls"}, set(), id="list"),
        pytest.param(
            ["sdes-srtp;mediasec", "msrp-tls;mediasec"], {"sdes-srtp", "msrp-tls"}, set(), id="fields"
        ),
        pytest.param(["tls, sdes-srtp;mediasec"], {"sdes-srtp"}, {"tls"}, id="signalling beside media"),
        pytest.param(["sdes-srtp"], set(), {"sdes-srtp"}, id="without mediasec it is signalling"),
        pytest.param(
            ["ipsec-3gpp; alg= hmac-sha-1-96;q=0.1 ;ealg=aes-cbc;port-s=1358, sdes-srtp ; mediasec"],
            {"sdes-srtp"},
            {"ipsec-3gpp"},
            id="blanks around separators",
        ),
        pytest.param(["SDES-SRTP;MediaSec"], {"sdes-srtp"}, set(), id="case"),
        pytest.param(["sdes-srtp;mediasec=xyz"], {"sdes-srtp"}, set(), id="value on the flag"),
        pytest.param(["sdes-srtp;mediasec;q=0.05"], {"sdes-srtp"}, set(), id="q is ignored"),
        pytest.param(
            ["sdes-srtp\n ;mediasec,\n\tmsrp-tls;mediasec"], {"sdes-srtp", "msrp-tls"}, set(), id="folded"
        ),
        pytest.param(
            ['digest;d-ver="a,b;mediasec", msrp-tls;mediasec'], {"msrp-tls"}, {"digest"}, id="quotes"
        ),
        pytest.param(["zrtp;mediasec, sdes-srtp;mediasec"], {"zrtp", "sdes-srtp"}, set(), id="unknown name"),
        pytest.param([";mediasec, sdes-srtp;mediasec"], {"sdes-srtp"}, set(), id="entry without a name"),
        pytest.param(
            ["msrp-tls;a=1;A=2;mediasec, sdes-srtp;mediasec"], {"sdes-srtp"}, set(), id="parameter twice"
        ),
        pytest.param(
            ['sdes-srtp;mediasec, msrp-tls;mediasec;x="open'], {"sdes-srtp"}, set(), id="open quote"
        ),
        pytest.param(
            ["s p;mediasec,, sdes-srtp;mediasec;"], {"sdes-srtp"}, set(), id="no token, empty entry"
        ),
    ],
)
def test_security_client(lines, media, signalling):
    sent = register("alice", *(f"Security-Client: {line}" for line in lines))
    offer = parse_offer(sent)
    assert (offer.media, offer.signalling) == (media, signalling)


def test_number_and_size_of_entries_are_bounded():
    many = ", ".join(f"m{i};mediasec" for i in range(MAX_ENTRIES + 5))
    assert len(parse_entries(register("alice", f"Security-Client: {many}"), "security-client")) == MAX_ENTRIES
    half = f"Security-Client: {'x' * (MAX_TEXT // 2 + 1)}"
    parse_offer(register("alice", half))
    with pytest.raises(SipRefusal) as caught:
        parse_offer(register("alice", half, half))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("listener", "configured", "announced"),
    [
        pytest.param(TLS, ANNOUNCED, ANNOUNCED, id="confidential"),
        pytest.param(UDP, ANNOUNCED, ANNOUNCED[1:], id="no SDES where Gm can be read"),
        pytest.param(UDP, ("dtls-srtp",), ("dtls-srtp",), id="fingerprints need no confidentiality"),
        pytest.param(
            Listener(Side.ACCESS, "udp", "127.0.0.1", 5060, "access", confidential=True),
            ("sdes-srtp",),
            ("sdes-srtp",),
            id="an access network that encrypts",
        ),
        pytest.param(
            TLS, ("msrp-tls", "SDES-SRTP", "msrp-tls"), ("msrp-tls", "sdes-srtp"), id="order, once each"
        ),
    ],
)
def test_network_mechanisms(listener, configured, announced):
    assert network_mechanisms(listener, configured) == announced


@pytest.mark.parametrize("status", [401, 200])
def test_the_static_list_goes_out_one_field_each_in_401_and_200(status):
    _, got = registered(registrar(), MemoryFlow(), register(media=["sdes-srtp"]), *GRANTED, status=status)
    assert got.all("security-server") == LIST


@pytest.mark.parametrize("status", [180, 403, 423, 500])
def test_no_list_in_other_responses(status):
    _, got = registered(registrar(), MemoryFlow(), register(media=["sdes-srtp"]), status=status)
    assert "security-server" not in got


@pytest.mark.parametrize("status", [401, 200])
@pytest.mark.parametrize("line", ["Security-Client: ipsec-3gpp;alg=hmac-sha-1-96", "Supported: path"])
def test_a_ue_without_media_mechanisms_sees_nothing_new(line, status):
    _, got = registered(registrar(), MemoryFlow(), register("alice", line), *GRANTED, status=status)
    assert "security-server" not in got


def test_what_the_core_says_of_security_mechanisms_is_replaced():
    lines = (
        *GRANTED,
        "Security-Server: digest;mediasec",
        "Security-Client: tls",
        "Require: mediasec, outbound",
    )
    _, got = registered(registrar(), MemoryFlow(), register(media=["msrp-tls"]), *lines)
    assert got.all("security-server") == LIST
    assert "security-client" not in got
    assert got.values("require") == ["outbound"]


def test_signalling_tls_is_answered_on_tls_only():
    edge, sent = registrar(), register("alice", "Security-Client: tls", media=["msrp-tls"])
    _, got = registered(edge, MemoryFlow(TLS), sent, *GRANTED)
    assert got.all("security-server") == ["tls", *LIST]
    _, got = registered(edge, MemoryFlow(UDP), sent, *GRANTED)
    assert got.all("security-server") == LIST[1:]


VERIFY = [
    pytest.param(LIST, 0, id="equal"),
    pytest.param([", ".join(LIST)], 0, id="one field"),
    pytest.param(LIST + LIST, 0, id="repeated as a whole"),
    pytest.param([LIST[0], LIST[0], *LIST[1:], LIST[0]], 0, id="exact duplicates collapse"),
    pytest.param([e.upper() for e in LIST], 0, id="case"),
    pytest.param([e.replace(";", " ;  ") + ";q=0.3" for e in LIST], 0, id="blanks and q"),
    pytest.param([f"{e}=1" for e in LIST], 0, id="value on mediasec"),
    pytest.param(["tls", *LIST], 0, id="signalling entries are not compared"),
    pytest.param(["tls"], 0, id="signalling alone"),
    pytest.param(LIST[::-1], 494, id="another order"),
    pytest.param(LIST[:-1], 494, id="one missing"),
    pytest.param([*LIST, "zrtp;mediasec"], 494, id="one added"),
    pytest.param([f"{LIST[0]};x=1", *LIST[1:]], 494, id="a parameter added"),
    pytest.param(["sdes-srtp", *LIST[1:]], 494, id="mediasec removed from one"),
    pytest.param(["x" * (MAX_TEXT + 1)], 400, id="too large"),
]


@pytest.mark.parametrize(
    "media", [("sdes-srtp",), ()], ids=["after 401: with Security-Client", "after 494: alone"]
)
@pytest.mark.parametrize(("verify", "status"), VERIFY)
def test_security_verify(verify, status, media):
    edge, sent = registrar(), register(media=media, verify=verify)
    if status == 0:
        forwarded, _ = edge.to_core(sent, MemoryFlow(), 0.0, octets)
        assert not {"security-verify", "security-client", "security-server"} & {key for key, _ in forwarded}
        return
    with pytest.raises(SipRefusal) as caught:
        edge.to_core(sent, MemoryFlow(), 0.0, octets)
    assert caught.value.status == status
    listed = [v for name, v in caught.value.headers if name == "Security-Server" and v != "tls"]
    assert listed == (LIST if status == 494 else [])


@pytest.mark.parametrize(
    ("lines", "media", "status"),
    [
        pytest.param(["Require: mediasec"], (), 494, id="Require without any entry"),
        pytest.param(["Proxy-Require: mediasec"], (), 494, id="Proxy-Require without any entry"),
        pytest.param(
            ["Require: mediasec", "Security-Client: tls"], (), 494, id="signalling entries do not help"
        ),
        pytest.param(["Require: mediasec"], ("msrp-tls",), 0, id="with Security-Client"),
        pytest.param(["Require: sec-agree"], (), 0, id="sec-agree is no mediasec"),
    ],
)
def test_require_mediasec(lines, media, status):
    edge, sent = registrar(), register("alice", *lines, media=media)
    if status:
        with pytest.raises(SipRefusal) as caught:
            edge.to_core(sent, MemoryFlow(), 0.0, octets)
        assert caught.value.status == status
    else:
        edge.to_core(sent, MemoryFlow(), 0.0, octets)


def test_a_network_without_mechanisms_agrees_on_nothing():
    edge = registrar(mechanisms=())
    sent = register("alice", "Require: mediasec", media=["sdes-srtp"], verify=LIST)
    forwarded, pending = edge.to_core(sent, MemoryFlow(), 0.0, octets)
    assert forwarded.values("require") == ["path"]
    assert pending.server == ()


@pytest.mark.parametrize(
    ("lines", "require", "proxy_require"),
    [
        pytest.param(["Require: mediasec", "Proxy-Require: mediasec"], ["path"], [], id="emptied fields go"),
        pytest.param(
            ["Require: gruu, MEDIASEC,outbound"], ["gruu", "outbound", "path"], [], id="others stay"
        ),
        pytest.param(["Require: sec-agree", "Require: mediasec, x"], ["x", "path"], [], id="several fields"),
        pytest.param(["Proxy-Require: sec-agree, y"], ["path"], ["y"], id="Proxy-Require keeps the rest"),
        pytest.param(["Require: path"], ["path"], [], id="path stands once"),
    ],
)
def test_option_tags(lines, require, proxy_require):
    sent = register("alice", *lines, media=["msrp-tls"])
    forwarded, _ = registrar().to_core(sent, MemoryFlow(), 0.0, octets)
    assert forwarded.values("require") == require
    assert forwarded.values("proxy-require") == proxy_require
    assert ("proxy-require" in forwarded) == bool(proxy_require)


def test_strict_verify_refuses_only_who_had_the_list():
    edge, flow, sent = registrar(strict_verify=True), MemoryFlow(), register(media=["sdes-srtp"])
    registered(edge, flow, sent, status=401)  # the first one has nothing to repeat
    with pytest.raises(SipRefusal) as caught:
        edge.to_core(sent, flow, 1.0, octets)
    assert caught.value.status == 494
    registered(edge, flow, register(media=["sdes-srtp"], verify=LIST), *GRANTED, now=2.0)
    with pytest.raises(SipRefusal):  # a refresh: the list was in the 200
        edge.to_core(sent, flow, 3.0, octets)
    edge.to_core(register(), flow, 4.0, octets)  # who uses none of it is not asked


def test_after_494_security_verify_alone_stands_for_the_earlier_security_client():
    edge, flow = registrar(), MemoryFlow()
    with pytest.raises(SipRefusal):
        edge.to_core(register(media=["msrp-tls"], verify=LIST[::-1]), flow, 0.0, octets)
    pending, got = registered(edge, flow, register(verify=LIST), *GRANTED, now=1.0)
    assert pending.installed[0].mechanisms == {"msrp-tls"}
    assert got.all("security-server") == LIST
    pending, _ = registered(edge, flow, register(verify=LIST), *GRANTED, now=2.0)
    assert pending.installed[0].mechanisms == {"msrp-tls"}, "a refresh with Security-Verify alone"


def test_server_initiated_client_announces_what_it_repeats():
    edge, flow = registrar(), MemoryFlow()
    with pytest.raises(SipRefusal):
        edge.to_core(register("alice", "Require: mediasec"), flow, 0.0, octets)
    pending, _ = registered(
        edge, flow, register("alice", "Require: mediasec", verify=LIST), *GRANTED, now=1.0
    )
    assert pending.installed[0].mechanisms == set(ANNOUNCED)


def test_announcements_under_way_are_forgotten():
    edge, flow = registrar(), MemoryFlow()
    registered(edge, flow, register(media=["msrp-tls"]), status=401)
    pending, _ = registered(edge, flow, register(verify=LIST), *GRANTED, now=241.0)
    assert pending.installed[0].negotiated == set(ANNOUNCED), "too late: the list itself counts"


def test_values_of_a_list_survive_any_spelling():
    assert split_values(", ".join(LIST)) == LIST
