"""SDES crypto lines: RFC 4568, the suites of RFC 6188 and RFC 7714, and what is not used."""

from base64 import b64encode

import pytest

from iq.suites import SUITES, Crypto, Key, Suite
from pcscf.errors import SdpRejected
from pcscf.sdp import crypto
from pcscf.sdp.crypto import UnusableCrypto, answered, build, parse, select

SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
SHA1_32 = "AES_CM_128_HMAC_SHA1_32"


def key(octets: int = 30, fill: int = 7) -> str:
    return b64encode(bytes([fill]) * octets).decode()


def line(rest: str = "", *, tag: str = "1", suite: str = SHA1_80, octets: int = 30, fill: int = 7) -> str:
    return f"{tag} {suite} inline:{key(octets, fill)}{rest}"


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_every_suite_has_its_length(suite: Suite) -> None:
    name, octets = suite.name, suite.octets
    assert parse(line(suite=name, octets=octets)).crypto.key == Key(bytes([7]) * octets)
    for wrong in (octets - 1, octets + 1):
        with pytest.raises(UnusableCrypto, match="key length"):
            parse(line(suite=name, octets=wrong))


def test_rfc_4568_example() -> None:
    value = f"1 {SHA1_80} inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP"
    parsed = parse(value)
    assert (parsed.crypto.tag, parsed.crypto.suite, parsed.crypto.mki) == (1, SHA1_80, (1, 4))
    assert parsed.crypto.key == Key(b"YS___semctl () {\t220;}\n}\nunles")


@pytest.mark.parametrize(
    ("spelling", "octets", "suite"),
    [
        ("AES_CM_256_HMAC_SHA1_80", 46, "AES_256_CM_HMAC_SHA1_80"),
        ("aes_cm_256_hmac_sha1_32", 46, "AES_256_CM_HMAC_SHA1_32"),
        ("aes_cm_128_hmac_sha1_80", 30, SHA1_80),
        ("aead_aes_256_gcm", 44, "AEAD_AES_256_GCM"),
    ],
)
def test_the_peers_spelling_is_known_and_echoed(spelling: str, octets: int, suite: str) -> None:
    parsed = parse(line(suite=spelling, octets=octets))
    assert (parsed.crypto.suite, parsed.spelling) == (suite, spelling)
    assert f" {spelling} inline:" in build(parsed.crypto, parsed.spelling)


@pytest.mark.parametrize(
    "value",
    [
        line("|2^31"),
        line("|2^48|1:1"),
        line("|1048576|4294967295:4"),
        line("|1:128"),
        line(" -unknown"),
        line(" KDR=0 WSH=64 FEC_ORDER=FEC_SRTP"),
        line().replace(" ", "   "),
        line(tag="999999999"),
        f"1 AEAD_AES_128_GCM inline:{key(28).rstrip('=')}",
        line().replace("inline:", "INLINE:"),
    ],
)
def test_legal(value: str) -> None:
    parse(value)


UNUSABLE = {
    "empty": "",
    "no tag": f"{SHA1_80} inline:{key()}",
    "tag too long": line(tag="1234567890"),
    "tag not ASCII": line(tag="\u0661"),
    "no key": f"1 {SHA1_80}",
    "no inline": f"1 {SHA1_80} {key()}",
    "other method": f"1 {SHA1_80} uri:{key()}",
    "bad base64": f"1 {SHA1_80} inline:{key()[:-1]}*",
    "base64 with more behind": f"1 {SHA1_80} inline:{key(28)}AAAA",
    "not ASCII": f"1 {SHA1_80} inline:{key()[:-1]}é",
    "unknown suite": line(suite="F8_128_HMAC_SHA1_80"),
    "GCM with a short tag": line(suite="AEAD_AES_256_GCM_8", octets=44),
    "AES 192": line(suite="AES_192_CM_HMAC_SHA1_80", octets=38),
    "all-zero key": line(fill=0),
    "too long": line(" -" + "x" * 1024),
    "MKI length 0": line("|1:0"),
    "MKI length 129": line("|1:129"),
    "MKI length huge": line("|1:9999"),
    "MKI value does not fit": line("|256:1"),
    "MKI not a number": line("|a:1"),
    "two MKI": line("|1:1|1:1"),
    "several keys": line(f";inline:{key(fill=8)}"),
    "several keys with MKI": line(f"|1:1;inline:{key(fill=8)}|2:1"),
    "lifetime 0": line("|0"),
    "lifetime 2^49": line("|2^49"),
    "lifetime above 2^48": line(f"|{2**48 + 1}"),
    "lifetime not a number": line("|long"),
    "lifetime empty": line("||1:1"),
    "lifetime negative": line("|-1"),
    "unknown parameter": line(" FOO=1"),
    "unencrypted SRTP": line(" UNENCRYPTED_SRTP"),
    "unencrypted SRTCP": line(" UNENCRYPTED_SRTCP"),
    "unauthenticated": line(" UNAUTHENTICATED_SRTP"),
    "lower-case flag": line(" unencrypted_srtp"),
    "KDR": line(" KDR=1"),
    "WSH below 64": line(" WSH=63"),
    "WSH not a number": line(" WSH=a"),
    "FEC order": line(" FEC_ORDER=SRTP_FEC"),
    "FEC key": line(f" FEC_KEY=inline:{key(fill=9)}"),
}


