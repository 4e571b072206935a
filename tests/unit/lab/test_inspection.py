"""What the core does not let pass."""

import pytest

from lab.inspection import violations
from pcscf.sip.message import Request, Response, parse

HEAD = "INVITE sip:bob@ims.example SIP/2.0\r\nCall-ID: 1\r\n"
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def message(headers: str = "", body: str = "") -> Request | Response:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return parse(f"{HEAD}{kind}{headers}\r\n{body and SDP}{body}".encode())


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ("", []),
        ("Require: path\r\nSupported: sec-agree\r\n", []),
        ("Security-Client: sdes-srtp;mediasec\r\n", ["INVITE security-client reached the core"]),
        ("Security-Verify: tls\r\n", ["INVITE security-verify reached the core"]),
        ("P-Preferred-Identity: <sip:a@b>\r\n", ["INVITE p-preferred-identity reached the core"]),
        ("Require: timer, MediaSec\r\n", ["INVITE require: mediasec reached the core"]),
        ("Proxy-Require: sec-agree\r\n", ["INVITE proxy-require: sec-agree reached the core"]),
    ],
)
def test_headers(headers: str, found: list[str]) -> None:
    assert violations(message(headers)) == found


@pytest.mark.parametrize(
    ("body", "end_to_end", "found"),
    [
        ("m=audio 4 RTP/AVP 8\r\n", False, []),
        ("m=audio 4 RTP/AVP 8\r\na=3ge2ae:applied\r\n", False, ["INVITE 3ge2ae:applied reached the core"]),
        (
            f"m=audio 4 RTP/AVP 8\r\na=crypto:1 X inline:{KEY}\r\n",
            True,
            ["INVITE a=crypto on RTP/AVP reached the core"],
        ),
        (f"m=audio 4 RTP/SAVP 8\r\na=crypto:1 X inline:{KEY}\r\n", True, []),
        (
            f"m=audio 4 RTP/SAVP 8\r\na=crypto:1 X inline:{KEY}\r\n",
            False,
            ["INVITE a=crypto on RTP/SAVP reached the core"],
        ),
        ("m=audio 4 RTP/SAVP 8\r\n", False, ["INVITE RTP/SAVP reached the core"]),
        (
            f"a=crypto:1 X inline:{KEY}\r\nm=audio 4 RTP/AVP 8\r\n",
            False,
            ["INVITE a=crypto at session level reached the core"],
        ),
        (
            "m=image 4 udptl t38\r\na=setup:actpass\r\na=tls-id:x\r\na=fingerprint:sha-256 AB\r\n",
            False,
            [f"INVITE a={name} on udptl reached the core" for name in ("fingerprint", "tls-id", "setup")],
        ),
        ("m=image 4 UDP/TLS/UDPTL t38\r\na=setup:actpass\r\na=fingerprint:sha-256 AB\r\n", True, []),
        ("m=message 4 TCP/MSRP *\r\na=setup:actpass\r\n", False, []),
        ("m=audio\r\n", False, ["INVITE unusable SDP: malformed m-line"]),
    ],
)
def test_bodies(body: str, end_to_end: bool, found: list[str]) -> None:
    got = violations(message(body=body), end_to_end=end_to_end)
    assert got == found
    assert KEY not in str(got)


def test_multipart_and_responses() -> None:
    mixed = message("Content-Type: multipart/mixed\r\n")
    mixed.body = b"--x\r\na=3ge2ae:requested\r\n"
    assert violations(mixed) == ["INVITE 3ge2ae in a body reached the core"]
    response = parse(b"SIP/2.0 200 OK\r\nSecurity-Server: sdes-srtp;mediasec\r\n\r\n")
    assert violations(response) == ["security-server reached the core"]
