"""The relay of TCP media over loopback: who may connect, what passes, how it ends."""

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from agw.engine.api import PortId
from agw.tcp.api import TcpLeg
from iq.procedures import Change, Endpoint, Setup
from tests.support.media_peer import LOOPBACK, until
from tests.support.tcp_media import ELSEWHERE, Call, connect, make_relay, open_port, refused

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE


async def test_an_incoming_syn_triggers_the_outgoing_one(call: Call) -> None:
    call.edit_access(PASSIVE)
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    assert await call.far.accept() == call.to_core  # from the port of the realm
    await call.passes()
    assert call.relay.tally == {"established": 1}
    assert call.relay.state(call.access).counters.octets == 18
    assert call.relay.state(call.core).counters.octets == 20
    assert call.relay.state(call.access).source == call.ue.connection.getsockname()


async def test_the_other_direction(call: Call) -> None:
    call.edit_access(ACTIVE)
    call.edit_core(PASSIVE)
    await call.far.connect(call.to_core)
    await call.ue.accept()
    await call.passes()


async def test_both_peers_connect(call: Call) -> None:
    call.edit_access(PASSIVE)
    call.edit_core(PASSIVE)
    await call.far.connect(call.to_core)
    await call.far.send(b"early")
    await call.ue.connect(call.to_access)
    assert await call.ue.receive(5) == b"early"
    await call.passes()


async def test_both_peers_wait_until_the_command(call: Call) -> None:
    call.edit_access(ACTIVE)
    call.edit_core(ACTIVE)
    assert call.relay.connections() == 0
    call.relay.start(call.access, connect=True)
    await call.ue.accept()
    await call.far.accept()
    await call.passes()


async def test_a_syn_waits_for_the_answer(call: Call) -> None:
    """The far end connects as soon as it sends its answer, which is not here yet."""
    call.edit_access(ACTIVE)
    call.edit_core(None, remote=None)
    await call.far.connect(call.to_core)
    await call.far.send(b"early")
    call.edit_core(PASSIVE)
    await call.ue.accept()
    assert await call.ue.receive(5) == b"early"


async def test_the_command_may_come_before_the_answer(call: Call) -> None:
    call.edit_access(ACTIVE, remote=None)
    call.edit_core(ACTIVE)
    call.relay.start(call.access, connect=True)
    call.edit_access(ACTIVE)
    await call.ue.accept()
    await call.far.accept()


async def test_nobody_else_is_accepted(call: Call) -> None:
    call.edit_access(PASSIVE, latching=True, source=f"{LOOPBACK}/32")
    call.edit_core(PASSIVE)
    assert await refused(call.to_access, ELSEWHERE)
    assert await refused(call.to_core, ELSEWHERE)
    assert call.relay.tally == {"source": 2}
    await call.ue.connect(call.to_access)
    await call.far.connect(call.to_core)
    await call.passes()


async def test_a_second_connection_is_refused(call: Call) -> None:
    await call.up()
    assert await refused(call.to_access)
    assert call.relay.tally == {"established": 1, "busy": 1}
    await call.passes()


async def test_nothing_is_sent_to_where_the_ue_could_not_send_from(call: Call) -> None:
    call.edit_access(ACTIVE, latching=True, source="192.0.2.1")
    call.edit_core(PASSIVE)
    assert await refused(call.to_core)
    assert [one[:3] for one in await call.reported()] == [
        (call.access, Change.FAILED, "Remote is outside of gm/sam")
    ]


async def test_back_pressure_in_both_directions(call: Call) -> None:
    """Who does not read holds his peer up; nothing piles up here, and nothing is lost."""
    await call.up()
    for sender, receiver in ((call.ue, call.far), (call.far, call.ue)):
        sent = hashlib.sha256()
        octets = 0
        chunk = bytes(range(256)) * 1024
        while octets < 16 << 20:
            try:
                count = sender.connection.send(chunk)
            except BlockingIOError:
                for _ in range(20):
                    await asyncio.sleep(0)
                try:
                    count = sender.connection.send(chunk)
                except BlockingIOError:
                    break
            sent.update(chunk[:count])
            octets += count
        assert octets < 16 << 20  # held up
        sender.connection.setblocking(False)
        got = await receiver.receive(octets)
        assert hashlib.sha256(got).digest() == sent.digest()
    await call.passes()


async def test_a_closed_gate_holds_octets_back(call: Call) -> None:
    await call.up()
    call.edit_access(PASSIVE, may_receive=False)
    await call.ue.send(b"held")
    await call.far.send(b"not held")
    assert await call.ue.receive(8) == b"not held"
    assert call.far.silent()
    call.edit_access(PASSIVE)
    assert await call.far.receive(4) == b"held"


async def test_half_close(call: Call) -> None:
    await call.up()
    await call.ue.send(b"last words")
    call.ue.finish()
    assert await call.far.receive(100) == b"last words"
    await call.far.send(b"answer")
    assert await call.ue.receive(6) == b"answer"
    assert call.told == []
    call.far.finish()
    assert await call.ue.end() == ""
    assert [one[:3] for one in await call.reported()] == [(call.access, Change.RELEASED, "closed")]
    assert call.relay.connections() == 0
    assert call.relay.tally == {"established": 1, "closed": 1}
    assert await refused(call.to_access)


async def test_what_waits_is_sent_before_the_end(call: Call) -> None:
    await call.up()
    data = bytes(range(256)) * 4096
    sending = asyncio.ensure_future(call.ue.send(data))
    await until(lambda: call.relay.state(call.access).counters.octets > 0)
    assert await call.far.receive(len(data)) == data
    await sending
    call.ue.finish()
    assert await call.far.end() == ""


