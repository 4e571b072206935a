"""What the peers say in their o= lines, where it is odd (RFC 3264 8): worth a line in the log, no more."""

from pcscf.flow import Side
from pcscf.sdp.model import Sdp


class Origins:
    """The last offer of each side: its session id and version, and its octets."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[Side, tuple[str, str, bytes]] = {}

    def note(self, offer: Sdp, sdp: bytes, sender: Side) -> tuple[str, ...]:
        """Take an offer; return what is odd about it."""
        if not self._last:  # of most calls the only one
            self._last[sender] = ("", "", sdp)
            return ()
        notes: tuple[str, ...] = ()
        number, version = offer.origin
        last_number, last_version, last = self._last.get(sender, ("", "", b""))
        if last and not last_version:
            last_number, last_version = Sdp.parse(last).origin
        if number == last_number and sdp != last:
            if version == last_version:
                notes = ("o= version unchanged, content changed",)
            elif version.isdecimal() and last_version.isdecimal() and _older(version, last_version):
                notes = ("o= version decreased",)
        self._last[sender] = (number, version, sdp)
        return notes


def _older(version: str, last: str) -> bool:
    return len(version) < len(last) or (len(version) == len(last) and version < last)
