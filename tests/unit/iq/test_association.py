"""Controller and gateway over real sockets: actions, notifications, silence, garbage."""

import asyncio
from dataclasses import replace
from typing import get_args

import pytest

from iq.association import _ANSWERS
from iq.errors import IqError
from iq.h248 import codec
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    ActionReply,
    Audited,
    AuthenticationFailures,
    BearerChange,
    Change,
    Done,
    Heartbeat,
    MediaInactivity,
    OutOfService,
    Procedure,
    Reason,
    Release,
    Reserve,
    Stream,
)
from tests.support import iq_values
from tests.support.iq_ends import PATIENT, TIMES, Ends, registered, replied, send, transaction_of

WIPE = Action(ALL_CONTEXTS, [Release()])


@pytest.fixture
async def ends():
    async with Ends() as ends:
        yield ends


async def test_a_gateway_registers_and_serves_a_call(ends):
    alg = await ends.alg()
    link, executor = ends.agw(alg.controller.port)
    gateway, cold = await alg.up()
    assert cold
    assert (gateway.mid, gateway.epoch, gateway.up) == ("<agw.ims.example>", "ab12", True)
    assert gateway.suites == {"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"}
    assert gateway.mechanisms == {"sdes-srtp", "msrp-tls"}
    assert gateway.aware == {"msrp"}
    assert executor.executed == [WIPE]
    assert link.up
    assert link.controller == "<pcscf.ims.example>"

    reply = await send(gateway, iq_values.reserve())
    assert reply.error is None
    assert [stream.local.port for answer in reply.replies for stream in answer.streams] == [20002, 20003]
    assert executor.contexts == {1: ["ip/0/access/2", "ip/0/core/3"]}
    modify = iq_values.configure()
    modify.context = reply.context
    assert (await send(gateway, modify)).error is None
    assert (await send(gateway, Action(reply.context, [Release()]))).error is None
    assert executor.contexts == {}
    assert alg.controller.counters["messages_in"] == 5
    assert link.counters["error_505"] == 0


async def test_many_actions_each_get_their_own_reply(ends):
    alg = await ends.alg()
    ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    reserve = Action(None, [Reserve("core", [Stream()], 60)])
    replies = await asyncio.gather(*(send(gateway, reserve) for _ in range(200)))
    assert len({reply.context for reply in replies}) == 200


async def test_a_notification_and_its_refusal(ends):
    alg = await ends.alg()
    link, _ = ends.agw(alg.controller.port)
    await alg.up()
    reply = await replied(lambda done: link.notify(812, Heartbeat("ip/0/access/1"), done))
    assert (reply.context, reply.error) == (812, None)
    assert alg.notifications == [(812, Heartbeat("ip/0/access/1"))]

    def unknown(context: int, procedure: object) -> ActionReply:
        raise IqError(435, "termination is not in this context")

    alg.answer = unknown
    reply = await replied(lambda done: link.notify(5, MediaInactivity("ip/0/access/1"), done))
    assert reply.error.code == 435


@pytest.mark.parametrize(
    "event",
    [
        BearerChange("ip/0/access/1", 1, Change.RELEASED, "closed"),
        AuthenticationFailures("ip/0/access/1", 1, 128),
    ],
)
async def test_every_notification_has_its_answer(ends, event):
    alg = await ends.alg()
    link, _ = ends.agw(alg.controller.port)
    await alg.up()
    reply = await replied(lambda done: link.notify(812, event, done))
    assert reply == ActionReply(812, [Done("ip/0/access/1")])
    assert alg.notifications == [(812, event)]


async def test_a_termination_out_of_service(ends):
    alg = await ends.alg()
    link, _ = ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    report = OutOfService("ip/0/access/1", Reason.MALFUNCTIONING)
    reply = await replied(lambda done: link.notify(812, report, done))
    assert reply == ActionReply(812, [Done("ip/0/access/1")])
    assert alg.notifications == [(812, report)]
    assert (gateway.up, gateway.draining) == (True, False)
    # It is no command of the controller.
    assert (await send(gateway, Action(812, [report]))).error.code == 443


@pytest.mark.parametrize(
    ("context", "command", "answer"),
    [
        pytest.param("-", "SC=ip/1{SV{MT=FO,RE=904}}", "C=-{SC=ip/1{ER=443", id="null context"),
        pytest.param("$", "SC=ip/1{SV{MT=FO,RE=904}}", "C=${SC=ip/1{ER=443", id="context to choose"),
        pytest.param("1", "SC=ip/1{SV{MT=FO,RE=999}}", "ER=449", id="unknown reason"),
        pytest.param("1", "SC=ip/1{SV{MT=FO,RE=901}}", "ER=449", id="reason of a gateway"),
        pytest.param("1", "SC=ip/1{SV{MT=Fly,RE=904}}", "ER=449", id="unknown method"),
        pytest.param("1", "SC=ip/1{SV{MT=GR,RE=904}}", "ER=449", id="method of a gateway"),
        pytest.param("1", "SC=ip/1{SV{RE=904}}", "ER=472", id="no method"),
    ],
)
async def test_a_service_change_that_says_nothing_of_a_call(ends, context, command, answer):
    alg = await ends.alg()
    raw = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    assert answer in await raw.ask(f"!/2 <agw.ims.example> T=9{{C={context}{{{command}}}}}")
    assert alg.notifications == []
    assert (gateway.up, gateway.draining) == (True, False)


