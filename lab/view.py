"""What somebody on the way of a TCP connection can read of one of its directions."""

from collections.abc import Sequence
from typing import Protocol

from lab.errors import LabError
from lab.tls import Records


class Reader(Protocol):
    """Reads one protocol off a stream."""

    def feed(self, data: bytes, /) -> Sequence[object]:
        """Return the messages that ``data`` completes. Raises LabError for what is none."""


class View:
    """plain: messages that could be read; opaque: records of TLS, or pieces of what is neither."""

    def __init__(self, reader: Reader) -> None:
        self.plain = 0
        self.opaque = 0
        self._reader: Reader | None = reader
        self._records = Records()

    def feed(self, octets: bytes) -> None:
        if self._reader is not None:
            try:
                self.plain += len(self._reader.feed(octets))
            except LabError:
                self._reader = None
            else:
                return
        self.opaque += self._records.feed(octets)
        self.opaque += self._records.strange

    @property
    def sealed(self) -> bool:
        """Tell whether it was TLS from the first octet on, with application data in it."""
        return self._records.sealed > 0 and not self._records.strange and not self.plain
