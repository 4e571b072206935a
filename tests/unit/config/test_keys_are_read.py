"""Nothing is accepted and then ignored: every key that can be set is read somewhere outside the model."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from hosting.config import NotBuilt, Section
from pcscf.config import Config

ROOT = Path(__file__).parents[3]
#: Read by the rules of the model.
RULES_ALONE = {"iq.insecure"}


def keys(model: type[Section], prefix: str = "") -> Iterator[str]:
    """Dotted names of the leaves whose value may differ from the default."""
    for name, field in model.model_fields.items():
        others = set(get_args(field.annotation)) - {field.default} or {object()}
        if any(isinstance(mark, NotBuilt) and all(map(mark.refuses, others)) for mark in field.metadata):
            continue
        below = section(field.annotation)
        if below is None:
            yield prefix + name
        else:
            yield from keys(below, f"{prefix}{name}.")


def section(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (section(argument) for argument in getattr(annotation, "__args__", ()))
    return next((one for one in found if one is not None), None)


def test_every_key_is_read() -> None:
    files = [path for folder in ("pcscf", "hosting") for path in (ROOT / folder).rglob("*.py")]
    model = ROOT / "pcscf" / "config"
    code = "\n".join(path.read_text() for path in files if model not in path.parents)
    code += (model / "file.py").read_text().partition("def listeners")[2]
    code += (model / "access.py").read_text().partition("def is_confidential")[2].partition("def problems")[0]
    code += (model / "trunks.py").read_text().partition("def name")[2].partition("def problems")[0]
    code += (model / "listening.py").read_text().partition("def host")[2]
    unread = {key for key in keys(Config) if not re.search(rf"\.{key.rpartition('.')[2]}\b", code)}
    assert unread - RULES_ALONE == set()
