"""TLS and DTLS that end at the gateway, on Iq: fingerprints, the signal and event of tlsbsc."""

from pathlib import Path

import pytest

from iq.errors import IqError
from iq.fingerprint import Fingerprint, read_fingerprint
from iq.h248 import codec, hot_read, hot_write
from iq.procedures import (
    Action,
    BearerReleased,
    Change,
    Configure,
    Endpoint,
    Reserve,
    SecurityCause,
    SecurityChange,
    Setup,
    Stream,
)
from tests.support import iq_values

MID = "<pcscf.ims.example>:2944"
VECTORS = Path(__file__).parents[2] / "vectors" / "h248"
DIGITS = "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"


def request(data: bytes) -> codec.Request:
    [item] = codec.decode(data).items
    assert isinstance(item, codec.Request)
    return item


def response(data: bytes) -> codec.Response:
    [item] = codec.decode(data).items
    assert isinstance(item, codec.Response)
    return item


def modified(lines: str) -> codec.Request:
    sdp = f"v=0\r\nc=IN IP4 192.0.2.1\r\nm=message 9 TCP/TLS -\r\n{lines}"
    return request(f"!/2 <a.b> T=9{{C=1{{MF=ip/0/access/1{{M{{ST=1{{R{{{sdp}}}}}}}}}}}}}".encode())


@pytest.mark.parametrize(("action", "reply"), iq_values.secured())
def test_procedures_survive_the_wire(action, reply):
    assert request(codec.encode_request(MID, 7, action)) == codec.Request(7, [action])
    assert response(codec.encode_reply(MID, 7, [action], [reply])) == codec.Response(7, [reply])


def test_the_tree_is_taken_where_a_certificate_is_spoken_of():
    (reserve, reserved), (configure, _), *_ = iq_values.secured()
    assert hot_write.request(MID, 7, reserve) is None
    assert hot_write.request(MID, 7, configure) is None
    assert hot_write.reply(MID, 7, reserve, reserved) is None
    assert hot_read.read(codec.encode_request(MID, 7, configure).decode()) is None
    assert hot_read.read(codec.encode_reply(MID, 7, [reserve], [reserved]).decode()) is None
    udp = Stream(1, "audio", "UDP/TLS/RTP/SAVP", "0", choose_fingerprint="sha-256")
    assert b"$ UDP/TLS/RTP/SAVP 0\r\na=fingerprint:sha-256 $" in codec.encode_request(
        MID, 7, Action(None, [Reserve("access", [udp], 60)])
    )


def test_the_published_example_of_msrp():
    [action] = request((VECTORS / "msrp_request.txt").read_bytes()).actions
    access, core = action.procedures
    assert isinstance(access, Reserve)
    assert isinstance(core, Reserve)
    [secured], [plain] = access.streams, core.streams
    digest = bytes.fromhex("0F1E2D3C4B5A69788796A5B4C3D2E1F0") * 2
    assert (secured.transport, secured.setup) == ("TCP/TLS", Setup.PASSIVE)
    assert secured.choose_fingerprint == "sha-256"
    assert secured.remote_fingerprints == (Fingerprint("sha-256", digest),)
    assert not secured.start_tls
    assert (plain.transport, plain.setup, plain.choose_fingerprint) == ("TCP", Setup.ACTIVE, None)
    [reply] = response((VECTORS / "msrp_reply.txt").read_bytes()).replies
    mine = reply.replies[0].streams[0]
    assert mine.local == Endpoint("198.51.100.7", 41010)
    assert mine.local_fingerprint is not None
    assert mine.local_fingerprint.digest.hex() == (
        "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"
    )


def test_the_published_example_of_a_failure():
    [action] = request((VECTORS / "notify_request.txt").read_bytes()).actions
    assert action.procedures == [BearerReleased("ip/0/access/4101", "FP", "TLS fingerprint mismatch")]


