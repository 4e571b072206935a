"""The rules of RFC 5922 7 for names in certificates."""

import ssl
from pathlib import Path

import pytest

from pcscf.transport.identity import certifies
from tests.support.certificates import issue

ADDRESSES = (("IP Address", "192.0.2.7"), ("IP Address", "2001:DB8:0:0:0:0:0:7"))


@pytest.mark.parametrize(
    ("names", "wanted", "good"),
    [
        ((("DNS", "pbx.example"),), "pbx.example", True),
        ((("DNS", "PBX.Example"),), "pbx.EXAMPLE", True),
        ((("DNS", "pbx.example"),), "example", False),
        ((("DNS", "*.example"),), "pbx.example", False),
        ((("DNS", "*.example"),), "*.example", True),
        ((("URI", "sip:pbx.example"),), "pbx.example", True),
        ((("URI", "sip:pbx.example"), ("DNS", "other.example")), "other.example", False),
        ((("URI", "sip:alice@pbx.example"),), "pbx.example", False),
        ((("URI", "https://pbx.example/"), ("DNS", "pbx.example")), "pbx.example", True),
        ((("URI", "sip:["), ("DNS", "pbx.example")), "pbx.example", True),
        (ADDRESSES, "192.0.2.7", True),
        (ADDRESSES, "2001:db8::7", True),
        (ADDRESSES, "192.0.2.8", False),
        ((("DNS", "192.0.2.7"),), "192.0.2.7", False),
        ((("email", "pbx.example"),), "pbx.example", False),
        ((), "pbx.example", False),
    ],
)
def test_names(names: tuple[tuple[str, str], ...], wanted: str, good: bool) -> None:
    certificate = {"subjectAltName": names, "subject": ((("commonName", "pbx.example"),),)}
    assert certifies(certificate, wanted) is good


def test_a_certificate_without_any_name() -> None:
    assert not certifies({}, "pbx.example")


def test_what_python_makes_of_a_certificate(tmp_path: Path) -> None:
    files = issue(tmp_path, "pbx")
    decoded = ssl._ssl._test_decode_cert(str(files.certificate))  # type: ignore[attr-defined]
    for name in ("localhost", "127.0.0.1", "::1"):
        assert certifies(decoded, name)
    assert not certifies(decoded, "pbx")
