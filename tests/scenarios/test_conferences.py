"""Conferences (TS 24.147, RFC 4579): protection ends at the edge, for each participant (TS 33.328 G.2)."""

import pytest

from pcscf.sip.message import Request
from tests.support.calls import REQUESTED, Ends, Established, ends, establish
from tests.support.ladder import KEY, OTHER_KEY, End, callee_leg, caller_leg, path_of, plain, secure, ue_of
from tests.support.stage import Stage

FACTORY = "sip:mmtel@conf-factory.home.example"
FOCUS = "sip:conf17@203.0.113.77:5060"
PACKAGE = b'<?xml version="1.0"?><conference-info entity="sip:conf17@home.example" state="full"/>'
KIND = "application/conference-info+xml"


@pytest.fixture
def between(stage: Stage) -> Ends:
    """A UE, and a conference focus in the core."""
    between = ends(stage)
    focus(between.core)
    return between


def focus(end: End) -> None:
    end.contact, end.features = FOCUS, ";isfocus"


def join(between: Ends) -> Established:
    call = establish(between)
    assert call.ok.values("contact") == [f"<{FOCUS}>;isfocus"], "the UE learns that this is a conference"
    return call


def watch(between: Ends) -> None:
    """The participant asks who else is there, and is told until it leaves."""
    sent = between.ue.ask("SUBSCRIBE", FOCUS, b"", "Event: conference", "Expires: 3600")
    came = between.core.request("SUBSCRIBE")
    assert (came.get("event"), came.get("expires")) == ("conference", "3600")
    between.core.answer(came, 200, b"", "Expires: 3600")
    subscriber = caller_leg(between.ue, sent, between.ue.response(200))
    notifier = callee_leg(between.core, came)
    for state in ("active;expires=3600", "terminated;reason=noresource"):
        notifier.send("NOTIFY", PACKAGE, "Event: conference", f"Subscription-State: {state}", kind=KIND)
        told = between.ue.request("NOTIFY")
        assert (told.body, told.get("content-type"), told.get("subscription-state")) == (PACKAGE, KIND, state)
        assert told.values("contact") == [f"<{FOCUS}>;isfocus"]
        between.ue.answer(told, 200)
        between.core.response(200)
    assert subscriber.target == FOCUS


def test_a_participant_joins_watches_invites_and_leaves(stage: Stage, between: Ends) -> None:
    call = join(between)
    watch(between)
    # in the dialog of the call, and outside of it with Target-Dialog (RFC 4538)
    tags = call.sent.get("from").partition("tag=")[2], call.ok.get("to").partition("tag=")[2]
    dialog = f"{call.sent.get('call-id')};local-tag={tags[0]};remote-tag={tags[1]}"
    for line in ("Supported: norefersub", f"Target-Dialog: {dialog}"):
        refer = ["Refer-To: <sip:dave@other.example;method=INVITE>", "Referred-By: <sip:alice@home.example>"]
        if line.startswith("Target"):
            between.ue.ask("REFER", FOCUS, b"", *refer, line)
        else:
            call.ue.send("REFER", b"", *refer, line)
        came = between.core.request("REFER")
        for said in (*refer, line):
            assert said in [raw for _, raw in came.fields]
        between.core.answer(came, 202)
        between.ue.response(202)
    notifier = callee_leg(between.core, came)
    notifier.send(
        "NOTIFY", b"SIP/2.0 200 OK\r\n", "Event: refer", "Subscription-State: active", kind="message/sipfrag"
    )
    told = between.ue.request("NOTIFY")
    assert told.body == b"SIP/2.0 200 OK\r\n"
    between.ue.answer(told, 200)
    between.core.response(200)
    call.hang_up()
    stage.check_forgotten()


def test_an_ad_hoc_conference_names_its_participants(stage: Stage, between: Ends) -> None:
    """Beside the offer an INVITE carries the list of those to be invited (RFC 5366): it passes untouched."""
    members = b'<resource-lists><list><entry uri="sip:dave@other.example"/></list></resource-lists>\r\n'
    head = b"Content-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n"
    listed = head + members
    offer = b"Content-Type: application/sdp\r\n\r\n" + REQUESTED
    body = b"--x\r\n" + offer + b"\r\n--x\r\n" + listed + b"\r\n--x--\r\n"
    sent = between.ue.ask(
        "INVITE", FACTORY, body, "Require: recipient-list-invite", kind="multipart/mixed;boundary=x"
    )
    between.ue.response(100)
    came = between.core.request("INVITE")
    assert listed in came.body
    assert came.get("require") == "recipient-list-invite"
    assert b"RTP/AVP" in came.body
    assert KEY.encode() not in came.body
    between.core.answer(came, 200, plain())
    leg = caller_leg(between.ue, sent, between.ue.response(200))
    assert leg.target == FOCUS
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    leg.send("BYE")
    between.core.answer(between.core.request("BYE"), 200)
    between.ue.response(200)
    stage.check_forgotten()


def test_the_focus_calls_a_participant(stage: Stage) -> None:
    between = ends(stage, originating=False)
    focus(between.core)
    sent = between.invite(None, "Referred-By: <sip:bob@home.example>", "Supported: replaces")
    between.core.response(100)
    came = between.ue.request("INVITE")
    assert came.values("contact") == [f"<{FOCUS}>;isfocus"]
    assert came.get("referred-by") == "<sip:bob@home.example>"
    between.ue.answer(came, 200, between.answer)
    leg = caller_leg(between.core, sent, between.core.response(200))
    leg.send("ACK", cseq=1)
    between.ue.request("ACK")
    leg.send("BYE")
    between.ue.answer(between.ue.request("BYE"), 200)
    between.core.response(200)


def keys(message: Request) -> set[bytes]:
    return {line.split(b"inline:")[1] for line in message.body.split(b"\r\n") if b"inline:" in line}


def test_each_participant_has_its_own_protection(stage: Stage) -> None:
    """Two UEs behind this edge in one conference: two contexts, four keys, none in the core."""
    alice, bob = ue_of(stage), ue_of(stage, "bob", port=49153, number=1)
    core = ends(stage, ue=alice).core
    focus(core)
    seen: list[set[bytes]] = []
    legs = []
    for ue, key in ((alice, KEY), (bob, OTHER_KEY)):
        core.ask("INVITE", ue.aor, plain(), uri=ue.contact, route=path_of(ue))
        core.response(100)
        came = ue.request("INVITE")
        seen.append(keys(came))
        ue.answer(came, 200, secure(key, more=""))
        answer = core.response(200)
        assert not keys(answer)
        legs.append((ue, callee_leg(ue, came)))
    assert stage.contexts() == 2
    assert seen[0]
    assert seen[1]
    assert not seen[0] & seen[1]
    for ue, leg in legs:
        leg.send("BYE")
        core.answer(core.request("BYE"), 200)
        ue.response(200)
    assert stage.contexts() == 0
