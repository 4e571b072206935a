"""Configuration files: YAML in, frozen and validated values out, every error with its file and line.

A file's model is a tree of ``Section`` classes. ``NotBuilt`` marks what a key may say one day but not yet;
``Section.problems`` holds the rules between keys, ``Section.warnings`` what is allowed but rarely meant.
"""

import difflib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hosting.yaml_source import ConfigError, Location, Source, read

__all__ = ["ConfigError", "Finding", "Location", "NotBuilt", "Section", "differences", "load"]

#: Where, relative to the section that says it, and what is wrong there.
Finding = tuple[Location, str]


class Section(BaseModel):
    """One mapping of a configuration file. Frozen; unknown keys are errors; values are not coerced."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    def problems(self) -> Iterator[Finding]:
        """Rules between the keys of this section and below that are broken: the file is refused."""
        yield from ()

    def warnings(self) -> Iterator[Finding]:
        """What is accepted, but probably not what was meant: told at check and at start."""
        yield from ()

    @model_validator(mode="after")
    def _judge(self) -> Self:
        found = list(self.problems())
        if found:
            text = "; ".join(f"{'.'.join(map(str, at))}: {reason}" for at, reason in found)
            raise PydanticCustomError("rules", "{text}", {"text": text, "found": found})
        return self


class NotBuilt:
    """Marks values that are known but whose part is not built yet, in an ``Annotated`` type.

    ``NotBuilt("tls", "ws")`` refuses these values; ``NotBuilt(but=False)`` everything but False.
    Defaults are not judged: they have to be values that work.
    """

    def __init__(self, *values: object, but: object = ...) -> None:
        self._values = values
        self._but = but

    def refuses(self, value: object) -> bool:
        return value in self._values if self._but is ... else value != self._but

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        if self.refuses(value):
            name = value if isinstance(value, str) else json.dumps(value, default=lambda _: "this")
            raise PydanticCustomError("not_built", "{name} is known, but not built yet", {"name": name})
        return value


M = TypeVar("M", bound=Section)


def load(path: Path, model: type[M], warn: Callable[[str], None] | None = None) -> M:
    """Read ``path`` as ``model``. Relative paths in it are relative to its directory.

    warn: is given each warning as one line of the same form as an error.
    Raises ConfigError with all errors found, in the order of the file.
    """
    source = read(path)
    try:
        # JSON mode: lists are tuples and text may be an enum or a path, yet "5060" is no number.
        config = model.model_validate_json(
            json.dumps(source.value), strict=True, context={"directory": path.absolute().parent}
        )
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        # Where an item is wrong it is not counted either: too few of them is then no finding of its own.
        inside = {one["loc"][:depth] for one in found for depth in range(len(one["loc"]))}
        findings = [
            finding
            for one in found
            if one["type"] != "too_short" or one["loc"] not in inside
            for finding in _findings(source, model, dict(one))
        ]
        findings.sort(key=lambda finding: finding[0])
        raise ConfigError([line for _, line in findings]) from None
    if warn is not None:
        for at, reason in _warnings(config):
            warn(source.error(at, reason))
    return config


def differences(old: Section, new: Section) -> list[str]:
    """Dotted keys whose values differ, for a reload to say which of them need a restart."""
    found: list[str] = []
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, Section) and type(before) is type(after):
            found += [f"{name}.{key}" for key in differences(before, after)]
        elif before != after:
            found.append(name)
    return found


def _findings(source: Source, model: type[Section], error: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """One pydantic error as (line, text) pairs; a section's rules may have found several things."""
    at: Location = error["loc"]
    context = error.get("ctx", {})
    if error["type"] == "rules":
        for below, reason in context["found"]:
            yield _placed(source, (*at, *below), reason)
        return
    reason = str(error["msg"])
    match error["type"]:
        case "extra_forbidden":
            reason = "unknown key" + _hint(model, at)
        case "missing":
            reason = "is missing and has no default"
        case "value_error":
            reason = str(context.get("error", reason))
        case _:
            reason = _in_words_of_yaml(reason)
    yield _placed(source, at, reason)


def _in_words_of_yaml(reason: str) -> str:
    for theirs, ours in (("an object", "a mapping of keys to values"), ("a valid array", "a list")):
        reason = reason.replace(theirs, ours)
    return reason[:1].lower() + reason[1:]


def _placed(source: Source, at: Location, reason: str) -> tuple[int, str]:
    here = at
    while here and here not in source.lines:
        here = here[:-1]
    return source.lines.get(here, 1), source.error(at, " ".join(reason.split()))


def _hint(model: type[Section], at: Location) -> str:
    """Known keys of the section that the unknown key stands in, as a suggestion."""
    section: Any = model
    for step in at[:-1]:
        if isinstance(step, str):
            field = section.model_fields.get(step)
            section = _section_in(field.annotation) if field is not None else None
        if section is None:
            return ""
    close = difflib.get_close_matches(str(at[-1]), section.model_fields, n=1)
    return (
        f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(sorted(section.model_fields))}"
    )


def _section_in(annotation: Any) -> type[Section] | None:
    """The Section class inside ``X``, ``X | None``, ``tuple[X, ...]`` or ``dict[str, X]``."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _section_in(argument)
        if found is not None:
            return found
    return None


def _warnings(value: object, at: Location = ()) -> Iterator[Finding]:
    if isinstance(value, Section):
        for below, reason in value.warnings():
            yield (*at, *below), reason
        for name in type(value).model_fields:
            yield from _warnings(getattr(value, name), (*at, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _warnings(item, (*at, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _warnings(item, (*at, key))
