"""A page of fax that its receiver can check bit for bit: its first octets say what the others have to be."""

import hashlib
import secrets
from collections.abc import Sequence

#: Octets of a block: 40 ms at 14400 bit/s.
BLOCK = 72
#: Blocks of a second, and the most of a page: ten minutes.
RATE = 25
MAX_BLOCKS = 600 * RATE
_SEED, _COUNT = 8, 4
_HEADER = _SEED + _COUNT


def make(blocks: int) -> list[bytes]:
    """Return a page that no other is like. Raises ValueError for more blocks than MAX_BLOCKS."""
    if not 0 < blocks <= MAX_BLOCKS:
        raise ValueError(f"1 to {MAX_BLOCKS} blocks")
    return _expand(secrets.token_bytes(_SEED) + blocks.to_bytes(_COUNT))


def expected(first: bytes) -> list[bytes]:
    """Return the page that begins with the block ``first``; empty where no page does."""
    header = first[:_HEADER]
    blocks = int.from_bytes(header[_SEED:])
    if len(first) != BLOCK or not 0 < blocks <= MAX_BLOCKS:
        return []
    page = _expand(header)
    return page if page[0] == first else []


def exact(received: Sequence[bytes]) -> tuple[int, int]:
    """Return how many blocks of a page came in their order and right, and how many it has."""
    page = expected(received[0]) if received else []
    right = at = 0
    places = {block: n for n, block in enumerate(page)}
    for block in received:
        if (place := places.get(block, -1)) >= at:
            right, at = right + 1, place + 1
    return right, len(page)


def _expand(header: bytes) -> list[bytes]:
    octets = int.from_bytes(header[_SEED:]) * BLOCK
    whole = header + hashlib.shake_128(header).digest(octets - _HEADER)
    return [whole[at : at + BLOCK] for at in range(0, octets, BLOCK)]
