"""``pcscf explain``: what a person is told, and with which exit status."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pcscf.alg.explanation import CERTIFICATE
from pcscf.cli import app
from tests.support.media import KEY_LINE, UE_KEY, sdp
from tests.support.tls_sdp import msrp, msrps

ROOT = Path(__file__).parents[2]
LAB = ROOT / "configs" / "lab" / "pcscf.yaml"
SECURE = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}\na=3ge2ae:requested"
PLAIN = "m=audio 5004 RTP/AVP 8"
ANNOUNCED = "sdes-srtp, msrp-tls, bfcp-tls, udptl-dtls"
ANNOUNCED_IN_LAB = "sdes-srtp, dtls-srtp, msrp-tls, bfcp-tls, udptl-dtls"
NODE = "node: {name: pcscf.ims.example, visited_network: ims.example}\n"


def explain(*arguments: object, offer: bytes, config: Path = LAB) -> Any:
    words = ["explain", "-c", str(config), *map(str, arguments), "-"]
    return CliRunner().invoke(app, words, input=offer)


def test_an_offer_of_the_ue(tmp_path: Path) -> None:
    path = tmp_path / "offer.sdp"
    path.write_bytes(sdp(SECURE, "m=video 30002 RTP/AVP 96"))
    command = [sys.executable, "-m", "pcscf", "explain", "-c", LAB, path, "--registered", "sdes-srtp"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "offer of the UE; access.listen.0 (udp 127.0.0.1:5060)",
        f"the UE announced: sdes-srtp; the network announces: {ANNOUNCED_IN_LAB}",
        "",
        "m=audio 30000 RTP/SAVP 8",
        "  e2ae (row A3): UE asks for e2ae and announced sdes-srtp [TS 33.328 7.2.1]; crypto line 1, "
        "AES_CM_128_HMAC_SHA1_80",
        "m=video 30002 RTP/AVP 96",
        "  plain (row A2): UE offers plain media [TS 23.334 5.11.1]",
        "",
        "to the core; the gateway's addresses, certificate and EXAMPLE keys are examples:",
        "",
        "v=0",
        "o=- 2 1 IN IP4 203.0.113.20",
        "s=-",
        "c=IN IP4 203.0.113.20",
        "t=0 0",
        "m=audio 40000 RTP/AVP 8",
        "m=video 40002 RTP/AVP 96",
    ]
    assert done.stderr == ""


def test_an_offer_of_the_core() -> None:
    offer = sdp(f"{PLAIN}\na=3ge2ae:applied", host="203.0.113.77")
    result = explain("--registered", "sdes-srtp", "--from", "core", offer=offer)
    assert result.exit_code == 0
    assert "e2ae (row B1)" in result.stdout
    assert "a=3ge2ae from the core is removed" in result.stdout
    assert "inline:EXAMPLE/001/" in result.stdout


def test_keys_that_would_be_removed_are_not_printed() -> None:
    capabilities = f"a=tcap:1 RTP/SAVP\na=acap:1 {KEY_LINE[2:]}\na=pcfg:1 t=1 a=1\na=3ge2ae:requested"
    for media in (SECURE, f"{PLAIN}\n{KEY_LINE}", f"{PLAIN}\n{capabilities}"):
        result = explain("--registered", "sdes-srtp", offer=sdp(media))
        assert result.exit_code == 0
        assert UE_KEY not in result.output


def test_a_refused_offer_is_explained() -> None:
    result = explain("--emergency", offer=sdp("m=audio 30000 RTP/SAVP 8\na=key-mgmt:mikey AQAF"))
    assert result.exit_code == 0
    status, reason = result.stdout.splitlines()[-1].split(": ")
    assert status == "the offer is refused with 488 Not Acceptable Here"
    assert reason == "an emergency centre supports no end-to-end security"


def test_certificates(tmp_path: Path) -> None:
    path = tmp_path / "pcscf.yaml"
    path.write_text(f"{NODE}media_security: {{mechanisms: [msrp-tls]}}\n")
    result = explain("--registered", "msrp-tls", offer=sdp(f"{msrps()}\na=3ge2ae:requested"), config=path)
    assert "[TS 33.328 7.2.1]; certificate by sha-256\n" in result.stdout
    assert "m=message 40000 TCP/MSRP *" in result.stdout
    result = explain("--registered", "msrp-tls", "--from", "core", offer=sdp(msrp()), config=path)
    assert f"a=fingerprint:{CERTIFICATE.text}\n" in result.stdout


def test_listeners_that_differ_have_to_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "pcscf.yaml"
    path.write_text(
        f"{NODE}access:\n  listen:\n    - {{port: 5060}}\n"
        "    - {port: 5062, confidential: true, assume: [sdes-srtp]}\n"
    )
    result = explain(offer=sdp(SECURE), config=path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "the listeners of access.listen differ: choose one with --listener: "
        "0 (udp 127.0.0.1:5060), 1 (udp 127.0.0.1:5062)"
    ]
    assert "refused (row A5)" in explain("--listener", 0, offer=sdp(SECURE), config=path).stdout
    assert "e2ae (row A3)" in explain("--listener", 1, offer=sdp(SECURE), config=path).stdout
    unasked = sdp(SECURE.replace("a=3ge2ae:requested", "a=ptime:20"))
    assert "e2ae (row A7)" in explain("--listener", 1, offer=unasked, config=path).stdout
    announced = ["--listener", 1, "--registered", "sdes-srtp"]
    assert "e2e (row A6)" in explain(*announced, offer=unasked, config=path).stdout


def test_a_trunk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pcscf.yaml"
    trunk = '{aor: "sip:pbx@ims.example", contact: "sip:192.0.2.20:5060", mechanisms: [sdes-srtp]}'
    path.write_text(f"{NODE}access:\n  listen:\n    - {{confidential: true}}\n  static:\n    - {trunk}\n")
    unasked = sdp(SECURE.replace("a=3ge2ae:requested", "a=ptime:20"))
    result = explain("--trunk", "sip:pbx@ims.example", offer=unasked, config=path)
    assert result.stdout.splitlines()[:2] == [
        "offer of the trunk sip:pbx@ims.example; access.listen.0 (udp 127.0.0.1:5060)",
        f"the trunk sip:pbx@ims.example announced: sdes-srtp; the network announces: {ANNOUNCED}",
    ]
    assert "e2ae (row A7)" in result.stdout
    result = explain("--trunk", "sip:other@ims.example", offer=unasked, config=path)
    assert (result.exit_code, result.stderr) == (
        2,
        "--trunk sip:other@ims.example: not in access.static, which has sip:pbx@ims.example\n",
    )


@pytest.mark.parametrize(
    ("arguments", "offer", "status", "line"),
    [
        pytest.param([], b"hello", 1, "-: not a session description", id="no SDP"),
        pytest.param([], b"v=0\n" + b"a=x\n" * 20_000, 1, "-: SDP too large", id="too large"),
        pytest.param(["--from", "ue"], b"", 2, "--from ue: is neither access nor core", id="side"),
        pytest.param(["--listener", "7"], b"", 2, "--listener 7: access.listen has 0 to 1", id="listener"),
        pytest.param(
            ["--registered", "sdes"],
            b"",
            2,
            "--registered sdes: unknown; known are sdes-srtp, dtls-srtp, msrp-tls, bfcp-tls, udptl-dtls",
            id="mechanism",
        ),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], offer: bytes, status: int, line: str) -> None:
    result = explain(*arguments, offer=offer)
    assert (result.exit_code, result.stdout, result.stderr) == (status, "", f"{line}\n")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "absent.sdp"
    result = CliRunner().invoke(app, ["explain", "-c", str(LAB), str(path)])
    assert (result.exit_code, result.stderr) == (1, f"{path}: No such file or directory\n")


def test_a_wrong_configuration(tmp_path: Path) -> None:
    path = tmp_path / "pcscf.yaml"
    path.write_text(f"{NODE}zzz: 1\n")
    result = explain(offer=sdp(PLAIN), config=path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{path}:2: zzz: unknown key")


def test_an_offer_does_nothing_to_the_terminal() -> None:
    result = explain(offer=sdp(f"{PLAIN}\x1b[2J\na=x:\x1b[2J").replace(b"a=x", b"a=\xff"))
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "\\x1b[2J" in result.stdout
