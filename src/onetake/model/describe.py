"""The documentation of a struct's fields and an enum's members, read from where it is written.

One text serves the command line's help, the configuration file's comments and the reference.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from enum import Enum
from functools import cache

import msgspec

__all__ = ["field_docs", "member_docs"]


@cache
def field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the docstring below each field of `struct`, on one line; '' where there is none."""
    return _docs_below(struct)


@cache
def member_docs(enum: type[Enum]) -> dict[str, str]:
    """Return the docstring below each member of `enum`, on one line; '' where there is none."""
    return {name: text for name, text in _docs_below(enum).items() if name in enum.__members__}


def _docs_below(kind: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs: dict[str, str] = {}
    for statement, below in zip(body, [*body[1:], None], strict=True):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                docs[name] = _text(below)
    return docs


def _text(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return " ".join(str(statement.value.value).split())
    return ""
