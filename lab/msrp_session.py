"""One MSRP session (RFC 4975 5, 7): chunks and their responses, reports, and messages put together. No IO."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lab.errors import LabError
from lab.msrp import BadMessage, Message, Range, Uri, chunks

#: Most octets of one message, of messages that come in pieces at once, and of our own without an answer.
MAX_CONTENT = 16 << 20
MAX_OPEN = 16
MAX_PENDING = 100_000


@dataclass(slots=True)
class Sent:
    """One message of ours: chunks without a response, and whether the peer reported it whole."""

    waiting: int = 0
    reported: bool = False
    all_sent: bool = False


@dataclass(slots=True)
class Counts:
    """In messages. confirmed: ours that the peer answered and reported; refused: what it complained of.

    chunks: that came.
    """

    sent: int = 0
    received: int = 0
    confirmed: int = 0
    refused: int = 0
    chunks: int = 0


@dataclass(slots=True)
class MsrpSession:
    """own: where this end takes messages; peer: set before the first message. types: content that is taken.

    strict: whole URIs are compared (RFC 4975 7.3), else their session-ids alone, since who passes octets
    unread cannot have put its address there (RFC 6714 5). received: gets Message-ID, Content-Type and content
    of each message that is whole; bound: both ends know whose connection it is.
    """

    own: Uri
    types: tuple[str, ...]
    received: Callable[[str, str, bytes], None]
    peer: Uri | None = None
    strict: bool = False
    bound: bool = False
    counts: Counts = field(default_factory=Counts)
    _transactions: dict[str, str] = field(default_factory=dict)
    _sent: dict[str, Sent] = field(default_factory=dict)
    _open: dict[str, bytearray] = field(default_factory=dict)

    def hello(self) -> bytes:
        """Return the SEND without content by which who connected says for whom (RFC 4975 5.4)."""
        fields = {"Message-ID": secrets.token_hex(8), "Byte-Range": "1-0/0"}
        self.bound = True
        return self._request("SEND", fields).encode()

    def send(self, name: str, content_type: str, content: bytes) -> Iterator[bytes]:
        """Yield the chunks of a message; ``name`` is its Message-ID. Raises LabError: too much unanswered."""
        sent = self._sent[name] = Sent()
        self.counts.sent += 1
        for part, piece, flag in chunks(content):
            if len(self._transactions) >= MAX_PENDING:
                raise LabError("the peer answers nothing")
            fields = {
                "Message-ID": name,
                "Success-Report": "yes",
                "Byte-Range": str(part),
                "Content-Type": content_type,
            }
            request = self._request("SEND", fields)
            request.body, request.flag = piece, flag
            self._transactions[request.transaction] = name
            sent.waiting += 1
            sent.all_sent = flag == "$"
            yield request.encode()

    def take(self, message: Message) -> list[bytes]:
        """Take what came and return what is to be sent for it."""
        if message.status:
            self._answered(message)
            return []
        if message.method == "REPORT":
            self._reported(message)
            return []
        status = self._status(message)
        if status == 200 and message.method == "SEND":
            status, replies = self._chunk(message)
        else:
            replies = []
        if message.fields.get("failure-report", "yes") == "no":
            return replies
        answer = Message(message.transaction, message.from_path, str(self.own), status=status)
        return [answer.encode(), *replies]

    def _status(self, message: Message) -> int:
        """Judge the head of a request (RFC 4975 7.3)."""
        try:
            to, sender = Uri.parse(message.to_path), Uri.parse(message.from_path)
        except BadMessage:
            return 400
        if self.peer is None or not self._same(to, self.own) or not self._same(sender, self.peer):
            return 481
        if message.method != "SEND":
            return 501
        kind = message.fields.get("content-type", "").partition(";")[0].strip().lower()
        if message.body is not None and kind not in self.types:
            return 415
        self.bound = True
        return 200

    def _same(self, one: Uri, other: Uri) -> bool:
        return one == other if self.strict else one.session == other.session

    def _chunk(self, message: Message) -> tuple[int, list[bytes]]:
        """Add a chunk to its message; return the status, and the report where it is whole."""
        if message.body is None:
            return 200, []
        name = message.fields.get("message-id", "")
        try:
            part = Range.parse(message.fields.get("byte-range", "1-*/*"))
        except BadMessage:
            return 400, []
        self.counts.chunks += 1
        whole = self._open.setdefault(name, bytearray())
        end = part.first - 1 + len(message.body)
        wrong = not name or part.first != len(whole) + 1 or part.last not in (None, end)
        if message.flag == "#" or wrong:
            del self._open[name]
            return (400 if wrong else 200), []
        if len(self._open) > MAX_OPEN or end > MAX_CONTENT:
            del self._open[name]
            return 413, []
        whole += message.body
        if message.flag == "+":
            return 200, []
        del self._open[name]
        if part.total not in (None, end):
            return 400, []
        self.counts.received += 1
        content_type = message.fields.get("content-type", "").partition(";")[0].strip().lower()
        self.received(name, content_type, bytes(whole))
        if message.fields.get("success-report") != "yes":
            return 200, []
        fields = {"Message-ID": name, "Byte-Range": f"1-{end}/{end}", "Status": "000 200 OK"}
        return 200, [self._request("REPORT", fields).encode()]

    def _answered(self, message: Message) -> None:
        name = self._transactions.pop(message.transaction, None)
        if name is None:
            return
        if message.status != 200:
            self.counts.refused += 1
            return
        self._sent[name].waiting -= 1
        self._confirm(name)

    def _reported(self, message: Message) -> None:
        name = message.fields.get("message-id", "")
        if name not in self._sent:
            return
        if message.fields.get("status", "").split(" ")[:2] != ["000", "200"]:
            self.counts.refused += 1
            return
        self._sent[name].reported = True
        self._confirm(name)

    def _confirm(self, name: str) -> None:
        sent = self._sent[name]
        if sent.all_sent and sent.reported and not sent.waiting:
            del self._sent[name]
            self.counts.confirmed += 1

    def _request(self, method: str, fields: dict[str, str]) -> Message:
        return Message(secrets.token_hex(8), str(self.peer), str(self.own), method, fields=fields)