async def test_a_reset_is_passed_on(call: Call) -> None:
    await call.up()
    call.ue.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    call.ue.connection.close()
    [report] = await call.reported()
    assert (report.port, report.change, report.cause) == (
        call.access,
        Change.RELEASED,
        "Connection reset by peer",
    )
    assert await call.far.end() == "ConnectionResetError"
    assert call.relay.tally == {"established": 1, "broken": 1}


async def test_a_far_end_that_is_not_there(call: Call) -> None:
    call.edit_access(PASSIVE)
    call.far.listener.close()
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    assert [one[:3] for one in await call.reported()] == [(call.core, Change.FAILED, "Connection refused")]
    assert await call.ue.end() == "ConnectionResetError"


async def test_who_waits_for_the_other_side_is_not_late(call: Call) -> None:
    call.edit_access(ACTIVE)
    call.edit_core(PASSIVE)
    call.relay.tick(asyncio.get_running_loop().time() + 31.0)
    assert [one.port for one in await call.reported()] == [call.core]


@pytest.mark.parametrize("connected", [False, True])
async def test_who_does_not_come_in_time(call: Call, connected: bool) -> None:
    call.edit_access(PASSIVE)
    call.edit_core(PASSIVE)
    if connected:
        await call.ue.connect(call.to_access)
        await until(lambda: call.relay.connections() == 1)
    now = asyncio.get_running_loop().time()
    call.relay.tick(now + 29.0)
    assert call.told == []
    call.relay.tick(now + 31.0)
    late = call.core if connected else call.access
    assert [one[:3] for one in await call.reported()] == [(late, Change.FAILED, "no connection within 30 s")]
    if connected:
        assert await call.ue.end() == "ConnectionResetError"
    call.relay.tick(now + 1000.0)
    assert call.relay.tally == {"late": 1, "failed": 1}


async def test_time_runs_once_both_sides_are_known(call: Call) -> None:
    call.edit_access(PASSIVE)
    call.edit_core(None)
    now = asyncio.get_running_loop().time()
    call.relay.tick(now + 1000.0)
    await call.ue.connect(call.to_access)
    await until(lambda: call.relay.connections() == 1)
    call.relay.tick(now + 1000.0)
    assert call.told == []


async def test_closing_a_port_closes_both_connections(call: Call) -> None:
    await call.up()
    await call.passes()
    assert call.relay.close(call.access).octets == 18
    assert await call.ue.end() == ""
    assert await call.far.end() == ""
    assert call.relay.connections() == 0
    assert call.relay.close(call.core).octets == 20
    assert len(call.relay) == 0
    assert call.told == []
    assert await refused(call.to_access)


async def test_a_port_is_taken_until_it_is_closed(call: Call) -> None:
    with pytest.raises(OSError, match="in use"):
        call.relay.open(*call.to_access, 0)
    call.relay.close(call.access)
    call.access = call.relay.open(*call.to_access, 0)


async def test_without_a_role_nobody_is_let_in(call: Call) -> None:
    call.relay.edit(call.access, TcpLeg(None, may_send=True, may_receive=True, latching=True))
    sock = await connect(call.to_access)
    await asyncio.sleep(0)
    assert call.relay.connections() == 0
    assert call.relay.state(call.access).source is None
    sock.close()


async def test_numbers_are_never_those_of_an_engine(call: Call) -> None:
    port, _ = open_port(call.relay)
    assert {call.access, call.core, port} == {PortId(-1), PortId(-2), PortId(-3)}


async def test_a_process_without_descriptors_listens_again(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call.edit_access(PASSIVE)
    call.edit_core(ACTIVE)

    def accept(_self: socket.socket) -> tuple[socket.socket, object]:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "accept", accept)
        await call.ue.connect(call.to_access)
        await until(lambda: call.relay.tally["no_descriptor"] == 1)
    call.relay.tick(asyncio.get_running_loop().time())
    await call.far.accept()
    await call.passes()


async def test_a_port_that_was_closed_does_not_listen_again(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call.edit_access(PASSIVE)

    def accept(_self: socket.socket) -> tuple[socket.socket, object]:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "accept", accept)
        await call.ue.connect(call.to_access)
        await until(lambda: call.relay.tally["no_descriptor"] == 1)
    call.relay.close(call.access)
    call.relay.tick(asyncio.get_running_loop().time())
    assert await refused(call.to_access)
    call.access = call.relay.open(*call.to_access, 0)


async def test_ipv6() -> None:
    relay = make_relay()
    port, (address, number) = open_port(relay, "::1")
    relay.edit(port, TcpLeg(PASSIVE, remote=Endpoint("::1", 9)))
    with socket.socket(socket.AF_INET6) as sock:
        sock.connect((address, number))
        await until(lambda: relay.connections() == 1)
    relay.stop()


def test_the_loop_of_production() -> None:
    """What the other tests do on the loop of asyncio, on uvloop."""
    uvloop = pytest.importorskip("uvloop")
    lives = (
        test_an_incoming_syn_triggers_the_outgoing_one,
        test_back_pressure_in_both_directions,
        test_half_close,
        test_a_reset_is_passed_on,
        test_a_far_end_that_is_not_there,
        test_nobody_else_is_accepted,
        test_closing_a_port_closes_both_connections,
    )

    async def live(one: Callable[[Call], Awaitable[None]]) -> None:
        call = Call(make_relay())
        try:
            await one(call)
        finally:
            call.relay.stop()
            call.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for one in lives:
            runner.run(live(one))
