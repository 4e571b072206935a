"""Early media as the core authorizes it (P-Early-Media, RFC 5009): gates at the gateway until the answer."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iq.procedures import Mode
from pcscf.alg.policy import MediaPolicy
from pcscf.proxy.emergency import EmergencySettings
from pcscf.sip.message import Request
from tests.support.calls import REQUESTED, Ends, bye, ends, establish
from tests.support.ladder import End, Leg, caller_leg, plain, secure
from tests.support.stage import CORE, Stage

OPEN = (Mode.SEND_RECEIVE, Mode.SEND_RECEIVE)
CLOSED = (Mode.INACTIVE, Mode.INACTIVE)
TO_UE = (Mode.SEND_ONLY, Mode.RECEIVE_ONLY)
FROM_UE = (Mode.RECEIVE_ONLY, Mode.SEND_ONLY)
#: What the callee may say: as the modes of both terminations where the UE calls.
SAID = {"sendrecv": OPEN, "sendonly": TO_UE, "recvonly": FROM_UE, "inactive": CLOSED}
DEFAULTS = pytest.mark.parametrize("default", list(SAID))


def stage_with(default: str, **more: object) -> Stage:
    return Stage(policy=MediaPolicy(node="pcscf.visited.example", early_media=default), **more)


def early(*parameters: str) -> str:
    return f"P-Early-Media: {', '.join(parameters)}"


def modes(stage: Stage) -> list[tuple[Mode, Mode]]:
    """Of the access and the core termination, by stream."""
    ((_, context),) = stage.gateway.contexts.contexts.items()
    ends = {termination.realm: termination.ends for termination in context.terminations}
    return [(end.mode, ends["core"][number].mode) for number, end in ends["access"].items()]


@dataclass
class Ringing:
    """A UE's call that has not been answered, and has SDP from nobody."""

    stage: Stage
    between: Ends
    sent: Request
    came: Request

    def provisional(self, *lines: str, status: int = 183, body: bytes | None = None, tag: str = "b1") -> Leg:
        self.between.core.answer(self.came, status, plain() if body is None else body, *lines, tag=tag)
        return caller_leg(self.between.ue, self.sent, self.between.ue.response(status))

    def asked(self) -> list[str]:
        return self.stage.gateway.asked()

    def answer(self, body: bytes | None = None, tag: str = "b1") -> None:
        """The final answer opens the gates, whatever was said before; the call is hung up."""
        self.between.core.answer(self.came, 200, plain() if body is None else body, tag=tag)
        leg = caller_leg(self.between.ue, self.sent, self.between.ue.response(200))
        assert set(modes(self.stage)) == {OPEN}
        leg.send("ACK", cseq=1)
        self.between.core.request("ACK")
        bye(self.between, leg)
        self.stage.check_forgotten()


def ring(stage: Stage, offer: bytes | None = None) -> Ringing:
    between = ends(stage)
    sent, came = between.ring(offer)
    stage.gateway.asked()
    return Ringing(stage, between, sent, came)


# What is said


@DEFAULTS
@pytest.mark.parametrize("said", list(SAID))
def test_the_header_field_decides_until_the_answer(default: str, said: str) -> None:
    stage = stage_with(default)
    call = ring(stage)
    assert modes(stage) == [SAID[default]]
    call.provisional(early(said))
    assert modes(stage) == [SAID[said]]
    assert call.asked() in (["Configure"], ["Configure+Configure"]), "one question, for address and gate"
    call.answer()


@DEFAULTS
def test_without_it_the_default_decides(default: str) -> None:
    stage = stage_with(default)
    call = ring(stage)
    call.provisional()
    assert modes(stage) == [SAID[default]]
    assert call.asked() == ["Configure"]
    call.between.core.answer(call.came, 200, plain())
    call.between.ue.response(200)
    assert modes(stage) == [OPEN]
    assert call.asked() == ([] if default == "sendrecv" else ["Configure+Configure"])


