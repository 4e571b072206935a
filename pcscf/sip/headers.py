"""Header values with structure: Via, name-addr with parameters, CSeq, option tags (RFC 3261 20, 25)."""

import re
from typing import Self

from pcscf.errors import SipRefusal
from pcscf.sip.message import Message

MAGIC_COOKIE = "z9hG4bK"
#: CSeq numbers are below 2**31 (RFC 3261 8.1.1.5).
MAX_CSEQ = 2**31 - 1
MAX_PORT = 65_535
#: Of a number in a header field, with leading zeros.
MAX_DIGITS = 20

# Possessive quantifiers: no run of blanks from a peer makes a match quadratic. On single characters alone:
# Python 3.11.2, which Debian 12 has, matches possessive groups wrongly (CPython gh-101955).
_VIA = re.compile(
    r"[ \t]*+(SIP)[ \t]*+/[ \t]*+([0-9.]++)[ \t]*+/[ \t]*+([A-Za-z0-9\-.!%*_+`'~]++)[ \t]++"
    r"(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.\-]++)[ \t]*+(?::[ \t]*+([0-9]{1,5})[ \t]*+)?(;.*)?",
    re.IGNORECASE | re.DOTALL,
)
#: Protocol and transport as nearly everybody writes them.
_PROTOCOLS = {f"SIP/2.0/{transport}": transport for transport in ("UDP", "TCP", "TLS", "WS", "WSS")}
#: Quoted string or tokens, then the URI between angle brackets, then parameters.
_NAME_ADDR = re.compile(
    r'(?:"((?:[^"\\]++|\\.)*)"[ \t]*+|([^"<>]*+))<[ \t]*+([^<>"\x00-\x20]++)[ \t]*+>[ \t]*+(;.*)?', re.DOTALL
)
#: Without brackets the parameters belong to the header, and "?" and "," are not allowed (RFC 3261 20.10).
_ADDR_SPEC = re.compile(r'([A-Za-z][A-Za-z0-9+.\-]*:[^<>"?,;\x00-\x20]++)[ \t]*+(;.*)?', re.DOTALL)
_BALANCED = re.compile(r'(?:[^"]++|"(?:[^"\\]++|\\.)*")*', re.DOTALL)
_PARAMS = re.compile(r'(?:[^";]++|"(?:[^"\\]++|\\.)*")+', re.DOTALL)


def parse_params(text: str) -> dict[str, str]:
    """Parse ``;name=value;flag``: lower-case names, "" for a flag, quotes stay, the first of a name wins.

    Raises SipRefusal where a quoted string does not end.
    """
    if '"' not in text:
        parts = text.split(";")
    elif _BALANCED.fullmatch(text):
        parts = _PARAMS.findall(text)
    else:
        raise SipRefusal("unbalanced quote in parameters")
    params: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if (name := name.strip(" \t").lower()) and name not in params:
            params[name] = value.strip(" \t")
    return params


def format_params(params: dict[str, str]) -> str:
    """Return ``;name=value;flag``."""
    return "".join([f";{name}={value}" if value else f";{name}" for name, value in params.items()])


class Via:
    """One Via value: transport as written, host without brackets, port or None, params by lower-case name."""

    __slots__ = ("host", "params", "port", "transport", "version")

    def __init__(
        self,
        transport: str,
        host: str,
        port: int | None = None,
        params: dict[str, str] | None = None,
        version: str = "2.0",
    ) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params = {} if params is None else params
        self.version = version

    @classmethod
    def parse(cls, value: str) -> "Via":
        """Parse one value. Raises SipRefusal 400."""
        start, _, rest = value.partition(";")
        protocol, _, sent_by = start.partition(" ")
        name, colon, digits = sent_by.partition(":")
        plain = _PROTOCOLS.get(protocol)
        # A regular expression costs ten times as much: it is for what else may be written.
        if plain is not None and name.isascii() and name.replace(".", "").isalnum():
            if not colon:
                return Via(plain, name, None, parse_params(rest))
            if is_number(digits, 1, MAX_PORT) and len(digits) <= 5:
                return Via(plain, name, int(digits), parse_params(rest))
        found = _VIA.fullmatch(value)
        if found is None:
            raise SipRefusal("bad Via")
        _, version, transport, host, port, params = found.groups()
        if host[0] == "[":
            host = host[1:-1]
        number = None if port is None else int(port)
        if number is not None and not 0 < number <= MAX_PORT:
            raise SipRefusal("bad port in Via")
        return Via(transport, host, number, parse_params(params) if params else {}, version)

    @property
    def branch(self) -> str:
        return self.params.get("branch", "")

    @property
    def sent_by(self) -> str:
        """Host and port as a matching key (RFC 3261 17.2.3): lower case, no port where none was written."""
        return self.host.lower() if self.port is None else f"{self.host.lower()}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/{self.version}/{self.transport} {host}{port}{format_params(self.params)}"