async def test_a_silent_gateway_is_noticed_and_its_requests_end(ends):
    alg = await ends.alg(times=replace(TIMES, reply=60.0))
    raw = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    reply = asyncio.ensure_future(send(gateway, iq_values.reserve()))
    assert await alg.down() == (gateway, "silent for 3 audits")
    assert (await reply).error.code == 530
    assert not gateway.up
    texts = []
    while text := await raw.receive():
        texts.append(text)
    assert "A=ip/0/access/$" in texts[0]
    assert 1 <= len(texts) - 1 <= 3
    assert all("C=-{AV=ROOT{AT{}}}" in text for text in texts[1:])


async def test_an_idle_gateway_stays_up_by_its_answers_to_audits(ends):
    alg = await ends.alg(times=TIMES)
    raw = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    for _ in range(6):
        number = transaction_of(await raw.receive(), "C=-{AV=ROOT")
        raw.send(f"!/2 <agw.ims.example> P={number}{{C=-{{AV=ROOT}}}}")
    assert gateway.up
    assert alg.downs.empty()
    assert alg.controller.counters["audits"] >= 6


async def test_a_standstill_of_the_controller_is_no_loss(ends):
    alg = await ends.alg(times=replace(TIMES, tick=60.0))  # the test is the clock
    ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    association = gateway.association
    association.heard -= 100.0
    alg.controller._supervise(association, asyncio.get_running_loop().time())
    assert gateway.up
    assert (await send(gateway, iq_values.release())).error is None


async def test_a_silent_controller_is_noticed(ends):
    port, accepted = await ends.listener()
    link, _ = ends.agw(port, times=TIMES)
    async with asyncio.timeout(5):
        first = await accepted.get()
        number = transaction_of(await first.receive(), "C=-{SC=ROOT{SV{MT=RS")
        first.send(f"!/1 <mgc.example> P={number}{{C=-{{SC=ROOT{{SV{{V=2}}}}}}}}")
        second = await accepted.get()
        assert "SC=ROOT{SV{MT=DC" in await second.receive()
    assert await first.receive() == ""
    assert link.counters["losses"] == 1
    await first.close()
    await second.close()


async def test_garbage_in_a_frame_is_answered_and_the_association_lives(ends):
    alg = await ends.alg()
    raw = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    assert "\nER=400{" in await raw.ask("hello")
    assert 'P=9{ER=442{"' in await raw.ask("!/2 <agw.ims.example> T=9{C=1{A=x{M{")
    assert "P=10{ER=443{" in await raw.ask("!/2 <agw.ims.example> T=10{C=1{Fly=x}}")
    assert "ER=413" in await raw.ask("!/2 <agw.ims.example> " + "PN=1{}" * 11)
    assert "P=11{C=1{S=*{ER=443" in await raw.ask("!/2 <agw.ims.example> T=11{C=1{W-S=*{AT{}}}}")
    raw.send('!/2 <agw.ims.example> ER=400{"yours"}')
    assert "N=x" in await raw.ask("!/2 <agw.ims.example> T=12{C=1{N=x{OE=1{hangterm/thb}}}}")
    assert gateway.up
    assert alg.controller.counters["error_400"] == 2
    raw.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await alg.down())[1].startswith("bad frame")
    assert await raw.receive() == ""


async def test_a_repeated_notification_is_executed_once(ends):
    alg = await ends.alg()
    raw = await registered(ends, alg.controller.port)
    await alg.up()
    text = "!/2 <agw.ims.example> T=9{C=1{N=x{OE=1{hangterm/thb}}}}"
    first = await raw.ask(text)
    assert await raw.ask(text) == first
    assert len(alg.notifications) == 1
    raw.send("!/2 <agw.ims.example> K{9}")
    await raw.ask(text)
    assert len(alg.notifications) == 2


async def test_pending_and_acknowledgement(ends):
    alg = await ends.alg()
    raw = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    reply = asyncio.ensure_future(send(gateway, iq_values.release()))
    number = transaction_of(await raw.receive())
    raw.send(f"!/2 <agw.ims.example> PN={number}{{}}")
    raw.send(f"!/2 <agw.ims.example> P={number}{{IA,C=812{{S=*}}}}")
    assert (await reply).error is None
    assert f"K{{{number}}}" in await raw.receive()
    endless = asyncio.ensure_future(send(gateway, iq_values.release()))
    number = transaction_of(await raw.receive())
    for _ in range(11):
        raw.send(f"!/2 <agw.ims.example> PN={number}{{}}")
    assert (await endless).error.code == 506


