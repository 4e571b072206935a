"""Calls that are diverted or forked to another UE of this edge (TS 24.604): each access protects itself."""

from base64 import b64encode

from pcscf.sip.message import Message, Request
from tests.support.calls import Ends, ends
from tests.support.ladder import (
    KEY,
    OTHER_KEY,
    End,
    Leg,
    callee_leg,
    caller_leg,
    core_of,
    path_of,
    plain,
    secure,
    ue_of,
)
from tests.support.stage import Stage

THIRD_KEY = "Y3Vyc2VkYmV0aGVtYW50aGF0bW92ZXNteWJvbmVz"
HISTORY = (
    "History-Info: <sip:alice@home.example>;index=1,"
    " <sip:bob@home.example;cause=302>;index=1.1;mp=1,<sip:x@y?Reason=SIP%3Bcause%3D408>;index=1.1.1"
)
DIVERSION = "Diversion: <sip:alice@home.example>;reason=no-answer;counter=1"


def bob_of(stage: Stage) -> End:
    return ue_of(stage, "bob", port=49153, number=1)


def keys(*messages: Message) -> set[bytes]:
    """Every SDES key that stands in the messages."""
    return {
        line.split(b"inline:")[1].split(b"|")[0]
        for message in messages
        for line in message.body.split(b"\r\n")
        if b"inline:" in line
    }


def gateway_keys(stage: Stage) -> list[set[str]]:
    """The keys of each context, in the order in which the contexts were made."""
    return [
        {
            b64encode(crypto.key.octets).decode()
            for termination in context.terminations
            for end in termination.ends.values()
            for crypto in (end.local_crypto, end.remote_crypto)
            if crypto is not None
        }
        for _, context in sorted(stage.gateway.contexts.contexts.items())
    ]


def call(core: End, ue: End, *extra: str) -> Request:
    """The core sends an INVITE to a UE; as it came there."""
    core.ask("INVITE", "sip:alice@home.example", plain(), *extra, uri=ue.contact, route=path_of(ue))
    core.response(100)
    return ue.request("INVITE")


def answered(core: End, ue: End, came: Request, key: str) -> None:
    """The UE answers, the call is hung up by it."""
    ue.answer(came, 200, secure(key, more=""))
    assert not keys(core.response(200))
    leg = callee_leg(ue, came)
    leg.send("BYE")
    core.answer(core.request("BYE"), 200)
    ue.response(200)


def test_a_ue_diverts_by_302(stage: Stage) -> None:
    alice, bob, core = ue_of(stage), bob_of(stage), core_of(stage)
    first = call(core, alice)
    alice.answer(first, 302, b"", "Contact: <sip:bob@home.example;cause=480>;q=1.0", HISTORY, DIVERSION)
    alice.request("ACK")
    moved = core.response(302)
    assert moved.values("contact") == ["<sip:bob@home.example;cause=480>;q=1.0"]
    for line in (HISTORY, DIVERSION):
        assert line in [raw for _, raw in moved.fields]
    assert stage.contexts() == 0
    second = call(core, bob, HISTORY, DIVERSION)
    for line in (HISTORY, DIVERSION):
        assert line in [raw for _, raw in second.fields]
    assert keys(first)
    assert keys(second)
    assert not keys(first) & keys(second)
    answered(core, bob, second, OTHER_KEY)
    stage.check_forgotten()


def test_the_core_diverts_a_call_that_rang_with_early_media(stage: Stage) -> None:
    """No answer: the first UE had described its media, keys included, before the core tried the second."""
    alice, bob, core = ue_of(stage), bob_of(stage), core_of(stage)
    sent = core.ask("INVITE", alice.aor, plain(), uri=alice.contact, route=path_of(alice))
    core.response(100)
    first = alice.request("INVITE")
    alice.answer(first, 183, secure(KEY, more=""))
    rung = core.response(183)
    second = call(core, bob, HISTORY)
    core.cancel(sent, 'SIP;cause=408;text="no answer"')
    core.response(200)
    cancel = alice.request("CANCEL")
    assert cancel.get("reason") == 'SIP;cause=408;text="no answer"'
    alice.answer(cancel, 200)
    alice.answer(first, 487)
    alice.request("ACK")
    core.response(487)
    core.acknowledge(sent, rung)
    assert not (keys(first) | {KEY.encode()}) & keys(second)
    assert stage.contexts() == 1
    answered(core, bob, second, OTHER_KEY)
    stage.check_forgotten()


def test_a_call_that_is_being_forwarded_says_so(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring()
    between.core.answer(came, 181, b"", HISTORY, DIVERSION, tag="b1")
    told = between.ue.response(181)
    assert HISTORY in [raw for _, raw in told.fields]
    between.core.answer(came, 180, b"", HISTORY, tag="b2")
    between.ue.response(180)
    between.core.answer(came, 200, plain(), HISTORY, tag="b2")
    ok = between.ue.response(200)
    assert HISTORY in [raw for _, raw in ok.fields]
    hang_up(between, caller_leg(between.ue, sent, ok))
    stage.check_forgotten()


def test_a_call_to_two_ues_at_once_gives_each_its_own_keys(stage: Stage) -> None:
    """Dave, behind this edge too, calls; the core forks to alice and bob; bob answers."""
    alice, bob, core = ue_of(stage), bob_of(stage), core_of(stage)
    dave = ue_of(stage, "dave", port=49154, number=2)
    from_dave = dave.ask("INVITE", "sip:family@home.example", secure(THIRD_KEY))
    dave.response(100)
    came = core.request("INVITE")
    number = came.get("call-id")
    sent = [
        core.ask(
            "INVITE",
            ue.aor,
            came.body,
            HISTORY,
            uri=ue.contact,
            route=path_of(ue),
            call_id=number,
        )
        for ue in (alice, bob)
    ]
    assert core.starts() == ["100", "100"]
    to_alice, to_bob = alice.request("INVITE"), bob.request("INVITE")
    alice.answer(to_alice, 183, secure(KEY, more=""))
    core.answer(came, 183, core.response(183).body, tag="a")
    early = dave.response(183)
    bob.answer(to_bob, 200, secure(OTHER_KEY, more=""))
    core.answer(came, 200, core.response(200).body, tag="b")
    ok = dave.response(200)
    offered = [keys(came), keys(to_alice), keys(to_bob), keys(early, ok)]
    assert offered[0] == set()
    assert all(offered[1:])
    assert not offered[1] & offered[2]
    assert not (offered[1] | offered[2]) & offered[3]
    everybody = [
        {THIRD_KEY} | {key.decode() for key in offered[3]},
        {KEY} | {key.decode() for key in offered[1]},
        {OTHER_KEY} | {key.decode() for key in offered[2]},
    ]
    assert gateway_keys(stage) == everybody
    core.cancel(sent[0], 'SIP;cause=200;text="Call completed elsewhere"')
    core.response(200)
    cancel = alice.request("CANCEL")
    assert cancel.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    alice.answer(cancel, 200)
    alice.answer(to_alice, 487)
    alice.request("ACK")
    core.response(487)
    assert stage.contexts() == 2
    hang_up(Ends(stage, dave, core, dave, core, originating=True), caller_leg(dave, from_dave, ok))
    leg = callee_leg(bob, to_bob)
    leg.send("BYE")
    core.answer(core.request("BYE"), 200)
    bob.response(200)
    assert stage.contexts() == 0


def hang_up(between: Ends, leg: Leg) -> None:
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    leg.send("BYE")
    between.core.answer(between.core.request("BYE"), 200)
    between.ue.response(200)