def test_an_ordinary_call_asks_the_gateway_three_times() -> None:
    stage = stage_with("inactive")
    between = ends(stage)
    call = establish(between)
    assert modes(stage) == [OPEN]
    call.hang_up()
    assert stage.gateway.asked() == ["Reserve+Reserve", "Configure+Configure", "Release"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (("gated",), OPEN),  # somebody else does it
        (("sendonly", "gated"), TO_UE),
        (("SendOnly",), TO_UE),
        (("x-new", "recvonly"), FROM_UE),
        (("supported",), CLOSED),
        (("x-new",), CLOSED),
        (("",), CLOSED),
    ],
)
def test_other_parameters(parameters: tuple[str, ...], expected: tuple[Mode, Mode]) -> None:
    stage = stage_with("inactive")
    call = ring(stage)
    call.provisional(early(*parameters))
    assert modes(stage) == [expected]
    call.answer()


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (("sendrecv",), [OPEN, OPEN]),
        (("inactive", "sendrecv"), [CLOSED, OPEN]),
        (("sendonly", "recvonly", "inactive"), [TO_UE, FROM_UE]),
    ],
)
def test_each_m_line_has_its_parameter(
    parameters: tuple[str, ...], expected: list[tuple[Mode, Mode]]
) -> None:
    stage = stage_with("sendrecv")
    video = "m=video 31000 RTP/AVP 34"
    call = ring(stage, secure(more=f"a=3ge2ae:requested\n{video}"))
    body = plain(more=f"{video}\n")
    call.provisional(early(*parameters), body=body)
    assert modes(stage) == expected
    call.answer(body)


def test_the_description_may_want_less() -> None:
    stage = stage_with("sendrecv")
    call = ring(stage, secure(more="a=3ge2ae:requested\na=recvonly"))
    body = plain(more="a=sendonly\n")
    call.provisional(early("recvonly"), body=body)
    assert modes(stage) == [CLOSED]
    call.provisional(early("sendonly"), body=body)
    assert modes(stage) == [TO_UE]


# Where it is said


def test_in_a_response_without_a_description() -> None:
    stage = stage_with("inactive")
    call = ring(stage)
    call.provisional(body=b"", status=180)
    call.provisional()
    call.asked()
    call.provisional(early("sendonly"), body=b"", status=180)
    assert (modes(stage), call.asked()) == ([TO_UE], ["Configure+Configure"])
    call.provisional(early("sendonly"), body=b"", status=180)
    call.provisional(body=b"", status=181)
    call.provisional()
    assert (modes(stage), call.asked()) == ([TO_UE], []), "what was said stays, and costs nothing"
    call.provisional(early("inactive"))
    assert (modes(stage), call.asked()) == ([CLOSED], ["Configure+Configure"])
    call.answer()


def test_before_the_description() -> None:
    stage = stage_with("inactive")
    call = ring(stage)
    call.provisional(early("sendonly"), body=b"", status=180)
    assert call.asked() == []
    call.provisional()
    assert modes(stage) == [TO_UE]
    call.answer(b"")


def reliable(call: Ringing) -> Leg:
    """A reliable 183, acknowledged."""
    leg = call.provisional("RSeq: 1", "Require: 100rel")
    leg.send("PRACK", b"", "RAck: 1 1 INVITE")
    return leg


def test_in_the_answer_to_a_prack() -> None:
    stage = stage_with("inactive")
    call = ring(stage)
    reliable(call)
    call.between.core.answer(call.between.core.request("PRACK"), 200, b"", early("sendrecv"))
    call.between.ue.response(200)
    assert modes(stage) == [OPEN]
    call.answer()


