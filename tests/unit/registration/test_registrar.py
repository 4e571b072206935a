"""Registrations over time: scripts with a clock of their own."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.flow import Listener, Side, StaticFlow
from pcscf.registration.path import flow_token
from pcscf.registration.registrar import Registrar, RegistrarSettings
from pcscf.registration.trunks import Trunk
from tests.support.registered import (
    ANNOUNCED,
    CORE,
    TLS,
    UDP,
    MemoryFlow,
    granted_to_alice,
    octets,
    register,
    registered,
    registrar,
)

ALICE = "<sip:alice@192.0.2.10:49152;transport=tls>"
AOR = "sip:alice@home.example"
OUTBOUND = '<sip:alice@192.0.2.10:49152>;+sip.instance="<urn:uuid:1>";reg-id={}'


@pytest.mark.parametrize(
    ("lines", "asked", "granted"),
    [
        pytest.param([f"Contact: {ALICE};expires=600"], 3600, 600, id="its own parameter"),
        pytest.param(
            [f"Contact: {ALICE};expires=600, <sip:b@h>;expires=30"], 3600, 600, id="others do not count"
        ),
        pytest.param(
            [f"Contact: {ALICE};expires=600", f"Contact: {ALICE};expires=60"], 3600, 60, id="the least"
        ),
        pytest.param(
            ["Contact: <sip:%61lice@192.0.2.10:49152;transport=TLS>;expires=600", "Expires: 5"],
            3600,
            600,
            id="equal URI in another spelling",
        ),
        pytest.param([f"Contact: {ALICE}", "Expires: 1200"], 3600, 1200, id="Expires"),
        pytest.param(
            ["Contact: <sip:b@h>;expires=30", "Expires: 1200"], 3600, 1200, id="only others: Expires"
        ),
        pytest.param([f"Contact: {ALICE};expires=soon"], 900, 900, id="unreadable: as asked"),
        pytest.param([], 900, 900, id="nothing: as asked"),
        pytest.param(
            ["Contact: <broken", f"Contact: {ALICE};expires=70"], 900, 70, id="broken Contact beside it"
        ),
        pytest.param([f"Contact: {ALICE};expires=99999999999999"], 900, 2**32 - 1, id="absurd"),
        pytest.param([f"Contact: {ALICE};expires=0"], 900, None, id="refused: 0"),
    ],
)
def test_expiry(lines, asked, granted):
    edge = registrar()
    pending, _ = registered(edge, MemoryFlow(), register(expires=asked), *lines, now=10.0)
    assert [b.expires_at for b in pending.installed] == ([] if granted is None else [10.0 + granted])
    assert len(edge.bindings) == len(pending.installed)


def test_refresh_expiry_and_deregistration():
    edge, flow = registrar(), MemoryFlow()
    pending, _ = registered(edge, flow, register(expires=600))
    binding = pending.installed[0]
    pending, _ = registered(edge, flow, register(expires=600), now=300.0)
    assert pending.installed == [binding]
    assert len(edge.bindings) == 1
    assert edge.bindings.expire(600.0) == []
    assert edge.bindings.expire(899.9) == []
    assert edge.bindings.expire(900.0) == [binding]
    assert not binding.live
    assert edge.bindings.by_token(binding.token) is None
    assert edge.had_token(binding.token)

    registered(edge, flow, register(expires=600), now=1000.0)
    pending, _ = registered(edge, flow, register(expires=30), now=1001.0)
    assert edge.bindings.expire(1031.0) == pending.installed, "a shorter refresh counts"

    registered(edge, flow, register(expires=600), now=2000.0)
    pending, _ = registered(edge, flow, register(expires=0), now=2001.0)
    assert [b.contact for b in pending.removed] == ["sip:alice@192.0.2.10:49152;transport=tls"]
    assert len(edge.bindings) == 0


def test_contact_star_removes_all_of_the_aor():
    edge, flow = registrar(), MemoryFlow()
    registered(edge, flow, register())
    registered(edge, MemoryFlow(number=2), register(contact="<sip:alice@192.0.2.11>"))
    registered(edge, flow, register("bob"))
    pending, _ = registered(edge, flow, register(contact="*", expires=0))
    assert len(pending.removed) == 2
    assert [b.aor for b in edge.bindings.on_flow(flow.key)] == ["sip:bob@home.example"]


@pytest.mark.parametrize(
    ("contact", "expires"),
    [
        ("*", 60),
        (f"*, {ALICE}", 0),
        (f"{ALICE}, " * 8 + ALICE, 60),
        ("<sip:a@b", 60),
        (f"<sip:{'a' * 2000}@b>", 60),
    ],
)
def test_bad_contacts_are_refused(contact, expires):
    with pytest.raises(SipRefusal) as caught:
        registrar().to_core(register(contact=contact, expires=expires), MemoryFlow(), 0.0, octets)
    assert caught.value.status == 400


def test_query_changes_nothing():
    edge, flow = registrar(), MemoryFlow()
    registered(edge, flow, register(media=["sdes-srtp"]))
    pending, _ = registered(edge, flow, register(contact=""), f"Contact: {ALICE};expires=9")
    assert (pending.installed, pending.removed) == ([], [])
    assert edge.bindings.on_flow(flow.key)[0].mechanisms == {"sdes-srtp"}


@pytest.mark.parametrize("status", [401, 403, 423, 480, 500, 503])
def test_a_failed_refresh_keeps_the_previous_capability(status):
    edge, flow = registrar(), MemoryFlow()
    binding = registered(edge, flow, register(media=["sdes-srtp"]))[0].installed[0]
    pending, _ = registered(edge, flow, register(media=["msrp-tls"]), status=status, now=5.0)
    assert pending.installed == []
    assert binding.mechanisms == {"sdes-srtp"}
    assert binding.expires_at == 3600.0


@pytest.mark.parametrize(
    ("media", "effective"),
    [
        (["sdes-srtp"], {"sdes-srtp"}),
        ([], set()),
        (["msrp-tls", "bfcp-tls"], {"msrp-tls", "bfcp-tls"}),
        (["zrtp"], set()),
    ],
    ids=["the same", "withdrawn", "another set", "unknown to the network"],
)
def test_refresh_replaces_the_capability_at_the_200(media, effective):
    edge, flow = registrar(), MemoryFlow()
    binding = registered(edge, flow, register(media=["sdes-srtp"]))[0].installed[0]
    _, pending = edge.to_core(register(media=media), flow, 1.0, octets)
    assert binding.mechanisms == {"sdes-srtp"}
    edge.from_core(pending, granted_to_alice(), 1.0)
    assert binding.mechanisms == effective
    assert binding.announced == set(media)


def test_listener_may_assume_mechanisms_but_not_sdes_on_an_open_gm():
    assumed = frozenset({"sdes-srtp", "msrp-tls", "dtls-srtp"})
    quiet = Listener(Side.ACCESS, "udp", "198.51.100.1", 5060, "access", assume=assumed)
    binding = registered(registrar(), MemoryFlow(quiet), register())[0].installed[0]
    assert binding.announced == assumed
    assert binding.mechanisms == {"msrp-tls"}
    assert binding.negotiated == set()
    assert binding.implicit


@pytest.mark.parametrize("media", [["sdes-srtp"], ["msrp-tls"]])
def test_a_ue_that_announces_says_itself_what_it_asks_for(media):
    trusting = Listener(
        Side.ACCESS, "tls", "198.51.100.1", 5061, "access", True, assume=frozenset({"sdes-srtp"})
    )
    binding = registered(registrar(), MemoryFlow(trusting), register(media=media))[0].installed[0]
    assert binding.mechanisms == {"sdes-srtp", *media}
    assert not binding.implicit
    assert not registered(registrar(), MemoryFlow(TLS), register())[0].installed[0].implicit


def test_sdes_announced_over_udp_is_not_effective():
    binding = registered(registrar(), MemoryFlow(UDP), register(media=ANNOUNCED))[0].installed[0]
    assert binding.mechanisms == set(ANNOUNCED) - {"sdes-srtp"}


def test_same_contact_on_a_new_flow_moves():
    edge, old, new = registrar(), MemoryFlow(number=1), MemoryFlow(number=2)
    before = registered(edge, old, register(media=["sdes-srtp"]))[0].installed[0]
    pending, _ = registered(edge, new, register(media=["msrp-tls"]), now=9.0)
    assert pending.moved == [before]
    assert pending.removed == []
    after = pending.installed[0]
    assert after.token != before.token
    assert edge.bindings.on_flow(old.key) == []
    assert edge.bindings.on_flow(new.key) == [after]
    assert edge.bindings.by_token(before.token) is None
    assert (before.live, after.live) == (False, True)
    assert after.mechanisms == {"msrp-tls"}


def test_outbound_flows_of_one_instance_stand_beside_each_other():
    edge, first, second, third = registrar(), *(MemoryFlow(number=n) for n in (1, 2, 3))
    for flow, reg_id in ((first, 1), (second, 2)):
        sent = register("alice", "Supported: outbound, path", contact=OUTBOUND.format(reg_id))
        forwarded, pending = edge.to_core(sent, flow, 0.0, octets)
        assert forwarded.values("path") == [f"<sip:{pending.token}@203.0.113.1:5060;lr;ob>"]
        edge.from_core(pending, granted_to_alice(), 0.0)
    assert len(edge.bindings) == 2
    moved = '<sip:alice@192.0.2.10:50000>;+sip.instance="<urn:uuid:1>";reg-id=1'
    pending, _ = registered(edge, third, register(contact=moved), now=1.0)
    assert [b.flow for b in pending.moved] == [first], "by instance and reg-id, whatever the Contact"
    assert len(edge.bindings) == 2


def test_token_is_stable_on_a_flow_and_opaque():
    edge, flow = registrar(), MemoryFlow()
    token = registered(edge, flow, register())[0].token
    assert (
        registered(edge, flow, register(contact="<sip:%61lice@192.0.2.10:49152;transport=tls>"))[0].token
        == token
    )
    assert registered(edge, MemoryFlow(number=2), register())[0].token != token
    assert registered(edge, flow, register("bob"))[0].token != token
    assert flow_token(b"t" * 32, AOR, ALICE[1:-1], flow) != flow_token(b"s" * 32, AOR, ALICE[1:-1], flow)
    assert edge.had_token(token)
    for forged in (
        "",
        "ft-",
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        token[3:],
        "ft-" + "0" * 32,
        "ft-zz",
    ):
        assert not edge.had_token(forged)
    assert "alice" not in token


def test_several_contacts_of_one_register_share_its_path():
    edge, flow = registrar(), MemoryFlow()
    both = "<sip:alice@192.0.2.10>, <sip:alice@192.0.2.20>;expires=60"
    pending, _ = registered(edge, flow, register(contact=both))
    assert [b.expires_at for b in pending.installed] == [3600.0, 60.0]
    second = edge.bindings.by_token(pending.token, "sip:alice@192.0.2.20")
    assert second is pending.installed[1]
    registered(edge, flow, register(contact="<sip:alice@192.0.2.10>;expires=0"))
    assert edge.bindings.by_token(pending.token) is second


def test_a_flow_that_closed_meanwhile_gets_no_binding():
    edge, flow = registrar(), MemoryFlow()
    _, pending = edge.to_core(register(), flow, 0.0, octets)
    flow.closed = True
    edge.from_core(pending, granted_to_alice(), 1.0)
    assert (len(edge.bindings), pending.installed) == (0, [])


def test_table_is_bounded():
    edge, flow = registrar(max_bindings=1), MemoryFlow()
    registered(edge, flow, register())
    with pytest.raises(SipRefusal) as caught:
        edge.to_core(register("bob"), flow, 1.0, octets)
    assert caught.value.status == 503
    registered(edge, flow, register(), now=2.0)  # who is in it may refresh,
    edge.to_core(register("bob", expires=0), flow, 3.0, octets)  # and leave
    assert len(edge.bindings) == 1


def test_bindings_of_one_source_are_bounded():
    edge = registrar(max_bindings_per_source=1)
    home, away = MemoryFlow(number=1), MemoryFlow(number=2, remote=("192.0.2.99", 5060))
    neighbour = MemoryFlow(number=3, remote=("192.0.2.10", 5062))
    registered(edge, home, register())
    for flow in (home, neighbour):
        with pytest.raises(SipRefusal) as caught:
            edge.to_core(register("bob"), flow, 1.0, octets)
        assert (caught.value.status, caught.value.headers) == (503, (("Retry-After", "30"),))
    registered(edge, away, register("bob"), now=1.0)  # of another source,
    registered(edge, neighbour, register(), now=2.0)  # or the same contact, on another flow
    with pytest.raises(SipRefusal):  # who moves to a source that is full
        edge.to_core(register("bob"), home, 3.0, octets)
    registered(edge, home, register("carol", contact="<sip:carol@192.0.2.10;sos>"), now=4.0)
    with pytest.raises(SipRefusal):
        edge.to_core(register("dave", contact="<sip:dave@192.0.2.10;sos>"), home, 5.0, octets)
    edge.bindings.drop_flow(neighbour.key)
    registered(edge, home, register("bob"), now=6.0)
    assert sorted(b.aor for b in edge.bindings.on_flow(home.key)) == [
        "sip:bob@home.example", "sip:carol@home.example"
    ]  # fmt: skip
    assert len(edge.bindings) == 2


def test_a_trunk_may_have_as_many_bindings_as_it_likes():
    trunk, remote = "sip:pbx@home.example", ("192.0.2.50", 5060)
    static = Trunk(trunk, "sip:192.0.2.50", frozenset(), StaticFlow(UDP, remote, lambda *_: MemoryFlow()))
    edge = Registrar(RegistrarSettings(CORE, "v.example", b"s" * 32, max_bindings_per_source=1), [static])
    for number, user in enumerate(("alice", "bob")):
        registered(edge, MemoryFlow(UDP, 7, remote), register(user), now=number)
    with pytest.raises(SipRefusal):
        edge.to_core(register("carol"), MemoryFlow(UDP, 8, (remote[0], 5062)), 3.0, octets)
    assert len(edge.bindings) == 2


def test_service_route_and_identities_are_those_of_the_last_200():
    edge, flow = registrar(), MemoryFlow()
    first = (
        "Service-Route: <sip:a;lr>, <sip:b;lr>",
        'P-Associated-URI: "A" <sip:one@h>;x=1, <tel:+1>, <broken',
    )
    binding = registered(edge, flow, register(), *first)[0].installed[0]
    assert binding.service_route == ["<sip:a;lr>", "<sip:b;lr>"]
    assert binding.associated == ["sip:one@h", "tel:+1"]
    registered(edge, flow, register())
    assert (binding.service_route, binding.associated) == ([], [AOR])


def test_response_to_the_ue_keeps_the_cores_business_inside():
    lines = (
        f"Contact: {ALICE};expires=60",
        "Path: <sip:ft-1@203.0.113.1;lr>",
        "Service-Route: <sip:a;lr>",
        "P-Associated-URI: <sip:alice@home.example>",
        'P-Charging-Vector: icid-value="1"',
        "P-Charging-Function-Addresses: ccf=192.0.2.1",
        "Supported: path, outbound",
    )
    _, got = registered(registrar(), MemoryFlow(), register(), *lines)
    keys = [key for key, _ in got]
    assert keys == ["via", "cseq", "contact", "service-route", "p-associated-uri", "supported"]


def test_path_of_an_ipv6_core_over_tcp():
    edge = registrar(core=Listener(Side.CORE, "tcp", "2001:db8::1", 5070, "core"))
    forwarded, pending = edge.to_core(register(), MemoryFlow(), 0.0, octets)
    assert forwarded.values("path") == [f"<sip:{pending.token}@[2001:db8::1]:5070;transport=tcp;lr>"]
    assert "icid-generated-at=[2001:db8::1];" in (forwarded.get("p-charging-vector") or "")


def test_the_secret_is_not_printed():
    assert "ssss" not in repr(registrar(core=CORE).settings)
