"""Key material never reaches a log: whatever holds it, however deep, exceptions included."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hosting import logs
from hosting.redaction import MAX_TEXT, redact, redact_text
from iq.suites import Crypto, Key

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"  # RFC 4568 appendix example
CRYPTO = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"


class Holder:
    def __repr__(self) -> str:
        return f"Holder(sdp={CRYPTO!r})"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(CRYPTO, id="crypto line"),
        pytest.param(CRYPTO.replace("inline:", "INLINE : "), id="upper case"),
        pytest.param(CRYPTO.replace("inline:", "inlin:"), id="misspelt"),
        pytest.param(f"{CRYPTO};inline:{KEY}|2^20|2:4", id="two keys"),
        pytest.param(f"v=0\r\n{CRYPTO}\r\na=sendrecv\r\n", id="SDP"),
        pytest.param(f"v=0\r\n{CRYPTO}\r\n".encode(), id="octets"),
        pytest.param(repr(f"v=0\r\n{CRYPTO}\r\n".encode()), id="printed octets"),
        pytest.param(bytearray(base64.b64decode(KEY)), id="raw key"),
        pytest.param({"a": [{"b": (CRYPTO,)}]}, id="nested"),
        pytest.param({CRYPTO: 1}, id="as a key of a mapping"),
        pytest.param({CRYPTO}, id="in a set"),
        pytest.param(Holder(), id="in a repr"),
        pytest.param(ValueError(CRYPTO), id="in an exception"),
        pytest.param(f"a=key-mgmt:mikey {KEY}", id="MIKEY"),
        pytest.param(f"k=base64:{KEY}", id="RFC 8866 k="),
        pytest.param(f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----", id="PEM"),
        pytest.param(f"-----BEGIN EC PRIVATE KEY-----\n{KEY}", id="PEM cut off"),
    ],
)
def test_keys_are_removed(value: Any) -> None:
    shown = json.dumps(redact(value))
    assert KEY not in shown
    assert KEY[8:20] not in shown


def test_what_is_removed_leaves_the_rest_readable() -> None:
    assert redact_text(CRYPTO) == "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<key>|2^20|1:4"
    plain = "sip:alice@ims.example;transport=udp AEAD_AES_256_GCM 3ge2ae requested"
    assert redact_text(plain) == plain


def test_aka_keys_and_digests() -> None:
    key, digest = "00112233445566778899aabbccddeeff", "6629fae49393a05397450978507c4ef1"
    challenge = redact_text(f'Digest realm="ims.example", ck="{key}", ik="{key}", nonce="abc="')
    assert key not in challenge
    assert 'realm="ims.example"' in challenge
    assert digest not in redact_text(f'Digest username="a", response="{digest}", uri="sip:b"')


def test_typed_keys_print_as_their_length() -> None:
    crypto = Crypto("AES_CM_128_HMAC_SHA1_80", Key(base64.b64decode(KEY)))
    assert "<key, 30 bytes>" in redact(crypto)
    assert redact([crypto.key]) == ["<key, 30 bytes>"]


def test_values_are_bounded() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "..." in json.dumps(redact(endless))
    assert len(redact("x" * 10 * MAX_TEXT)) < MAX_TEXT + 50


@given(st.binary(min_size=16, max_size=46), st.text(max_size=40), st.text(max_size=40))
def test_inline_keys_never_survive(key: bytes, before: str, after: str) -> None:
    encoded = base64.b64encode(key).decode()
    assert encoded not in redact_text(f"{before}inline:{encoded}|{after}")


def parse_twice(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        raise RuntimeError(f"while reading {text}") from error


@pytest.fixture
def configured() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("form", ["json", "console"])
def test_no_way_of_logging_leaks(form: logs.Format, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("debug", form)
    log = structlog.get_logger()
    log.info(CRYPTO)
    log.bind(sdp=CRYPTO).warning("bound", body=CRYPTO.encode())
    log.info("interpolated %s", CRYPTO)
    try:
        parse_twice(CRYPTO)
    except RuntimeError as error:
        log.exception("caught")
        log.error("given", exc_info=error)  # noqa: TRY400 - the other way of giving it
    written = capsys.readouterr()
    assert written.out.count("RuntimeError: while reading") == 2
    assert KEY not in written.out + written.err
