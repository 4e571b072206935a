"""The oracle against the vectors of RFC 3711, RFC 6188 and RFC 7714, and whole packets."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.srtp_reference import (
    Reference,
    SessionKeys,
    derive,
    gcm_rtcp,
    gcm_rtcp_iv,
    gcm_rtcp_tag_only,
    gcm_rtp,
    gcm_rtp_iv,
    keystream,
)

IV = int("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", 16)
KEY_128 = "2B7E151628AED2A6ABF7158809CF4F3C"
KEY_256 = "57F82FE3613FD170A85EC93C40B1F0922EC4CB0DC025B58272147CC438944A98"


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        pytest.param(KEY_128, 0, "E03EAD0935C95E80E166B16DD92B4EB4", id="RFC 3711 B.2"),
        pytest.param(KEY_128, 1, "D23513162B02D0F72A43A2FE4A5F97AB", id="RFC 3711 B.2 1"),
        pytest.param(KEY_128, 2, "41E95B3BB0A2E8DD477901E4FCA894C0", id="RFC 3711 B.2 2"),
        pytest.param(KEY_128, 0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4", id="RFC 3711 B.2 FEFF"),
        pytest.param(KEY_128, 0xFF00, "362B7C3C6773516318A077D7FC5073AE", id="RFC 3711 B.2 FF00"),
        pytest.param(KEY_128, 0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44", id="RFC 3711 B.2 FF01"),
        pytest.param(KEY_256, 0, "92BDD28A93C3F52511C677D08B5515A4", id="RFC 6188 7.1"),
        pytest.param(KEY_256, 1, "9DA71B2378A854F67050756DED165BAC", id="RFC 6188 7.1 1"),
        pytest.param(KEY_256, 2, "63C4868B7096D88421B563B8C94C9A31", id="RFC 6188 7.1 2"),
        pytest.param(KEY_256, 0xFEFF, "CEA518C90FD91CED9CBB18C078A54711", id="RFC 6188 7.1 FEFF"),
        pytest.param(KEY_256, 0xFF00, "3DBC4814F4DA5F00A08772B63C6A046D", id="RFC 6188 7.1 FF00"),
        pytest.param(KEY_256, 0xFF01, "6EB246913062A16891433E97DD01A57F", id="RFC 6188 7.1 FF01"),
    ],
)
def test_keystream(key: str, counter: int, expected: str) -> None:
    assert keystream(bytes.fromhex(key), IV + counter, 16).hex().upper() == expected


RFC3711_KEY, RFC3711_SALT = "E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6"
RFC6188_KEY = "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6"
RFC6188_SALT = "3B04803DE51EE7C96423AB5B78D2"
GCM_KEY, GCM_SALT = "000102030405060708090A0B0C0D0E0F", "A0A1A2A3A4A5A6A7A8A9AAAB"


@pytest.mark.parametrize(
    ("key", "salt", "label", "expected"),
    [
        pytest.param(RFC3711_KEY, RFC3711_SALT, 0, "C61E7A93744F39EE10734AFE3FF7A087", id="B.3 cipher key"),
        pytest.param(RFC3711_KEY, RFC3711_SALT, 2, "30CBBC08863D8C85D49DB34A9AE1", id="B.3 salt"),
        pytest.param(
            RFC3711_KEY,
            RFC3711_SALT,
            1,
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098"
            "6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
            id="B.3 auth key",
        ),
        pytest.param(RFC3711_KEY, RFC3711_SALT, 3, "4C1AA45A81F73D61C800BBB00FBB1EAA", id="SRTCP key"),
        pytest.param(RFC3711_KEY, RFC3711_SALT, 5, "9581C7AD87B3E530BF3E4454A8B3", id="SRTCP salt"),
        pytest.param(
            RFC3711_KEY, RFC3711_SALT, 4, "8D54534FEB49AE8E7993A6BD0B844FC323A93DFD", id="SRTCP auth"
        ),
        pytest.param(
            RFC6188_KEY,
            RFC6188_SALT,
            0,
            "5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4",
            id="RFC 6188 cipher key",
        ),
        pytest.param(RFC6188_KEY, RFC6188_SALT, 2, "FA31791685CA444A9E07C6C64E93", id="RFC 6188 salt"),
        pytest.param(
            RFC6188_KEY, RFC6188_SALT, 1, "FD9C32D39ED5FBB5A9DC96B30818454D1313DC05", id="RFC 6188 auth key"
        ),
        pytest.param(GCM_KEY, GCM_SALT, 0, "077C6143CB221BC355FF23D5F984A16E", id="GCM cipher key"),
        pytest.param(GCM_KEY, GCM_SALT, 2, "9AF3E95364EBAC9C99C5A7C4", id="GCM salt"),
    ],
)
def test_key_derivation(key: str, salt: str, label: int, expected: str) -> None:
    got = derive(bytes.fromhex(key), bytes.fromhex(salt), label, len(expected) // 2)
    assert got.hex().upper() == expected


RTP = bytes.fromhex("800F1234DECAFBADCAFEBABE") + b"\xab" * 16
RTCP = bytes.fromhex("81C8000BCAFEBABE") + b"\xab" * 16


@pytest.mark.parametrize(
    ("suite", "master", "expected"),
    [
        pytest.param(
            "AES_CM_128_HMAC_SHA1_80",
            RFC3711_KEY + RFC3711_SALT,
            "800F1234DECAFBADCAFEBABE4E55DC4CE79978D88CA4D215949D2402B78D6ACC99EA179B8DBB",
            id="CM",
        ),
        pytest.param(
            "AEAD_AES_128_GCM",
            GCM_KEY + GCM_SALT,
            "800F1234DECAFBADCAFEBABEC5002EDE04CFDD2EB91159E0880AA06ED2976826F796B201DF3131A127E8A392",
            id="GCM",
        ),
    ],
)
def test_whole_packet(suite: str, master: str, expected: str) -> None:
    reference = Reference(suite, bytes.fromhex(master))
    assert reference.protect(RTP).hex().upper() == expected
    assert reference.unprotect(bytes.fromhex(expected)) == RTP


def test_whole_rtcp_packet() -> None:
    reference = Reference("AES_CM_128_HMAC_SHA1_80", bytes.fromhex(RFC3711_KEY + RFC3711_SALT))
    expected = "81C8000BCAFEBABE7128035BE487B9BDBEF89041F977A5A880000001993E08CD54D6C1230798"
    assert reference.protect_rtcp(RTCP, 1).hex().upper() == expected
    assert reference.unprotect_rtcp(bytes.fromhex(expected)) == RTCP


# RFC 7714 16 and 17: session keys used directly.
SALT = bytes.fromhex("517569642070726F2071756F")
AES_128, AES_256 = bytes(range(16)), bytes(range(32))
HEADER = bytes.fromhex("8040F17B8041F8D35501A0B2")
PAYLOAD = b"Gallia est omnis divisa in partes tres"
COMPOUND = bytes.fromhex(
    "81C8000D4D6172734E5450314E545032525450200000042A0000E9304C756E61DEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEF"
)


@pytest.mark.parametrize(
    ("key", "encrypted", "tag_only"),
    [
        pytest.param(
            AES_128,
            "F24DE3A3FB34DE6CACBA861C9D7E4BCABE633BD50D294E6F42A5F47A51C7D19B36DE3ADF8833899D7F27BEB16A91"
            "52CF765EE4390CCE",
            "22493F82D2BCE397E9D79E3B19AA4216",
            id="AES-128",
        ),
        pytest.param(
            AES_256,
            "32B1DE78A822FE12EF9F78FA332E33AAB18012389A58E2F3B50B2A0276FFAE0F1BA63799B87B7AA3DB36DFFFD6B0"
            "F9BB7878D7A76C13",
            "A866D5910F887463067CEEFEC45215D4",
            id="AES-256",
        ),
    ],
)
def test_rfc7714_srtp(key: bytes, encrypted: str, tag_only: str) -> None:
    assert gcm_rtp_iv(SALT, HEADER, 0).hex().upper() == "51753C6580C2726F20718414"
    assert gcm_rtp(SessionKeys(key, SALT, b""), HEADER, PAYLOAD, 0).hex().upper() == encrypted
    tag = AESGCM(key).encrypt(gcm_rtp_iv(SALT, HEADER, 0), b"", HEADER + PAYLOAD)
    assert tag.hex().upper() == tag_only


@pytest.mark.parametrize(
    ("key", "encrypted", "tag_only"),
    [
        pytest.param(
            AES_128,
            "63E94885DCDAB67CA727D7662F6B7E997FF5C0F76C06F32DC676A5F1730D6FDA4CE09B4686303DED0BB9275B"
            "C84AA45896CF4D2FC5ABF87245D9EADE",
            "841DD9683DD78EC92AE58790125F62B3",
            id="AES-128",
        ),
        pytest.param(
            AES_256,
            "D50AE4D1F5CE5D304BA297E47D470C282C3ECE5DBFFE0A50A2EAA5C1110555BE8415F658C61DE0476F1B6FAD"
            "1D1EB30C4446839F57FF6F6CB26AC3BE",
            "91DB4AFBFEEE5A978FAB4393ED2615FE",
            id="AES-256",
        ),
    ],
)
def test_rfc7714_srtcp(key: bytes, encrypted: str, tag_only: str) -> None:
    keys = SessionKeys(key, SALT, b"")
    assert gcm_rtcp_iv(SALT, COMPOUND, 0x5D4).hex().upper() == "517524055203726F207170BB"
    assert gcm_rtcp(keys, COMPOUND, 0x5D4).hex().upper() == encrypted
    assert gcm_rtcp_tag_only(keys, COMPOUND, 0x5D4).hex().upper() == tag_only