@pytest.mark.parametrize("described", [True, False])
def test_in_an_update_of_the_core(described: bool) -> None:
    stage = stage_with("inactive")
    call = ring(stage)
    leg = reliable(call)
    call.between.core.answer(call.between.core.request("PRACK"), 200)
    call.between.ue.response(200)
    tag = call.came.get("from") or ""
    other = Leg(
        call.between.core,
        leg.call_id,
        leg.remote,
        tag,
        call.between.ue.contact,
        call.came.values("record-route"),
        0,
    )
    other.send("UPDATE", plain(version=2) if described else b"", early("sendrecv"))
    update = call.between.ue.request("UPDATE")
    assert update.get("p-early-media") == "sendrecv", "the UE may want to know"
    call.between.ue.answer(update, 200, secure(more="") if described else b"")
    call.between.core.response(200)
    assert modes(stage) == [OPEN]
    call.answer(plain(version=2) if described else None)


def test_an_update_of_the_ue_leaves_the_gates() -> None:
    stage = stage_with("sendrecv")
    call = ring(stage)
    call.provisional(early("sendonly"), "RSeq: 1", "Require: 100rel").send("PRACK", b"", "RAck: 1 1 INVITE")
    call.between.core.answer(call.between.core.request("PRACK"), 200)
    call.between.ue.response(200)
    leg = call.provisional(body=b"", status=180)
    leg.send("UPDATE", REQUESTED.replace(b"1001 1 IN", b"1001 2 IN"), early("sendrecv"))
    update = call.between.core.request("UPDATE")
    assert "p-early-media" not in update
    call.between.core.answer(update, 200, plain(version=2))
    call.between.ue.response(200)
    assert modes(stage) == [TO_UE]
    call.answer(plain(version=2))


def test_forks_are_authorized_one_by_one() -> None:
    stage = stage_with("sendonly")
    call = ring(stage)
    call.provisional(early("sendrecv"), body=plain(number=1), tag="b1")
    assert modes(stage) == [OPEN]
    call.provisional(early("inactive"), body=plain(port=6004, number=2), tag="b2")
    assert modes(stage) == [CLOSED]
    call.provisional(body=plain(port=7004, number=3), tag="b3")
    assert modes(stage) == [TO_UE]
    call.asked()
    call.provisional(early("recvonly"), body=b"", status=180, tag="b1")
    assert (modes(stage), call.asked()) == ([TO_UE], []), "its media does not flow now"
    call.provisional(body=b"", status=199, tag="b3")
    assert modes(stage) == [CLOSED]
    call.provisional(body=b"", status=199, tag="b2")
    assert modes(stage) == [FROM_UE]
    call.answer(plain(number=1), tag="b1")


TAGS = ("b1", "b2", "b3")
PARAMETERS = st.none() | st.sampled_from([*SAID, "gated", "supported"])


@settings(max_examples=60, deadline=None)
@given(
    default=st.sampled_from(list(SAID)),
    steps=st.lists(st.tuples(st.sampled_from(TAGS), PARAMETERS, st.booleans()), max_size=10),
    winner=st.sampled_from(TAGS),
)
def test_any_order_of_early_dialogs(
    default: str, steps: list[tuple[str, str | None, bool]], winner: str
) -> None:
    """The gate is what was said last in the dialog that described its media last."""
    stage = stage_with(default)
    call = ring(stage)
    bodies = {tag: plain(port=5004 + 2 * n, number=n + 1) for n, tag in enumerate(TAGS)}
    said: dict[str, tuple[Mode, Mode]] = {"gated": OPEN, **SAID}
    authorized: dict[str, tuple[Mode, Mode]] = {}
    followed = ""
    for tag, parameter, described in steps:
        lines = [early(parameter)] if parameter is not None else []
        call.provisional(*lines, body=bodies[tag] if described else b"", tag=tag)
        if parameter in said:
            authorized[tag] = said[parameter]
        followed = tag if described else followed
        assert modes(stage) == [authorized.get(followed, SAID[default])]
    call.answer(bodies[winner], tag=winner)


# Who says it, and to whom


