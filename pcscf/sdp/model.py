"""Lossless, lazy SDP (RFC 8866): lines stay as they came, attributes are looked up by name on demand."""

import re
from typing import Self

from pcscf.errors import SdpRejected
from pcscf.sdp.address import Address, address_of

#: Octets of one description, m-lines in it, lines below one m= line or before the first.
MAX_SDP = 65_536
MAX_MEDIA = 32
MAX_ATTRIBUTES = 500

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

#: Start of an attribute line -> its name: those that stand in most descriptions, looked up faster than made.
_COMMON = {f"a={n}": n for n in ("rtpmap", "fmtp", "crypto", "3ge2ae", "ptime", "maxptime", *DIRECTIONS)}

#: Lines of ``type=value``. A description with any other type letter is to be ignored as a whole (RFC 8866 5).
_SHAPE = re.compile(r"[vosiuepcbtrzkam]=[^\n\r\0]*+(?:\n[vosiuepcbtrzkam]=[^\n\r\0]*+)*")


class Section:
    """Lines of the session level, or those below one m= line.

    ``names`` runs parallel to ``lines``: the attribute's name in lower case, or the type with its
    equals sign (``c=``) for any other line. Reading lower-cases names so that no odd spelling carries a
    key past a filter. Has no repr of its content: it may hold keys.
    """

    __slots__ = ("_names", "_values", "lines")

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self._names: list[str] | None = None
        self._values: dict[str, list[str]] = {}

    @property
    def names(self) -> list[str]:
        if self._names is None:
            self._index()
        return self._names or []

    def _index(self) -> None:
        names, values = [], self._values
        for line in self.lines:
            if line[0] == "a":
                head, _, value = line.partition(":")
                name = _COMMON.get(head) or head[2:].strip().lower()
                names.append(name)
                if name in values:
                    values[name].append(value)
                else:
                    values[name] = [value]
            else:
                names.append(line[:2])
        self._names = names

    @property
    def attributes(self) -> dict[str, list[str]]:
        """Values by attribute name, in order; a flag has the value ""."""
        if self._names is None:
            self._index()
        return self._values

    def values(self, name: str) -> list[str]:
        return self.attributes.get(name, [])

    def first(self, name: str) -> str | None:
        values = self.attributes.get(name)
        return values[0].strip() if values else None

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    def direction(self, default: str = "sendrecv") -> str:
        """Return sendrecv, sendonly, recvonly or inactive (RFC 8866 6.7)."""
        attributes = self.attributes
        for direction in DIRECTIONS:
            if direction in attributes:
                return direction
        return default


class Media(Section):
    """One m-line with what stands below it.

    port: 0 to 65535; ports: the count behind a slash, else 1; formats: the rest of the line.
    line: the value of the m= line as it came. connection: value of the c= line that applies (its own, else
    the session's), or None.
    """

    __slots__ = ("_address", "connection", "formats", "line", "media", "port", "ports", "proto")

    def __init__(self, line: str, lines: list[str], connection: str | None) -> None:
        super().__init__(lines)
        self.line = line
        self.connection = connection
        self._address: Address | None = None
        fields = line.split(None, 3)
        if len(fields) < 4:
            raise SdpRejected("m= line with too few fields")
        self.media, port, self.proto, self.formats = fields
        self.ports = 1
        if "/" in port:
            port, _, ports = port.partition("/")
            self.ports = _number(ports)
        self.port = _number(port)

    @property
    def address(self) -> Address:
        """The connection address, or why there is none that media can be sent to."""
        if self._address is None:
            self._address = address_of(self.connection)
        return self._address


class Sdp:
    """A session description.

    session: everything before the first m= line. direction: of m-lines that name none.
    """

    __slots__ = ("direction", "media", "session")

    def __init__(self, session: Section, media: list[Media], direction: str = "sendrecv") -> None:
        self.session = session
        self.media = media
        self.direction = direction

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a description; lines may end in LF alone.

        Raises SdpRejected: too large (413), not SDP, v= or o= missing, too many m-lines or attributes.
        A missing s= or t= is tolerated.
        """
        if len(data) > MAX_SDP:
            raise SdpRejected("SDP too large", status=413, phrase="Request Entity Too Large")
        text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n")
        if not text.startswith("v=") or _SHAPE.fullmatch(text) is None:
            raise SdpRejected("not a session description")
        head, *sections = text.split("\nm=")
        if "\no=" not in head:
            raise SdpRejected("SDP without o=")
        if len(sections) > MAX_MEDIA:
            raise SdpRejected("too many m-lines")
        session = Section(_lines(head))
        connection = _connection(head)
        media = []
        for section in sections:
            line, _, below = section.partition("\n")
            media.append(Media(line, _lines(below), _connection(section) or connection))
        # Most descriptions have no attributes there: then the session level need not be indexed.
        return cls(session, media, session.direction() if "\na=" in head else "sendrecv")

    @property
    def origin(self) -> tuple[str, str]:
        """Session id and version of the o= line, as written ("" where missing)."""
        for line in self.session.lines:
            if line[0] == "o":
                fields = [*line[2:].split(), "", "", ""]
                return fields[1], fields[2]
        return "", ""

    def encode(self) -> bytes:
        """Return the description with every line as it came, ended by CRLF."""
        lines = list(self.session.lines)
        for media in self.media:
            lines.append(f"m={media.line}")
            lines += media.lines
        lines.append("")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _lines(text: str) -> list[str]:
    lines = text.split("\n") if text else []
    if len(lines) > MAX_ATTRIBUTES:
        raise SdpRejected("too many attributes")
    return lines


def _connection(text: str) -> str | None:
    """Return the value of the first c= line below the first line of ``text``."""
    at = text.find("\nc=")
    return text[at + 3 :].partition("\n")[0] if at >= 0 else None


def _number(text: str) -> int:
    """Return a port (or a count of ports): 0 to 65535. Raises SdpRejected."""
    if len(text) <= 5 and text.isascii() and text.isdigit() and (number := int(text)) <= 65_535:
        return number
    raise SdpRejected("bad port in m= line")
