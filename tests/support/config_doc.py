"""Compares a documented configuration file with the model that it documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from hosting.config import Section
from hosting.yaml_source import read


def undocumented(path: Path, model: type[Section]) -> list[str]:
    """Dotted keys of ``model`` that the file does not name. Of lists and mappings the first item counts."""
    return sorted(_missing(read(path).value, model, ""))


def untrue(config: Section) -> list[str]:
    """Keys of a loaded file whose value there is not the default. Keys without a default are not judged."""
    return sorted(_differing(config, ""))


def _missing(value: Any, model: type[Section], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name not in value:
            yield prefix + name
            continue
        below = _section(field.annotation)
        if below is not None and value[name]:
            yield from _missing(_first(value[name], field.annotation), below, f"{prefix}{name}.")


def _first(value: Any, annotation: Any) -> Any:
    if isinstance(value, list):
        return value[0]
    keyed = getattr(annotation, "__origin__", None) is dict
    return next(iter(value.values())) if keyed else value


def _differing(config: Section, prefix: str) -> Iterator[str]:
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        default = field.get_default(call_default_factory=True, validated_data={})
        if default is PydanticUndefined:
            if isinstance(value, Section):
                yield from _differing(value, f"{prefix}{name}.")
        elif value != default:
            yield f"{prefix}{name}: {value!r} in the file, {default!r} by default"


def _section(annotation: Any) -> type[Section] | None:
    """The Section class inside ``X``, ``X | None``, ``tuple[X, ...]`` or ``dict[str, X]``."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (_section(argument) for argument in getattr(annotation, "__args__", ()))
    return next((section for section in found if section is not None), None)
