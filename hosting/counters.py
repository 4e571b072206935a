"""Counters on the path of a call: plain integers in dicts, read only when somebody scrapes. No IO.

requests = Tally()
requests["access", "INVITE"] += 1
"""

MAX_LABELS = 256
"""Different labels of one tally: what comes from peers cannot fill the memory."""

Label = str | int | tuple[str | int, ...]


class Tally(dict[Label, int]):
    """Counts per label. A label that is new costs one Python call, after that ``+= 1`` is the dict's own.

    When MAX_LABELS are in use, the youngest makes room: what was seen first keeps counting.
    """

    __slots__ = ()

    def __missing__(self, _label: Label) -> int:
        if len(self) >= MAX_LABELS:
            self.popitem()
        return 0
