"""TCP media: what the gateway is told of who connects, in offers, answers and re-offers."""

import pytest

from iq.procedures import Endpoint, Reserve, Setup
from pcscf.errors import SdpRejected
from pcscf.flow import Side
from tests.support.call import Call
from tests.support.media import sdp

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE
BFCP = "m=application 30000 TCP/BFCP *\na=setup:{}\na=connection:{}"
FAR = "203.0.113.77"


def roles(call: Call) -> dict[str, Setup | None]:
    return {termination.split("/")[2]: stream.setup for termination, stream in call.changes()}


def offer(call: Call, setup: str, connection: str = "new", *, version: int = 1) -> str:
    return call.offer(sdp(BFCP.format(setup, connection), version=version))


def answer(call: Call, setup: str, connection: str = "new", *, version: int = 1) -> str:
    return call.answer(sdp(BFCP.format(setup, connection), host=FAR, version=version))


def test_nobody_connects_before_the_answer() -> None:
    call = Call()
    offer(call, "active")
    streams = [s for p in call.last.procedures if isinstance(p, Reserve) for s in p.streams]
    assert [(s.transport, s.setup, s.establish) for s in streams] == [("TCP", None, False)] * 2


@pytest.mark.parametrize(
    ("offered", "answered", "access", "core"),
    [("active", "passive", PASSIVE, ACTIVE), ("actpass", "active", ACTIVE, PASSIVE)],
)
def test_the_answer_tells(offered: str, answered: str, access: Setup, core: Setup) -> None:
    call = Call()
    offer(call, offered)
    out = answer(call, answered)
    assert f"a=setup:{answered}\r\na=connection:new\r\n" in out
    assert roles(call) == {"access": access, "core": core}
    assert [s.remote for t, s in call.changes() if "core" in t] == [Endpoint(FAR, 30000)]


def test_an_offer_of_the_core() -> None:
    call = Call()
    call.offer(sdp(BFCP.format("passive", "new"), host=FAR), Side.CORE)
    call.answer(sdp(BFCP.format("active", "new")), Side.ACCESS)
    assert roles(call) == {"access": PASSIVE, "core": ACTIVE}


def test_an_existing_connection_is_left_alone() -> None:
    call = Call()
    offer(call, "active")
    answer(call, "passive")
    done = len(call.gateway.actions)
    offer(call, "active", "existing", version=2)
    answer(call, "passive", "existing", version=2)
    assert len(call.gateway.actions) == done


def test_a_new_connection_is_asked_for() -> None:
    call = Call()
    offer(call, "active")
    answer(call, "passive")
    assert not any(stream.establish for _, stream in call.changes())
    offer(call, "active", "new", version=2)
    answer(call, "passive", "new", version=2)
    assert roles(call) == {"access": PASSIVE, "core": ACTIVE}
    assert [stream.establish for _, stream in call.changes()] == [True, True]


def test_a_held_connection_is_made_later() -> None:
    call = Call()
    offer(call, "actpass")
    answer(call, "holdconn")
    assert set(roles(call).values()) == {None}
    offer(call, "actpass", version=2)
    answer(call, "passive", version=2)
    assert roles(call) == {"access": PASSIVE, "core": ACTIVE}


def test_an_answer_by_which_both_wait_changes_nothing() -> None:
    call = Call()
    offer(call, "passive")
    done = len(call.gateway.actions)
    with pytest.raises(SdpRejected, match="both ends connect, or both wait"):
        answer(call, "passive")
    assert len(call.gateway.actions) == done


def test_tls_from_end_to_end_passes_unread() -> None:
    call = Call()
    out = call.offer(sdp("m=message 9 TCP/TLS/MSRP *\na=fingerprint:SHA-256 AB", session="a=setup:active\n"))
    assert "a=fingerprint:SHA-256 AB\r\na=setup:active\r\n" in out
    streams = [s for p in call.last.procedures if isinstance(p, Reserve) for s in p.streams]
    assert {(s.media, s.transport) for s in streams} == {("message", "TCP")}
