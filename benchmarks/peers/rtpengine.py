"""rtpengine in userspace (no kernel module, as in a container), and its ng control protocol."""

import itertools
import os
import re
import resource
import socket
import time
from typing import Any

from benchmarks.errors import BenchmarkFailed
from benchmarks.processes import Group, free_port

#: Where it opens its media ports.
ACCESS, CORE = "127.0.0.12", "127.0.0.13"

Value = int | str | bytes | list["Value"] | dict[str, "Value"]


class RtpEngine:
    """One thread for media; ``ng`` is its control port."""

    def __init__(self, group: Group) -> None:
        self.ng = free_port()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # it takes four sockets a call
        config = group.directory / "rtpengine.conf"
        config.write_text("[rtpengine]\n", encoding="ascii")
        self.child = group.start(
            "rtpengine",
            "rtpengine", "--foreground", "--log-stderr", "--log-level=2", f"--config-file={config}",
            "--table=-1", "--num-threads=1", "--media-num-threads=1",
            f"--interface=ue/{ACCESS}", f"--interface=core/{CORE}", f"--listen-ng=127.0.0.1:{self.ng}",
            "--port-min=10000", "--port-max=65000",
            "--timeout=3600", "--silent-timeout=3600", "--delete-delay=0",
        )  # fmt: skip
        Ng(self.ng).wait()


class Ng:
    """A client of the ng protocol: bencoded commands over UDP."""

    def __init__(self, port: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.settimeout(3)
        self._sock.connect(("127.0.0.1", port))
        prefix = os.urandom(6).hex()  # rtpengine answers a cookie that it knows from its memory
        self._cookies = (f"{prefix}_{n}".encode() for n in itertools.count())

    def wait(self) -> None:
        """Wait till it answers. Raises BenchmarkFailed."""
        self._sock.settimeout(0.2)
        for _ in range(200):
            try:
                self.command(command="ping")
            except OSError:
                time.sleep(0.1)
                continue
            self._sock.settimeout(3)
            return
        raise BenchmarkFailed("rtpengine does not answer")

    def command(self, **fields: Value) -> dict[str, Any]:
        """Send one command (``_`` in names stands for ``-``); return the answer. Raises OSError."""
        cookie = next(self._cookies)
        self._sock.send(cookie + b" " + _encode({k.replace("_", "-"): v for k, v in fields.items()}))
        while True:
            answer, _, body = self._sock.recv(65_536).partition(b" ")
            if answer == cookie:
                decoded: dict[str, Any] = _decode(body)[0]
                return decoded

    def call(self, number: int, offer: str, answer: str) -> tuple[str, str]:
        """Set a call up, UE to core; return the SDP for the core and the one for the UE."""
        return self.offer(number, offer), self.answer(number, answer)

    def offer(self, number: int, sdp: str, **more: Value) -> str:
        """Take a UE's offer; return the SDP for the core. Raises BenchmarkFailed."""
        return self._describe(
            "offer", number, sdp=sdp, transport_protocol="RTP/AVP", direction=["ue", "core"], **more
        )

    def answer(self, number: int, sdp: str) -> str:
        """Take the core's answer; return the SDP for the UE. Raises BenchmarkFailed."""
        return self._describe("answer", number, sdp=sdp, to_tag=f"t{number}", direction=["core", "ue"])

    def delete(self, number: int) -> None:
        self.command(command="delete", call_id=f"{os.getpid()}-{number}", from_tag=f"f{number}")

    def _describe(self, command: str, number: int, **fields: Value) -> str:
        answered = self.command(
            command=command,
            call_id=f"{os.getpid()}-{number}",
            from_tag=f"f{number}",
            ICE="remove",
            replace=["origin", "session-connection"],
            **fields,
        )
        if "sdp" not in answered:
            raise BenchmarkFailed(f"rtpengine refused a call: {answered}")
        sdp: str = answered["sdp"]
        return sdp


def media_of(sdp: str) -> tuple[str, int, str]:
    """Return address, port and SDES key (base64, "" for none) of an SDP with one stream."""
    address = re.search(r"^c=IN IP4 (\S+)", sdp, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", sdp, re.MULTILINE)
    key = re.search(r"inline:([A-Za-z0-9+/=]+)", sdp)
    if address is None or port is None:
        raise BenchmarkFailed("an SDP of rtpengine has no media")
    return address[1], int(port[1]), key[1] if key else ""


def _encode(value: Value) -> bytes:
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(_encode, value)) + b"e"
    return b"d" + b"".join(_encode(key) + _encode(value[key]) for key in sorted(value)) + b"e"


def _decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in {b"l", b"d"}:
        items, at = [], at + 1
        while data[at : at + 1] != b"e":
            item, at = _decode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2], strict=True))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end].decode("latin-1"), end
