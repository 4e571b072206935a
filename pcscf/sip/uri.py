"""SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966)."""

import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote

from pcscf.errors import SipRefusal
from pcscf.sip.headers import MAX_PORT, format_params, parse_params

#: User part: RFC 3261 25.1 plus what phones write unescaped (# in service codes, | ^ and braces).
_SIP = re.compile(
    r"(sips?):(?:([A-Za-z0-9\-_.!~*'()%&=+$,;?/:#|^{}]+)@)?"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+)(?::([0-9]{1,5}))?"
    r"(;[A-Za-z0-9\-_.!~*'()%\[\]/:&+$;=@]*)?(?:\?([A-Za-z0-9\-_.!~*'()%\[\]/:&+$=?;,@]*))?",
    re.IGNORECASE,
)
_TEL = re.compile(r"tel:(\+?[0-9A-Fa-f*#\-.()]+)(;[A-Za-z0-9\-_.!~*'()%\[\]/:&+$;=]*)?", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):[!-~]+")

#: Parameters that two equal URIs both have or both lack (RFC 3261 19.1.4).
_MATCHED = ("user", "ttl", "method", "maddr", "transport")


class SipUri:
    """One URI: scheme in lower case; user and password as written; host without brackets; params with
    lower-case names, a flag has the value ""; headers is what stands behind "?".

    A tel URI has its number as ``user`` and an empty host.
    """

    __slots__ = ("headers", "host", "params", "password", "port", "scheme", "user")

    def __init__(
        self,
        host: str,
        user: str | None = None,
        port: int | None = None,
        params: dict[str, str] | None = None,
        *,
        scheme: str = "sip",
        password: str | None = None,
        headers: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.params = {} if params is None else params
        self.headers = headers

    @classmethod
    def parse(cls, text: str) -> "SipUri":
        """Parse a sip, sips or tel URI. Raises SipRefusal: 400, or 416 for another scheme."""
        if found := _SIP.fullmatch(text):
            scheme, user, host, port, params, headers = found.groups()
            password = None
            if user is not None and ":" in user:
                user, _, password = user.partition(":")
            if host[0] == "[":
                host = _ipv6(host[1:-1])
            number = None if port is None else int(port)
            if number is not None and not 0 < number <= MAX_PORT:
                raise SipRefusal("bad port in URI")
            return SipUri(
                host,
                user,
                number,
                parse_params(params) if params else {},
                scheme=scheme.lower(),
                password=password,
                headers=headers or "",
            )
        if found := _TEL.fullmatch(text):
            return SipUri("", found[1], None, parse_params(found[2]) if found[2] else {}, scheme="tel")
        scheme = scheme_of(text)
        if scheme in {"sip", "sips", "tel", ""}:
            raise SipRefusal("bad URI")
        raise SipRefusal("unsupported URI scheme", status=416, phrase="Unsupported URI Scheme")

    def param(self, name: str) -> str | None:
        """Return the value of parameter ``name`` (lower case), "" for a flag, None where it is absent."""
        return self.params.get(name)

    def __str__(self) -> str:
        params = format_params(self.params)
        if self.scheme == "tel":
            return f"tel:{self.user}{params}"
        user = "" if self.user is None else f"{self.user}@"
        if self.password is not None:
            user = f"{self.user}:{self.password}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{host}{port}{params}{headers}"


def scheme_of(text: str) -> str:
    """Return the scheme in lower case, or "" where ``text`` is no URI."""
    found = _SCHEME.fullmatch(text)
    return found[1].lower() if found else ""


def _ipv6(text: str) -> str:
    try:
        # The grammar of RFC 3261 produced "a:::192.0.2.1" (RFC 5118 4.10): taken as it was meant.
        IPv6Address(text.replace(":::", "::"))
    except AddressValueError:
        raise SipRefusal("bad IPv6 address in URI") from None
    return text


def same_uri(a: SipUri | str, b: SipUri | str) -> bool:
    """Compare two URIs (RFC 3261 19.1.4; tel: RFC 3966 4). Raises SipRefusal where one does not parse."""
    a = SipUri.parse(a) if isinstance(a, str) else a
    b = SipUri.parse(b) if isinstance(b, str) else b
    if a.scheme != b.scheme or a.port != b.port or a.host.lower() != b.host.lower():
        return False
    if a.scheme == "tel":
        return _digits(a.user) == _digits(b.user) and _folded(a.params) == _folded(b.params)
    if _plain(a.user) != _plain(b.user) or _plain(a.password) != _plain(b.password):
        return False
    if any((name in a.params) != (name in b.params) for name in _MATCHED):
        return False
    if any(unquote(v).lower() != unquote(b.params[k]).lower() for k, v in a.params.items() if k in b.params):
        return False
    return _headers(a.headers) == _headers(b.headers)


def _plain(text: str | None) -> str | None:
    return unquote(text, errors="surrogateescape") if text is not None and "%" in text else text


def _digits(number: str | None) -> str:
    return re.sub(r"[\-.()]", "", number or "").lower()


def _folded(params: dict[str, str]) -> dict[str, str]:
    return {name: value.lower() for name, value in params.items()}


def _headers(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text.split("&") if part)
    return sorted((unquote(name).lower(), unquote(value)) for name, _, value in pairs)
