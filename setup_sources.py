"""The sources as the compiler sees them: what a reader need not see, and compiled code gains by.

``dataclasses`` writes each ``__init__`` when its module is imported, as Python, which compiled code then
calls through the interpreter; and a module's constants are looked up by name, unless they are ``Final``. So a
copy of each module gets both. Every line keeps its number: what is added stands on blank lines.
"""

import ast
import re
import shutil
from collections import Counter
from pathlib import Path

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]+")


def copy(packages: list[str], files: list[str], to: Path) -> None:
    """Copy the packages to a new directory ``to``, ``files`` of them changed for the compiler."""
    shutil.rmtree(to, ignore_errors=True)
    for package in packages:
        shutil.copytree(package, to / package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for file in files:
        path = to / file
        path.write_text(changed(path.read_text("utf-8")), "utf-8")


def changed(source: str) -> str:
    """Return a module with the ``__init__`` of its dataclasses written out, and its constants ``Final``."""
    tree = ast.parse(source)
    lines = source.split("\n")
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _is_open(node):
            _write_init(node, lines)
    first = tree.body[0]
    after = first.end_lineno or 0
    if isinstance(first, ast.Expr) and not lines[after]:  # behind the docstring
        lines[after] = "from typing import Final as _Final"
        _finalize(tree, lines)
    return "\n".join(lines)


# Dataclasses


def _is_open(node: ast.ClassDef) -> bool:
    """Tell whether this is a dataclass whose fields are all in it, and may be assigned."""
    if len(node.decorator_list) != 1 or node.bases:
        return False
    decorator = node.decorator_list[0]
    options: set[str | None] = set()
    if isinstance(decorator, ast.Call):
        options = {keyword.arg for keyword in decorator.keywords}
        decorator = decorator.func
    return ast.unparse(decorator) == "dataclass" and not options & {"frozen", "kw_only", "init"}


def _write_init(node: ast.ClassDef, lines: list[str]) -> None:
    own = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    end = node.end_lineno or 0
    if own & {"__init__", "__post_init__"} or (end < len(lines) and lines[end]):
        return
    parameters, assignments = ["self"], []
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            name = item.target.id
            parameter, value = _field(name, ast.unparse(item.annotation), item.value)
            parameters.append(parameter)
            assignments.append(f"self.{name} = {value}")
    if assignments:
        head = f"    def __init__({', '.join(parameters)}) -> None: "
        lines[end : end + 1] = [head + "; ".join(assignments)]


def _field(name: str, kind: str, value: ast.expr | None) -> tuple[str, str]:
    """Return the parameter of a field, and what is assigned."""
    options: dict[str | None, ast.expr] = {}
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "field":
        options = {keyword.arg: keyword.value for keyword in value.keywords}
        value = options.get("default")
    if (factory := options.get("default_factory")) is not None:
        return f"{name}: {kind} | None = None", f"{ast.unparse(factory)}() if {name} is None else {name}"
    return f"{name}: {kind}" + (f" = {ast.unparse(value)}" if value is not None else ""), name


# Constants


def _finalize(tree: ast.Module, lines: list[str]) -> None:
    stores = Counter(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if not isinstance(target, ast.Name) or not _CONSTANT.fullmatch(target.id) or stores[target.id] > 1:
            continue
        name = target.id
        written, final = name, f"{name}: _Final"
        if isinstance(node, ast.AnnAssign):
            kind = ast.unparse(node.annotation)
            written, final = f"{name}: {kind}", f"{name}: _Final[{kind}]"
        line = lines[node.lineno - 1]
        if line.startswith(written):
            lines[node.lineno - 1] = final + line[len(written) :]
