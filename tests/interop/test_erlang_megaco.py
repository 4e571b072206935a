"""Every message that we write can be read by Erlang/OTP's megaco codec, and says there what it should."""

import pytest

from iq.errors import IqError
from iq.h248 import codec
from iq.procedures import ActionReply
from tests.support import iq_values
from tests.support.megaco import decode_all
from tests.support.programs import need

pytestmark = pytest.mark.interop


@pytest.fixture(autouse=True)
def _erlang() -> None:
    need("erl")


MID = "<pcscf.ims.example>:2944"


def everything() -> dict[str, bytes]:
    pairs = [*iq_values.call(), *iq_values.management(), *iq_values.rare(), *iq_values.connections()]
    pairs += iq_values.secured()
    messages = {}
    for number, (action, reply) in enumerate(pairs, start=1):
        messages[f"request {number}"] = codec.encode_request(MID, number, action)
        messages[f"reply {number}"] = codec.encode_reply(MID, number, [action], [reply])
        failed = ActionReply(reply.context, [], IqError(430, 'Unknown TerminationID "x"'))
        messages[f"error in command {number}"] = codec.encode_reply(MID, number, [action], [failed])
    action, reply = iq_values.reserve(), iq_values.reserved()
    reply.replies.pop()
    reply.error = IqError(510, "Insufficient resources")
    messages["second Add failed"] = codec.encode_reply(MID, 60, [action], [reply])
    messages["no context"] = codec.encode_reply(MID, 61, [action], [ActionReply(None, [], reply.error)])
    unknown = ActionReply(999, [], IqError(411, "unknown ContextID"))
    messages["context error"] = codec.encode_reply(MID, 62, [action], [unknown])
    messages["asks for an ack"] = codec.encode_reply(MID, 63, [action], [iq_values.reserved()], ack=True)
    messages["refusal"] = codec.encode_refusal(MID, 64, IqError(505, "Transaction before ServiceChange"))
    messages["refusal in version 1"] = codec.encode_refusal(MID, 64, IqError(406, "version"), 1)
    messages["pending"] = codec.encode_pending("[192.0.2.7]:2944", 65)
    messages["ack"] = codec.encode_ack("[2001:db8::7]:2944", 66)
    messages["message error"] = codec.encode_error(MID, IqError(400, "Syntax error in message"))
    return messages


async def test_compact_decoder_reads_all():
    messages = everything()
    terms = dict(zip(messages, decode_all(list(messages.values())), strict=True))
    assert "addReq" in terms["request 1"]
    assert "subtractReq" in terms["request 3"]
    assert "restart" in terms["request 4"]
    assert '"threegimsagw",1' in terms["request 4"]  # megaco reads over the X- parameters
    assert "auditValueReply" in terms["reply 6"]
    assert "notifyReq" in terms["request 10"]
    assert all(part in terms["request 13"] for part in ("serviceChangeReq", "forced", "904"))
    assert """'ObservedEvent',"tcpbcc/bncchange",2,""" in terms["request 15"]  # of stream 2
    assert """'ObservedEvent',"xsrtp/authfail",3,""" in terms["request 17"]
    assert """'PropertyParm',"a",["setup:active"]""" in terms["request 23"]
    assert "tcpbcc/estbnc" in terms["request 24"]
    assert """["fingerprint:sha-256 $"]""" in terms["request 25"]
    assert "fingerprint:sha-256 64:65:66:" in terms["reply 25"]
    assert "tlsbsc/estbnc" in terms["request 26"]
    assert """'ObservedEvent',"tlsbsc/bncchange",1,""" in terms["request 27"]
    assert "510" in terms["second Add failed"]
    assert "transactionPending" in terms["pending"]


async def test_a_text_that_is_wrong_is_told():
    with pytest.raises(AssertionError, match="1 of 2 messages refused"):
        decode_all([codec.encode_pending(MID, 1), b"!/2 <a.b> T=1{C=1{A=}}"])
