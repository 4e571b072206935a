"""Randomness for tokens, branches and keys: the system's, read in pages because most requests are small."""

import os

_PAGE = 4096


class Entropy:
    """Call it for that many random octets; none is given out twice."""

    __slots__ = ("_at", "_page")

    def __init__(self) -> None:
        self._page = b""
        self._at = 0

    def __call__(self, octets: int) -> bytes:
        at = self._at
        if at + octets > len(self._page):
            if octets > _PAGE:
                return os.urandom(octets)
            self._page, at = os.urandom(_PAGE), 0
        self._at = at + octets
        return self._page[at : self._at]
