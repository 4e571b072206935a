"""The table of bindings: whose request it is, and that nothing is left in any index."""

import random as chance

import pytest

from pcscf.registration.bindings import Binding, Bindings
from pcscf.registration.identities import address_of_record, identity_key
from tests.support.registered import MemoryFlow, request


def bound(
    table: Bindings, user: str, flow: MemoryFlow, contact: str | None = None, **values: object
) -> Binding:
    contact = contact or f"sip:{user}@192.0.2.10"
    binding = Binding(f"sip:{user}@home.example", contact, flow, f"ft-{user}-{contact}", **values)
    table.put(binding)
    return binding


def invite(sender: str, *lines: str):
    return request("\n".join((f"INVITE sip:x@h SIP/2.0\nFrom: {sender};tag=1\nTo: <sip:x@h>", *lines)))


def test_one_binding_owns_whatever_its_flow_sends():
    table, flow = Bindings(), MemoryFlow()
    alice = bound(table, "alice", flow)
    assert table.for_request(invite("<sip:anonymous@anonymous.invalid>"), flow) is alice
    assert table.for_request(invite("<sip:alice@home.example>"), MemoryFlow(number=2)) is None


PBX = {"associated": ["sip:pbx@home.example", "tel:+49-228-1"]}


@pytest.mark.parametrize(
    ("sender", "lines", "owner"),
    [
        ("<sip:bob@home.example>", [], "bob"),
        ("sip:bob@home.example", [], "bob"),
        ('"B" <sip:%62ob@HOME.example;user=phone>', [], "bob"),
        ("<sip:x@h>", ["P-Preferred-Identity: <sip:bob@home.example>"], "bob"),
        ("<sip:alice@home.example>", ["P-Preferred-Identity: <sip:bob@home.example>"], "bob"),
        ("<sip:alice@home.example>", ["P-Preferred-Identity: <sip:stranger@home.example>"], "alice"),
        ("<sip:alice@home.example>", ["P-Preferred-Identity: <broken"], "alice"),
        ("<sip:x@h>", ["P-Preferred-Identity: <sip:x@h>, <tel:+492281>"], "pbx"),
        ("<tel:+49(228)1>", [], "pbx"),
        ("<sip:Bob@home.example>", [], None),
        ("<sip:mallory@home.example>", [], None),
        ("<urn:service:sos>", [], None),
        ("<", [], None),
    ],
)
def test_several_bindings_on_a_flow(sender, lines, owner):
    table, flow = Bindings(), MemoryFlow()
    bindings = {"alice": bound(table, "alice", flow), "bob": bound(table, "bob", flow)}
    bindings["pbx"] = bound(table, "pbx", flow, **PBX)
    bound(table, "mallory", MemoryFlow(number=2))
    assert table.for_request(invite(sender, *lines), flow) is (bindings[owner] if owner else None)


def test_several_contacts_of_one_user_on_a_flow():
    table, flow = Bindings(), MemoryFlow()
    one = bound(table, "alice", flow, "sip:alice@192.0.2.10:1")
    two = bound(table, "alice", flow, "sip:alice@192.0.2.10:2")
    sender = "<sip:alice@home.example>"
    assert table.for_request(invite(sender, "Contact: <sip:alice@192.0.2.10:1>"), flow) is one
    assert table.for_request(invite(sender, "Contact: <sip:%61lice@192.0.2.10:2>"), flow) is two
    assert table.for_request(invite(sender), flow) is two, "the newest"


def test_registered_as_an_identity_comes_before_associated_with_it():
    table, flow = Bindings(), MemoryFlow()
    shared = ["sip:alice@home.example", "sip:bob@home.example", "sip:group@home.example"]
    alice = bound(table, "alice", flow, associated=shared)
    bob = bound(table, "bob", flow, associated=shared)
    assert table.for_request(invite("<sip:alice@home.example>"), flow) is alice
    assert table.for_request(invite("<sip:bob@home.example>"), flow) is bob
    group = invite("<sip:group@home.example>", f"Contact: <{alice.contact}>")
    assert table.for_request(group, flow) is alice


def test_drop_flow():
    table, flow, other = Bindings(), MemoryFlow(), MemoryFlow(number=2)
    gone = [bound(table, "alice", flow), bound(table, "bob", flow)]
    stays = bound(table, "carol", other)
    assert table.drop_flow(flow.key) == gone
    assert table.drop_flow(flow.key) == []
    assert [b.live for b in gone] == [False, False]
    assert (len(table), table.on_flow(other.key), table.by_token(stays.token)) == (1, [stays], stays)


def test_static_bindings_do_not_expire():
    table = Bindings()
    bound(table, "trunk", MemoryFlow())
    assert table.expire(1e12) == []
    assert len(table) == 1


def test_indexes_and_heap_do_not_outgrow_the_table():
    table, dice = Bindings(), chance.Random(7)
    flows = [MemoryFlow(number=n) for n in range(4)]
    now = 0.0
    for _ in range(3000):
        now += 1.0
        user, flow = f"u{dice.randrange(20)}", dice.choice(flows)
        known = table.find(f"sip:{user}@home.example", f"sip:{user}@192.0.2.10")
        if known is not None:
            table.remove(known)
        if dice.random() < 0.8:
            again = known if known is not None and known.flow is flow else None
            expires_at = now + dice.choice((2.0, 60.0, 600000.0))
            if again is not None:
                again.expires_at = expires_at
                table.put(again)
            else:
                bound(table, user, flow, expires_at=expires_at)
        for gone in table.expire(now):
            assert gone.expires_at <= now
        live = [b for f in flows for b in table.on_flow(f.key)]
        assert len(live) == len(table) <= 20
        assert all(b.live for b in live)
        assert all(b.expires_at > now for b in live)
        assert len(table._due) <= 2 * len(table) + 65
    for flow in flows:
        table.drop_flow(flow.key)
    table.expire(now + 1e6)
    assert (len(table), table._due) == (0, [])
    assert [table._tokens, table._flows, table._aors, table._identities, table._sources] == [{}] * 5


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("sip:alice@home.example", "SIP:%61lice@HOME.example", True),
        ("sip:alice@h", "sip:Alice@h", False),
        ("sip:alice@h", "sips:alice@h", False),
        ("sip:alice@h", "sip:alice@h:5060", False),
        ("sip:alice@h", "sip:alice@h;user=phone", False),
        ("sip:alice@h", "sip:alice@h;newparam=5", True),
        ("sip:a%40b@h", "sip:a@b", False),
        ("sip:alice;x=1@h", "sip:alice@h", False),
        ("tel:+49-228.1(2)", "tel:+4922812", True),
        ("tel:12;phone-context=+49", "tel:12;phone-context=+1", False),
        ("sip:+4922812@h;user=phone", "tel:+4922812", False),
    ],
)
def test_identity_keys(a, b, equal):
    assert (identity_key(a) == identity_key(b)) is equal


def test_address_of_record_has_no_parameters():
    assert address_of_record("sip:alice;x=1@Home.Example;user=phone") == "sip:alice;x=1@home.example"
