"""Whole calls through the edge, message by message and octet by octet. Each file is a ladder.

A message that comes in is written without Content-Length; {via}, {record-route}, {route} and {path} stand for
what the other end has read before. Random values count up, so that they are the same in each run.
"""

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from pcscf.alg.session import MediaPolicy
from pcscf.proxy.emergency import EmergencySettings
from pcscf.sip.message import Message
from tests.support.ladder import End, core_of, path_of, register
from tests.support.stage import CORE, TLS, Stage

LADDERS = Path(__file__).parent / "calls"
CM = "AES_CM_128_HMAC_SHA1_80"
#: Of the o= lines in the order in which they go out, and our key.
RANDOM = {
    "sdes_originating": ([9001, 7001], "AKwkktwtytx6Wyn2v3DTCn0gfL4cuTobuTE6+M3s"),
    "sdes_terminating": ([7003, 9003], "RfTXcW1SeLhqJDh173p+EtddVlwGinPMy1MAEbQJ"),
    "sdes_end_to_end": ([9008, 7008], None),
    "emergency": ([9010, 7010], "AKwkktwtytx6Wyn2v3DTCn0gfL4cuTobuTE6+M3s"),
    "alternative_service": ([], None),
    "deregistered": ([9011, 7011], "AKwkktwtytx6Wyn2v3DTCn0gfL4cuTobuTE6+M3s"),
}
#: What the node of a ladder has beside the usual.
NODE: dict[str, dict[str, Any]] = {
    "emergency": {"emergency": EmergencySettings("sip:203.0.113.60:5060")},
    "deregistered": {"reg_event": True},
}


def steps(name: str) -> list[tuple[str, bytes]]:
    blocks = (LADDERS / f"{name}.txt").read_text().split("== ")[1:]
    pairs = (block.partition("\n") for block in blocks)
    return [(title, text.replace("\n", "\r\n").encode()) for title, _, text in pairs]


def prepared(name: str) -> tuple[Stage, dict[str, End]]:
    """A stage on which alice of the worked examples has registered."""
    policy = MediaPolicy(accept_suites=(CM,), node="pcscf.visited.example")
    stage = Stage(policy=policy, **NODE.get(name, {}))
    ue = End(
        stage,
        stage.flow(TLS, ("192.0.2.10", 49152)),
        "sip:alice@home.example",
        "sip:alice@192.0.2.10:49152;transport=tls;ob",
    )
    register(ue)
    ids, key = RANDOM[name]
    stage.random.lengths = {7: [one.to_bytes(7, "big") for one in ids], 30: [b64decode(key)] if key else []}
    ecscf = End(stage, stage.flow(CORE, ("203.0.113.60", 5060)), "", "")
    return stage, {"ue": ue, "core": core_of(stage), "ecscf": ecscf}


def filled(text: bytes, last: dict[str, Message], sender: str, ue: End) -> bytes:
    """Put what ``sender`` has read before into a message of it, and the length of its body."""
    seen = last.get(sender)
    if seen is not None:
        first, second = seen.values("via")[0], seen.values("via")[1:]
        vias = "\r\nVia: ".join([first, *second])
        text = text.replace(b"{via}", vias.encode())
        text = text.replace(b"{record-route}", ", ".join(seen.values("record-route")).encode())
    if (routes := last.get(f"{sender} routes")) is not None:
        text = text.replace(b"{route}", ", ".join(own_routes(routes, sender)).encode())
    text = text.replace(b"{path}", path_of(ue).encode())
    head, gap, body = text.partition(b"\r\n\r\n")
    return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head.rstrip(b"\r\n"), len(body), body if gap else b"")


def own_routes(message: Message, sender: str) -> list[str]:
    """The route set that ``sender`` learnt from a message of the other end."""
    values = message.values("record-route")
    if message.start_line().startswith("SIP/2.0"):
        values = values[::-1]
    return [value for value in values if sender == "ue" or "203.0.113.50" not in value]


def play(name: str) -> list[tuple[str, bytes]]:
    """Send what comes in; return the ladder with what went out instead of what is written there."""
    stage, at = prepared(name)
    last: dict[str, Message] = {}
    played = []
    for title, text in steps(name):
        source, _, sink = title.partition(" to ")
        if sink == "pcscf":
            played.append((title, text))
            at[source].send(filled(text, last, source, at["ue"]))
            continue
        message = at[sink].take("")
        last[sink] = message
        if "INVITE" in (message.get("cseq") or "") and "record-route" in message:
            last[f"{sink} routes"] = message
        played.append((title, message.encode()))
    for end in at.values():
        end.nothing()
    stage.check_forgotten()
    return played


@pytest.mark.parametrize("name", RANDOM)
def test_ladder(name: str) -> None:
    expected = steps(name)
    for (title, got), (_, wanted) in zip(play(name), expected, strict=True):
        assert got.rstrip(b"\r\n") == wanted.rstrip(b"\r\n"), title


def test_every_ladder_is_played() -> None:
    assert {path.stem for path in LADDERS.glob("*.txt")} == set(RANDOM)
