"""MSRP through the relay of TCP: paths over real sockets, back-pressure, what is no MSRP."""

import asyncio

from agw.security.api import Security
from agw.tcp.connection import READ_OCTETS
from agw.tcp.msrp import MAX_HEAD, Rewriting
from iq.procedures import Change, Setup
from tests.support.tcp_media import Call
from tests.support.tls_ends import ITS, MINE, sha256
from tests.support.tls_media import SecureEnd, TlsCall

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE
UE, FAR = "msrp://ue.example:1/u;tcp", "msrp://far.example:2/f;tcp"
TO_UE, TO_FAR = "msrp://access.example:3/f;tcp", "msrp://core.example:4/u;tcp"
SECURITY = Security(MINE, sha256(ITS))
FROM_UE, FROM_FAR = Rewriting(TO_UE, FAR, TO_FAR), Rewriting(TO_FAR, UE, TO_UE)


def message(to: str, sender: str, body: bytes = b"Hi") -> bytes:
    head = f"MSRP d93kswow SEND\r\nTo-Path: {to}\r\nFrom-Path: {sender}\r\nContent-Type: x/y\r\n\r\n"
    return head.encode() + body + b"\r\n-------d93kswow+\r\n"


async def up(call: Call) -> None:
    call.edit_access(PASSIVE, rewriting=FROM_UE)
    call.edit_core(ACTIVE, rewriting=FROM_FAR)
    await call.ue.connect(call.to_access)
    await call.far.accept()
    await call.standing()


async def test_paths_lead_over_the_gateway_in_both_directions(call: Call) -> None:
    await up(call)
    for _ in range(2):
        await call.ue.send(message(TO_UE, UE))
        wanted = message(FAR, TO_FAR)
        assert await call.far.receive(len(wanted)) == wanted
        await call.far.send(message(TO_FAR, FAR))
        wanted = message(UE, TO_UE)
        assert await call.ue.receive(len(wanted)) == wanted
    assert call.relay.state(call.access).counters.octets == 2 * len(message(TO_UE, UE))


async def test_a_long_body_waits_for_who_reads_slowly(call: Call) -> None:
    await up(call)
    body = bytes(range(256)) * 40_000
    sending = asyncio.ensure_future(call.ue.send(message(TO_UE, UE, body)))
    await call.until(lambda: bool(call.relay._sides[call.core].connection.waiting))
    assert len(call.relay._sides[call.core].connection.waiting) <= READ_OCTETS + MAX_HEAD
    wanted = message(FAR, TO_FAR, body)
    assert await call.far.receive(len(wanted)) == wanted
    await sending


async def test_what_is_no_msrp_ends_the_stream(call: Call) -> None:
    await up(call)
    await call.ue.send(b"GET / HTTP/1.1\r\n\r\n")
    [report] = await call.reported()
    assert (report.port, report.change, report.cause) == (
        call.access, Change.RELEASED, "malformed MSRP: not MSRP",
    )  # fmt: skip
    assert await call.far.end() == "ConnectionResetError"
    assert call.relay.tally["msrp_malformed"] == 1
    assert call.relay.connections() == 0


async def test_a_path_that_is_not_ours_is_counted(call: Call) -> None:
    await up(call)
    await call.ue.send(message(FAR, UE))
    wanted = message(FAR, TO_FAR)
    assert await call.far.receive(len(wanted)) == wanted
    assert call.relay.tally["msrp_foreign"] == 1


async def test_other_paths_leave_the_connection(call: Call) -> None:
    await up(call)
    call.edit_access(PASSIVE, rewriting=FROM_UE._replace(to="msrp://far.example:2/g;tcp"))
    await call.ue.send(message(TO_UE, UE))
    wanted = message("msrp://far.example:2/g;tcp", TO_FAR)
    assert await call.far.receive(len(wanted)) == wanted


async def test_a_stream_of_which_the_gateway_becomes_aware_begins_anew(call: Call) -> None:
    await call.up()
    call.edit_access(PASSIVE, rewriting=FROM_UE)
    assert await call.ue.end() == ""
    call.ue.connection.close()
    call.far.connection.close()
    call.edit_core(ACTIVE, rewriting=FROM_FAR)
    await call.ue.connect(call.to_access)
    await call.far.accept()
    await call.ue.send(message(TO_UE, UE))
    wanted = message(FAR, TO_FAR)
    assert await call.far.receive(len(wanted)) == wanted


async def test_a_new_connection_begins_with_a_message(call: Call) -> None:
    await up(call)
    begun = message(FAR, TO_FAR).partition(b"Content")[0]
    await call.ue.send(message(TO_UE, UE).partition(b"Content")[0])
    assert await call.far.receive(len(begun)) == begun
    call.ue.connection.close()
    call.far.connection.close()
    await call.reported()
    call.relay.start(call.access, connect=False)
    await call.ue.connect(call.to_access)
    await call.far.accept()
    await call.ue.send(message(TO_UE, UE))
    wanted = message(FAR, TO_FAR)
    assert await call.far.receive(len(wanted)) == wanted


async def test_below_tls(call: Call) -> None:
    under = TlsCall(call.relay, SecureEnd(), call.far)
    call.relay.edit(under.access, under.leg(PASSIVE, under.ue, rewriting=FROM_UE, security=SECURITY))
    under.edit_core(ACTIVE, rewriting=FROM_FAR)
    await under.ue.connect(under.to_access)
    await under.ue.secure()
    await under.far.accept()
    await under.ue.send(message(TO_UE, UE))
    wanted = message(FAR, TO_FAR)
    assert await under.far.receive(len(wanted)) == wanted
    await under.far.send(message(TO_FAR, FAR))
    wanted = message(UE, TO_UE)
    assert await under.ue.receive(len(wanted)) == wanted
    under.ue.close()


async def test_an_end_within_a_head_is_an_end(call: Call) -> None:
    """What nobody can make a message of goes no further."""
    await up(call)
    await call.ue.send(message(TO_UE, UE) + b"MSRP d93kswow SEND\r\nTo-Path: ")
    call.ue.finish()
    wanted = message(FAR, TO_FAR)
    assert await call.far.receive(len(wanted) + 1) == wanted
    call.far.finish()
    assert await call.ue.end() == ""
    [report] = await call.reported()
    assert report.cause == "closed"