def test_the_text_of_secured_media():
    (reserve, reserved), (configure, _), (failed, _), (ended, _) = iq_values.secured()
    text = codec.encode_request(MID, 7, reserve).decode().replace("\r\n", "\n")
    assert "m=message $ TCP/TLS/MSRP *\na=setup:passive\na=fingerprint:sha-256 $\n},R{\nv=0\n" in text
    assert f"m=message 9 TCP/TLS/MSRP *\na=fingerprint:sha-256 {DIGITS}\na=fingerprint:sha-512 00:01:" in text
    assert "g/cause,tcpbcc/bncchange,tlsbsc/bncchange}" in text
    assert text.count("tlsbsc") == 1
    assert b"\r\na=fingerprint:sha-256 64:65:66:" in codec.encode_reply(MID, 7, [reserve], [reserved])
    text = codec.encode_request(MID, 7, configure).decode().replace("\r\n", "\n")
    assert (
        f"m=image - UDP/TLS/UDPTL t38\na=fingerprint:sha-256 {DIGITS}\na=tls-id:abcdefghij0123456789\n}}"
        in text
    )
    assert "SG{tlsbsc/estbnc{ST=1}}" in text
    assert codec.encode_request(MID, 1, failed).endswith(
        b'N=ip/0/access/1{OE=1{tlsbsc/bncchange{ST=1,type=FAIL,cause="fingerprint mismatch"}}}}}'
    )
    assert codec.encode_request(MID, 1, ended).endswith(
        b'{tlsbsc/bncchange{ST=2,type=REL,cause="closed"}}}}}'
    )


def test_both_signals_of_one_stream():
    text = "MF=ip/0/core/2{SG{tcpbcc/estbnc{ST=3},tlsbsc/estbnc{ST=3},tlsbsc/estbnc{ST=4}}}"
    [action] = request(f"!/2 <a.b> T=9{{C=1{{{text}}}}}".encode()).actions
    both = Stream(3, "", "", "", establish=True, start_tls=True)
    assert action.procedures == [Configure("ip/0/core/2", [both, Stream(4, "", "", "", start_tls=True)])]


@pytest.mark.parametrize(
    "line",
    [
        f"a=fingerprint:md5 {DIGITS[:47]}",
        f"a=fingerprint:sha-256 {DIGITS[:-3]}",
        f"a=fingerprint:sha-256 {DIGITS[:-1]}G",
        f"a=fingerprint:sha-384 {DIGITS}",
        f"a=fingerprint:sha-256 {DIGITS}:",
        "a=fingerprint:sha-256",
        "a=fingerprint:",
        "a=fingerprint:md5 $",
        "a=path:msrp://a:1/s",
        "a=path:msrp://a:1/s;tcp msrp://b:1/s;tcp",
        "a=path:" + "msrp://a:1/s;tcp;" + 512 * "x",
        "a=tls-id:short",
        "a=tls-id:" + 20 * "!",
        "a=tls-id:" + 256 * "x",
        "\r\n".join(9 * [f"a=fingerprint:sha-256 {DIGITS}"]),
    ],
)
def test_what_is_no_fingerprint_or_path_is_refused(line):
    refused = modified(f"{line}\r\n")
    assert refused.error is not None
    assert refused.error.code == 474


def test_nothing_wrong_is_written():
    for stream in (
        Stream(choose_fingerprint="md5"),
        Stream(tls_id="a\r\na=x"),
        Stream(tls_id="short"),
        Stream(local_path="msrp://a:1/s;tcp\r\na=x"),
        Stream(remote_path="msrp://a:1/}"),
    ):
        for action in (Action(None, [Reserve("r", [stream], 60)]), Action(4, [Configure("ip/1", [stream])])):
            with pytest.raises(IqError, match="474"):
                codec.encode_request(MID, 7, action)


@pytest.mark.parametrize("name", ["sha-1", "sha-224", "sha-256", "sha-384", "sha-512"])
def test_fingerprints_are_read_in_any_case(name):
    octets = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}[name]
    found = Fingerprint(name, bytes(range(octets)))
    assert read_fingerprint(found.text) == found
    assert read_fingerprint(f" {found.text.swapcase()} ") == found
    assert found.text.startswith(f"{name} 00:01:")


def test_other_words_of_another_make_are_a_protocol_error():
    for cause in ('cause="something else"', "cause=unknown", ""):
        text = f"N=ip/0/access/1{{OE=1{{tlsbsc/bncchange{{ST=2,type=FAIL{',' if cause else ''}{cause}}}}}}}"
        [action] = request(f"!/2 <a.b> T=9{{C=1{{{text}}}}}".encode()).actions
        changed = SecurityChange("ip/0/access/1", 2, Change.FAILED, SecurityCause.PROTOCOL)
        assert action.procedures == [changed]
    refused = request(b"!/2 <a.b> T=9{C=1{N=ip/0/access/1{OE=1{tlsbsc/bncchange{ST=1,type=NOPE}}}}}")
    assert refused.error is not None
    assert refused.error.code == 449
