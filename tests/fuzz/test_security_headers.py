"""Whatever a UE or a core writes into the header fields of registration, only SipRefusal comes out."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from pcscf.errors import SipRefusal
from pcscf.flow import StaticFlow
from pcscf.proxy.charging import Charging
from pcscf.proxy.originating import HeaderSettings, check_security_verify, originate
from pcscf.proxy.terminating import answer_from_ue, terminate
from pcscf.registration.outbound import answer_keep
from pcscf.registration.trunks import Trunk, Trunks
from pcscf.sip.message import Message, Request, Response
from tests.support.registered import (
    ANNOUNCED,
    CORE,
    TLS,
    UDP,
    MemoryFlow,
    answer,
    binding,
    octets,
    register,
    registrar,
    request,
    response,
)

#: Text made of what matters to the parsers, and text of any characters that a header line may hold.
PIECES = st.sampled_from(
    [
        "sdes-srtp",
        "msrp-tls",
        "tls",
        "ipsec-3gpp",
        "spi-c=",
        "sec-agree",
        "outbound",
        ";",
        ",",
        "=",
        "mediasec",
        "q=0.1",
        '"',
        "\\",
        "<",
        ">",
        " ",
        "\t",
        "*",
        "sip:",
        "tel:+1",
        "alice@home.example",
        "expires=",
        "0",
        "99999999999999999999",
        "reg-id=1",
        "+sip.instance=",
        "Digest",
        "integrity-protected",
        "ik=",
        "network-provided",
        "icid-value=",
        "id",
        "%",
        "%41",
        "\u0660",
        "\udc80",
    ]
)
URI_PIECES = [
    "sip:",
    "tel:",
    "0",
    "1",
    "@",
    "h",
    "192.0.2.77",
    ":5080",
    ":",
    ";transport=tcp",
    ";user=phone",
    "%31",
    "?a=b",
    "[::1]",
]
TEXT = st.one_of(
    st.lists(PIECES, max_size=30).map("".join),
    st.text(st.characters(exclude_characters="\r\n"), max_size=80),
)
FROM_UE = st.sampled_from(
    [
        "Security-Client",
        "Security-Verify",
        "Security-Server",
        "Require",
        "Proxy-Require",
        "Contact",
        "Expires",
        "Authorization",
        "P-Access-Network-Info",
        "P-Preferred-Identity",
        "P-Asserted-Identity",
        "Supported",
        "To",
        "From",
    ]
)
FROM_CORE = st.sampled_from(
    [
        "Security-Server",
        "Contact",
        "Expires",
        "Service-Route",
        "P-Associated-URI",
        "WWW-Authenticate",
        "Require",
        "P-Charging-Vector",
        "P-Called-Party-ID",
        "P-Asserted-Identity",
        "Privacy",
        "Path",
    ]
)


SETTINGS = HeaderSettings(Charging("203.0.113.1", "visited.example"), ANNOUNCED, strict_verify=True)


def put(message: Message, fields: list[tuple[str, str]]) -> None:
    for name, value in fields:
        message.append(name, value)


def fields_of(names: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    return st.lists(st.tuples(names, TEXT), max_size=5)


@settings(max_examples=300, deadline=None)
@given(
    fields_of(FROM_UE),
    fields_of(FROM_CORE),
    st.sampled_from([200, 401, 500]),
    st.sampled_from([TLS, UDP]),
    st.sampled_from([(), ("mediasec",), ("sec-agree", "mediasec")]),
)
def test_register(said, answered, status, listener, require):
    edge, flow = registrar(require=require, tls=True), MemoryFlow(listener)
    sent, got = register(media=["sdes-srtp"]), answer(status)
    put(sent, said)
    put(got, answered)
    with suppress(SipRefusal):
        forwarded, pending = edge.to_core(sent, flow, 0.0, octets)
        keys = {key for key, _ in forwarded}
        assert not keys & {"security-client", "security-verify", "security-server", "p-asserted-identity"}
        assert len(forwarded.values("path")) == 1
        back = edge.from_core(pending, got, 0.0)
        assert all(value.endswith(";mediasec") or value == "tls" for value in back.all("security-server"))
        assert not {"path", "p-charging-vector"} & {key for key, _ in back}
        for binding in edge.bindings.on_flow(flow.key):
            assert binding.mechanisms <= set(ANNOUNCED)
        edge.bindings.expire(2.0**33)
        assert len(edge.bindings) == 0


@settings(max_examples=300, deadline=None)
@given(fields_of(FROM_UE), fields_of(FROM_CORE))
def test_calls(said, answered):
    edge, flow = registrar(), MemoryFlow()
    served, other = binding(flow), binding(flow, token="ft-2", associated=["sip:bob@home.example"])
    edge.bindings.put(served)
    edge.bindings.put(other)
    sent: Request = request("INVITE sip:b@h SIP/2.0\nFrom: <sip:alice@home.example>;tag=1\nTo: <sip:b@h>")
    back: Response = response("SIP/2.0 200 OK\nTo: <sip:b@h>;tag=2")
    put(sent, said)
    put(back, said)
    owner = edge.bindings.for_request(sent, flow) or served
    with suppress(SipRefusal):
        check_security_verify(sent, owner, flow.listener, SETTINGS)
    forwarded = originate(sent, owner, SETTINGS, octets, 0.0)
    assert forwarded.all("p-asserted-identity") in [[f"<{uri}>"] for uri in owner.associated]
    put(sent, answered)
    to_ue, saved = terminate(sent, owner)
    assert "p-charging-vector" not in to_ue
    assert len(answer_from_ue(back, saved, SETTINGS.charging, 0.0).all("p-asserted-identity")) <= 1


@settings(max_examples=300, deadline=None)
@given(st.one_of(TEXT, st.lists(st.sampled_from(URI_PIECES), max_size=8).map("".join)), st.booleans())
def test_addresses_of_trunks(uri, ours):
    flows = [StaticFlow(UDP, ("192.0.2.77", 5080), lambda *_: MemoryFlow(UDP))] * 2
    trunks = Trunks(
        [Trunk(f"sip:{n}@h", f"sip:{n}@192.0.2.77:5080", frozenset(), flow) for n, flow in enumerate(flows)],
        CORE,
        lambda _: (),
    )
    sent = Request("INVITE", uri, [])
    with suppress(SipRefusal):
        found = trunks.addressed(sent, ours=ours)
        assert sent.uri == uri if found is None else sent.uri in {uri, found.contact}


@given(
    st.one_of(
        TEXT, st.lists(st.sampled_from([";", "keep", "=", ",", " ", "x", '"', "SIP/2.0/UDP h"])).map("".join)
    )
)
def test_keep_in_via(value):
    got = answer(200)
    got.set("Via", value)
    before = [";".join(part for part in one.split(";") if "keep" not in part) for one in got.values("via")]
    answer_keep(got, UDP)
    after = [";".join(part for part in one.split(";") if "keep" not in part) for one in got.values("via")]
    assert after == before
