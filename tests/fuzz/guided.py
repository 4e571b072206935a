"""What the parsers have to keep whatever they are fed: functions of octets, for tests and for a fuzzer.

    PYTHONPATH=. python tests/fuzz/guided.py sip -max_total_time=600 CORPUS...

fuzzes with coverage as its guide (libFuzzer's options) where atheris is installed; the tests do not need it.
"""

import contextlib
import importlib
import sys

from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.errors import BadMessage, SipRefusal
from pcscf.flow import Side
from pcscf.registration.contacts import requested
from pcscf.registration.security_agreement import parse_entries
from pcscf.sdp.body import find_sdp
from pcscf.sdp.model import Sdp
from pcscf.sip.build import response_to
from pcscf.sip.framing import StreamReader, from_datagram
from pcscf.sip.headers import NameAddr, Via, cseq_of, tag_of
from pcscf.sip.message import Message, Request, parse, split_values
from pcscf.sip.uri import SipUri, same_uri
from pcscf.sip.validate import validate, validate_response
from pcscf.transaction.effects import Send
from pcscf.transaction.layer import TransactionLayer
from tests.support.media import Gateway, Random, profile, step
from tests.support.sip import ACCESS, RecordedFlow

#: What a step of the proxy reads of a message, by name.
ADDRESSES = ("from", "to", "contact", "route", "record-route", "path", "p-preferred-identity", "refer-to")


def sip(data: bytes) -> None:
    """One datagram, and the same octets as a stream: refused or read, and then written as they were."""
    with contextlib.suppress(BadMessage, SipRefusal):
        message = from_datagram(data)
        if message is not None:
            assert parse(message.encode()).encode() == message.encode()
            _look_into(message)
            _answer(message)
    reader, cut = StreamReader(), len(data) // 2
    by_halves = [one.encode() for half in (data[:cut], data[cut:]) for one in reader.feed(half)]
    assert by_halves == [one.encode() for one in StreamReader().feed(data)]


def _look_into(message: Message) -> None:
    for key in ADDRESSES:
        for value in message.values(key):
            with contextlib.suppress(SipRefusal):
                uri = SipUri.parse(NameAddr.parse(value).uri)
                assert same_uri(uri, SipUri.parse(str(uri)))
        tag_of(message.get(key))
    for value in message.values("via"):
        with contextlib.suppress(SipRefusal):
            assert str(Via.parse(str(Via.parse(value)))) == str(Via.parse(value))
    for key in ("security-client", "security-verify"):
        with contextlib.suppress(SipRefusal):
            parse_entries(message, key)
    for value in message.all("supported"):
        assert all(split_values(value))
    if isinstance(message, Request):
        with contextlib.suppress(SipRefusal):
            requested(message)
    with contextlib.suppress(SipRefusal):
        find_sdp(message.get("content-type"), message.body)


def _answer(message: Message) -> None:
    """What is valid can be answered; what is not the transaction layer refuses."""
    layer = TransactionLayer()
    if not isinstance(message, Request):
        validate_response(message)  # type: ignore[arg-type]
        assert layer.receive(message, RecordedFlow(ACCESS), 0.0) == []  # type: ignore[arg-type]
        return
    for effect in layer.receive(message.copy(), RecordedFlow(ACCESS), 0.0):
        if isinstance(effect, Send):
            parse(effect.data)
    assert len(layer) <= 1
    validate(message)
    cseq_of(message)
    parse(response_to(message, 400, to_tag="t").encode())


def sdp(data: bytes) -> None:
    """One description: refused, or read and written as it was, and every attribute can be looked up."""
    with contextlib.suppress(SipRefusal):
        description = Sdp.parse(data)
        again = Sdp.parse(description.encode())
        assert again.encode() == description.encode()
        assert len(again.media) == len(description.media)
    _negotiate(data)


def _negotiate(data: bytes) -> None:
    for side in Side:
        with contextlib.suppress(SipRefusal):
            session = MediaSession(MediaPolicy(), profile("sdes-srtp"), Random())
            step(session, Gateway(), session.plan_offer(data, side))


TARGETS = {"sip": sip, "sdp": sdp}


def main(arguments: list[str]) -> None:
    atheris = importlib.import_module("atheris")
    target = TARGETS[arguments[1]]
    atheris.instrument_all()
    atheris.Setup([arguments[0], *arguments[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