async def test_a_late_reply_to_an_add_is_released(ends):
    alg = await ends.alg(times=replace(PATIENT, reply=0.02))
    raw = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    reply = await send(gateway, iq_values.reserve())
    assert (reply.error.code, reply.error.text) == (530, "no reply in time")
    number = transaction_of(await raw.receive())
    text = codec.encode_reply("<agw.ims.example>", int(number), [iq_values.reserve()], [iq_values.reserved()])
    assert "C=812{W-S=*{AT{}}}" in await raw.ask(text.decode())
    assert alg.controller.counters["timeouts"] >= 1
    assert alg.controller.counters["late_replies"] == 1


async def test_a_reply_to_something_else_is_an_error(ends):
    alg = await ends.alg()
    raw = await registered(ends, alg.controller.port)
    gateway, _ = await alg.up()
    for body in ("C=1{S=*}", "C=1{A=x,A=y,A=z}", "C=-{AV=ROOT}"):
        reply = asyncio.ensure_future(send(gateway, iq_values.reserve()))
        number = transaction_of(await raw.receive())
        raw.send(f"!/2 <agw.ims.example> P={number}{{{body}}}")
        assert (await reply).error.code == 500


async def test_what_the_executor_raises_is_an_error_reply(ends):
    alg = await ends.alg()
    link, executor = ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    assert (await send(gateway, Action(1, [Heartbeat("x")]))).error.code == 443

    def fails(_: Action) -> ActionReply:
        raise KeyError("a fault")

    link._execute = fails
    assert (await send(gateway, iq_values.release())).error.code == 500

    def refuses(_: Action) -> ActionReply:
        raise IqError(510, "no ports")

    link._execute = refuses
    assert (await send(gateway, iq_values.reserve())).error.code == 510
    link._execute = executor.execute
    assert (await send(gateway, iq_values.reserve())).error is None


async def test_a_fault_in_one_callback_does_not_end_the_others(ends):
    alg = await ends.alg()
    ends.agw(alg.controller.port)
    gateway, _ = await alg.up()

    def fault(_: ActionReply) -> None:
        raise KeyError("a fault")

    gateway.send(iq_values.release(), fault)
    other = asyncio.ensure_future(send(gateway, iq_values.release()))
    await asyncio.sleep(0)
    gateway.association.close("cut")
    assert (await other).error.code == 530
    assert (await alg.down())[1] == "cut"


async def test_what_cannot_be_written_is_refused_without_being_sent(ends):
    alg = await ends.alg()
    _, executor = ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    bad = Action(None, [Reserve("core", [Stream(formats="0\r\na=x")], 60)])
    assert (await send(gateway, bad)).error.code == 474
    assert executor.executed == [WIPE]


async def test_an_audit_of_everything_comes_in_pages(ends):
    alg = await ends.alg()
    _, executor = ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    empty = await replied(gateway.audit)
    assert empty.replies == [Audited({})]
    executor.contexts = {n: [f"ip/0/access/{2 * n}", f"ip/0/core/{2 * n + 1}"] for n in range(1, 3000)}
    reply = await replied(gateway.audit)
    assert reply.error is None
    [audited] = reply.replies
    assert {n: sorted(names) for n, names in audited.contexts.items()} == executor.contexts
    assert sum(1 for action in executor.executed if action.context == ALL_CONTEXTS) == 13


async def test_an_audit_of_a_lost_gateway_ends(ends):
    alg = await ends.alg()
    ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    reply = asyncio.ensure_future(replied(gateway.audit))
    await asyncio.sleep(0)
    gateway.association.close("cut")
    assert (await reply).error.code == 530


async def test_nothing_is_left_when_both_ends_close(ends):
    alg = await ends.alg()
    link, _ = ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    waiting = asyncio.ensure_future(send(gateway, iq_values.release()))
    await asyncio.sleep(0)
    await alg.controller.close()
    assert (await waiting).error.code in (None, 530)
    await link.close()
    assert not link.up
    assert alg.controller._associations == {}


async def test_a_peer_that_does_not_read_is_lost(ends):
    alg = await ends.alg()
    ends.agw(alg.controller.port)
    gateway, _ = await alg.up()
    gateway.association.pause_writing()  # what the transport calls above MAX_WRITE_BUFFER
    assert await alg.down() == (gateway, "peer does not read")


def test_every_procedure_has_its_answer():
    assert set(_ANSWERS) == set(get_args(Procedure))
