"""Every limit that can be set stands in docs/operation.md, with its default and what happens above it."""

import re
from pathlib import Path

from pcscf.config.limits import Limits

OPERATION = Path(__file__).parents[3] / "docs" / "operation.md"


def test_every_limit_is_listed_with_its_default() -> None:
    text = OPERATION.read_text().partition("## Limits")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| \S.* \| \S.* \|$", text, re.MULTILINE)
    assert {name: float(default) for name, default in rows} == {
        name: float(value) for name, value in Limits().model_dump().items()
    }
