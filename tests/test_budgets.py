"""Modules and functions stay small enough to be read at once, and public names explain themselves.

Budgets: a module at most 400 lines, a function at most 70, nine functions of ten at most 35.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "onetake"

MODULE_LINES = 400
FUNCTION_LINES = 70
FUNCTION_LINES_P90 = 35
POSITIONAL = 5

TABLES: set[str] = set()
"""Modules that are tables rather than text to be read, and may be longer."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Return all modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def named(path: Path) -> str:
    """Return a module's path inside the package."""
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(tree: ast.AST) -> list[Function]:
    """Return every function and method of a module."""
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def line_count(node: Function) -> int:
    """Return the length of a function, its decorators left out, its docstring included."""
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def undocumented(tree: ast.Module) -> list[str]:
    """Return the public modules, classes, functions and methods without a docstring.

    Properties and methods of private classes are the class's own business.
    """
    missing = [] if ast.get_docstring(tree) else ["module"]
    scopes: list[ast.Module | ast.ClassDef] = [tree]
    while scopes:
        for node in scopes.pop().body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not is_overload(node):
                missing.append(node.name)
            if isinstance(node, ast.ClassDef):
                scopes.append(node)
    return missing


def is_overload(node: Function | ast.ClassDef) -> bool:
    """Return whether a function only declares one of several signatures, or sets a property."""
    names = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(name in ("overload", "typing.overload") or ".setter" in name for name in names)


def test_modules_are_within_their_budget() -> None:
    """A module has at most 400 lines."""
    lines = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {
        name: count for name, count in lines.items() if count > MODULE_LINES and name not in TABLES
    } == {}


def test_functions_are_within_their_budget() -> None:
    """A function has at most 70 lines and takes at most 5 arguments by position."""
    all_functions = [(path, node) for path in modules() for node in functions(parsed(path))]
    assert [
        f"{named(path)}: {node.name} has {line_count(node)} lines"
        for path, node in all_functions
        if line_count(node) > FUNCTION_LINES
    ] == []
    assert [
        f"{named(path)}: {node.name} takes {positional_count(node)} arguments by position"
        for path, node in all_functions
        if positional_count(node) > POSITIONAL and not is_dictated(path, node)
    ] == []


def positional_count(node: Function) -> int:
    """Return how many arguments may be given by position, `self` left out."""
    given = [a for a in node.args.posonlyargs + node.args.args if a.arg not in ("self", "cls")]
    return len(given)


def is_dictated(path: Path, node: Function) -> bool:
    """Return whether somebody else chose the arguments: Objective-C calls the macOS room."""
    return named(path).startswith("platforms/macos/") and "_" in node.name


def test_public_names_are_documented() -> None:
    """Everything public says what it is."""
    missing = {named(path): undocumented(parsed(path)) for path in modules()}
    assert {name: names for name, names in missing.items() if names} == {}


def test_most_functions_are_short() -> None:
    """Nine functions of ten have at most 35 lines."""
    lengths = sorted(line_count(node) for path in modules() for node in functions(parsed(path)))
    assert lengths[len(lengths) * 9 // 10] <= FUNCTION_LINES_P90


def test_the_checks_can_fail() -> None:
    """The checks see what they are for."""
    tree = ast.parse('class A:\n    def b(self): ...\n    def _c(self): ...\n\ndef d():\n    "d"\n')
    assert undocumented(tree) == ["module", "A", "b"]
    assert positional_count(functions(ast.parse("def f(self, a, /, b, *, c): ..."))[0]) == 2
    assert line_count(functions(ast.parse("@x\ndef f():\n    pass\n    pass"))[0]) == 3
