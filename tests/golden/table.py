"""Writes the tables of docs/media-security.md from the scripts: ``python -m tests.golden.table``.

Each script with a ``table`` in its head is one line of it: its row, m-line and condition as the head says
them, the decision, the reason and the clause as they come out when it is played. Table NAME stands between
``<!-- decisions: NAME -->`` and ``<!-- end -->``.
"""

import re
from pathlib import Path

from pcscf.alg.media_security import Decision, Handling
from tests.golden.scripts import Played, Script, clause, play, scripts

DOCUMENT = Path(__file__).parents[2] / "docs" / "media-security.md"
_TABLE = re.compile(r"(<!-- decisions: (.*) -->\n)(?:.*\n)*?(<!-- end -->)")
_DECISIONS = "| row | m-line | when | decision | reason | clause |\n|---|---|---|---|---|---|\n"
_ANSWERS = "| answer | from | what follows |\n|---|---|---|\n"
_INPUT = "| input | what follows | reason | clause |\n|---|---|---|---|\n"

#: Where a status is explained that an offer gets before any of its m-lines is looked at.
_STATUSES = {400: "RFC 2046 5.1.1", 415: "RFC 3261 21.4.13", 488: "RFC 3261 21.4.26"}


def table(name: str) -> str:
    """Return the table ``name``, without its markers."""
    chosen = [(script, play(script)) for script in scripts() if script.settings.get("table") == name]
    chosen.sort(key=lambda one: _order(*one))
    kinds = {"answers": (_ANSWERS, _answer), "input": (_INPUT, _input)}
    head, line = kinds.get(name, (_DECISIONS, _decision))
    return head + "".join(f"| {' | '.join(line(*one))} |\n" for one in chosen)


def _order(script: Script, played: Played) -> tuple[bool, str, int, str, int, str]:
    """2 before 10, numbered rows first; within a row what is protected first, what is refused after it."""
    parts = re.fullmatch(r"([A-Za-z]*)(\d*)(.*)", script.settings.get("row", ""))
    assert parts is not None
    handling = list(Handling).index(_shown(script, played).action) if played.decisions else -1
    return not parts[2], parts[1], int(parts[2] or 0), parts[3], handling, script.name


def _shown(script: Script, played: Played) -> Decision:
    return played.decisions[int(script.settings.get("line", 1)) - 1]


def _head(script: Script) -> list[str]:
    return [script.settings.get(name, "") for name in ("row", "m-line", "when")]


def _decision(script: Script, played: Played) -> list[str]:
    decision = _shown(script, played)
    return [*_head(script), decision.action, decision.reason, clause(decision)]


def _answer(script: Script, played: Played) -> list[str]:
    _, what, sender = _head(script)
    if played.refusal is not None:
        return [what, sender, f"refused with {played.refusal.status}: {played.refusal}"]
    return [what, sender, f"`{_first_media(played.text)}` to the other side"]


def _first_media(text: str) -> str:
    return next(line for line in text.rpartition("\n== ")[2].splitlines() if line.startswith("m="))


def _input(script: Script, played: Played) -> list[str]:
    _, what, then = _head(script)
    if played.refusal is not None and not played.decisions:
        status = played.refusal.status
        return [what, f"the offer is refused with {status}", str(played.refusal), _STATUSES[status]]
    decision = _shown(script, played)
    what_follows = f"{decision.action}: {then}" if then else str(decision.action)
    return [what, what_follows, decision.reason, clause(decision)]


def written(document: str) -> str:
    """Return the document with its tables as the scripts have them."""
    return _TABLE.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", document)


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
