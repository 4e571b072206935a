"""SDES: the crypto attribute (RFC 4568, RFC 6188, RFC 7714) with the SDES profile of TS 33.328 Annex E.

Nothing raised or printed here holds key material.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from iq.suites import SUITES, Crypto, Key
from pcscf.errors import PeerError, SdpRejected

#: Longest a=crypto value, and most crypto lines looked at in one m-line.
MAX_LINE = 1024
MAX_LINES = 16
MAX_MKI = 128
MAX_LIFETIME = 2**48

#: Spellings of other implementations -> registered name; case does not count.
ALIASES = {
    "AES_CM_256_HMAC_SHA1_80": "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_256_HMAC_SHA1_32": "AES_256_CM_HMAC_SHA1_32",
}
_SUITES = SUITES | {alias: SUITES[name] for alias, name in ALIASES.items()}


class UnusableCrypto(PeerError):
    """This crypto line cannot be used: go on with the next. tag: its tag, None where even that is bad."""

    def __init__(self, reason: str, tag: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tag = tag


@dataclass(slots=True)
class CryptoLine:
    """A usable crypto line. spelling: the suite's name as the peer wrote it, to be echoed."""

    crypto: Crypto
    spelling: str


def parse(value: str) -> CryptoLine:
    """Parse the value of a=crypto. Raises UnusableCrypto for what is bad, unknown, or not used by policy.

    Several keys in one line are not used, with or without MKI: one master key a direction.
    """
    if len(value) > MAX_LINE:
        raise UnusableCrypto("crypto line too long")
    fields = value.split()
    if not fields or len(fields[0]) > 9 or not (fields[0].isascii() and fields[0].isdigit()):
        raise UnusableCrypto("crypto line without a tag")
    tag = int(fields[0])
    if len(fields) < 3:
        raise UnusableCrypto("crypto line without a key", tag)
    spelling = fields[1]
    suite = _SUITES.get(spelling) or _SUITES.get(spelling.upper())
    if suite is None:
        raise UnusableCrypto("unknown crypto suite", tag)
    key, mki = _key(fields[2], suite.octets, tag)
    if len(fields) > 3 and (problem := next(filter(None, map(_session_parameter, fields[3:])), None)):
        raise UnusableCrypto(problem, tag)
    return CryptoLine(Crypto(suite.name, key, tag, mki), spelling)


def _key(params: str, octets: int, tag: int) -> tuple[Key, tuple[int, int] | None]:
    if ";" in params:
        raise UnusableCrypto("several keys in a crypto line", tag)
    if params[:7].lower() != "inline:":
        raise UnusableCrypto("crypto line without an inline key", tag)
    text, *rest = params[7:].split("|")
    bare = text.rstrip("=")
    try:
        material = a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)
    except ValueError:
        raise UnusableCrypto("bad base64 in a crypto line", tag) from None
    if len(material) != octets:
        raise UnusableCrypto("key length does not fit the suite", tag)
    if not any(material):
        raise UnusableCrypto("all-zero key", tag)
    mki = None
    if rest and ":" in rest[-1]:
        mki = _mki(rest.pop(), tag)
    if len(rest) > 1 or (rest and not _is_lifetime(rest[0])):
        raise UnusableCrypto("bad lifetime", tag)
    return Key(material), mki


def _mki(text: str, tag: int) -> tuple[int, int]:
    value, _, length = text.partition(":")
    if value.isascii() and value.isdigit() and length.isascii() and length.isdigit() and len(length) <= 3:
        number, octets = int(value), int(length)
        if 1 <= octets <= MAX_MKI and number < 1 << 8 * octets:
            return number, octets
    raise UnusableCrypto("bad MKI", tag)


def _is_lifetime(text: str) -> bool:
    power = text.startswith("2^")
    digits = text[2:] if power else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        return False
    number = int(digits)
    return number <= 48 if power else 0 < number <= MAX_LIFETIME


