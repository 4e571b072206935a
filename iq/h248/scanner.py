"""Lexical rules of the text encoding (H.248.1 B.2): separators, names, values, quoted and octet strings."""

import re
from collections.abc import Mapping

from iq.errors import IqError
from iq.h248.errors import SYNTAX_IN_MESSAGE
from iq.h248.limits import MAX_DEPTH, MAX_ITEMS
from iq.h248.model import Node
from iq.h248.tokens import VALUES

_GAP = re.compile(r"(?:[ \t\r\n]++|;[^\r\n]*+)*")
_WORD = re.compile(r"[A-Za-z0-9+\-&!_/'?@^`~*$\\()%|.]++")
_QUOTED = re.compile(r'"[^"\x00-\x08\x0a-\x1f]*+"')
_DOMAIN = re.compile(r"<[^<>\s{}]++>(?::[0-9]{1,5})?")
_LIST = re.compile(r"""\[(?:"[^"]*+"|[^\[\]{}"<>#=;]++)*\](?::[0-9]{1,5})?""")
_ALTERNATIVES = re.compile(r"""\{(?:"[^"]*+"|[^\[\]{}"<>#=;]++)*\}""")
_SPACE = re.compile(r"""("[^"]*+")|[ \t\r\n]++""")
_OCTETS = re.compile(r"(?:[^}\\]++|\\}|\\)*")
_DIGITS = re.compile(r"[^{}]*+")


class Scanner:
    """A position in the text of one message. Whatever does not fit raises IqError(``code``).

    code: 400, 403, 422 or 442, set by the parser as it goes down, so that an error names its level.
    """

    __slots__ = ("at", "code", "items", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.code = SYNTAX_IN_MESSAGE
        self.items = 0

    def fail(self, why: str) -> IqError:
        """Return the syntax error for this place; it shows no text, for that may hold a key."""
        return IqError(self.code, f"{why} at offset {self.at}")

    def peek(self) -> str:
        """Skip white space and comments; return the next character, or "" at the end."""
        match = _GAP.match(self.text, self.at)
        if match:
            self.at = match.end()
        return self.text[self.at : self.at + 1]

    def take(self, character: str) -> bool:
        """Consume ``character`` if it is next."""
        if self.peek() != character:
            return False
        self.at += 1
        return True

    def expect(self, character: str) -> None:
        if not self.take(character):
            raise self.fail(f"'{character}' expected")

    def _count(self) -> None:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise self.fail(f"more than {MAX_ITEMS} items")

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        self.peek()
        match = pattern.match(self.text, self.at)
        if match is None or match.end() == self.at:
            raise self.fail(f"{what} expected")
        self.at = match.end()
        return match.group()

    def word(self) -> str:
        """Return the next name, number or identifier as it is written."""
        self._count()
        return self._match(_WORD, "name")

    def quoted(self) -> str:
        """Return the next quoted string without its quotes."""
        return self._match(_QUOTED, "quoted string")[1:-1]

    def value(self) -> str:
        """Return VALUE or a list (``[a,b]``, ``[a:b]``, ``{a,b}``), without white space outside quotes."""
        self._count()
        match self.peek():
            case '"':
                return self._match(_QUOTED, "quoted string")
            case "[":
                return _SPACE.sub(r"\1", self._match(_LIST, "list"))
            case "{":
                return _SPACE.sub(r"\1", self._match(_ALTERNATIVES, "alternatives"))
            case "<":
                return self._match(_DOMAIN, "domain name")
            case _:
                return self._match(_WORD, "value")

    def octets(self) -> str:
        """Return an octet string ``{...}`` as lines with CRLF, ``\\}`` unescaped; "" where it is empty."""
        self.expect("{")
        match = _OCTETS.match(self.text, self.at)
        end = match.end() if match else self.at
        if self.text[end : end + 1] != "}":
            raise self.fail("octet string without end")
        text = self.text[self.at : end]
        self.at = end + 1
        lines = [line.strip(" \t") for line in text.replace("\\}", "}").replace("\r", "\n").split("\n")]
        return "".join(f"{line}\r\n" for line in lines if line)

    def digits(self) -> str:
        """Return the body of a digit map, between its braces."""
        self.expect("{")
        text = self._match(_DIGITS, "digit map").strip()
        self.expect("}")
        return text

    def node(self, names: Mapping[str, str], inner: Mapping[str, str], depth: int) -> Node:
        """Read a Node. names: keywords of this place; inner: those inside its braces."""
        if depth > MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} levels")
        word = self.word().lower()
        name = names.get(word, word)
        node = Node(name)
        if (operator := self.peek()) in ("=", "#", "<", ">"):
            self.at += 1
            node.operator = operator
            value = self.value()
            keywords = VALUES.get(name)
            node.value = keywords.get(value.lower(), value) if keywords else value
        if self.take("{"):
            node.body = self.nodes(inner, inner, depth + 1)
        return node

    def nodes(self, names: Mapping[str, str], inner: Mapping[str, str], depth: int) -> list[Node]:
        """Read nodes up to and with the closing brace; an empty body is allowed."""
        nodes: list[Node] = []
        if self.take("}"):
            return nodes
        while True:
            nodes.append(self.node(names, inner, depth))
            if self.take("}"):
                return nodes
            self.expect(",")
