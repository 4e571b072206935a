"""What has to hold of each description that goes out: its o= line, its protection, our keys in it."""

from dataclasses import dataclass, field

from pcscf.flow import Side
from tests.support.describing import Author, Description, Line, read


@dataclass
class Watch:
    """Sees each description that one side is sent. keys: ours, by m-line, the port it runs on, and suite.

    lenient: the end breaks the rules, and does not look at all that it gets.
    """

    side: Side
    author: Author
    lenient: bool = False
    last: Description | None = None
    seen: int = 0
    keys: dict[tuple[int, int, str], str] = field(default_factory=dict)

    def __call__(self, body: bytes) -> None:
        self.seen += 1
        now, last = read(body), self.last
        if last is not None:
            assert now.id == last.id, "o= of another session"
            changed = now.content != last.content
            rises = now.version == last.version + changed
            assert rises or self.lenient, f"o= version {last.version} -> {now.version}"
        self.last = now
        for index, line in enumerate(now.lines):
            if line.active:
                self._line(index, line)

    def _line(self, index: int, line: Line) -> None:
        assert line.host == ("198.51.100.20" if self.side is Side.ACCESS else "203.0.113.20")
        if self.side is Side.CORE:
            assert not line.indicator, "3ge2ae in the core"
            return
        if self.author.protects(index, line.media) or line.indicator:
            assert line.secure, "plain for a protected stream"
            assert line.key
            place = (index, line.port, line.suite)
            assert self.keys.setdefault(place, line.key) == line.key, "our key changed within a stream"
            others = [key for other, key in self.keys.items() if other != place]
            assert line.key not in others, "a key of ours for two streams"
