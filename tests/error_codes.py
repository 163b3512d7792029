"""Every error code that the packages can raise, found by reading their source.

A code is the first argument where an error of the tree is made (``did.errors``, or a class that
derives from it). Where it is a name, it is a constant of the module, or a parameter of the function
that makes the error: then it is what callers of that function hand over.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = (
    "did",
    "keyborn",
    "ledger",
    "issuer",
    "verifier",
    "devices",
    "demo",
    "conformance",
)
BRANCHES: Final = ("Invalid", "Refused", "Undecided", "Conflict", "Unavailable", "Busy")


@dataclass
class Found:
    """What the source says: codes with their branches, and places where the code is not written.

    ``unhinted``: places, and the codes of what is made there without a ``hint``.
    """

    codes: dict[str, set[str]] = field(default_factory=dict)
    unhinted: set[tuple[str, str]] = field(default_factory=set)
    passed_on: list[str] = field(default_factory=list)


class _Source:
    """All modules of the packages, parsed; calls by the name of what is called."""

    def __init__(self) -> None:
        self.calls: dict[str, list[tuple[ast.Call, Path, ast.FunctionDef | None]]] = {}
        self.branches: dict[str, str] = {name: name for name in BRANCHES}
        self.own_codes: dict[str, str] = {}
        self.constants: dict[tuple[Path, str], str] = {}
        trees = {
            path.relative_to(ROOT): ast.parse(path.read_text())
            for name in PACKAGES
            for path in sorted((ROOT / name).rglob("*.py"))
        }
        for path, tree in trees.items():
            self._read_module(path, tree)
        for path, tree in trees.items():
            self._read_calls(path, tree, None)

    def _read_module(self, path: Path, tree: ast.Module) -> None:
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.bases:
                base = getattr(node.bases[0], "id", "")
                if base in self.branches:
                    self.branches.setdefault(node.name, self.branches[base])
                    self._read_class(node)
            target = getattr(node, "target", None) or (getattr(node, "targets", None) or [None])[0]
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                self.constants[path, target.id] = str(value.value)

    def _read_class(self, node: ast.ClassDef) -> None:
        """A class that states the code itself, for all that are made of it."""
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
                code = call.args[0]
                if isinstance(code, ast.Constant):
                    self.own_codes[node.name] = str(code.value)

    def _read_calls(self, path: Path, tree: ast.AST, function: ast.FunctionDef | None) -> None:
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                self.calls.setdefault(name, []).append((node, path, function))
            inner = node if isinstance(node, ast.FunctionDef) else function
            self._read_calls(path, node, inner)


def find() -> Found:
    """Every code, with the branches that it is raised under."""
    source, found = _Source(), Found()
    for name, branch in source.branches.items():
        if name in source.own_codes:
            found.codes.setdefault(source.own_codes[name], set()).add(branch)
            continue
        for call, path, function in source.calls.get(name, []):
            if not call.args:
                continue
            for code in _values(source, call.args[0], path, function, found):
                found.codes.setdefault(code, set()).add(branch)
                if not any(each.arg == "hint" for each in call.keywords):
                    found.unhinted.add((str(path), code))
    return found


def _values(
    source: _Source, node: ast.expr, path: Path, function: ast.FunctionDef | None, found: Found
) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.Call) and node.args:  # a value that has the code
        yield from _values(source, node.args[0], path, function, found)
    elif isinstance(node, ast.IfExp):
        yield from _values(source, node.body, path, function, found)
        yield from _values(source, node.orelse, path, function, found)
    elif isinstance(node, ast.Name) and (path, node.id) in source.constants:
        yield source.constants[path, node.id]
    elif isinstance(node, ast.Name) and function and (place := _place(function, node.id)):
        for call, at, caller in source.calls.get(function.name, []):
            given = _given(call, *place)
            if given is not None:
                yield from _values(source, given, at, caller, found)
    elif isinstance(node, ast.Name) and function and (assigned := _assigned(function, node.id)):
        yield from _values(source, assigned, path, function, found)
    else:
        found.passed_on.append(f"{path}: {ast.unparse(node)}")


def _place(function: ast.FunctionDef, name: str) -> tuple[int, str] | None:
    """Where a parameter stands among the arguments of a call, ``self`` not counted."""
    names = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
    keywords = [each.arg for each in function.args.kwonlyargs]
    if name in names:
        return names.index(name), name
    return (-1, name) if name in keywords else None


def _given(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if 0 <= position < len(call.args):
        return call.args[position]
    return next((each.value for each in call.keywords if each.arg == name), None)


def _assigned(function: ast.FunctionDef, name: str) -> ast.expr | None:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return node.value
    return None
