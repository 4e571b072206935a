"""Ends of MSRP without RFC 6714: they compare whole URIs with those of their SDP (RFC 4975 6.1, 7.3)."""

import itertools
import re
from dataclasses import dataclass
from typing import Protocol

BODY = bytes(range(256)) * 20 + b"\r\n-------\r\n"
_RANGE = re.compile(r"(\d+)-(\d+)/(\d+)")
_NUMBERS = itertools.count(1)


class Connected(Protocol):
    """``tests.support.tcp_media.End``, in the clear or under TLS."""

    async def send(self, data: bytes) -> None: ...

    async def receive(self, octets: int) -> bytes: ...


@dataclass
class Message:
    """what: method, or status with its phrase. headers: as written, in their order."""

    number: str
    what: str
    headers: dict[str, str]
    body: bytes
    flag: str


@dataclass
class Strict:
    """An end. own: the path of its SDP; far: that of the SDP that it got."""

    end: Connected
    own: str
    far: str

    async def say(self, what: str, number: str, flag: str = "$", body: bytes = b"", **headers: str) -> None:
        lines = [f"MSRP {number} {what}", f"To-Path: {self.far}", f"From-Path: {self.own}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        octets = "\r\n".join([*lines, ""]).encode()
        if body:
            octets += b"Content-Type: application/octet-stream\r\n\r\n" + body + b"\r\n"
        await self.end.send(octets + f"-------{number}{flag}\r\n".encode())

    async def hear(self) -> Message:
        """One message whole; its body is as long as its Byte-Range says."""
        _, number, what = (await self._line()).split(" ", 2)
        headers: dict[str, str] = {}
        body, line = b"", await self._line()
        while line and not line.startswith("-------"):
            name, _, headers[name] = line.partition(": ")
            line = await self._line()
        if not line:
            found = _RANGE.fullmatch(headers["Byte-Range"])
            assert found is not None
            body = await self.end.receive(int(found[2]) - int(found[1]) + 1)
            assert await self._line() == ""
            line = await self._line()
        assert line[:-1] == f"-------{number}"
        assert list(headers)[:2] == ["To-Path", "From-Path"]
        assert headers["To-Path"] == self.own, "481"
        assert headers["From-Path"] == self.far
        return Message(number, what, headers, body, line[-1])

    async def _line(self) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            octet = await self.end.receive(1)
            assert octet
            line += octet
        return line[:-2].decode()


async def converse(one: Strict, other: Strict) -> None:
    """A message in three chunks, each answered, and the report on it (RFC 4975 7.1.1, 7.1.2)."""
    name, heard, at = f"m{next(_NUMBERS)}", b"", 0
    for chunk in (BODY[:1000], BODY[1000:5000], BODY[5000:]):
        number, behind = f"tid{next(_NUMBERS)}", at + len(chunk)
        await one.say(
            "SEND",
            number,
            "$" if behind == len(BODY) else "+",
            chunk,
            Message_ID=name,
            Byte_Range=f"{at + 1}-{behind}/{len(BODY)}",
            Success_Report="yes",
        )
        sent = await other.hear()
        assert (sent.number, sent.what) == (number, "SEND")
        assert sent.headers["Message-ID"] == name
        heard += sent.body
        await other.say("200 OK", number)
        answered = await one.hear()
        assert (answered.number, answered.what) == (number, "200 OK")
        at = behind
    assert heard == BODY
    assert sent.flag == "$"
    told = {"Message_ID": name, "Byte_Range": f"1-{len(BODY)}/{len(BODY)}", "Status": "000 200 OK"}
    await other.say("REPORT", f"tid{next(_NUMBERS)}", **told)
    report = await one.hear()
    assert report.what == "REPORT"
    assert list(report.headers.values())[2:] == list(told.values())
