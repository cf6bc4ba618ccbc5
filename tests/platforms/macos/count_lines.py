"""Counts the lines of the macOS back-end that a reviewer has to read as code.

    python tests/platforms/macos/count_lines.py

A line of code holds a token that is no comment and no docstring. The self-test's modules are
counted apart: they run only when somebody tests.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "onetake" / "platforms" / "macos"
SELFTEST = ("pattern_sound.py", "pattern_window.py", "selftest.py")
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """Return how many lines of `source` hold code."""
    said: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", ())
        for inner in body if isinstance(body, list) else ():
            if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant):
                said.update(range(inner.lineno, (inner.end_lineno or inner.lineno) + 1))
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            held.update(range(token.start[0], token.end[0] + 1))
    return len(held - said)


def counts() -> tuple[int, int]:
    """Return the lines of code of the back-end, and of its self-test."""
    of = {path.name: code_lines(path.read_text()) for path in SOURCE.glob("*.py")}
    tested = sum(of.pop(name) for name in SELFTEST)
    return sum(of.values()), tested


if __name__ == "__main__":
    back_end, selftest = counts()
    whole = sum(len(path.read_text().splitlines()) for path in SOURCE.glob("*.py"))
    sys.stdout.write(
        f"back-end: {back_end} lines of code; self-test: {selftest}; "
        f"with blank lines, comments and docstrings: {whole}\n"
    )