@DEFAULTS
@pytest.mark.parametrize("said", ["sendrecv", "inactive"])
def test_a_ue_that_is_called_authorizes_nothing(default: str, said: str) -> None:
    stage = stage_with(default)
    between = ends(stage, originating=False)
    _, came = between.ring()
    between.ue.answer(came, 183, between.answer, early(said))
    assert "p-early-media" not in between.core.response(183)
    towards_ue, from_ue = Mode.SEND_ONLY, Mode.RECEIVE_ONLY
    expected = {
        "sendrecv": Mode.SEND_RECEIVE,
        "sendonly": from_ue,
        "recvonly": towards_ue,
        "inactive": Mode.INACTIVE,
    }
    assert [access for access, _ in modes(stage)] == [expected[default]]
    between.ue.answer(came, 200, between.answer)
    between.core.response(200)
    assert modes(stage) == [OPEN]


@DEFAULTS
@pytest.mark.parametrize("own", [True, False])
def test_the_core_learns_that_it_is_understood(default: str, own: bool) -> None:
    stage = stage_with(default)
    between = ends(stage)
    between.invite(None, *([early("supported")] if own else []))
    between.ue.response(100)
    came = between.core.request("INVITE")
    assert came.values("p-early-media") == (["supported"] if own or default != "sendrecv" else [])


def test_it_means_nothing_in_an_answered_call() -> None:
    stage = stage_with("inactive")
    call = establish(ends(stage))
    stage.gateway.asked()
    call.ue.send("INVITE", REQUESTED.replace(b"1001 1 IN", b"1001 2 IN"))
    call.ends.ue.response(100)
    came = call.ends.core.request("INVITE")
    call.ends.core.answer(came, 183, plain(), early("inactive"))
    call.ends.ue.response(183)
    call.core.send("UPDATE", b"", early("inactive"))
    call.ends.ue.answer(call.ends.ue.request("UPDATE"), 200)
    call.ends.core.response(200)
    assert modes(stage) == [OPEN]
    call.ends.core.answer(came, 200, plain())
    call.ends.ue.response(200)
    assert stage.gateway.asked() == []


def test_the_psap_is_heard_whatever_the_default() -> None:
    stage = stage_with("inactive", emergency=EmergencySettings("sip:203.0.113.60:5060"))
    ue = ends(stage).ue
    ecscf = End(
        stage, stage.flow(CORE, ("203.0.113.60", 5060)), "sip:psap@ecscf.example", "sip:psap@203.0.113.60"
    )
    ue.ask("INVITE", "urn:service:sos", secure())
    ue.response(100)
    came = ecscf.request("INVITE")
    ecscf.answer(came, 183, plain())
    ue.response(183)
    assert modes(stage) == [OPEN]


# Offers of the callee, and gateways that refuse


@pytest.mark.parametrize("again", [True, False])
def test_an_offer_in_a_reliable_provisional_response(again: bool) -> None:
    stage = stage_with("inactive")
    between = ends(stage)
    sent, came = between.ring(b"")
    between.core.answer(came, 183, plain(), "RSeq: 1", "Require: 100rel")
    leg = caller_leg(between.ue, sent, between.ue.response(183))
    leg.send("PRACK", secure(more=""), "RAck: 1 1 INVITE")
    between.core.answer(between.core.request("PRACK"), 200)
    between.ue.response(200)
    assert modes(stage) == [CLOSED]
    between.core.answer(came, 200, plain() if again else b"")
    between.ue.response(200)
    assert modes(stage) == [OPEN]
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


def test_a_gateway_that_does_not_open_ends_the_call() -> None:
    """An answered call that nobody hears would be worse."""
    stage = stage_with("inactive")
    call = ring(stage)
    call.provisional()
    stage.gateway.error = 500
    call.between.core.answer(call.came, 200, plain())
    call.between.core.request("ACK")
    hung_up = call.between.core.request("BYE")
    assert "cause=503" in (hung_up.get("reason") or "")
    call.between.ue.response(503)
