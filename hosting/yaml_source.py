"""A YAML file as plain values that remember their lines. Sizes, depth and the work of aliases are bounded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_FILE_OCTETS = 1 << 20
MAX_DEPTH = 32
#: Values after aliases are written out: what keeps "a billion laughs" from being laughed.
MAX_VALUES = 50_000

Location = tuple[str | int, ...]

_SCALARS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null")}


class ConfigError(Exception):
    """The configuration cannot be used. ``str()`` is one line ``FILE:LINE: key: reason`` per error."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(slots=True)
class Source:
    """What a file says, and on which line (from 1) each key or list item stands."""

    path: Path
    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)

    def error(self, location: Location, reason: str) -> str:
        """``FILE:LINE: key: reason``; a location that the file lacks points to its nearest parent."""
        here = location
        while here and here not in self.lines:
            here = here[:-1]
        prefix = f"{self.path}:{self.lines.get(here, 1)}: "
        key = ".".join(str(step) for step in location)
        return prefix + (f"{key}: {reason}" if key else reason)


def read(path: Path) -> Source:
    """Read and parse ``path``; raises ConfigError (unreadable, too large, no YAML, no mapping at its top)."""
    source = Source(path)
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_FILE_OCTETS + 1)
        text = octets.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([source.error((), f"cannot be read: {error.strerror or error}")]) from None
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: is not UTF-8"]) from None
    if len(octets) > MAX_FILE_OCTETS:
        raise ConfigError([source.error((), f"is longer than {MAX_FILE_OCTETS} octets")])
    root = _compose(source, text)
    if root is None:
        raise ConfigError([source.error((), "is empty")])
    if not isinstance(root, MappingNode):
        raise ConfigError([source.error((), "is not a mapping of keys to values")])
    _Reader(source).run(root)
    return source


def _compose(source: Source, text: str) -> Node | None:
    """YAML text to its node tree (pure Python: it alone keeps the lines of aliases apart)."""
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        reason = " ".join(str(error.problem or error.context or "cannot be parsed").split())
        raise ConfigError([f"{source.path}:{line}: is not valid YAML: {reason}"]) from None
    except YAMLError as error:  # a character that YAML forbids: without a mark
        reason = " ".join(str(error).split())[:120]
        raise ConfigError([source.error((), f"is not valid YAML: {reason}")]) from None
    except RecursionError:
        raise ConfigError([source.error((), f"is nested deeper than {MAX_DEPTH}")]) from None
    return node


class _Reader:
    """One walk over the node tree: values out, lines noted, every structural error gathered."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._constructor = YAML(typ="safe", pure=True).constructor
        self._left = MAX_VALUES
        self._errors: list[str] = []

    def run(self, root: Node) -> None:
        self._source.lines[()] = root.start_mark.line + 1
        self._source.value = self._value(root, ())
        if self._errors:
            raise ConfigError(self._errors)

    def _value(self, node: Node, at: Location) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ConfigError([self._source.error(at, f"the file has more than {MAX_VALUES} values")])
        if len(at) > MAX_DEPTH:
            raise ConfigError([self._source.error(at, f"is nested deeper than {MAX_DEPTH}")])
        if isinstance(node, MappingNode):
            return {key: self._value(value, (*at, key)) for key, value in self._pairs(node, at)}
        if isinstance(node, SequenceNode):
            for index, item in enumerate(node.value):
                self._source.lines.setdefault((*at, index), item.start_mark.line + 1)
            return [self._value(item, (*at, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _pairs(self, node: MappingNode, at: Location) -> Iterator[tuple[str, Node]]:
        seen: set[str] = set()
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else "?"
            if not isinstance(key_node, ScalarNode):
                self._complain(at, line, "a key has to be plain text")
            elif key in seen:
                self._complain(
                    (*at, key), line, f"stands twice, first on line {self._source.lines[*at, key]}"
                )
            else:
                seen.add(key)
                self._source.lines[(*at, key)] = line
                yield key, value

    def _scalar(self, node: Node, at: Location) -> Any:
        if node.tag in _SCALARS:
            try:
                return self._constructor.construct_object(node)
            except (YAMLError, ValueError):
                pass
        self._complain(at, node.start_mark.line + 1, f"a value of type {node.tag} cannot be used here")
        return None

    def _complain(self, at: Location, line: int, reason: str) -> None:
        key = ".".join(str(step) for step in at)
        self._errors.append(f"{self._source.path}:{line}: {key + ': ' if key else ''}{reason}")
