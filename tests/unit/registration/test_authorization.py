"""Credentials, challenges and what a REGISTER claims: what does not pass the edge as it came."""

import pytest

from pcscf.errors import SipRefusal
from tests.support.registered import (
    TLS,
    UDP,
    MemoryFlow,
    granted_to_alice,
    octets,
    register,
    registered,
    registrar,
)

AKA = 'WWW-Authenticate: Digest realm="h", nonce="n,ik=\\"1", IK = "00", algorithm=AKAv1-MD5,ck="11"'


def test_aka_keys_stay_here():
    _, got = registered(
        registrar(), MemoryFlow(), register(), AKA, 'WWW-Authenticate: Digest realm="x"', status=401
    )
    assert got.all("www-authenticate") == [
        'Digest realm="h",nonce="n,ik=\\"1",algorithm=AKAv1-MD5',
        'Digest realm="x"',
    ]


DIGEST = 'Authorization: Digest username="alice@h",realm="h",nonce="n",uri="sip:h",response="{}"{}'


@pytest.mark.parametrize(
    ("listener", "line", "state", "refreshed"),
    [
        pytest.param(TLS, DIGEST.format("", ""), None, None, id="TLS, no answer yet"),
        pytest.param(TLS, DIGEST.format("ab", ""), "tls-pending", "tls-yes", id="TLS"),
        pytest.param(UDP, DIGEST.format("", ""), None, None, id="UDP, no answer yet"),
        pytest.param(UDP, DIGEST.format("ab", ""), "ip-assoc-pending", "ip-assoc-yes", id="UDP"),
        pytest.param(UDP, DIGEST.format("ab", ",algorithm=AKAv1-MD5"), None, None, id="AKA without IPsec"),
        pytest.param(
            TLS, DIGEST.format("ab", ",algorithm=AKAv2-MD5"), "tls-connected", "tls-connected", id="AKAv2"
        ),
        pytest.param(
            TLS, DIGEST.format("", ', Integrity-Protected = "yes"'), None, None, id="claimed by the UE"
        ),
        pytest.param(
            UDP,
            DIGEST.format("ab", ",integrity-protected=yes"),
            "ip-assoc-pending",
            "ip-assoc-yes",
            id="claimed and replaced",
        ),
    ],
)
def test_integrity_protected(listener, line, state, refreshed):
    edge, flow = registrar(), MemoryFlow(listener)
    for expected in (state, refreshed):
        forwarded, pending = edge.to_core(register("alice", line), flow, 0.0, octets)
        edge.from_core(pending, granted_to_alice(), 0.0)
        value = forwarded.get("authorization") or ""
        assert value.lower().count("integrity-protected") == (expected is not None)
        if expected is not None:
            assert value.endswith(f',integrity-protected="{expected}"')
        assert value.startswith('Digest username="alice@h",realm="h",nonce="n",uri="sip:h",response=')


def test_another_private_identity_on_the_flow_is_not_associated():
    edge, flow = registrar(), MemoryFlow()
    registered(edge, flow, register("alice", DIGEST.format("ab", "")))
    forwarded, _ = edge.to_core(register("bob", DIGEST.format("ab", "")), flow, 0.0, octets)
    assert '"tls-pending"' in (forwarded.get("authorization") or "")


@pytest.mark.parametrize("value", ['Digest username="a, integrity-protected="yes"', 'Digest,x="1" a=b', '"'])
def test_authorization_that_could_hide_something_is_refused(value):
    with pytest.raises(SipRefusal) as caught:
        registrar().to_core(register("alice", f"Authorization: {value}"), MemoryFlow(), 0.0, octets)
    assert caught.value.status == 400


FORGED = (
    "P-Asserted-Identity: <sip:boss@home.example>",
    "P-User-Database: <aaa://h>",
    'P-Charging-Vector: icid-value="mine"',
    "P-Charging-Function-Addresses: ccf=1.2.3.4",
    'P-Visited-Network-ID: "elsewhere"',
    "Path: <sip:mine@192.0.2.66;lr>",
    "Route: <sip:198.51.100.1:5061;lr>, <sip:192.0.2.66;lr>",
    "Security-Server: tls",
    "P-Access-Network-Info: 3GPP-E-UTRAN-TDD;utran-cell-id-3gpp=1, 3GPP-E-UTRAN-TDD;x=2;network-provided",
)


@pytest.mark.parametrize(
    ("listener", "access"), [(TLS, ["3GPP-E-UTRAN-TDD;utran-cell-id-3gpp=1"]), (UDP, [])]
)
def test_what_the_ue_must_not_say_is_removed(listener, access):
    forwarded, pending = registrar().to_core(register("alice", *FORGED), MemoryFlow(listener), 0.0, octets)
    assert forwarded.values("path") == [pending.path]
    assert forwarded.all("p-visited-network-id") == ['"visited.example"']
    vector = f'icid-value="{octets(12).hex()}";icid-generated-at=203.0.113.1;orig-ioi="Type 1visited.example"'
    assert forwarded.all("p-charging-vector") == [vector]
    assert forwarded.values("p-access-network-info") == access
    gone = {
        "p-asserted-identity",
        "p-user-database",
        "p-charging-function-addresses",
        "route",
        "security-server",
    }
    assert not gone & {key for key, _ in forwarded}
