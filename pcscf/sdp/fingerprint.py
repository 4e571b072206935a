"""What names the peer of a TLS or DTLS session: a=fingerprint (RFC 8122) and a=tls-id (RFC 8842 4)."""

import re

from iq.fingerprint import HASHES, Fingerprint, read_fingerprint
from pcscf.errors import PeerError
from pcscf.sdp.model import Media, Section

#: Longest a=fingerprint value, how many of them are looked at in one m-line, and how many count.
MAX_VALUE = 256
MAX_LINES = 16
MAX_FINGERPRINTS = 8

#: Only where the operator allows it; and what must never be used (RFC 8122 5.1).
SHA1 = "sha-1"
_FORBIDDEN = frozenset({"md5", "md2"})
_STRONGEST_FIRST = tuple(sorted(HASHES, key=lambda name: -HASHES[name]))

_TLS_ID = re.compile(r"[0-9A-Za-z+/_-]{20,255}", re.ASCII)


class UnusableFingerprint(PeerError):
    """None of an m-line's fingerprints can be checked; ``reason`` is the first one's problem."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fingerprints_of(media: Media, session: Section, *, sha1: bool = False) -> tuple[Fingerprint, ...]:
    """Return the fingerprints that apply to an m-line: those of the strongest hash that is there.

    A certificate that fits one of them is the peer's (RFC 8122 5). Those of the media level take the place of
    the session's. sha1: it counts, where there is nothing better. Raises UnusableFingerprint.
    """
    values = media.values("fingerprint") or session.values("fingerprint")
    found: list[Fingerprint] = []
    problem = None if values else "no fingerprint"
    for value in values[:MAX_LINES]:
        try:
            fingerprint = _parse(value, sha1=sha1)
        except UnusableFingerprint as error:
            problem = problem or error.reason
            continue
        if fingerprint not in found:
            found.append(fingerprint)
    for name in _STRONGEST_FIRST:
        if strongest := tuple(one for one in found if one.hash == name):
            return strongest[:MAX_FINGERPRINTS]
    raise UnusableFingerprint(problem or "no fingerprint")


def _parse(value: str, *, sha1: bool) -> Fingerprint:
    if len(value) > MAX_VALUE:
        raise UnusableFingerprint("fingerprint too long")
    name = value.strip().partition(" ")[0].lower()
    if name in _FORBIDDEN or (name == SHA1 and not sha1):
        raise UnusableFingerprint("fingerprint with a weak hash")
    try:
        return read_fingerprint(value)
    except ValueError as error:
        raise UnusableFingerprint(str(error)) from None


def tls_id_of(media: Media, session: Section) -> str | None:
    """Return the name of an m-line's association; None where none is given, or a bad one."""
    value = media.first("tls-id") or session.first("tls-id")
    return value if value is not None and _TLS_ID.fullmatch(value) else None
