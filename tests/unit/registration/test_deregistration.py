"""De-registration: of one contact, of all, of an implicit registration set by any of its identities."""

import pytest

from tests.support.registered import MemoryFlow, register, registered, registrar

SET = (
    "P-Associated-URI: <sip:alice@home.example>, <tel:+4922812345>, <sip:+4922812345@home.example;user=phone>"
)
TEL = "<tel:+49-228-12345>"


def as_tel(**how):
    """A REGISTER of another identity of alice's set."""
    sent = register(**how)
    sent.set("To", TEL)
    return sent


@pytest.mark.parametrize("contact", [None, "*"], ids=["its contact", "all contacts"])
@pytest.mark.parametrize("by", ["itself", "another of its set"])
def test_any_identity_of_a_set_de_registers_it(contact, by):
    edge, flow, elsewhere = registrar(), MemoryFlow(), MemoryFlow(number=2)
    registered(edge, flow, register(), SET)
    registered(edge, flow, register("bob"))
    registered(edge, elsewhere, register(contact="<sip:alice@192.0.2.11>"), SET)
    leaving = {"contact": contact, "expires": 0}
    pending, _ = registered(edge, flow, register(**leaving) if by == "itself" else as_tel(**leaving), now=1.0)
    assert {b.aor for b in pending.removed} == {"sip:alice@home.example"}
    assert len(pending.removed) == (2 if contact == "*" else 1)
    assert [b.aor for b in edge.bindings.on_flow(flow.key)] == ["sip:bob@home.example"]
    assert len(edge.bindings.on_flow(elsewhere.key)) == (0 if contact == "*" else 1)


@pytest.mark.parametrize("contact", [None, "*"])
def test_from_another_flow_an_identity_of_the_set_removes_nothing(contact):
    edge = registrar()
    registered(edge, MemoryFlow(), register(), SET)
    registered(edge, MemoryFlow(number=2), as_tel(contact=contact, expires=0))
    assert len(edge.bindings) == 1


@pytest.mark.parametrize("status", [401, 403, 500])
def test_nothing_goes_without_a_2xx(status):
    edge, flow = registrar(), MemoryFlow()
    registered(edge, flow, register())
    registered(edge, flow, register(expires=0), status=status)
    registered(edge, flow, register(contact="*", expires=0), status=status)
    assert len(edge.bindings) == 1


def test_a_contact_that_is_not_registered_may_be_removed():
    edge, flow = registrar(), MemoryFlow()
    pending, got = registered(edge, flow, register(expires=0))
    assert (pending.removed, got.status) == ([], 200)
