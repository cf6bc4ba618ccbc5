"""`onetake check`: what is true of a recording, in words or as one object."""

from __future__ import annotations

from onetake.proof.check import check, exit_code, to_json, to_text

__all__ = ["check_file"]


def check_file(path: str, *, as_json: bool) -> int:
    """Print what is true of the file at `path`; returns the exit code. Raises InvalidRecording."""
    report = check(path)
    print(to_json(report) if as_json else to_text(report))
    return exit_code(report)
