"""Mutated messages in the middle of calls: nothing raises, nobody gets two final answers, no key gets out."""

import json
from dataclasses import fields

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.message import Request, parse
from tests.support.calls import ends
from tests.support.ladder import KEY, OTHER_KEY, callee_leg, caller_leg, plain, secure
from tests.support.stage import Stage

#: What is put in the place of a header's value, or of a piece of a message.
VALUES = [
    b"",
    b"<",
    b"<<<:::>>>",
    b"*",
    b"\xff\xfe",
    b"sip:",
    b"<sip:d-1@203.0.113.1:5060;lr>",
    b"<sip:198.51.100.1:5061;lr>, <sip:198.51.100.1:5061;lr>",
    b"<tel:+1>",
    b"<urn:service:sos>",
    b"<sip:x@[::1]:99999>",
    b"4294967296 INVITE",
    b"1 BYE",
    b"-1",
    b"application/sdp;" + b"x" * 300,
    b"multipart/mixed; boundary=\xff",
    b"gzip",
    b'"unbalanced',
    b";tag=",
    b"SIP/2.0/UDP 0:0;branch=z9hG4bK",
    b"%00%0d%0a",
    b"a" * 3000,
]
PIECES = [
    b"RTP/SAVP",
    b"m=",
    b"a=crypto:",
    b"inline:",
    b"IN IP4",
    b"\r\n",
    b"sip:",
    b"tag=",
    b"branch=",
    b"\x00",
    b"v=0",
    b"0",
]

header_change = st.tuples(st.just("header"), st.integers(0, 40), st.sampled_from(VALUES))
drop_change = st.tuples(st.just("drop"), st.integers(0, 40), st.just(b""))
double_change = st.tuples(st.just("double"), st.integers(0, 40), st.just(b""))
piece_change = st.tuples(
    st.just("piece"), st.integers(0, len(PIECES) - 1), st.sampled_from([*VALUES, *PIECES])
)
octet_change = st.tuples(st.just("octet"), st.integers(0, 1500), st.binary(min_size=1, max_size=2))
changes = st.lists(
    st.one_of(header_change, drop_change, double_change, piece_change, octet_change), min_size=1, max_size=3
)


def mutated(data: bytes, how: list[tuple[str, int, bytes]]) -> bytes:
    """Change a message; Content-Length follows, or else every change of a body would end as 400."""
    for kind, at, value in how:
        head, gap, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        index = 1 + at % max(1, len(lines) - 1)
        if kind == "header" and index < len(lines):
            lines[index] = lines[index].partition(b":")[0] + b": " + value
        elif kind == "drop" and index < len(lines):
            del lines[index]
        elif kind == "double" and index < len(lines):
            lines.insert(index, lines[index])
        data = b"\r\n".join(lines) + gap + body
        if kind == "piece":
            data = data.replace(PIECES[at], value)
        elif kind == "octet":
            data = data[:at] + value + data[at + len(value) :]
    head, gap, body = data.partition(b"\r\n\r\n")
    lines = [
        b"Content-Length: %d" % len(body) if line.lower().startswith(b"content-length") else line
        for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + gap + body


class Attack:
    """A call in which the message of one step is changed."""

    def __init__(self, originating: bool, step: int, how: list[tuple[str, int, bytes]]) -> None:
        self.stage = Stage()
        self.between = ends(self.stage, originating=originating)
        self.step = step
        self.how = how
        self.numbered = 0
        self.clean = self.between.caller.send
        for end in (self.between.caller, self.between.callee):
            end.send = self._sender(end.send)  # type: ignore[method-assign]

    def _sender(self, send):
        def changed(message) -> None:
            self.numbered += 1
            data = message.encode()
            if self.numbered == self.step:
                data = mutated(data, self.how)
            try:
                send(data)
            except BadMessage:
                return  # the transport drops what is no message

        return changed

    def play(self) -> None:
        between = self.between
        sent = between.invite()
        came = self._next(between.callee, "INVITE")
        if came is None:
            return
        between.callee.answer(came, 183, between.answer, "RSeq: 1")
        between.callee.answer(came, 200, between.answer)
        ok = self._last(between.caller, b"SIP/2.0 200")
        if ok is None:
            return
        try:
            caller, callee = caller_leg(between.caller, sent, ok), callee_leg(between.callee, came)
        except (IndexError, SipRefusal):
            return
        caller.send("ACK", cseq=1)
        sdp = [secure(version=2), plain(version=2)]
        caller.send("INVITE", sdp[not between.originating])
        again = self._next(between.callee, "INVITE")
        if again is not None:
            between.callee.answer(again, 200, sdp[between.originating])
            caller.send("ACK", cseq=2)
        callee.send("UPDATE", sdp[between.originating])
        update = self._next(between.caller, "UPDATE")
        if update is not None:
            between.caller.answer(update, 200, sdp[not between.originating])
        caller.send("BYE")
        bye = self._next(between.callee, "BYE")
        if bye is not None:
            between.callee.answer(bye, 200)

    def _next(self, end, method: str) -> Request | None:
        found = self._last(end, method.encode())
        return found if isinstance(found, Request) else None

    def _last(self, end, start: bytes):
        found = [data for data in end.flow.sent if data.startswith(start)]
        end.flow.sent.clear()
        return parse(found[-1]) if found else None


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.booleans(), st.integers(1, 12), changes)
def test_a_changed_message(originating: bool, step: int, how: list[tuple[str, int, bytes]]) -> None:
    attack = Attack(originating, step, how)
    stage = attack.stage
    attack.play()
    stage.run(1.0)
    stage.apply(stage.proxy.release_all(stage.now))
    stage.settle()
    stage.run(200.0)
    for server in stage.servers:
        statuses = stage.finals[id(server)]
        assert len(statuses) <= 1 or (server.method == "INVITE" and set(statuses) == {200}), statuses
    assert stage.contexts() == 0
    assert len(stage.proxy.calls) == 0
    stage.run(70.0)
    assert len(stage.layer) == 0
    said = repr([stage.reports, *(dict(getattr(stage.counters, f.name)) for f in fields(stage.counters))])
    assert KEY not in said
    assert OTHER_KEY not in said
    assert "inline:" not in said
    json.dumps([report.fields for report in stage.reports])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.booleans(), st.integers(0, 4), changes, st.booleans())
def test_a_stray_message(
    originating: bool, which: int, how: list[tuple[str, int, bytes]], core: bool
) -> None:
    """Messages of a call that is over, changed, from either side."""
    stage = Stage()
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    response = between.callee.answer(came, 486)
    between.callee.request("ACK")
    between.caller.response(486)
    leg = callee_leg(between.callee, came)
    leg.send("BYE")
    messages = [sent, came, response, leg.sent[0], leg.send("ACK", plain(), cseq=1)]
    end = between.core if core else between.ue
    for _ in range(2):
        try:
            end.send(mutated(messages[which].encode(), how))
        except BadMessage:
            break
    stage.apply(stage.proxy.release_all(stage.now))
    stage.settle()
    stage.run(270.0)
    assert stage.contexts() == 0
    assert len(stage.layer) == 0
