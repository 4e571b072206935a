"""Keys and addresses of ``imslab media`` from files."""

from pathlib import Path

import pytest

from lab import keyfile
from lab.errors import BadDescription, LabError
from lab.srtp import SdesKey

SEND, RECEIVE = SdesKey.generate("AEAD_AES_128_GCM"), SdesKey.generate("AEAD_AES_128_GCM", 2)
TEXT = f"""2026-01-01 noise of a log
send a=crypto:{SEND.crypto()}
  receive {RECEIVE.crypto()}
remote [::1]:20000
"""


def test_parse() -> None:
    found = keyfile.parse(TEXT)
    assert (found.send, found.receive, found.remote) == (SEND, RECEIVE, ("::1", 20_000))
    assert found.complete
    assert SEND.inline not in repr(found)
    assert not keyfile.parse("").complete


def test_half_a_pair_and_bad_lines() -> None:
    with pytest.raises(BadDescription, match="a send and a receive line"):
        keyfile.parse(TEXT.replace("receive", "got"))
    with pytest.raises(BadDescription) as refusal:
        keyfile.parse(TEXT.replace("AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"))
    assert SEND.inline not in str(refusal.value)
    with pytest.raises(LabError, match="HOST:PORT"):
        keyfile.parse("remote nowhere")


async def test_read_waits_for_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with pytest.raises(LabError, match="No such file"):
        await keyfile.read(path)
    path.write_text("noise", encoding="utf-8")
    with pytest.raises(LabError, match="no keys in it"):
        await keyfile.read(path)
    path.write_text(TEXT, encoding="utf-8")
    assert (await keyfile.read(path, wait=1)).complete
