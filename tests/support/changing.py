"""What an end may offer or answer next: within the rules, and against them."""

from dataclasses import replace

from tests.support.describing import MIRRORED, OTHER_SUITE, SUITE, Line, read
from tests.support.talking import Talker

KINDS = ["e2ae", "plain", "e2e"]


def rekeyed(talker: Talker, index: int, suite: str) -> list[Line]:
    lines = talker.author.lines
    line = lines[index]
    if not line.key:
        return lines
    secret = line.key in talker.author.secrets
    changed = replace(line, suite=suite, key=talker.author.key(suite, secret=secret))
    return [*lines[:index], changed, *lines[index + 1 :]]


def changed(talker: Talker, how: str, index: int, kind: str) -> list[Line]:
    """Return what ``talker`` offers next."""
    lines = list(talker.author.lines)
    if not lines:
        return []
    index %= len(lines)
    line = lines[index]
    if how == "add" and len(lines) < 4:
        return [*lines, talker.author.line(kind, "video")]
    if not line.active:
        if how == "use again":
            lines[index] = talker.author.line(kind, line.media)
    elif how in MIRRORED:
        lines[index] = replace(line, direction=how)
    elif how == "move":
        lines[index] = replace(line, port=talker.author.port())
    elif how == "close" and sum(one.active for one in lines) > 1:
        lines[index] = line.closed()
    elif how == "another kind":
        lines[index] = talker.author.line(kind, line.media)
    elif how == "another media type":
        lines[index] = replace(line, media="video" if line.media == "audio" else "audio")
    elif how == "new key":
        return rekeyed(talker, index, line.suite or SUITE)
    elif how == "other suite":
        return rekeyed(talker, index, OTHER_SUITE if line.suite == SUITE else SUITE)
    return lines


def wrong(talker: Talker, how: str, index: int) -> bytes:
    """Return an answer that does not fit its offer."""
    heard, lines = talker.heard, list(talker.author.lines)
    if heard is not None:
        lines = talker.author.answer(read(heard.body))
    if how == "plain" and index < len(lines):
        lines[index] = replace(lines[index], proto="RTP/AVP", key="")
    elif how == "no key":
        lines = [replace(line, key="") for line in lines]
    elif how == "echo" and heard is not None:
        theirs = read(heard.body).lines
        lines = [replace(line, key=other.key) for line, other in zip(lines, theirs, strict=True)]
    elif how == "another suite":
        lines = [replace(line, suite=OTHER_SUITE) if line.key else line for line in lines]
    elif how == "another tag":
        lines = [replace(line, tag="9") for line in lines]
    elif how == "more lines":
        lines.append(talker.author.line("plain"))
    elif how == "no lines":
        lines = []
    return b"rubbish" if how == "rubbish" else b"" if how == "nothing" else talker.author.write(lines)


WRONG_ANSWERS = [
    "plain",
    "no key",
    "echo",
    "another suite",
    "another tag",
    "more lines",
    "no lines",
    "nothing",
]
MISBEHAVIOUR = [
    *WRONG_ANSWERS,
    "rubbish",
    "nothing",
    "offer all the same",
    "fewer lines",
    "another profile",
    "another description in a 18x",
    "stray description",
]
PROFILES = ["RTP/AVP", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP"]
CHANGES = [
    *MIRRORED,
    "same",
    "add",
    "close",
    "use again",
    "move",
    "new key",
    "other suite",
    "another kind",
    "another media type",
]
