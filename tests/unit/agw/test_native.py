"""agw.engine.native: what its adapter adds to the contract: errors, clocks, breakdowns, several workers."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from agw.engine.api import Datagram, EngineError, Failure, Leg, PortId, Rollover, Transform
from iq.procedures import Endpoint
from tests.support import engines
from tests.support.media_peer import LOOPBACK, TIMEOUT, Relay, crypto, plain_call, rtp

CM = "AES_CM_128_HMAC_SHA1_80"
NO_PORT = PortId(99)
DTLS = b"\x16\xfe\xfd" + bytes(40)


@pytest.fixture
def kind() -> str:
    return "native"


async def test_an_error_of_the_operating_system_is_an_oserror(relay: Relay) -> None:
    with pytest.raises(OSError, match=r"^\[Errno 98\] Address already in use$") as caught:
        relay.engine.open(LOOPBACK, relay.to_access[1], 0)
    assert caught.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError, match="Cannot assign requested address") as caught:
        relay.engine.open("192.0.2.1", 20000, 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL
    for address, port in (("no address", 20000), (LOOPBACK, 65535), (LOOPBACK, 65536)):
        with pytest.raises(OSError, match=r"not an IP address|port out of range|invalid input"):
            relay.engine.open(address, port, 0)


async def test_a_port_that_is_not_open_is_a_keyerror(relay: Relay) -> None:
    engine = relay.engine
    calls: list[Callable[[], object]] = [
        lambda: engine.edit(NO_PORT, Leg()),
        lambda: engine.join(relay.access, NO_PORT),
        lambda: engine.join(NO_PORT, relay.access),
        lambda: engine.relatch(NO_PORT),
        lambda: engine.close(NO_PORT),
        lambda: engine.state(NO_PORT),
        lambda: engine.rollovers(NO_PORT),
        lambda: engine.set_rollover(NO_PORT, Rollover(1, True, 0)),
    ]
    for call in calls:
        with pytest.raises(KeyError):
            call()
    engine.send([Datagram(NO_PORT, ("127.0.0.1", 9), b"lost")])
    assert engine.close(relay.access).packets == 0
    with pytest.raises(KeyError):
        engine.state(relay.access)


async def test_what_cannot_be_sent_is_lost(relay: Relay) -> None:
    nowhere = [("no address", 9), (LOOPBACK, 65536), ("::1", 9), ("255.255.255.255", 9)]
    relay.engine.send(Datagram(relay.access, address, b"lost") for address in nowhere)
    relay.engine.send([Datagram(relay.access, relay.ue.rtp.getsockname(), b"sent")])
    assert await relay.ue.receive() == b"sent"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"send": crypto("AEAD_AES_256_GCM", 1)}, id="another suite's key"),
        pytest.param({"receive": crypto(CM, 1, mki=(1, 129))}, id="MKI"),
        pytest.param({"remote": Endpoint("host.example", 9)}, id="name"),
        pytest.param({"remote": Endpoint(LOOPBACK, 65536)}, id="port"),
        pytest.param({"source": "127.0.0.0/33"}, id="prefix"),
    ],
)
async def test_an_impossible_leg_lets_nothing_pass(relay: Relay, wrong: dict[str, object]) -> None:
    plain_call(relay)
    leg = Leg(Transform.SRTP, crypto(CM, 1), crypto(CM, 1), True, True, relay.ue.endpoint)
    for name, value in wrong.items():
        setattr(leg, name, value)
    if leg.send is not None:
        leg.send.suite = CM
    with pytest.raises(EngineError) as caught:
        relay.engine.edit(relay.access, leg)
    assert "\\x" not in repr(caught.value)
    relay.engine.commit()
    relay.from_ue(rtp(1))
    assert sum((await relay.drops(1)).values()) == 1
    assert relay.far.pending() == []


@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_either_loop_keeps_its_time_and_wakes_for_it(
    kind: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def receive() -> None:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        engine = engines.make(kind)
        engine.watch(told.set)
        relay = Relay(engine)
        plain_call(relay, hand_over=True)
        before = loop.time()
        relay.from_ue(rtp(1))
        relay.from_ue(DTLS)
        async with asyncio.timeout(TIMEOUT):
            await told.wait()
        at = engine.state(relay.access).last_activity
        assert at is not None
        await asyncio.sleep(0)  # uvloop's time stands still within a turn, and counts milliseconds
        assert before <= at <= loop.time() + 0.001
        assert [one.data for one in engine.drain()] == [DTLS]
        relay.close()
        engine.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(receive())


async def test_a_breakdown_ends_one_stream_and_is_told(
    relay: Relay, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = relay.engine
    told = asyncio.Event()
    engine.watch(told.set)
    plain_call(relay)
    with contextlib.closing(Relay(engine)) as other:
        plain_call(other)
        engine.break_at_next_packet(relay.access)
        relay.from_ue(rtp(1, b"secret"))
        async with asyncio.timeout(TIMEOUT):
            await told.wait()
        (failure,) = engine.failures()
        assert isinstance(failure, Failure)
        assert failure.port == relay.access
        assert failure.text
        assert engine.failures() == []
        other.from_ue(rtp(1))
        assert await other.far.receive() == rtp(1)
        relay.from_far(rtp(1))
        relay.from_ue(rtp(2))
        other.from_ue(rtp(2))
        assert await other.far.receive() == rtp(2)
        assert relay.ue.pending() == relay.far.pending() == []
        engine.close(relay.access)
        engine.close(relay.core)
    assert "secret" not in "".join(capfd.readouterr())


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


async def test_workers_are_threads_that_end(kind: str) -> None:
    before = threads()
    engine = engines.make(kind, workers=3)
    assert threads() == before + 3
    assert engine.abilities.workers == 3
    relays = [Relay(engine) for _ in range(6)]
    for relay in relays:
        plain_call(relay)
    for relay in relays:
        relay.from_ue(rtp(1))
        assert await relay.far.receive() == rtp(1)
        relay.from_far(rtp(2))
        assert await relay.ue.receive() == rtp(2)
        relay.close()
    engine.stop()
    assert threads() == before


def test_the_module_prints_no_key() -> None:
    engines.require_native()
    from agw.engine import _native

    engine = _native.Engine(1, 128, 64)
    port = engine.open(LOOPBACK, free_even(), 0)
    key = bytes(range(1, 31))
    arguments = (True, True, None, None, False, None, False, False, False, None, None)
    for suite, octets, mki in ((CM, key[:-1], 0), ("nonsense", key, 0), (CM, key, 1000)):
        with pytest.raises(ValueError, match="cannot be done") as caught:
            engine.edit(port, "srtp", (suite, octets, mki), None, *arguments)
        assert all(text not in repr(caught.value) for text in (octets.hex(), repr(octets)[2:-1]))
    for crypto_argument in ((CM, list(key), 0), (CM, key, -1), (CM, key.hex(), 0)):
        with pytest.raises((TypeError, OverflowError)) as wrong:
            engine.edit(port, "srtp", crypto_argument, None, *arguments)
        assert all(text not in repr(wrong.value) for text in (key.hex(), str(list(key))))
    engine.stop()


def free_even() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1]) & ~1
