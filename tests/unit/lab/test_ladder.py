"""The ladder: every message on its leg, no key material."""

from pathlib import Path

from rich.console import Console

from lab.ladder import Ladder
from lab.srtp import SdesKey
from lab.trace import Trace

GOLDEN = Path(__file__).parents[2] / "golden" / "lab" / "ladder.txt"
CRYPTO = SdesKey("AES_CM_128_HMAC_SHA1_80", bytes(range(30)), 1)
SECURE = f"m=audio 4 RTP/SAVP 8\r\na=crypto:{CRYPTO.crypto()}\r\na=3ge2ae:requested\r\n"
PLAIN = "m=audio 6 RTP/AVP 8\r\n"
CALLER, CALLEE = ("alice", "1"), ("bob", "2")


def message(start: str, method: str, call_id: str, frm: tuple[str, str], branch: str, sdp: str = "") -> bytes:
    body = f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{sdp}" if sdp else ""
    kind = "Content-Type: application/sdp\r\n" if sdp else ""
    start = f"SIP/2.0 {start}" if start[0].isdigit() else f"{start} sip:x@ims.example SIP/2.0"
    via = f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}\r\n"
    head = f"From: <sip:{frm[0]}@ims.example>;tag={frm[1]}\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
    return f"{start}\r\n{via}{head}{kind}\r\n{body}".encode()


def pass_on(
    trace: Trace, nodes: str, start: str, method: str, call: str, frm: tuple[str, str], *sdp: str
) -> None:
    """Record one message as it passes ``nodes``; sdp: on the first leg, in the core, on the last leg."""
    first, core, last = sdp or ("", "", "")
    names = nodes.split()
    trace.record(names[0], True, message(start, method, call, frm, f"{start}a", first))
    if "core" in names:
        trace.record("core", False, message(start, method, call, frm, f"{start}b", core))
        trace.record("core", True, message(start, method, call, frm, f"{start}c", core))
    if len(names) == 3:
        trace.record(names[2], False, message(start, method, call, frm, f"{start}d", last))


def recorded() -> Trace:
    trace = Trace()
    bob = ("bob", "9")
    pass_on(trace, "bob core", "REGISTER", "REGISTER", "r", bob)
    challenge = message("401 Unauthorized", "REGISTER", "r", bob, "y")
    challenge = challenge.replace(b"CSeq", b"Security-Server: sdes-srtp;mediasec\r\nCSeq")
    trace.record("bob", False, challenge)
    trace.record("bob", False, message("401 Unauthorized", "REGISTER", "r", bob, "x"))
    pass_on(trace, "alice core bob", "INVITE", "INVITE", "c", CALLER, SECURE, PLAIN, SECURE)
    trace.record("alice", True, message("INVITE", "INVITE", "c", CALLER, "INVITEa", SECURE))
    pass_on(trace, "bob core alice", "183 Progress", "INVITE", "c", CALLER, SECURE, PLAIN, SECURE)
    pass_on(trace, "bob core alice", "200 OK", "INVITE", "c", CALLER, SECURE, PLAIN, SECURE)
    pass_on(trace, "alice core bob", "ACK", "ACK", "c", CALLER)
    pass_on(trace, "bob core alice", "BYE", "BYE", "c", CALLEE)
    pass_on(trace, "alice core bob", "200 OK", "BYE", "c", CALLEE)
    pass_on(trace, "bob core alice", "INVITE", "INVITE", "d", bob, PLAIN, PLAIN, PLAIN)
    pass_on(trace, "alice core bob", "488 Not Acceptable Here", "INVITE", "d", bob)
    trace.record("alice", True, b"\r\n\r\n")
    for n, event in enumerate(trace.events):
        event.at = 100 + n / 1000
    return trace


def drawn(trace: Trace, ladder: Ladder) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(ladder.render(trace.events))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def test_ladder_as_drawn() -> None:
    assert drawn(recorded(), Ladder("alice", "bob")) == GOLDEN.read_text(encoding="utf-8")


def test_every_leg_of_a_call_is_an_arrow_the_right_way() -> None:
    rows = Ladder("alice", "bob").rows(e for e in recorded().events if e.call_id == "c" and not e.repeated)
    arrows = [(row.start, row.end) for row in rows]
    forth, back = [(0, 1), (1, 2), (2, 3), (3, 4)], [(4, 3), (3, 2), (2, 1), (1, 0)]
    assert arrows == forth + back + back + forth + back + forth


def test_without_an_edge_the_core_stands_in_the_middle() -> None:
    rows = Ladder("alice", "bob", edge=None).rows(e for e in recorded().events if e.call_id == "c")
    assert {(row.start, row.end) for row in rows} == {(0, 1), (1, 0), (1, 2), (2, 1)}


def test_no_key_material() -> None:
    trace = recorded()
    texts = drawn(trace, Ladder("alice", "bob")) + repr(trace.events)
    assert CRYPTO.inline not in texts
    assert CRYPTO.inline[:12] not in texts
    assert "inline" not in texts
