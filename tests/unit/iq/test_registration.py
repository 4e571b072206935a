"""Registration over real sockets: cold and warm, refusals, and what outlives neither end."""

import asyncio
from dataclasses import replace

import pytest

from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    Heartbeat,
    Reason,
    Release,
    ServiceChangeMethod,
)
from tests.support import iq_values
from tests.support.iq_ends import PATIENT, REGISTER, TIMES, Ends, registered, replied, send, transaction_of

WIPE = Action(ALL_CONTEXTS, [Release()])


@pytest.fixture
async def ends():
    async with Ends() as ends:
        yield ends


async def test_a_flap_is_warm_and_a_new_process_is_cold(ends):
    alg = await ends.alg(times=replace(PATIENT, reply=5.0))
    link, executor = ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    await send(gateway, iq_values.reserve())
    lost = asyncio.ensure_future(send(gateway, iq_values.reserve()))
    await asyncio.sleep(0)
    gateway.association.close("cable cut")
    assert (await lost).error.code == 530
    assert await alg.down() == (gateway, "cable cut")
    again, cold = await alg.up()
    assert (again is gateway, cold) == (True, False)
    assert len(executor.contexts) >= 1
    assert executor.executed.count(WIPE) == 1
    assert (await send(gateway, iq_values.configure())).error is None
    assert link.counters["registrations"] == 2

    await link.close()
    assert (await alg.down())[0] is gateway
    assert (await send(gateway, iq_values.release())).error.code == 502
    ends.agw(alg.controller.port, epoch="cd34")
    again, cold = await alg.up()
    assert (again is gateway, cold, gateway.epoch) == (True, True, "cd34")


async def test_a_fresh_controller_wipes_a_gateway_that_kept_its_contexts(ends):
    first = await ends.alg()
    port = first.controller.port
    link, executor = ends.agw(port)
    gateway, _ = await first.up()
    await send(gateway, iq_values.reserve())
    assert len(executor.contexts) == 1
    await first.controller.close()
    second = await ends.alg(port)
    _, cold = await second.up()
    assert cold
    assert executor.contexts == {}
    assert executor.executed.count(WIPE) == 2
    assert link.up


async def test_another_controller_gets_another_epoch(ends):
    primary, secondary = await ends.alg(), await ends.alg()
    port = primary.controller.port
    ends.agw(port, secondary.controller.port)
    gateway, _ = await primary.up()
    assert gateway.epoch == "ab12"
    await primary.controller.close()
    gateway, cold = await secondary.up()
    assert (gateway.epoch, cold) == ("ab1201", True)
    back = await ends.alg(port)
    gateway.association.close("cut")
    gateway, cold = await back.up()
    assert (gateway.epoch, cold) == ("ab1202", True)


async def test_a_gateway_tries_again_until_a_controller_is_there(ends):
    port, accepted = await ends.listener()
    link, _ = ends.agw(port, times=replace(TIMES, register=0.02))
    async with asyncio.timeout(5):
        for _ in range(3):
            raw = await accepted.get()
            assert "SC=ROOT" in await raw.receive()
            await raw.close()
        refusing = await accepted.get()
        number = transaction_of(await refusing.receive())
        refusing.send(f'!/1 <mgc.example> P={number}{{ER=406{{"version"}}}}')
        raw = await accepted.get()
        assert "SC=ROOT{SV{MT=RS" in await raw.receive()
    assert not link.up
    assert (await replied(lambda done: link.notify(1, Heartbeat("x"), done))).error.code == 502
    await raw.close()
    await refusing.close()


