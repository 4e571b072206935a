"""URIs of MSRP (RFC 4975 6)."""

import pytest

from iq.msrp import MAX_URI, compared


@pytest.mark.parametrize(
    ("uri", "counts"),
    [
        ("msrp://a.example:7394/2s93i93idj;tcp", ("msrp", "a.example", "7394", "2s93i93idj", "tcp")),
        ("MSRPS://u:p@A.Example/S;TCP;x=y", ("msrps", "a.example", "2855", "S", "tcp")),
        ("msrp://[2001:DB8::1]:9/a/b=+;tcp", ("msrp", "[2001:db8::1]", "9", "a/b=+", "tcp")),
        ("msrp://a;tcp", ("msrp", "a", "2855", "", "tcp")),
    ],
)
def test_what_counts_of_a_uri(uri: str, counts: tuple[str, ...]) -> None:
    assert compared(uri) == counts


@pytest.mark.parametrize(
    "text",
    [
        "", "msrp://a:1/s", "sip:a@b", "msrp:/a:1/s;tcp", "msrp://a:1/s t;tcp", "msrp://a:1/s;tcp\r\n",
        "msrp://a:1/{s};tcp", 'msrp://a:1/s;tcp;x="y"', "msrp://a:1/\xe9;tcp", "msrp://a:999999/s;tcp",
        "msrp://a:1/" + "s" * MAX_URI + ";tcp",
    ],
)  # fmt: skip
def test_what_is_no_uri_of_msrp(text: str) -> None:
    assert compared(text) is None
