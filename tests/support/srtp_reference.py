"""SRTP and SRTCP written from RFC 3711, RFC 6188 and RFC 7714 alone, on AES and HMAC of ``cryptography``.

The oracle for the engines: slow, stateless (the caller says the rollover counter and the SRTCP index), and
itself held against the vectors of these RFCs by tests/unit/agw/test_srtp_reference.py.
"""

import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from iq.suites import SUITES, Suite


def keystream(key: bytes, iv: int, length: int) -> bytes:
    """AES-CM (RFC 3711 4.1.1): iv is the first counter block as a number."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(iv.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(length))


def derive(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """RFC 3711 4.3.1, key derivation rate 0; a 96-bit salt is padded on the right (RFC 7714 11)."""
    salt = int.from_bytes(master_salt.ljust(14, b"\0"), "big")
    return keystream(master_key, (salt ^ (label << 48)) << 16, length)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def header_length(packet: bytes) -> int:
    """Of an RTP packet with its CSRC list and extension (RFC 3550 5.1)."""
    length = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        length += 4 + 4 * int.from_bytes(packet[length + 2 : length + 4], "big")
    return length


@dataclass
class SessionKeys:
    key: bytes
    salt: bytes
    auth: bytes


class Reference:
    """One master key, as its sender uses it."""

    def __init__(self, suite: str, master: bytes) -> None:
        self.suite: Suite = SUITES[suite]
        key, salt = master[: self.suite.key], master[self.suite.key : self.suite.octets]
        assert len(salt) == self.suite.salt

        def keys(first_label: int) -> SessionKeys:
            return SessionKeys(
                derive(key, salt, first_label, len(key)),
                derive(key, salt, first_label + 2, len(salt)),
                derive(key, salt, first_label + 1, 20),
            )

        self.rtp, self.rtcp = keys(0), keys(3)

    def protect(self, packet: bytes, roc: int = 0, mki: bytes = b"") -> bytes:
        head = header_length(packet)
        header, payload = packet[:head], packet[head:]
        if self.suite.aead:
            return header + gcm_rtp(self.rtp, header, payload, roc) + mki
        sent = header + xor(payload, self._rtp_stream(packet, roc, len(payload)))
        return sent + mki + self._tag(self.rtp, sent + roc.to_bytes(4, "big"), self.suite.rtp_tag)

    def unprotect(self, packet: bytes, roc: int = 0, mki: int = 0) -> bytes:
        """Raises AssertionError or InvalidTag where ``packet`` is not authentic."""
        head = header_length(packet)
        if self.suite.aead:
            packet = packet[: len(packet) - mki]
            iv = gcm_rtp_iv(self.rtp.salt, packet, roc)
            return packet[:head] + AESGCM(self.rtp.key).decrypt(iv, packet[head:], packet[:head])
        tag = self.suite.rtp_tag
        body = packet[: -tag - mki]
        assert packet[-tag:] == self._tag(self.rtp, body + roc.to_bytes(4, "big"), tag)
        return body[:head] + xor(body[head:], self._rtp_stream(body, roc, len(body) - head))

    def protect_rtcp(self, packet: bytes, index: int, mki: bytes = b"") -> bytes:
        word = (index | 1 << 31).to_bytes(4, "big")
        if self.suite.aead:
            return packet[:8] + gcm_rtcp(self.rtcp, packet, index) + word + mki
        sent = packet[:8] + xor(packet[8:], self._rtcp_stream(packet, index, len(packet) - 8)) + word
        return sent + mki + self._tag(self.rtcp, sent, self.suite.rtcp_tag)

    def unprotect_rtcp(self, packet: bytes, mki: int = 0) -> bytes:
        if self.suite.aead:
            packet = packet[: len(packet) - mki]
            word, body = packet[-4:], packet[8:-4]
            assert word[0] & 0x80
            iv = gcm_rtcp_iv(self.rtcp.salt, packet, int.from_bytes(word, "big") & 0x7FFFFFFF)
            return packet[:8] + AESGCM(self.rtcp.key).decrypt(iv, body, packet[:8] + word)
        tag = self.suite.rtcp_tag
        signed = packet[: -tag - mki]
        assert packet[-tag:] == self._tag(self.rtcp, signed, tag)
        assert signed[-4] & 0x80
        index = int.from_bytes(signed[-4:], "big") & 0x7FFFFFFF
        body = signed[:-4]
        return body[:8] + xor(body[8:], self._rtcp_stream(body, index, len(body) - 8))

    def _rtp_stream(self, packet: bytes, roc: int, length: int) -> bytes:
        ssrc, seq = packet[8:12], packet[2:4]
        return self._stream(self.rtp, ssrc, roc << 16 | int.from_bytes(seq, "big"), length)

    def _rtcp_stream(self, packet: bytes, index: int, length: int) -> bytes:
        return self._stream(self.rtcp, packet[4:8], index, length)

    @staticmethod
    def _stream(keys: SessionKeys, ssrc: bytes, index: int, length: int) -> bytes:
        """RFC 3711 4.1.1: IV = salt * 2^16 xor SSRC * 2^64 xor index * 2^16."""
        salt = int.from_bytes(keys.salt, "big")
        return keystream(keys.key, salt << 16 ^ int.from_bytes(ssrc, "big") << 64 ^ index << 16, length)

    @staticmethod
    def _tag(keys: SessionKeys, signed: bytes, length: int) -> bytes:
        return hmac.digest(keys.auth, signed, "sha1")[:length]


def gcm_rtp_iv(salt: bytes, packet: bytes, roc: int) -> bytes:
    """RFC 7714 8.1."""
    return xor(salt, bytes(2) + packet[8:12] + roc.to_bytes(4, "big") + packet[2:4])


def gcm_rtcp_iv(salt: bytes, packet: bytes, index: int) -> bytes:
    """RFC 7714 9.1."""
    return xor(salt, bytes(2) + packet[4:8] + bytes(2) + index.to_bytes(4, "big"))


def gcm_rtp(keys: SessionKeys, header: bytes, payload: bytes, roc: int) -> bytes:
    """Cipher text and tag."""
    return AESGCM(keys.key).encrypt(gcm_rtp_iv(keys.salt, header, roc), payload, header)


def gcm_rtcp(keys: SessionKeys, packet: bytes, index: int) -> bytes:
    """Cipher text and tag of an encrypted compound packet (E = 1)."""
    aad = packet[:8] + (index | 1 << 31).to_bytes(4, "big")
    return AESGCM(keys.key).encrypt(gcm_rtcp_iv(keys.salt, packet, index), packet[8:], aad)


def gcm_rtcp_tag_only(keys: SessionKeys, packet: bytes, index: int) -> bytes:
    """The tag of a compound packet in the clear (E = 0, RFC 7714 9.3)."""
    aad = packet + index.to_bytes(4, "big")
    return AESGCM(keys.key).encrypt(gcm_rtcp_iv(keys.salt, packet, index), b"", aad)
