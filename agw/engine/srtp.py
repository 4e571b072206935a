"""SRTP and SRTCP by libsrtp (pylibsrtp), one session for each direction of a leg.

libsrtp does the KDF, rollover counters, replay windows and contexts per SSRC; what it lacks in this binding
stands here: MKI, a limit of SSRCs, packets of Ethernet's size, reasons instead of exceptions.
"""

from pylibsrtp import Error, Policy, Session
from pylibsrtp._binding import ffi

from agw.engine.api import DropReason, EngineError
from iq.suites import SUITES, Crypto, Key, Suite

MAX_SSRCS = 64
"""Contexts that one key may open in one direction: bounds what a flood of SSRCs takes."""
OLD_KEY_SECONDS = 2.0
"""How long packets that were on their way at a key change are still taken, at most."""
MAX_PACKET = 2048
RTP_HEADER = 12
RTCP_HEADER = 8
INDEX = 4
"""Octets of E flag and SRTCP index."""
ENCRYPTED = 0x80
"""The E flag in the first of them (RFC 3711 3.4)."""

_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": "SRTP_PROFILE_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "SRTP_PROFILE_AES128_CM_SHA1_32",
    "AES_256_CM_HMAC_SHA1_80": "SRTP_PROFILE_AES256_CM_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32": "SRTP_PROFILE_AES256_CM_SHA1_32",
    "AEAD_AES_128_GCM": "SRTP_PROFILE_AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM": "SRTP_PROFILE_AEAD_AES_256_GCM",
}

#: What libsrtp says, as a reason. It answers a tag that does not fit before anything else but a replay.
_REASONS = {
    "authentication failure": DropReason.AUTH,
    "cipher failure": DropReason.AUTH,
    "unable to perform desired validation": DropReason.AUTH,  # SRTCP whose E flag says: not encrypted
    "replay check failed (bad index)": DropReason.REPLAY,
    "replay check failed (index too old)": DropReason.REPLAY_OLD,
    "packet index is too old to consider": DropReason.REPLAY_OLD,
}

_LARGEST_TRAILER = 16 + 128 + INDEX
_scratch = ffi.new("char[]", MAX_PACKET + _LARGEST_TRAILER)
_scratch_view = ffi.buffer(_scratch)


