"""Hold and resume: the gates change, and nothing else does (RFC 3264 8.4)."""

import pytest

from iq.procedures import Mode
from pcscf.flow import Side
from tests.support.call import PLAIN, SECURE, UE_ANSWER, Call, crypto_of
from tests.support.media import sdp

BOTH = pytest.mark.parametrize("side", list(Side))
ADDRESSES = pytest.mark.parametrize("nowhere", ["IP4 0.0.0.0", "IP6 ::"])


def described(side: Side, more: str = "", version: int = 2, nowhere: str = "") -> bytes:
    """What a side of the running call writes; nowhere: its c= line holds."""
    text = UE_ANSWER if side is Side.ACCESS else PLAIN
    host = "192.0.2.10" if side is Side.ACCESS else "203.0.113.77"
    if nowhere:
        more += f"\nc=IN {nowhere}"
    return sdp(text + more, host=host, version=version)


@pytest.mark.parametrize(
    ("ue", "far", "modes"),
    [
        ("sendonly", "recvonly", (Mode.RECEIVE_ONLY, Mode.SEND_ONLY)),
        ("recvonly", "sendonly", (Mode.SEND_ONLY, Mode.RECEIVE_ONLY)),
        ("inactive", "inactive", (Mode.INACTIVE, Mode.INACTIVE)),
        ("sendonly", "inactive", (Mode.INACTIVE, Mode.INACTIVE)),
    ],
)
def test_hold_and_resume(ue: str, far: str, modes: tuple[Mode, Mode]) -> None:
    call = Call()
    call.originate()
    assert f"a={ue}" in call.offer(sdp(f"{SECURE}\na={ue}", version=2))
    assert f"a={far}" in call.answer(sdp(f"{PLAIN}\na={far}", host="203.0.113.77", version=2))
    assert [stream.mode for _, stream in call.changes()] == list(modes)
    call.offer(sdp(SECURE, version=3))
    call.answer(sdp(PLAIN, host="203.0.113.77", version=3))
    assert [stream.mode for _, stream in call.changes()] == [Mode.SEND_RECEIVE, Mode.SEND_RECEIVE]
    assert all(stream.remote is None for _, stream in call.changes())


def test_direction_of_the_session_level_counts() -> None:
    call = Call()
    call.originate()
    call.offer(sdp(SECURE, version=2, session="a=sendonly\n"))
    call.answer(sdp(PLAIN, host="203.0.113.77", session="a=recvonly\n"))
    assert [stream.mode for _, stream in call.changes()] == [Mode.RECEIVE_ONLY, Mode.SEND_ONLY]


@BOTH
@ADDRESSES
def test_an_offer_that_holds_by_address_is_inactive(side: Side, nowhere: str) -> None:
    call = Call()
    first = call.originate()
    out = call.offer(described(side, "\na=sendrecv", nowhere=nowhere), side)
    assert "a=inactive\r\n" in out
    assert "a=sendrecv" not in out
    call.answer(described(side.other, "\na=inactive"), side.other)
    assert {stream.mode for _, stream in call.changes()} == {Mode.INACTIVE}
    assert all(stream.remote is None for _, stream in call.changes())
    out = call.offer(described(side, version=3), side)
    again = call.answer(described(side.other, version=3), side.other)
    assert crypto_of(again if side is Side.ACCESS else out) == crypto_of(first)
    assert {stream.mode for _, stream in call.changes()} == {Mode.SEND_RECEIVE}
    assert all(stream.remote is None for _, stream in call.changes()), "nobody moved"


@BOTH
@ADDRESSES
def test_an_answer_that_holds_by_address_is_inactive(side: Side, nowhere: str) -> None:
    call = Call()
    call.originate()
    call.offer(described(side.other), side.other)
    assert "a=inactive\r\n" in call.answer(described(side, nowhere=nowhere), side)
    assert {stream.mode for _, stream in call.changes()} == {Mode.INACTIVE}


@BOTH
def test_a_hold_that_is_refused_changes_nothing(side: Side) -> None:
    call = Call()
    first = call.originate()
    before = len(call.gateway.actions)
    plan = call.plan_offer(described(side, "\na=sendonly"), side)
    call.session.complete(plan, None)
    assert call.session.rollback(plan) is None
    call.offer(sdp(SECURE, version=3))
    assert call.answer(sdp(PLAIN, host="203.0.113.77")).split("m=")[1] == first.split("m=")[1]
    assert len(call.gateway.actions) == before


@BOTH
def test_both_hold_and_one_resumes(side: Side) -> None:
    """The one that still holds says so in its answer (RFC 6337 5.3)."""
    call = Call()
    call.originate()
    call.offer(described(side, "\na=sendonly"), side)
    call.answer(described(side.other, "\na=recvonly"), side.other)
    call.offer(described(side.other, "\na=inactive"), side.other)
    call.answer(described(side, "\na=inactive", version=3), side)
    call.offer(described(side.other, "\na=sendrecv", version=3), side.other)
    assert "a=sendonly" in call.answer(described(side, "\na=sendonly", version=4), side)
    modes = {t.split("/")[2]: stream.mode for t, stream in call.changes()}
    held = side.other.value
    assert modes[side.value] is Mode.RECEIVE_ONLY
    assert modes[held] is Mode.SEND_ONLY
