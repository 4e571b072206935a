"""TCP media in the middle of a session: connections that begin anew, stay, or are replaced."""

import asyncio
import socket

import pytest

from iq.procedures import Endpoint, Setup
from tests.support.media_peer import LOOPBACK, until
from tests.support.tcp_media import Call

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE


async def test_a_new_connection_after_the_end(call: Call) -> None:
    await call.up()
    call.ue.connection.close()
    call.far.connection.close()
    await call.reported()
    call.relay.start(call.access, connect=False)
    await call.ue.connect(call.to_access)
    await call.far.accept()
    await call.passes()
    call.relay.start(call.access, connect=False)  # said again: it stands
    await call.passes()


async def test_one_side_was_over_before_the_other_was_known(call: Call) -> None:
    call.ue.listener.close()
    call.edit_access(ACTIVE)
    call.relay.start(call.access, connect=True)
    assert (await call.reported())[0].port == call.access
    call.ue.listener = socket.create_server((LOOPBACK, call.ue.endpoint.port))
    call.ue.listener.setblocking(False)
    call.edit_core(PASSIVE)
    call.relay.start(call.core, connect=False)
    await call.far.connect(call.to_core)
    await call.ue.accept()
    await call.passes()


async def test_a_new_connection_in_the_place_of_one_that_stands(call: Call) -> None:
    """a=connection:new: both sides are told, one after the other."""
    await call.up()
    old = call.ue.connection, call.far.connection
    for port in (call.access, call.core):
        call.relay.start(port, connect=True)
    for sock in old:
        assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
        sock.close()
    await call.far.accept()
    await call.ue.connect(call.to_access)
    await call.passes()
    assert call.told == []


async def test_the_command_does_not_drop_who_came_early(call: Call) -> None:
    call.edit_access(PASSIVE)
    call.edit_core(ACTIVE, remote=None)
    await call.ue.connect(call.to_access)
    await call.ue.send(b"early")
    await until(lambda: call.relay.connections() == 1)
    call.edit_core(ACTIVE)
    for port in (call.access, call.core):
        call.relay.start(port, connect=True)
    await call.far.accept()
    assert await call.far.receive(5) == b"early"


async def test_the_same_leg_again_keeps_the_connection(call: Call) -> None:
    await call.up()
    call.edit_access(PASSIVE)
    call.edit_core(ACTIVE)
    call.edit_access(PASSIVE, remote=Endpoint(LOOPBACK, 9))  # an active peer's port says nothing
    await call.passes()


@pytest.mark.parametrize("change", ["remote", "role"])
async def test_another_leg_replaces_the_connection(call: Call, change: str) -> None:
    await call.up()
    old = call.ue.connection, call.far.connection
    if change == "remote":
        call.far.listener.close()
        call.far.listener = socket.create_server((LOOPBACK, 0))
        call.far.listener.setblocking(False)
        call.far.endpoint = Endpoint(LOOPBACK, call.far.listener.getsockname()[1])
        call.edit_core(ACTIVE)
        await call.ue.connect(call.to_access)
        await call.far.accept()
    else:
        call.edit_core(PASSIVE)
        await call.ue.connect(call.to_access)
        await call.far.connect(call.to_core)
    await call.passes()
    assert call.told == []
    for sock in old:
        assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
        sock.close()


async def test_a_role_that_changes_before_the_far_end_is_there(call: Call) -> None:
    """Early octets of the UE are not lost by it."""
    call.edit_access(PASSIVE)
    call.edit_core(PASSIVE)
    await call.ue.connect(call.to_access)
    await call.ue.send(b"early")
    await until(lambda: call.relay.connections() == 1)
    call.edit_core(ACTIVE)
    await call.far.accept()
    assert await call.far.receive(5) == b"early"
