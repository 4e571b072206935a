"""The worked examples of calls: SDES originating, SDES terminating, end to end.

Of them the named header changes bind. Via, Max-Forwards, Record-Route, Contact and bodies are not edited
here: the files show them as they came.
"""

import pytest

from pcscf.proxy.charging import Charging
from pcscf.proxy.originating import HeaderSettings, check_security_verify, originate
from pcscf.proxy.terminating import answer_from_ue, terminate, terminate_within
from pcscf.proxy.trust import strip_for_ue
from pcscf.sip.message import Request, Response
from tests.support.registered import ANNOUNCED, MemoryFlow, binding, golden, octets, shape

ICID = octets(12).hex()
CHARGING = Charging("203.0.113.1", "visited.example")
SETTINGS = HeaderSettings(CHARGING, ANNOUNCED)


def sent(name: str) -> Request:
    parsed = golden(f"proxy/{name}")
    assert isinstance(parsed, Request)
    return parsed


def received(name: str) -> Response:
    parsed = golden(f"proxy/{name}", icid=ICID)
    assert isinstance(parsed, Response)
    return parsed


@pytest.mark.parametrize("name", ["originating", "end-to-end"])
def test_worked_example_originating(name):
    invite = sent(f"{name}-ue")
    before = invite.encode()
    flow = MemoryFlow()
    served = binding(flow, negotiated=frozenset({"sdes-srtp", "msrp-tls"}))
    check_security_verify(invite, served, flow.listener, SETTINGS)
    forwarded = originate(invite, served, SETTINGS, octets, 0.0)
    assert shape(forwarded) == shape(golden(f"proxy/{name}-core", icid=ICID))
    assert invite.encode() == before, "the request itself stays for its transaction"


def test_worked_example_response_to_the_caller():
    ok = received("originating-ok-core")
    strip_for_ue(ok)
    assert shape(ok) == shape(received("originating-ok-ue"))


def test_worked_example_terminating():
    forwarded, saved = terminate(sent("terminating-core"), binding())
    assert shape(forwarded) == shape(golden("proxy/terminating-ue"))
    answered = answer_from_ue(received("terminating-ok-ue"), saved, CHARGING, 0.0)
    assert shape(answered) == shape(received("terminating-ok-core"))


def test_a_request_inside_of_a_dialog_has_its_vector_back_in_the_response():
    update = sent("within-core")
    saved = terminate_within(update, binding())
    assert saved is not None
    assert shape(update) == shape(golden("proxy/within-ue"))
    answered = answer_from_ue(received("within-ok-ue"), saved, CHARGING, 0.0)
    assert shape(answered) == shape(received("within-ok-core"))


def test_a_request_inside_of_a_dialog_gets_no_vector_of_ours():
    update = sent("within-ue")
    assert terminate_within(update, binding()) is None
    assert shape(update) == shape(golden("proxy/within-ue"))
