"""Offers and answers as scripts that a person can read: what comes, what is decided, what goes out.

A script starts with settings, one ``name: value`` each:

    row: A3                      of the decision table that it is an example of
    line: 2                      which m-line is that example, where it is not the first
    table, m-line, when          what stands in docs/media-security.md of it (see table.py)
    registered: sdes-srtp        what the UE announced
    network: sdes-srtp msrp-tls  what the network announces on its listener
    gateway: AEAD_AES_128_GCM    suites of its engine
    terminates: sdes-srtp        mechanisms that the gateway can do, where these are not all of the network's
    policy: implicit=true        media_security of the configuration, where it is not the default
    session: emergency trunk webrtc
    ids, keys, ports             random numbers of o= lines, our keys, ports of the gateway (access, core)
    tls-ids                      ours, of associations

and goes on with blocks: "offer from access" or "answer from core" is what comes, whatever else stands there
is what follows from it. "offer from access as multipart/mixed;boundary=b" is a body of that type, "as
application/sdp, gzip" an encoded one; its lines end as ``ends`` says (CRLF).
``python -m tests.golden.scripts`` plays them all and writes what follows: read the difference.
"""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

from pcscf.alg.media_security import Decision
from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.sdp.body import SdpPart, find_sdp
from tests.support.media import Gateway, Random, answer, offer, profile

FOLDER = Path(__file__).parent / "sdp"
#: Our keys where a script names none: never used twice in a session.
KEYS = (
    "AKwkktwtytx6Wyn2v3DTCn0gfL4cuTobuTE6+M3s",
    "RfTXcW1SeLhqJDh173p+EtddVlwGinPMy1MAEbQJ",
    "BnoM8ut8NF9zKCPPb2zVrD6rJvib+PIWljwzEXF4",
)
_SETTINGS = {
    "table", "row", "line", "m-line", "when", "registered", "network", "gateway", "terminates", "policy",
    "session", "tls-ids", "ids", "keys", "ports", "ends",
}  # fmt: skip
_COMES = ("offer from ", "answer from ")


@dataclass
class Script:
    """settings: of its head. blocks: (title, text without its last line end)."""

    path: Path
    settings: dict[str, str]
    blocks: list[tuple[str, str]]

    @property
    def name(self) -> str:
        return self.path.relative_to(FOLDER).with_suffix("").as_posix()

    def words(self, setting: str, default: str = "") -> list[str]:
        return self.settings.get(setting, default).split()


@dataclass
class Played:
    """text: the whole script with what really followed. decisions: of its first offer."""

    text: str
    session: MediaSession
    gateway: Gateway
    decisions: list[Decision]
    refusal: SipRefusal | None = None
    blocks: list[str] = field(default_factory=list)


def read(path: Path) -> Script:
    head, *blocks = path.read_text().split("\n== ")
    settings = {}
    for line in head.splitlines():
        name, colon, value = line.partition(": ")
        assert colon, f"{path}: {line}"
        assert name in _SETTINGS, f"{path}: {name}"
        settings[name] = value
    parts = (block.partition("\n") for block in blocks)
    return Script(path, settings, [(title, text.removesuffix("\n")) for title, _, text in parts])


def scripts() -> list[Script]:
    return [read(path) for path in sorted(FOLDER.rglob("*.txt"))]


def prepared(script: Script) -> tuple[MediaSession, Gateway]:
    named = script.words("ports")
    half = len(named) // 2
    ports: dict[str, Iterator[int]] = {
        "access": chain(map(int, named[:half]), count(20000 if not named else 29000, 2)),
        "core": chain(map(int, named[half:]), count(40000 if not named else 39000, 2)),
    }
    words = script.words("session")
    options: dict[str, Any] = {"implicit": "trunk" in words, "webrtc": "webrtc" in words}
    if "gateway" in script.settings:
        options["suites"] = frozenset(script.words("gateway"))
    if "terminates" in script.settings:
        options["terminates"] = frozenset(script.words("terminates"))
    network = frozenset(script.words("network", "sdes-srtp msrp-tls"))
    access = profile(*script.words("registered"), network=network, **options)
    ids = [int(word) for word in script.words("ids")]
    keys = [b64decode(key) for key in script.words("keys") or KEYS]
    tls_ids = [bytes.fromhex(word) for word in script.words("tls-ids")]
    policy = MediaPolicy(node="pcscf.ims.example", **_policy(script.words("policy")))
    session = MediaSession(policy, access, Random(ids, keys, tls_ids), emergency="emergency" in words)
    return session, Gateway(ports)


def _policy(words: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, _, value in (word.partition("=") for word in words):
        plain = {"true": True, "false": False}.get(value, value)
        values[name] = tuple(value.split(",")) if name.endswith("suites") else plain
    return values


def play(script: Script) -> Played:
    """Send what comes; put behind it what follows."""
    session, gateway = prepared(script)
    played = Played("", session, gateway, [])
    out = [f"{name}: {value}\n" for name, value in script.settings.items()]
    for title, text in script.blocks:
        if not title.startswith(_COMES):
            continue
        out.append(f"== {title}\n{text}\n")
        for heading, following in _step(played, title, text, script.settings.get("ends", "CRLF")):
            out.append(f"== {heading}\n{following}")
    played.text = "".join(out)
    return played


def _step(played: Played, title: str, text: str, ends: str) -> list[tuple[str, str]]:
    came, _, body = title.partition(" as ")
    kind, _, sender = came.partition(" from ")
    side = Side(sender)
    octets = (text + "\n").replace("\n", {"CRLF": "\r\n", "LF": "\n"}[ends])
    following = []
    refusal, before = None, played.session.decisions
    try:
        part = part_of(octets.encode("utf-8", "surrogateescape"), body)
        sdp = (offer if kind == "offer" else answer)(played.session, played.gateway, part.sdp, side)
        assert sdp.count(b"\n") == sdp.count(b"\r\n")
        out = part.replace(sdp)
    except SipRefusal as error:
        refusal = played.refusal = error
    if kind == "offer":
        decisions = played.session.decisions
        played.decisions = played.decisions or list(decisions)
        lines = [line.split()[0][2:] for line in text.splitlines() if line.startswith("m=")]
        if decisions is not before:
            following.append(("decisions", "".join(map(decided, lines, decisions))))
    if refusal is not None:
        # After an answer the status is what the answerer's BYE is given as its reason.
        following.append((f"refused: {refusal.status}", f"{refusal}\n"))
    else:
        going = f"to {side.other} as {body}" if body else f"to {side.other}"
        following.append((going, out.decode("utf-8", "surrogateescape").replace("\r\n", "\n")))
    return following


def part_of(octets: bytes, body: str) -> SdpPart:
    """Find the description in a body; body: its type, with its encoding behind a comma. Raises SipRefusal."""
    kind, _, encoding = body.partition(", ")
    part = find_sdp(kind or "application/sdp", octets, encoding=encoding or None)
    assert part is not None
    return part


def decided(media: str, decision: Decision) -> str:
    return f"{media}: {decision.action}, row {decision.row}: {decision.reason} ({clause(decision)})\n"


def clause(decision: Decision) -> str:
    return f"TS {decision.clause}" if decision.clause[0].isdigit() else decision.clause


def main() -> None:
    for script in scripts():
        script.path.write_text(play(script).text)


if __name__ == "__main__":
    main()