class _Session(Session):
    """A session whose packets may have Ethernet's size: pylibsrtp's own buffer leaves 1356 octets to
    protect. It is scratch space of one call, so all sessions of the loop's thread share one."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self._cdata = _scratch
        self._buffer = _scratch_view


def available_suites() -> tuple[str, ...]:
    """The suites of iq.suites that this libsrtp can do, found by protecting a packet with each."""
    packet = bytes([0x80]) + bytes(RTP_HEADER + 19)
    found = []
    for suite in SUITES.values():
        crypto = Crypto(suite.name, Key(bytes(suite.octets)))
        try:
            sent = Sender(crypto, 128).protect(packet, rtcp=False)
            if isinstance(sent, bytes) and Receiver(crypto, 128).unprotect(sent, False, 0.0) == packet:
                found.append(suite.name)
        except EngineError:
            continue
    return tuple(found)


class Sender:
    """Protects what leaves a leg with one key. Its session is made with the first packet (55 us): many a
    call is set up and changed more often than it carries media."""

    __slots__ = ("_known", "_session", "_ssrcs", "_window", "crypto")

    def __init__(self, crypto: Crypto, window: int, ssrcs: int = MAX_SSRCS) -> None:
        """window: packets that may overtake each other. Raises EngineError."""
        _check(SUITES[crypto.suite], crypto.key.octets)
        self.crypto = crypto
        self._window = window
        self._session: Session | None = None
        self._ssrcs = ssrcs
        self._known: set[bytes] = set()

    def protect(self, packet: bytes, rtcp: bool) -> bytes | DropReason:
        """A packet of at least its fixed header's length, protected, or why not.

        REPLAY: its index was used before; a second use would reveal plain text.
        """
        ssrc = packet[4:8] if rtcp else packet[8:12]
        known = ssrc in self._known
        if not known and len(self._known) >= self._ssrcs:
            return DropReason.SSRC_LIMIT
        session = self._session
        try:
            if session is None:
                session = self._session = _session(self.crypto, Policy.SSRC_ANY_OUTBOUND, self._window)
            protected = session.protect_rtcp(packet) if rtcp else session.protect(packet)
        except Error as error:
            return _REASONS.get(str(error), DropReason.MALFORMED)
        except ValueError:
            return DropReason.TOO_LARGE
        if not known:
            self._known.add(ssrc)
        return protected


class Receiver:
    """Authenticates and decrypts what arrives at a leg with one key, and for a while with the one before.

    Its session is made with the first packet, as that of a Sender. old: the key before; it stays known,
    should it come back: a refused change is taken back."""

    __slots__ = ("_known", "_mki", "_old_until", "_session", "_ssrcs", "_suite", "_window", "crypto", "old")

    def __init__(self, crypto: Crypto, window: int, ssrcs: int = MAX_SSRCS) -> None:
        """window: replay window in packets (RFC 3711 3.3.2). Raises EngineError."""
        self._suite = SUITES[crypto.suite]
        _check(self._suite, crypto.key.octets)
        self.crypto = crypto
        self._window = window
        self._session: Session | None = None
        self._mki = crypto.mki[1] if crypto.mki is not None else 0
        self._ssrcs = ssrcs
        self._known: set[bytes] = set()
        self.old: Receiver | None = None
        self._old_until = 0.0

    def succeed(self, old: "Receiver", now: float) -> None:
        """Take over from ``old``: it serves what was on its way, until the first packet under this key. Its
        own predecessor goes."""
        old.old = None
        self.old = old
        self._old_until = now + OLD_KEY_SECONDS

    def unprotect(self, packet: bytes, rtcp: bool, now: float) -> bytes | DropReason:
        """The plain packet, or why it must not be used. now: loop time."""
        result = self._unprotect(packet, rtcp)
        if self.old is None:
            return result
        if isinstance(result, bytes):
            self._old_until = 0.0
            return result
        if now >= self._old_until:
            return result
        late = self.old._unprotect(packet, rtcp)
        return late if isinstance(late, bytes) else result

    def _unprotect(self, packet: bytes, rtcp: bool) -> bytes | DropReason:
        if rtcp:
            shortest = RTCP_HEADER + INDEX + self._suite.rtcp_tag + self._mki
            ssrc = packet[4:8]
        else:
            shortest = RTP_HEADER + self._suite.rtp_tag + self._mki
            ssrc = packet[8:12]
        if len(packet) < shortest:
            return DropReason.SHORT
        known = ssrc in self._known
        if not known and len(self._known) >= self._ssrcs:
            return DropReason.SSRC_LIMIT
        if self._mki:
            packet = self._without_mki(packet, rtcp)
        if rtcp and self._suite.aead and not packet[-INDEX] & ENCRYPTED:
            return DropReason.AUTH  # libsrtp would take it; encryption was agreed upon (RFC 4568 6.3.2)
        session = self._session
        try:
            if session is None:
                session = self._session = _session(self.crypto, Policy.SSRC_ANY_INBOUND, self._window)
            plain = session.unprotect_rtcp(packet) if rtcp else session.unprotect(packet)
        except Error as error:
            return _REASONS.get(str(error), DropReason.MALFORMED)
        except ValueError:
            return DropReason.TOO_LARGE
        if not known:
            self._known.add(ssrc)  # only now: a forged packet takes no place
        return plain

    def _without_mki(self, packet: bytes, rtcp: bool) -> bytes:
        """Before the tag in the suites with HMAC (RFC 3711 3.1), last with an AEAD (RFC 7714 8.2, 9.2)."""
        if self._suite.aead:
            return packet[: -self._mki]
        tag = self._suite.rtcp_tag if rtcp else self._suite.rtp_tag
        return packet[: -self._mki - tag] + packet[-tag:]


def _check(suite: Suite, key: bytes) -> None:
    """Raises EngineError for what no session could be made of."""
    if not hasattr(Policy, _PROFILES[suite.name]) or len(key) != suite.octets:
        raise EngineError(f"{suite.name} cannot be done here")


def _session(crypto: Crypto, direction: int, window: int) -> Session:
    """Raises pylibsrtp.Error."""
    profile = getattr(Policy, _PROFILES[crypto.suite])
    policy = Policy(key=crypto.key.octets, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = window
    return _Session(policy)