class NameAddr:
    """A From, To, Contact, Route... value: display name unquoted or None, uri as text, header parameters."""

    __slots__ = ("display", "params", "uri")

    def __init__(self, uri: str, params: dict[str, str] | None = None, display: str | None = None) -> None:
        self.uri = uri
        self.params = {} if params is None else params
        self.display = display

    @classmethod
    def parse(cls, value: str) -> Self:
        """Parse one value (name-addr, addr-spec or ``*``). Raises SipRefusal 400."""
        if found := _NAME_ADDR.fullmatch(value):
            quoted, tokens, uri, params = found.groups()
            display = quoted if quoted is not None else tokens.rstrip(" \t") or None
            if quoted and "\\" in quoted:
                display = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        elif value == "*":
            return cls("*")
        elif found := _ADDR_SPEC.fullmatch(value):
            uri, params = found.groups()
            display = None
        else:
            raise SipRefusal("bad address")
        return cls(uri, parse_params(params) if params else {}, display)

    @property
    def tag(self) -> str | None:
        return self.params.get("tag") or None

    def __str__(self) -> str:
        text = f"<{self.uri}>{format_params(self.params)}" if self.uri != "*" else "*"
        if self.display is None:
            return text
        escaped = self.display.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" {text}'


def check_address(value: str) -> None:
    """Raise SipRefusal 400 where ``NameAddr.parse`` would, for less."""
    found = _NAME_ADDR.fullmatch(value)
    if found is None or ((params := found[4]) and '"' in params and not _BALANCED.fullmatch(params)):
        NameAddr.parse(value)


def tag_of(value: str | None) -> str | None:
    """Return the tag parameter of a From or To value, or None."""
    if value is None:
        return None
    params = value[value.rfind(">") + 1 :]
    # As nearly everybody writes it: nothing else has to be looked at.
    if params.startswith(";tag=") and (plain := params[5:]).isalnum() and value.count(">") <= 1:
        return plain
    if '"' in params or value.count(">") > 1:  # a quoted string may contain anything: read it properly
        try:
            return NameAddr.parse(value).tag
        except SipRefusal:
            return None
    for part in params.split(";")[1:]:
        name, _, tag = part.partition("=")
        if name.strip(" \t").lower() == "tag":
            tag = tag.strip(" \t")
            return tag if tag.split() == [tag] and "," not in tag else None
    return None


def cseq_of(message: Message) -> tuple[int, str]:
    """Return number and method of CSeq. Raises SipRefusal 400."""
    value = message.get("cseq") or ""
    number, _, method = value.partition(" ")
    if method.isalpha() and len(number) <= 9 and number.isascii() and number.isdigit():
        return int(number), method
    words = [word for word in value.replace("\t", " ").split(" ") if word]
    if len(words) != 2 or not is_number(words[0], 0, MAX_CSEQ):
        raise SipRefusal("bad or missing CSeq")
    return int(words[0]), words[1]


def is_number(text: str, least: int, most: int) -> bool:
    """Tell whether ``text`` is 1 to 20 digits, and in these bounds."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and least <= int(text) <= most


def has_option_tag(message: Message, name: str, tag: str) -> bool:
    """Tell whether the list header ``name`` (Require, Supported...) contains ``tag``."""
    key = name.lower()
    return key in message and tag in (value.lower() for value in message.values(key))


def remove_option_tags(message: Message, name: str, tags: set[str] | frozenset[str]) -> int:
    """Take ``tags`` (lower case) out of the list header ``name``; return how many went."""
    key = name.lower()
    if key not in message:
        return 0
    values = message.values(key)
    kept = [value for value in values if value.lower() not in tags]
    if len(kept) != len(values):
        message.replace_values(name, kept)
    return len(values) - len(kept)
