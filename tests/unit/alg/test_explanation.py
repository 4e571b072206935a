"""pcscf.alg.explanation: the decisions and the SDP of a call, with examples of what a gateway chooses."""

import re

import pytest

from pcscf.alg.explanation import Explanation, examples, explain
from pcscf.alg.policy import MediaPolicy
from pcscf.errors import SdpRejected
from pcscf.flow import Side
from tests.golden.scripts import Script, scripts
from tests.golden.scripts import play as play_script
from tests.support.media import KEY_LINE, UE_KEY, profile, sdp

SECURE = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}\na=3ge2ae:requested"
#: Random, or of the example gateway.
OURS = ("o=", "a=crypto", "a=fingerprint", "a=tls-id")
PLAIN = "m=audio 5004 RTP/AVP 8"
SINGLE = [
    script
    for script in scripts()
    if "registered" in script.settings
    and not {"policy", "session", "gateway", "network", "terminates"} & script.settings.keys()
    and play_script(script).decisions
]


def told(text: bytes, sender: Side = Side.ACCESS, *announced: str) -> Explanation:
    return explain(text, sender, MediaPolicy(), profile(*announced))


def lines_of(explanation: Explanation) -> list[str]:
    assert explanation.sdp is not None
    return explanation.sdp.decode().split("\r\n")


@pytest.mark.parametrize("script", SINGLE, ids=[script.name for script in SINGLE])
def test_what_is_explained_is_what_is_done(script: Script) -> None:
    title, text = script.blocks[0]
    octets = (text + "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    played = play_script(script)
    explanation = told(octets, Side(title.rpartition(" ")[2]), *script.words("registered"))
    assert [decision for _, decision in explanation.lines] == played.decisions
    assert (explanation.sdp is None) == (explanation.refusal is not None)
    if script.name.startswith("from_") and explanation.sdp is not None:
        going_out = next(text for title, text in script.blocks if title.startswith("to "))
        same = [line for line in going_out.splitlines() if not line.startswith(OURS)]
        mine = [line for line in lines_of(explanation) if line and not line.startswith(OURS)]
        assert mine == same


def test_keys_of_ours_are_examples_and_differ() -> None:
    text = "\n".join(lines_of(told(sdp(PLAIN, "m=video 5006 RTP/AVP 96"), Side.CORE, "sdes-srtp")))
    keys = re.findall(r"inline:(\S+)", text)
    assert [key[:12] for key in keys] == ["EXAMPLE/001/", "EXAMPLE/002/"]


@pytest.mark.parametrize("octets", [28, 30, 38, 44, 46])
def test_an_example_key_has_the_length_of_its_suite(octets: int) -> None:
    take = examples()
    assert len({take(octets), take(octets), take(octets)}) == 3
    assert len(take(octets)) == octets


def test_the_ues_key_goes_where_it_would_go_alone() -> None:
    assert UE_KEY.encode() not in (told(sdp(SECURE)).sdp or b"")
    assert UE_KEY.encode() in (told(sdp(SECURE.replace("a=3ge2ae:requested", "a=ptime:20"))).sdp or b"")


def test_addresses_are_of_the_offers_family() -> None:
    text = sdp(PLAIN, host="2001:db8::77").replace(b"IN IP4 2001", b"IN IP6 2001")
    assert "c=IN IP6 2001:db8:c::20" in lines_of(told(text))


def test_nothing_to_reserve() -> None:
    assert "m=audio 0 RTP/AVP 8" in lines_of(told(sdp("m=audio 0 RTP/AVP 8")))


def test_what_cannot_be_read_raises() -> None:
    with pytest.raises(SdpRejected, match="not a session description"):
        told(b"hello")