def _session_parameter(text: str) -> str | None:
    """Return why this parameter makes its line unusable, or None (RFC 4568 6.3)."""
    if text.startswith("-"):
        return None
    name, _, value = text.upper().partition("=")
    match name:
        case "KDR":
            # Only 0 need be supported (33.328 Annex C).
            return None if value in {"0", "00"} else "key derivation rate"
        case "WSH":
            fits = value.isascii() and value.isdigit() and 2 <= len(value) <= 9 and int(value) >= 64
            return None if fits else "bad window size hint"
        case "FEC_ORDER":
            return None if value == "FEC_SRTP" else "FEC order"
        case "FEC_KEY":
            return "FEC key"
        case "UNENCRYPTED_SRTP" | "UNENCRYPTED_SRTCP" | "UNAUTHENTICATED_SRTP":
            return "unprotected SRTP"
        case _:
            return "unknown session parameter"


def select(
    values: Sequence[str], suites: Sequence[str], used: Iterable[Key] = (), agreed: Crypto | None = None
) -> CryptoLine:
    """Choose the line of an offer to answer: the first of ``suites`` (our order) that a usable line names.

    used: keys that stand elsewhere in the session; a line with one of them is dropped (RFC 4568 6.1).
    agreed: the peer's crypto in a running stream: its suite is chosen before any other, its own key before a
    new one; with another suite that key is dropped. Of several lines with one tag only the first counts.
    Raises UnusableCrypto with the first line's problem.
    """
    tags: set[int] = set()
    best: CryptoLine | None = None
    best_rank = len(suites)
    problem = None if values else "no crypto line"
    for value in values[:MAX_LINES]:
        try:
            line = parse(value)
        except UnusableCrypto as error:
            problem = problem or error.reason
            if error.tag is not None:
                tags.add(error.tag)
            continue
        crypto = line.crypto
        if crypto.tag in tags:
            problem = problem or "duplicate tag"
            continue
        tags.add(crypto.tag)
        if crypto.suite not in suites:
            problem = problem or "suite not accepted"
            continue
        running = agreed is not None and crypto.suite == agreed.suite
        again = agreed is not None and crypto.key == agreed.key
        if running and again:
            return line
        if again or crypto.key in used:
            problem = problem or "key used twice"
            continue
        if (rank := -1 if running else suites.index(crypto.suite)) < best_rank:
            best, best_rank = line, rank
    if best is None:
        raise UnusableCrypto(problem or "suite not accepted")
    return best


def answered(
    values: Sequence[str], offered: Sequence[Crypto], used: Iterable[Key] = ()
) -> tuple[Crypto, Crypto]:
    """Check the crypto of an answer; return (the answerer's, that one of ``offered`` which it accepts).

    Raises SdpRejected unless there is exactly one line (identical repetitions count once), with the tag and
    the suite of an offered one and a key of its own (RFC 4568 5.1.2, 5.1.3).
    """
    if not values:
        raise SdpRejected("answer without a crypto line")
    if any(value != values[0] for value in values[1:]):
        raise SdpRejected("several crypto lines in an answer")
    try:
        crypto = parse(values[0]).crypto
    except UnusableCrypto as error:
        raise SdpRejected(f"unusable crypto in the answer: {error.reason}") from None
    own = next((o for o in offered if o.tag == crypto.tag), None)
    if own is None or own.suite != crypto.suite:
        raise SdpRejected("answer with a crypto tag or suite that was not offered")
    if any(crypto.key == o.key for o in offered):
        raise SdpRejected("answer echoes the offerer's key")
    if crypto.key in used:
        raise SdpRejected("answer with a key that is used elsewhere in the session")
    return crypto, own


def build(crypto: Crypto, spelling: str | None = None) -> str:
    """Return the line ``a=crypto:...`` that declares our key: padded base64, no lifetime, no MKI."""
    key = b2a_base64(crypto.key.octets, newline=False).decode("ascii")
    return f"a=crypto:{crypto.tag} {spelling or crypto.suite} inline:{key}"
