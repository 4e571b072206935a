"""What this P-CSCF says on one side of a session: its o= line and the frame around the m-sections."""

from collections.abc import Callable

from pcscf.sdp.address import network
from pcscf.sdp.capability import indicates
from pcscf.sdp.model import Section

#: Octets of randomness in a session id; its decimal form stays below 2^63.
SESSION_ID_OCTETS = 7
#: Address of a description without any active stream.
NO_ADDRESS = "0.0.0.0"

_ORIGINAL_ONLY = frozenset("voc")
_BEFORE_CONNECTION = frozenset("siuep")


class Leg:
    """One side's session description over the life of a dialog (RFC 3264 8).

    The o= line keeps its id and address; its version rises by one whenever the rest changes.
    """

    __slots__ = ("_address", "_content", "_id", "_random", "_version")

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._id = 0
        self._version = 0
        self._address = ""
        self._content = ""

    def copy(self) -> "Leg":
        """Return the same for one more dialog: what both have been told stays, and they part from here."""
        other = Leg(self._random)
        other._id, other._version = self._identified(), self._version
        other._address, other._content = self._address, self._content
        return other

    def write(
        self,
        session: Section,
        sections: list[list[str]],
        address: str,
        *,
        dropped: frozenset[str],
    ) -> bytes:
        """Return the description for this side.

        session: the session level that the other side wrote. address: for c=; "" where no stream is active.
        dropped: names of its attributes that stay on the other side.
        """
        if not self._version:
            self._address = address or NO_ADDRESS
        lines = _session_lines(session, address or NO_ADDRESS, dropped)
        for section in sections:
            lines += section
        lines.append("")
        content = "\r\n".join(lines)
        if content != self._content:
            self._version += 1
        self._content = content
        origin = f"v=0\r\no=- {self._identified()} {self._version} {network(self._address)}\r\n"
        return (origin + content).encode("utf-8", "surrogateescape")

    def _identified(self) -> int:
        if not self._id:
            self._id = int.from_bytes(self._random(SESSION_ID_OCTETS), "big")
        return self._id


def _session_lines(session: Section, address: str, dropped: frozenset[str]) -> list[str]:
    """Return s= to the last attribute, with our c=. Keys and addresses of the other side are left out."""
    head: list[str] = []
    rest: list[str] = []
    named = timed = False
    for line in session.lines:
        kind = line[0]
        if kind in _ORIGINAL_ONLY:
            continue
        if kind in _BEFORE_CONNECTION:
            named = named or kind == "s"
            head.append(line)
        elif kind == "a":
            name, _, value = line[2:].partition(":")
            name = name.strip().lower()
            bundle = name == "group" and value.lstrip().upper().startswith("BUNDLE")
            if name not in dropped and not bundle and not (name == "acap" and indicates(line)):
                rest.append(line)
        elif kind != "k":
            timed = timed or kind == "t"
            rest.append(line)
    if not named:
        head.insert(0, "s=-")
    if not timed:
        rest.insert(0, "t=0 0")
    return [*head, f"c={network(address)}", *rest]
