"""The documentation of a struct's fields, read from where it is written: below each field.

One text serves the command line's help, the configuration file's comments and the reference.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache

import msgspec

__all__ = ["field_docs"]


@cache
def field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the docstring below each field of `struct`, on one line; '' where there is none."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs: dict[str, str] = {}
    for statement, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            docs[statement.target.id] = _text(below)
    return docs


def _text(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return " ".join(str(statement.value.value).split())
    return ""
