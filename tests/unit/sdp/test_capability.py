"""Potential configurations of RFC 5939, as phones write them."""

import pytest

from pcscf.sdp.capability import MAX_CONFIGURATIONS, potentials
from pcscf.sdp.model import Sdp
from tests.support.media import UE_KEY, sdp

KEY = f"1 AES_CM_128_HMAC_SHA1_80 inline:{UE_KEY}"


def read(*lines: str, session: str = "") -> list[tuple[str, list[str], str]]:
    parsed = Sdp.parse(sdp("\n".join(["m=audio 5000 RTP/AVP 8", *lines]), session=session))
    return [(p.proto, p.crypto, p.actual) for p in potentials(parsed.session, parsed.media[0])]


def test_one() -> None:
    found = read("a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:1 t=1 a=1")
    assert found == [("RTP/SAVP", [KEY], "1 t=1 a=1")]


def test_preference_lists_and_session_level() -> None:
    found = read(
        "a=acap:1 crypto:" + KEY,
        "a=acap:2 rtcp-fb:* nack",
        "a=pcfg:5 t=1|3 a=1",
        "a=pcfg:2 t=2|1 a=[2],1|1",
        session="a=tcap:1 RTP/SAVP RTP/SAVPF\n",
    )
    assert found == [
        ("RTP/SAVPF", [KEY], "2 t=2 a=2,1"),
        ("RTP/SAVPF", [KEY], "2 t=2 a=1"),
        ("RTP/SAVP", [KEY], "2 t=1 a=2,1"),
        ("RTP/SAVP", [KEY], "2 t=1 a=1"),
        ("RTP/SAVP", [KEY], "5 t=1 a=1"),
    ]


def test_keys_of_the_line_itself_and_extensions_that_may_be_ignored() -> None:
    found = read("a=tcap:1 RTP/SAVP", f"a=crypto:{KEY}", "a=pcfg:1 t=1 x=3", "a=creq:cap-v0")
    assert found == [("RTP/SAVP", [KEY], "1 t=1")]


def test_what_a_configuration_adds() -> None:
    lines = ["m=audio 5000 RTP/AVP 8", "a=tcap:1 RTP/SAVP", "a=pcfg:1 t=1 a=1,2,3"]
    lines += [f"a=acap:1 crypto:{KEY}", "a=acap:2 3ge2ae:requested", "a=acap:3 rtcp-xr:loss"]
    parsed = Sdp.parse(sdp("\n".join(lines)))
    [potential] = potentials(parsed.session, parsed.media[0])
    assert potential.requested
    assert potential.lines == ["a=rtcp-xr:loss"]
    assert UE_KEY not in repr(potential)


@pytest.mark.parametrize(
    "lines",
    [
        ["a=pcfg:1 t=1 a=1"],
        ["a=tcap:1 RTP/SAVP", "a=pcfg:1 t=1 a=1"],
        ["a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:x t=1 a=1"],
        ["a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:1 a=1"],
        ["a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:1 t=1 a=1 +x=3"],
        ["a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:1 t=1 a=1", "a=creq:cap-v0,med-v0"],
        ["a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:1 t=1 a=-m:1"],
        ["a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:"],
        ["a=tcap:", f"a=acap: crypto:{KEY}", "a=pcfg:1 t=1 a=1"],
        ["a=tcap:99999999999 RTP/SAVP", f"a=acap:1 crypto:{KEY}", "a=pcfg:1 t=1 a=1"],
    ],
)
def test_anything_else_is_no_potential(lines: list[str]) -> None:
    assert read(*lines) == []


def test_configurations_are_capped() -> None:
    lines = [f"a=pcfg:{n} t=1 a=1" for n in range(1, 99)]
    assert len(read("a=tcap:1 RTP/SAVP", f"a=acap:1 crypto:{KEY}", *lines)) == MAX_CONFIGURATIONS
