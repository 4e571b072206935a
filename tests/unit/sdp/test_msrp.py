"""pcscf.sdp.msrp: the path of a session over the gateway."""

import pytest

from pcscf.sdp.model import Sdp
from pcscf.sdp.msrp import known_by, path_of, through
from tests.support.media import sdp


def path(line: str, *more: str, proto: str = "TCP/MSRP", host: str = "198.51.100.20") -> str:
    media = Sdp.parse(sdp("\n".join([f"m=message 9 {proto} *", line, *more]))).media[0]
    return through(media, media.lines, host, 20000)[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=path:msrp://192.0.2.10:9/s4;tcp", "a=path:msrp://198.51.100.20:20000/s4;tcp"),
        ("a=path:msrps://ue.example/s4;tcp", "a=path:msrps://198.51.100.20:20000/s4;tcp"),
        ("a=Path: MSRP://bob@[2001:db8::1]:9/s4;tcp", "a=Path: MSRP://bob@198.51.100.20:20000/s4;tcp"),
        (
            "a=path:msrp://a:1/r;tcp msrp://b:2/s;tcp",
            "a=path:msrp://198.51.100.20:20000/r;tcp msrp://b:2/s;tcp",
        ),
        ("a=path:msrp://192.0.2.10:9;tcp", "a=path:msrp://198.51.100.20:20000;tcp"),
        ("a=path:tel:1", "a=path:tel:1"),
    ],
)
def test_the_first_hop_is_the_gateway(line: str, expected: str) -> None:
    assert path(line) == expected


def test_ip6() -> None:
    line = path("a=path:msrp://192.0.2.10:9/s4;tcp", host="2001:db8::20")
    assert line == "a=path:msrp://[2001:db8::20]:20000/s4;tcp"


def test_peers_that_match_by_session_id_keep_their_path() -> None:
    line = "a=path:msrp://192.0.2.10:9/s4;tcp"
    assert path(line, "a=msrp-cema") == line
    assert path(line, proto="TCP/BFCP") == line


@pytest.mark.parametrize(
    ("line", "secure", "cema", "expected"),
    [
        ("a=path:msrps://192.0.2.10:9/s4;tcp", False, False, "a=path:msrp://198.51.100.20:20000/s4;tcp"),
        ("a=path:msrp://far.example:7010/s9;tcp", True, False, "a=path:msrps://198.51.100.20:20000/s9;tcp"),
        ("a=path:MSRPS://u@a:1/r;tcp msrps://b/s;tcp", False, False, None),
        ("a=path:msrps://192.0.2.10:9/s4;tcp", False, True, "a=path:msrp://192.0.2.10:9/s4;tcp"),
    ],
)
def test_the_scheme_is_that_of_the_side(line: str, secure: bool, cema: bool, expected: str | None) -> None:
    more = ["a=msrp-cema"] if cema else []
    media = Sdp.parse(sdp("\n".join(["m=message 9 TCP/TLS/MSRP *", line, *more]))).media[0]
    told = through(media, media.lines, "198.51.100.20", 20000, secure=secure)[0]
    assert told == (expected or "a=path:msrp://u@198.51.100.20:20000/r;tcp msrps://b/s;tcp")


def test_where_the_gateway_is_aware_nobody_matches_by_session_id() -> None:
    lines = ["m=message 9 TCP/MSRP *", "a=path:msrp://192.0.2.10:9/s4;tcp", "a=Msrp-Cema", "a=setup:active"]
    media = Sdp.parse(sdp("\n".join(lines))).media[0]
    told = through(media, media.lines, "198.51.100.20", 20000, aware=True)
    assert told == ["a=path:msrp://198.51.100.20:20000/s4;tcp", "a=setup:active"]


@pytest.mark.parametrize(
    ("line", "proto", "first"),
    [
        ("a=path: msrp://a:1/r;tcp msrp://b:2/s;tcp", "TCP/MSRP", "msrp://a:1/r;tcp"),
        ("a=path:msrps://a:1/r;tcp", "TCP/TLS/MSRP", "msrps://a:1/r;tcp"),
        ("a=path:msrp://a:1/r;tcp", "TCP/BFCP", None),
        ("a=path:tel:1", "TCP/MSRP", None),
        ("a=path:", "TCP/MSRP", None),
        ("a=setup:active", "TCP/MSRP", None),
        ("a=path:msrp://a:1/" + 440 * "r" + ";tcp", "TCP/MSRP", None),
    ],
)
def test_the_path_that_a_gateway_can_use(line: str, proto: str, first: str | None) -> None:
    [media] = Sdp.parse(sdp(f"m=message 9 {proto} *\n{line}")).media
    assert path_of(media) == first


@pytest.mark.parametrize(
    ("uri", "cema", "aware", "known"),
    [
        ("msrps://u@a/r;tcp", False, True, "msrp://u@[2001:db8::20]:9/r;tcp"),
        ("msrps://u@a/r;tcp", False, False, "msrp://u@[2001:db8::20]:9/r;tcp"),
        ("msrps://u@a/r;tcp", True, True, "msrp://u@[2001:db8::20]:9/r;tcp"),
        ("msrps://u@a/r;tcp", True, False, "msrp://u@a/r;tcp"),
    ],
)
def test_the_gateway_is_known_by_what_the_other_side_gets(
    uri: str, cema: bool, aware: bool, known: str
) -> None:
    lines = ["m=message 9 TCP/TLS/MSRP *", f"a=path:{uri}", *(["a=msrp-cema"] if cema else [])]
    [media] = Sdp.parse(sdp("\n".join(lines))).media
    assert known_by(media, uri, "2001:db8::20", 9, secure=False, aware=aware) == known
    told = through(media, media.lines, "2001:db8::20", 9, secure=False, aware=aware)
    assert told[0] == f"a=path:{known}"
