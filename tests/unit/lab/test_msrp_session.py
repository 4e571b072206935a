"""A session of MSRP: what is put together, answered, reported and refused."""

from dataclasses import dataclass, field

import pytest

from lab import msrp_session
from lab.errors import LabError
from lab.msrp import Message, Reader, Uri
from lab.msrp_session import MsrpSession

ALICE, BOB = Uri(True, "192.0.2.2", 9, "alice"), Uri(True, "192.0.2.1", 2855, "bob")


@dataclass
class End:
    own: Uri
    peer: Uri
    got: list[tuple[str, str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = MsrpSession(
            self.own, ("text/plain",), lambda *message: self.got.append(message), self.peer
        )
        self.reader = Reader()

    def take(self, octets: bytes) -> list[bytes]:
        return [back for message in self.reader.feed(octets) for back in self.session.take(message)]


def ends() -> tuple[End, End]:
    return End(ALICE, BOB), End(BOB, ALICE)


def test_a_message_in_chunks_is_answered_and_reported() -> None:
    alice, bob = ends()
    content = b"x" * 5000
    for chunk in alice.session.send("id01", "text/plain", content):
        for back in bob.take(chunk):
            assert alice.take(back) == []
    assert bob.got == [("id01", "text/plain", content)]
    assert (bob.session.counts.received, bob.session.counts.chunks) == (1, 3)
    assert (alice.session.counts.sent, alice.session.counts.confirmed) == (1, 1)


@pytest.mark.parametrize("lost", ["response", "report"])
def test_half_a_confirmation_is_none(lost: str) -> None:
    alice, bob = ends()
    (chunk,) = alice.session.send("id01", "text/plain", b"x")
    answer, report = bob.take(chunk)
    alice.take(report if lost == "response" else answer)
    assert alice.session.counts.confirmed == 0


def test_who_connects_says_for_whom() -> None:
    alice, bob = ends()
    assert not bob.session.bound
    (answer,) = bob.take(alice.session.hello())
    assert alice.session.bound
    assert bob.session.bound
    assert alice.take(answer) == bob.got == []
    assert b" 200 OK" in answer


def request(body: bytes | None = b"x", method: str = "SEND", flag: str = "$", **changes: str) -> Message:
    fields = {"Message-ID": "id01", "Byte-Range": "1-1/1", "Content-Type": "text/plain"}
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    return Message("t1t2", str(BOB), str(ALICE), method, fields=fields, body=body, flag=flag)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (request(), 200),
        (request(flag="#"), 200),
        (request(Content_Type="image/png"), 415),
        (request(Byte_Range="7-7/7"), 400),
        (request(Byte_Range="1-2/2"), 400),
        (request(Byte_Range="1-*/9"), 400),
        (request(Byte_Range="x"), 400),
        (request(Message_ID=""), 400),
        (request(method="AUTH"), 501),
        (Message("t1t2", str(ALICE), str(BOB), "SEND"), 481),
        (Message("t1t2", str(BOB), "msrps://192.0.2.2:9/Alice;tcp", "SEND"), 481),
        (Message("t1t2", "nonsense", str(ALICE), "SEND"), 400),
        (Message("t1t2", "msrp://198.51.100.1:1/bob;tcp", str(ALICE), "SEND"), 200),
    ],
)
def test_responses(message: Message, status: int) -> None:
    _, bob = ends()
    answer = bob.take(message.encode())[0]
    assert answer.startswith(f"MSRP t1t2 {status} ".encode())
    assert len(bob.got) == (message == request())


@pytest.mark.parametrize(
    ("to", "sender", "status"),
    [
        (str(BOB), str(ALICE), 200),
        (str(BOB).upper().replace("BOB", "bob"), str(ALICE), 200),
        ("msrps://198.51.100.1:2855/bob;tcp", str(ALICE), 481),
        (str(BOB).replace("msrps", "msrp"), str(ALICE), 481),
        (str(BOB), "msrps://192.0.2.2:10/alice;tcp", 481),
    ],
)
def test_who_is_strict_compares_whole_uris(to: str, sender: str, status: int) -> None:
    _, bob = ends()
    bob.session.strict = True
    assert f" {status} ".encode() in bob.take(Message("t1t2", to, sender, "SEND").encode())[0]


def test_nobody_answers_who_asks_for_silence() -> None:
    _, bob = ends()
    assert bob.take(request(Failure_Report="no").encode()) == []
    assert len(bob.got) == 1


def test_what_is_open_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msrp_session, "MAX_CONTENT", 10)
    _, bob = ends()
    for number in range(msrp_session.MAX_OPEN):
        assert (
            b" 200 " in bob.take(request(Message_ID=f"m{number}", Byte_Range="1-1/9", flag="+").encode())[0]
        )
    assert b" 413 " in bob.take(request(Message_ID="more", Byte_Range="1-1/9", flag="+").encode())[0]
    assert b" 413 " in bob.take(request(b"x" * 10, Message_ID="m0", Byte_Range="2-11/*").encode())[0]
    assert bob.got == []


def test_own_messages_without_an_answer_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msrp_session, "MAX_PENDING", 2)
    alice, _ = ends()
    with pytest.raises(LabError, match="answers nothing"):
        list(alice.session.send("id01", "text/plain", b"x" * 9000))


def test_complaints_are_counted() -> None:
    alice, _ = ends()
    (chunk,) = alice.session.send("id01", "text/plain", b"x")
    transaction = Reader().feed(chunk)[0].transaction
    alice.take(Message(transaction, str(ALICE), str(BOB), status=413).encode())
    report = {"Message-ID": "id01", "Byte-Range": "1-1/1", "Status": "000 408 Timeout"}
    alice.take(Message("r1r2", str(ALICE), str(BOB), "REPORT", fields=report).encode())
    stray = Message("zzzz", str(ALICE), str(BOB), status=200), Message("zzzz", str(ALICE), str(BOB), "REPORT")
    for message in stray:
        assert alice.take(message.encode()) == []
    assert (alice.session.counts.refused, alice.session.counts.confirmed) == (2, 0)