@pytest.mark.parametrize("value", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_line_is_dropped_and_the_next_serves(value: str) -> None:
    with pytest.raises(UnusableCrypto) as caught:
        parse(value)
    assert key()[:8] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert select([value, line(tag="2", fill=3)], [SHA1_80]).crypto.tag == 2
    with pytest.raises(UnusableCrypto):
        select([value], [SHA1_80])


def test_our_order_counts() -> None:
    values = [line(suite=SHA1_32), line(tag="2", fill=8)]
    assert select(values, [SHA1_80, SHA1_32]).crypto.tag == 2
    assert select(values, [SHA1_32, SHA1_80]).crypto.tag == 1
    assert select([line(tag="7"), line(tag="8", fill=8)], [SHA1_80]).crypto.tag == 7


def test_of_duplicate_tags_the_first_counts() -> None:
    with pytest.raises(UnusableCrypto):
        select([line(suite=SHA1_32), line(fill=8)], [SHA1_80])
    with pytest.raises(UnusableCrypto):
        select([line("|0"), line(fill=8)], [SHA1_80])


def test_lines_are_capped() -> None:
    unknown = [f"{tag} X_{tag} inline:{key()}" for tag in range(1, crypto.MAX_LINES + 1)]
    with pytest.raises(UnusableCrypto):
        select([*unknown, line(tag="99")], [SHA1_80])
    assert select([*unknown[1:], line(tag="99")], [SHA1_80]).crypto.tag == 99


def test_a_key_in_use_is_dropped() -> None:
    used = [Key(bytes([7]) * 30)]
    assert select([line(), line(tag="2", fill=8)], [SHA1_80], used).crypto.tag == 2
    with pytest.raises(UnusableCrypto, match="used twice"):
        select([line()], [SHA1_80], used)


OFFERED = [
    Crypto(SHA1_80, Key(bytes([1]) * 30), 1),
    Crypto("AEAD_AES_128_GCM", Key(bytes([2]) * 28), 2),
]


def test_answer_takes_one_offered_line() -> None:
    theirs, ours = answered([f"2 AEAD_AES_128_GCM inline:{key(28)}"], OFFERED)
    assert ours is OFFERED[1]
    assert theirs.key == Key(bytes([7]) * 28)
    assert answered([line(), line()], OFFERED)[1] is OFFERED[0]


@pytest.mark.parametrize(
    ("values", "used"),
    [
        ([], []),
        ([line(), line(fill=8)], []),
        ([line(), line(tag="2")], []),
        ([line(tag="3")], []),
        ([line(suite=SHA1_32)], []),
        ([line(tag="2")], []),
        ([line(fill=1)], []),
        ([line("|0")], []),
        ([line(" UNENCRYPTED_SRTP")], []),
        ([line()], [Key(bytes([7]) * 30)]),
    ],
    ids=[
        "none",
        "two",
        "two, other tag",
        "tag not offered",
        "suite not offered",
        "suite of another tag",
        "our key echoed",
        "unusable",
        "unprotected",
        "key used elsewhere",
    ],
)
def test_answer_that_breaks_the_rules(values: list[str], used: list[Key]) -> None:
    with pytest.raises(SdpRejected) as caught:
        answered(values, OFFERED, used)
    assert key()[:8] not in str(caught.value)


def test_build_is_padded_and_bare() -> None:
    built = build(Crypto("AEAD_AES_128_GCM", Key(bytes(range(28))), 3, mki=(1, 1)))
    assert built == "a=crypto:3 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="


def test_no_key_in_a_repr() -> None:
    assert key()[:8] not in repr(parse(line()))
    assert "<key, 30 bytes>" in repr(parse(line()))
