"""application/reginfo+xml (RFC 3680 5): what a registrar says about registrations. Input is hostile.

Plain expat, in UTF-8 (or by its byte order mark) whatever the document declares. A document type is refused,
and with it every entity: nothing expands, nothing is fetched.
"""

from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError, ParserCreate

from pcscf.errors import SipRefusal
from pcscf.registration.contacts import seconds

MEDIA_TYPE = "application/reginfo+xml"
#: Octets of a document, registrations and contacts in it, and elements inside of one another.
MAX_DOCUMENT = 65_536
MAX_ENTRIES = 512
MAX_DEPTH = 16

_SPACE = "urn:ietf:params:xml:ns:reginfo"
_MAX_VERSION = 2**32 - 1


@dataclass(slots=True)
class ContactState:
    """One <contact>: state is active or terminated; event says why; expires: seconds left, None: not said."""

    state: str
    event: str
    expires: int | None
    uri: str = ""


@dataclass(slots=True)
class RegistrationState:
    """One <registration>: the state of ``aor`` is init, active or terminated."""

    aor: str
    state: str
    contacts: list[ContactState] = field(default_factory=list)


@dataclass(slots=True)
class RegInfo:
    """A whole document. full: it is all that its sender knows, else what has changed since the last."""

    version: int
    full: bool
    registrations: list[RegistrationState] = field(default_factory=list)


def parse_reginfo(document: bytes) -> RegInfo:
    """Parse a document. Raises SipRefusal: 413 where it is too large, 400 for what is none."""
    if len(document) > MAX_DOCUMENT:
        raise SipRefusal("reginfo too large", status=413)
    reader = _Reader()
    parser = ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)
    except (ExpatError, ValueError):
        raise SipRefusal("reginfo cannot be read") from None
    if reader.found is None:
        raise SipRefusal("no reginfo")
    return reader.found


def _refuse_doctype(*_: object) -> None:
    raise SipRefusal("reginfo with a document type")


class _Reader:
    """Takes the events of one document; elements of other namespaces are extensions and say nothing here."""

    def __init__(self) -> None:
        self.found: RegInfo | None = None
        self._registrations: list[RegistrationState] = []
        self._open: list[str] = []
        self._entries = 0
        self._uri: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise SipRefusal("reginfo too deep")
        space, _, local = name.rpartition(" ")
        self._open.append(local if space == _SPACE else "")
        match self._open:
            case ["reginfo"]:
                version = attributes.get("version", "")
                if not (version.isascii() and version.isdigit()) or len(version) > 10:
                    raise SipRefusal("reginfo without a version")
                full = attributes.get("state") == "full"
                self.found = RegInfo(min(int(version), _MAX_VERSION), full, self._registrations)
            case ["reginfo", "registration"]:
                self._count()
                self._registrations.append(
                    RegistrationState(attributes.get("aor", ""), attributes.get("state", ""))
                )
            case ["reginfo", "registration", "contact"]:
                self._count()
                self._registrations[-1].contacts.append(
                    ContactState(
                        attributes.get("state", ""),
                        attributes.get("event", ""),
                        seconds(attributes.get("expires")),
                    )
                )

    def text(self, data: str) -> None:
        if self._open == ["reginfo", "registration", "contact", "uri"]:
            self._uri.append(data)

    def end(self, _: str) -> None:
        if self._open == ["reginfo", "registration", "contact", "uri"]:
            self._registrations[-1].contacts[-1].uri = "".join(self._uri).strip()
            self._uri.clear()
        self._open.pop()

    def _count(self) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise SipRefusal("reginfo with too many entries")
