"""Public identities as keys: equal URIs give equal keys (RFC 3261 19.1.4, RFC 3966 5)."""

import re
from urllib.parse import quote, unquote

from pcscf.errors import SipRefusal
from pcscf.sip.headers import NameAddr
from pcscf.sip.message import Message
from pcscf.sip.uri import SipUri

#: Parameters that two equal URIs both have or both lack (RFC 3261 19.1.4).
_MATCHED = ("user", "ttl", "method", "maddr", "transport")
#: What may stand unescaped in a user part, besides letters and digits.
_USER = "-_.!~*'()&=+$,;?/:#|^{}"
#: Longest URI that is looked at, and most identities of one message.
MAX_URI = 1024
MAX_IDENTITIES = 4


def _unescaped(text: str) -> str:
    """Return a user part in its one form: escaped is only what would end it."""
    if "%" not in text:
        return text
    return quote(unquote(text, errors="surrogateescape"), safe=_USER, errors="surrogateescape")


def address_of_record(uri: str) -> str:
    """Return an address-of-record in its one form, without parameters (RFC 3261 10.3 step 5).

    Raises SipRefusal 400 or 416 for what is no URI of ours.
    """
    return identity_parts(uri)[0]


def identity_key(uri: str) -> str:
    """Return a key that two public identities share where 19.1.4 calls them equal.

    Parameters that only one of two equal URIs may have are left out. Raises SipRefusal 400 or 416.
    """
    return "".join(identity_parts(uri))


def identity_parts(uri: str) -> tuple[str, str]:
    """Return the address-of-record and what ``identity_key`` has behind it. Raises SipRefusal 400 or 416."""
    if len(uri) > MAX_URI:
        raise SipRefusal("URI too long")
    parsed = SipUri.parse(uri)
    params = parsed.params
    if parsed.scheme == "tel":
        number = re.sub(r"[\-.()]", "", parsed.user or "").lower()
        return f"tel:{number}", "".join(f";{name}={params[name]}" for name in sorted(params)).lower()
    user = "" if parsed.user is None else f"{_unescaped(parsed.user)}@"
    if parsed.password is not None:
        user = f"{user[:-1]}:{_unescaped(parsed.password)}@"
    port = f":{parsed.port}" if parsed.port else ""
    extra = "".join(f";{name}={params[name]}" for name in _MATCHED if name in params).lower()
    return f"{parsed.scheme}:{user}{parsed.host.lower()}{port}", extra


def identities_in(message: Message, key: str) -> list[str]:
    """Return the URIs of the header ``key`` that can be read, at most MAX_IDENTITIES."""
    uris = []
    for value in message.values(key)[:MAX_IDENTITIES]:
        try:
            uris.append(NameAddr.parse(value).uri)
        except SipRefusal:
            continue
    return uris