async def test_nothing_but_service_change_before_registration(ends):
    alg = await ends.alg()
    raw = await ends.raw(alg.controller.port)
    assert "P=5{C=1{N=x{ER=505" in await raw.ask("!/2 <agw> T=5{C=1{N=x{OE=1{hangterm/thb}}}}")
    assert "P=6{C=-{AV=ROOT{ER=505" in await raw.ask("!/2 <agw> T=6{C=-{AV=ROOT{AT{}}}}")
    assert "P=7{C=-{SC=ROOT{ER=505" in await raw.ask("!/2 <agw> T=7{C=-{SC=ROOT{SV{MT=GR,RE=905}}}}")
    assert "P=8{C=-{SC=ROOT{ER=406" in await raw.ask("!/1 <agw> T=8{C=-{SC=ROOT{SV{MT=RS,RE=901}}}}")
    assert "P=10{C=1{SC=ip/1{ER=505" in await raw.ask("!/2 <agw> T=10{C=1{SC=ip/1{SV{MT=FO,RE=904}}}}")
    assert alg.notifications == []
    assert alg.controller.counters["error_505"] == 4

    port, accepted = await ends.listener()
    ends.agw(port)
    async with asyncio.timeout(5):
        mgc = await accepted.get()
    assert "SC=ROOT" in await mgc.receive()
    assert "P=9{ER=505" in await mgc.ask("!/2 <mgc> T=9{C=*{W-S=*{AT{}}}}")
    assert "P=10{ER=505" in await mgc.ask("!/2 <mgc> T=10{C=1{SC=ip/1{SV{MT=FO,RE=904}}}}")
    await mgc.close()


async def test_a_connection_that_does_not_register_is_closed(ends):
    alg = await ends.alg(times=replace(TIMES, register=0.02))
    raw = await ends.raw(alg.controller.port)
    assert await raw.receive() == ""


async def test_a_second_registration_replaces_the_first(ends):
    alg = await ends.alg()
    first = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    second = await ends.raw(alg.controller.port)
    assert "SC=ROOT" in await second.ask(REGISTER.replace("MT=RS", "MT=DC"))
    assert await alg.down() == (gateway, "registers again")
    assert await first.receive() == ""
    assert await alg.up() == (gateway, False)


async def test_going_out_of_service(ends):
    alg = await ends.alg()
    link, _ = ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    graceful = ServiceChangeMethod.GRACEFUL, Reason.OUT_OF_SERVICE
    assert (await replied(lambda done: link.announce(*graceful, done))).error is None
    assert (gateway.draining, gateway.up) == (True, True)
    assert alg.draining == [gateway]
    link.announce(ServiceChangeMethod.FORCED, Reason.OUT_OF_SERVICE)
    assert await alg.down() == (gateway, "gateway is out of service")


async def test_a_gateway_that_cannot_be_wiped_does_not_come_up(ends):
    alg = await ends.alg()
    raw = await ends.raw(alg.controller.port)
    await raw.ask(REGISTER)
    number = transaction_of(await raw.receive())
    raw.send(f'!/2 <agw.ims.example> P={number}{{ER=500{{"no"}}}}')
    assert await raw.receive() == ""
    assert alg.ups.empty()


async def test_an_empty_gateway_may_answer_the_wipe_with_431(ends):
    alg = await ends.alg()
    raw = await ends.raw(alg.controller.port)
    await raw.ask(REGISTER)
    number = transaction_of(await raw.receive())
    raw.send(f"!/2 <agw.ims.example> P={number}{{C=*{{S=*{{ER=431{{}}}}}}}}")
    assert (await alg.up())[1] is True


async def test_connections_and_gateways_are_bounded(ends, monkeypatch):
    monkeypatch.setattr("iq.controller.MAX_CONNECTIONS", 2)
    monkeypatch.setattr("iq.controller.MAX_GATEWAYS", 1)
    alg = await ends.alg()
    first = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    second = await ends.raw(alg.controller.port)
    assert "ER=511" in await second.ask(REGISTER.replace("<agw.", "<other."))
    third = await ends.raw(alg.controller.port)
    assert await third.receive() == ""
    await first.close()
    await alg.down()
    assert "SV{V=2}" in await second.ask(REGISTER.replace("<agw.", "<other."))
    assert list(alg.controller.gateways) == ["<other.ims.example>"]
    assert gateway.up is False
