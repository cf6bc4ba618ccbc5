"""One table of exit codes and error codes in the code, one in the docs: they are the same."""

from __future__ import annotations

import re
from pathlib import Path

from onetake import errors
from onetake.errors import ExitCode, OnetakeError

DOC = Path(__file__).parents[1] / "docs" / "reference" / "exit-codes.md"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below `heading`."""
    section = DOC.read_text(encoding="utf-8").split(heading, 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def kinds() -> list[type[OnetakeError]]:
    """Return every error class there is."""
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, OnetakeError)
    ]


def test_exit_codes_are_documented() -> None:
    """The exit codes of the docs are those of the code, by number and name."""
    documented = {int(number): name for number, name, _ in rows("# Exit codes")}
    assert documented == {code.value: code.name.lower().replace("_", "-") for code in ExitCode}


def test_error_codes_are_documented() -> None:
    """Each error class stands in the docs with its code and exit code, and no other does."""
    documented = {
        (code, int(exit_code), name) for code, exit_code, name, _ in rows("## Error codes")
    }
    assert documented == {(kind.code, int(kind.exit_code), kind.__name__) for kind in kinds()}


def test_every_error_class_is_public_and_explained() -> None:
    """The module's first lines name each class, and `__all__` exports it."""
    text = errors.__doc__ or ""
    for kind in kinds():
        assert re.search(rf"\b{kind.__name__}\b", text), kind
        assert kind.__name__ in errors.__all__


def test_error_object_has_code_message_and_hint() -> None:
    """Programs get code, message and hint, always."""
    error = errors.DeviceUnavailable("no device 'x'", hint="run 'onetake devices'")
    assert error.to_dict() == {
        "code": "device-unavailable",
        "message": "no device 'x'",
        "hint": "run 'onetake devices'",
    }
