"""The worked example of a registration with mediasec (digest over TLS), message by message.

Via, Max-Forwards, rport and keep are the proxy core's: the files show them as they came. Path carries the
address of the core listener, never a name.
"""

import pytest

from pcscf.errors import SipRefusal
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response
from tests.support.registered import ANNOUNCED, MemoryFlow, golden, octets, registrar, shape

ICID = octets(12).hex()


def requested(name: str) -> Request:
    sent = golden(f"registration/{name}")
    assert isinstance(sent, Request)
    return sent


def answered(name: str, token: str = "") -> Response:
    got = golden(f"registration/{name}", token=token)
    assert isinstance(got, Response)
    return got


def test_registration_in_five_messages():
    edge, flow = registrar(), MemoryFlow()

    forwarded, pending = edge.to_core(requested("1-register-ue"), flow, 0.0, octets)
    token = pending.token
    expected = golden("registration/1-register-core", token=token, icid=ICID)
    assert shape(forwarded) == shape(expected)

    challenge = edge.from_core(pending, answered("2-unauthorized-core"), 0.1)
    assert shape(challenge) == shape(answered("2-unauthorized-ue"))
    assert len(edge.bindings) == 0

    forwarded, pending = edge.to_core(requested("3-register-ue"), flow, 0.2, octets)
    assert pending.token == token
    assert shape(forwarded) == shape(golden("registration/3-register-core", token=token, icid=ICID))
    assert len(edge.bindings) == 0, "nothing counts before the 200"

    ok = edge.from_core(pending, answered("4-ok-core", token), 0.3)
    assert shape(ok) == shape(answered("4-ok-ue"))
    binding = edge.bindings.by_token(token)
    assert binding is not None
    assert pending.installed == [binding]
    assert binding.impi == "alice@home.example"
    assert binding.contact == "sip:alice@192.0.2.10:49152;transport=tls"
    assert binding.path == f"<sip:{token}@203.0.113.1:5060;lr;ob>"
    assert binding.service_route == ["<sip:orig@scscf.home.example;lr>"]
    assert binding.associated == ["sip:alice@home.example", "tel:+4922812345"]
    assert binding.announced == binding.mechanisms == {"sdes-srtp", "msrp-tls"}
    assert binding.expires_at == pytest.approx(3600.3)


def test_bidding_down_gets_494_with_the_whole_list():
    sent = requested("5-bidding-down-ue")
    with pytest.raises(SipRefusal) as caught:
        registrar().to_core(sent, MemoryFlow(), 0.0, octets)
    refusal = caught.value
    response = response_to(sent, refusal.status, refusal.phrase, to_tag="p494", headers=refusal.headers)
    assert shape(response) == shape(answered("5-bidding-down-494"))
    assert [value for _, value in refusal.headers] == [f"{name};mediasec" for name in ANNOUNCED]
