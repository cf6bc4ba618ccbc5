"""Puts a take's report beside its recording, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from onetake.file.output_file import output_errors, sync_folder
from onetake.model.companions import report_path
from onetake.model.take_report import Report, decode_report, encode_report

__all__ = ["read_report", "write_report"]

MAX_REPORT_BYTES = 64 << 20
"""A larger file is no report; reading it would only cost memory."""


def write_report(report: Report, recording: Path) -> Path:
    """Write `report` beside `recording` and return its path. Raises OutputFailed, DiskFull.

    An older report of the same name is replaced in one step: it belonged to a file that was
    replaced too.
    """
    path = report_path(recording)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with output_errors(path):
        try:
            with draft.open("xb") as file:
                file.write(encode_report(report))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        sync_folder(path.parent)
    return path


def read_report(recording: Path) -> Report | None:
    """Return the report beside `recording`, None when there is none.

    Raises InvalidRecording for a damaged one, OutputFailed when it cannot be read.
    """
    path = report_path(recording)
    if not path.is_file():
        return None
    with output_errors(path), path.open("rb") as file:
        return decode_report(file.read(MAX_REPORT_BYTES))
