"""Whole REGISTER requests that try their luck, and what becomes of each header field."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.sip.build import response_to
from pcscf.sip.message import Request
from tests.support.registered import UDP, MemoryFlow, golden, octets, registrar, shape


def sent(name: str) -> Request:
    request = golden(f"registration/{name}")
    assert isinstance(request, Request)
    return request


def test_what_a_ue_must_not_say_does_not_reach_the_core():
    forwarded, pending = registrar().to_core(sent("6-forged-ue"), MemoryFlow(UDP), 0.0, octets)
    expected = golden("registration/6-forged-core", token=pending.token, icid=octets(12).hex())
    assert shape(forwarded) == shape(expected)


@pytest.mark.parametrize(("tls", "answer"), [(True, "7-ipsec-494"), (False, "7-ipsec-420")])
def test_a_ue_of_ipsec_alone(tls, answer):
    request = sent("7-ipsec-ue")
    with pytest.raises(SipRefusal) as caught:
        registrar(tls=tls).to_core(request, MemoryFlow(UDP), 0.0, octets)
    refusal = caught.value
    response = response_to(
        request, refusal.status, refusal.phrase or None, to_tag="p494", headers=refusal.headers
    )
    assert shape(response) == shape(golden(f"registration/{answer}"))
