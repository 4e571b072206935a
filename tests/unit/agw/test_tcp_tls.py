"""TLS that ends at the relay of TCP media, over loopback: who comes in, what passes, how it ends."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

import pytest
from OpenSSL import SSL

from agw.tcp.connection import READ_OCTETS
from agw.tcp.side import Side
from iq.procedures import Change, SecurityCause, Setup
from tests.support.media_peer import open_descriptors, until
from tests.support.tcp_media import connect, make_relay, refused
from tests.support.tls_ends import ITS, MINE, NOBODY, sha256
from tests.support.tls_media import SecureEnd, TlsCall

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE
METHODS = pytest.mark.parametrize("method", [SSL.TLSv1_2_METHOD, SSL.TLS_METHOD], ids=["1.2", "1.3"])
CLIENTS = pytest.mark.parametrize("client", [True, False], ids=["UE is client", "UE is server"])
MEBI = 1 << 20


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., TlsCall]]:
    """Makes calls; nothing of them is left open afterwards."""
    before = open_descriptors()
    calls: list[TlsCall] = []

    def one(*, method: int = SSL.TLS_METHOD, client: bool = True, **limits: float) -> TlsCall:
        calls.append(TlsCall(make_relay(**limits), SecureEnd(method=method), client=client))
        return calls[-1]

    yield one
    for call in calls:
        call.relay.stop()
        call.close()
        assert call.relay._common.securing == {}
        assert call.relay._common.session.__self__._handshakes.going == 0
    assert open_descriptors() == before


@pytest.fixture
async def call(make: Callable[..., TlsCall]) -> TlsCall:
    return make()


def told(call: TlsCall) -> list[tuple[object, ...]]:
    return [(one.port, one.change, one.security) for one in call.told]


@METHODS
@CLIENTS
async def test_a_ue_that_connects(make: Callable[..., TlsCall], method: int, client: bool) -> None:
    call = make(method=method, client=client)
    await call.up()
    assert call.ue.sees == MINE.fingerprint("sha-256")
    await call.passes()
    assert call.relay.tally == {"tls": 1, "established": 1}
    assert call.relay.state(call.access).counters.octets == 18
    assert call.relay.state(call.core).counters.octets == 20


@METHODS
@CLIENTS
async def test_a_ue_that_waits(make: Callable[..., TlsCall], method: int, client: bool) -> None:
    call = make(method=method, client=client)
    call.secured(ACTIVE)
    call.edit_core(PASSIVE)
    await call.far.connect(call.to_core)
    await call.far.send(b"early")
    await call.ue.accept()
    await call.ue.secure()
    assert await call.ue.receive(5) == b"early"
    await call.passes()


async def test_nothing_goes_on_before_the_peer_has_proved_itself(call: TlsCall) -> None:
    call.secured(PASSIVE)
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    call.ue.peer.handshake()
    await call.ue._flush()
    await call.ue._more()  # the gateway has answered
    assert call.relay.connections() == 0
    assert await refused(call.to_access)  # there is somebody
    await call.ue.secure()
    await call.far.accept()


async def test_what_comes_with_the_handshake_waits_for_the_far_end(call: TlsCall) -> None:
    call.secured(PASSIVE)
    call.edit_core(PASSIVE)
    await call.ue.connect(call.to_access)
    connection = call.ue.peer.connection
    while not call.ue.peer.handshake():
        await call.ue._flush()
        await call.ue._more()
    connection.sendall(b"early")  # leaves with the last flight
    connection.shutdown()
    await call.ue._flush()
    await until(lambda: call.relay.connections() == 1)
    await call.far.connect(call.to_core)
    assert await call.far.receive(100) == b"early"
    await call.far.send(b"answer")
    assert await call.ue.receive(6) == b"answer"


@METHODS
@CLIENTS
async def test_another_certificate(make: Callable[..., TlsCall], method: int, client: bool) -> None:
    call = make(method=method, client=client)
    call.expected = (NOBODY,)
    call.secured(PASSIVE)
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    with pytest.raises((SSL.Error, ConnectionError)):
        await call.ue.speak(b"nothing of this passes")
    await call.reported()
    assert told(call) == [(call.access, Change.FAILED, SecurityCause.FINGERPRINT)]
    assert call.far.sock is None
    assert call.relay.tally == {"tls_failed": 1, "failed": 1}
    assert await refused(call.to_access)


async def test_another_certificate_ends_what_waits_in_the_core(call: TlsCall) -> None:
    call.expected = (NOBODY,)
    call.secured(PASSIVE)
    call.edit_core(PASSIVE)
    await call.far.connect(call.to_core)
    await call.far.send(b"for nobody")
    await call.ue.connect(call.to_access)
    with pytest.raises((SSL.Error, ConnectionError)):
        await call.ue.speak(b"nothing of this passes")
    assert await call.far.end() == "ConnectionResetError"
    assert told(call) == [(call.access, Change.FAILED, SecurityCause.FINGERPRINT)]


async def test_a_syn_waits_for_the_fingerprint(call: TlsCall) -> None:
    expected, call.expected = call.expected, ()
    call.secured(PASSIVE)
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    assert call.relay.tally == {}
    call.expected = expected
    call.secured(PASSIVE)
    await call.ue.secure()
    await call.far.accept()
    await call.passes()


async def test_plain_octets_are_refused(call: TlsCall) -> None:
    call.secured(PASSIVE)
    call.edit_core(ACTIVE)
    sock = await connect(call.to_access)
    with sock:
        await asyncio.get_running_loop().sock_sendall(sock, b"MSRP a786hjs2 SEND\r\n" * 10)
        await call.reported()
    assert told(call) == [(call.access, Change.FAILED, SecurityCause.PROTOCOL)]
    assert call.far.sock is None


@pytest.mark.parametrize("how", ["silent", "half", "gone"])
async def test_a_handshake_that_does_not_end(make: Callable[..., TlsCall], how: str) -> None:
    call = make(seconds=5.0)
    call.secured(PASSIVE)
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    if how != "silent":
        call.ue.peer.handshake()
        await call.ue._flush()
        await call.ue._more()
    if how == "gone":
        call.ue.connection.close()
        await call.reported()
    await until(lambda: bool(call.told) or bool(call.relay._common.securing))
    call.relay.tick(asyncio.get_running_loop().time() + 5.0)
    await call.reported()
    cause = SecurityCause.CLOSED if how == "gone" else SecurityCause.TIMEOUT
    assert told(call) == [(call.access, Change.FAILED, cause)]


async def test_too_many_handshakes(make: Callable[..., TlsCall]) -> None:
    call = make(most=0)
    call.secured(PASSIVE)
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    await call.reported()
    assert told(call) == [(call.access, Change.FAILED, SecurityCause.OVERLOAD)]


@METHODS
@pytest.mark.parametrize("gate", [True, False], ids=["no reader", "closed gate"])
async def test_back_pressure_in_both_directions(
    make: Callable[..., TlsCall], method: int, gate: bool
) -> None:
    """Who does not read holds his peer up; nothing piles up here, and nothing is lost."""
    call = make(method=method)
    await call.up()
    if not gate:
        call.secured(PASSIVE, may_send=False, may_receive=False)
    for sender, receiver in ((call.ue, call.far), (call.far, call.ue)):
        sent, octets = hashlib.sha256(), 0
        chunk = bytes(range(256)) * 256
        flowing = asyncio.ensure_future(sender.send(chunk))
        while octets < 8 * MEBI:
            done, _ = await asyncio.wait({flowing}, timeout=0.2)
            if not done:
                break
            sent.update(chunk)
            octets += len(chunk)
            flowing = asyncio.ensure_future(sender.send(chunk))
        assert octets < 8 * MEBI  # held up
        sides: list[Side] = list(call.relay._sides.values())
        for side in sides:
            assert side.connection is not None
            waits = len(side.connection.waiting) + len(getattr(side.connection, "_clear", b""))
            assert waits <= 2 * READ_OCTETS
        if not gate:
            call.secured(PASSIVE)
        sent.update(chunk)
        got = await receiver.receive(octets + len(chunk))
        await flowing
        assert hashlib.sha256(got).digest() == sent.digest()
        if not gate:
            call.secured(PASSIVE, may_send=False, may_receive=False)
    call.secured(PASSIVE)
    await call.passes()


@METHODS
async def test_the_last_word_of_the_ue(make: Callable[..., TlsCall], method: int) -> None:
    call = make(method=method)
    await call.up()
    await call.ue.send(b"last words")
    await call.ue.last_word()
    assert await call.far.receive(100) == b"last words"
    await call.far.send(b"answer")
    call.far.finish()
    assert await call.ue.receive(100) == b"answer"
    assert await asyncio.get_running_loop().sock_recv(call.ue.connection, 1) == b""  # TCP goes with TLS
    await call.reported()
    assert told(call) == [(call.access, Change.RELEASED, None)]
    assert call.relay.tally == {"tls": 1, "established": 1, "closed": 1}


@METHODS
async def test_the_last_word_of_the_far_end(make: Callable[..., TlsCall], method: int) -> None:
    call = make(method=method)
    await call.up()
    await call.far.send(b"last words")
    call.far.finish()
    assert await call.ue.receive(100) == b"last words"
    await call.ue.send(b"answer")
    await call.ue.last_word()
    assert await call.far.receive(100) == b"answer"
    await call.reported()
    assert told(call) == [(call.core, Change.RELEASED, None)]


async def test_a_connection_that_ends_without_a_last_word(call: TlsCall) -> None:
    await call.up()
    await call.ue.send(b"cut off")
    call.ue.finish()
    assert await call.far.receive(100) == b"cut off"
    assert call.relay.tally["tls_truncated"] == 1


async def test_a_reset(call: TlsCall) -> None:
    await call.up()
    call.far.connection.setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")
    call.far.connection.close()
    await call.reported()
    assert told(call) == [(call.core, Change.RELEASED, None)]


async def test_a_broken_record_ends_the_stream(call: TlsCall) -> None:
    await call.up()
    await asyncio.get_running_loop().sock_sendall(call.ue.connection, b"\x17\x03\x03\x00\x20" + bytes(32))
    await call.reported()
    assert told(call) == [(call.access, Change.RELEASED, SecurityCause.PROTOCOL)]
    assert await call.far.end() == "ConnectionResetError"


async def test_the_same_again_leaves_the_session_alone(call: TlsCall) -> None:
    await call.up()
    call.secured(PASSIVE)
    await call.passes()
    assert call.relay.tally == {"tls": 1, "established": 1}


async def test_another_fingerprint_begins_anew(call: TlsCall) -> None:
    await call.up()
    before, call.ue = call.ue, SecureEnd()
    call.expected = (NOBODY, *sha256(ITS))
    call.secured(PASSIVE)
    assert await before.receive(1) == b""
    assert await call.far.end() == ""
    call.far.connection.close()
    await call.ue.connect(call.to_access)
    await call.ue.secure()
    await call.far.accept()
    await call.passes()
    assert call.told == []
    before.close()


async def test_a_release_says_a_last_word(call: TlsCall) -> None:
    await call.up()
    await call.passes()
    call.relay.close(call.access)
    assert await call.ue.receive(1) == b""


async def test_tls_on_both_sides(call: TlsCall) -> None:
    """Each side has its own; what passes between them is in the clear in the gateway alone."""
    far, call.far = call.far, SecureEnd(client=False)
    far.close()
    call.secured(PASSIVE)
    access = call.relay._sides[call.access].leg
    assert access.security is not None
    call.edit_core(ACTIVE, security=type(access.security)(MINE, sha256(ITS), client=True))
    await call.ue.connect(call.to_access)
    await call.ue.secure()
    await call.far.accept()
    await call.far.secure()
    await call.passes()


async def test_a_new_connection_in_the_place_of_one_that_stands(call: TlsCall) -> None:
    """a=connection:new: TLS is set up anew, with the certificate of before."""
    await call.up()
    old, call.ue = call.ue, SecureEnd()
    for port in (call.access, call.core):
        call.relay.start(port, connect=True)
    assert await old.receive(1) == b""
    assert await call.far.end() == ""
    call.far.connection.close()
    await call.far.accept()
    await call.ue.connect(call.to_access)
    await call.ue.secure()
    await call.passes()
    assert call.ue.sees == old.sees
    assert call.told == []
    old.close()


async def test_a_handshake_in_vain_may_be_tried_again(call: TlsCall) -> None:
    call.expected = (NOBODY,)
    call.secured(PASSIVE)
    call.edit_core(ACTIVE)
    await call.ue.connect(call.to_access)
    with pytest.raises((SSL.Error, ConnectionError)):
        await call.ue.speak(b"nothing of this passes")
    await call.reported()
    first, call.ue = call.ue, SecureEnd()
    call.expected = sha256(ITS)
    call.secured(PASSIVE)
    call.relay.start(call.access, connect=False)
    await call.ue.connect(call.to_access)
    await call.ue.secure()
    await call.far.accept()
    await call.passes()
    first.close()
