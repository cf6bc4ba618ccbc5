"""Where a recording goes: the dated default, what a user may ask for, what a stranger may not.

Invariant: a path that is returned lies in an existing folder, ends in `.mp4` (or a sister of it)
and is free, or is a regular file the user agreed to replace.
"""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import platformdirs

from onetake.errors import OutputFailed, UsageError
from onetake.file.output_file import output_errors

__all__ = [
    "default_folder",
    "default_name",
    "file_in_folder",
    "output_path",
    "part_path",
    "safe_name",
    "unique_path",
]

SUFFIX = ".mp4"
_KNOWN_SUFFIXES = (".mp4", ".m4v", ".mov")

MAX_NAME_BYTES = 200
"""Longest file name a remote client may choose. File systems end at 255 bytes; the rest is room
for what we put around it (`.NAME.journal.jsonl`, ` (new 2)`)."""

MAX_PART_BYTES = 255 - len(".") - len(".journal.jsonl")
"""Longest file name: what file systems take, less what the journal's name is longer."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_DEVICE_NAMES = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE
)


def default_folder() -> Path:
    """Return the user's videos folder; it may not exist yet."""
    return Path(platformdirs.user_videos_dir())


def default_name(now: datetime) -> str:
    """Return `Recording 2026-11-22 at 14.03.05.mp4` for local time `now`."""
    return f"Recording {now:%Y-%m-%d} at {now:%H.%M.%S}{SUFFIX}"


def output_path(output: str, *, overwrite: bool, now: datetime | None = None) -> Path:
    """Return the path to record to, absolute, from what the user gave (may be empty).

    `now` is the local time for the default name; None = the clock's.
    Raises UsageError when the wish makes no sense (no such folder, a folder, an existing file
    without `overwrite`), OutputFailed when the folder cannot be written to.
    """
    if not output:
        folder = default_folder()
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        _check_folder(folder)
        return unique_path(folder / default_name(now or datetime.now().astimezone()))
    if "\0" in output:
        raise UsageError("a file name cannot contain a NUL byte")
    if any(len(os.fsencode(part)) > MAX_PART_BYTES for part in output.split("/")):
        raise UsageError(
            f"the file name is longer than {MAX_PART_BYTES} bytes", hint="choose a shorter one"
        )
    path = Path(os.path.abspath(Path(output).expanduser()))  # noqa: PTH100 - keeps symlinks
    if output.endswith(("/", os.sep)) or path.is_dir():
        raise UsageError(f"{output} is a folder", hint=f"name a file in it: {path / 'talk.mp4'}")
    if not path.suffix:
        path = path.with_name(path.name + SUFFIX)
    if path.suffix.lower() not in _KNOWN_SUFFIXES:
        raise UsageError(
            f"cannot write {path.suffix} files", hint=f"use {path.with_suffix(SUFFIX).name}"
        )
    _check_folder(path.parent)
    _check_existing(path, overwrite=overwrite)
    return path


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise UsageError(
            f"the folder {folder} does not exist", hint=f"create it: mkdir -p '{folder}'"
        )
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", hint="choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputFailed(
            f"the folder {folder} cannot be written to", hint="choose another folder"
        )


def _check_existing(path: Path, *, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise UsageError(
            f"{path} exists already",
            hint="choose another name or pass --overwrite",
            code="file-exists",
        )
    if path.is_symlink() or not path.is_file():
        raise UsageError(f"{path} is not an ordinary file", hint="choose another name")


def unique_path(path: Path) -> Path:
    """Return `path`, or the first free of `NAME 2.mp4`, `NAME 3.mp4`, ... when it is taken."""
    return _first_free(
        path if number == 1 else path.with_name(f"{path.stem} {number}{path.suffix}")
        for number in itertools.count(1)
    )


def part_path(path: Path, number: int) -> Path:
    """Return where part `number` (2, 3, ...) of a split recording goes: `talk part 2.mp4`."""
    part = path.with_name(f"{path.stem} part {number}{path.suffix}")
    return unique_path(part)


def _first_free(candidates: Iterable[Path]) -> Path:
    return next(candidate for candidate in candidates if not os.path.lexists(candidate))


def safe_name(text: str) -> str:
    """Return a file name (without suffix) made from free text, valid on every system.

    What no file system takes becomes `-`; empty text becomes `Recording`.
    """
    name = unicodedata.normalize("NFC", text)
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cs", "Cn", "Co"))
    name = _FORBIDDEN.sub("-", name).strip(" .")
    room = MAX_NAME_BYTES - len(SUFFIX)
    name = name.encode("utf-8", "ignore")[:room].decode("utf-8", "ignore").strip(" .")
    if not name:
        return "Recording"
    device = _DEVICE_NAMES.fullmatch(name)
    return name if device is None else f"{device[1]}-{device[2] or ''}"


def file_in_folder(name: str, folder: Path) -> Path:
    """Return the path of `name` inside `folder`, for a name a remote client chose.

    Only names, never paths: separators, a leading dot, control and format characters, colons,
    device names of Windows and names over 200 bytes are refused with UsageError, as is whatever
    exists already, symbolic links included.
    """
    is_safe = (
        name == safe_name(name.removesuffix(SUFFIX)) + (SUFFIX if name.endswith(SUFFIX) else "")
        and not name.startswith(".")
        and not _DEVICE_NAMES.fullmatch(name)
    )
    if not is_safe:
        raise UsageError(
            "that file name is not allowed", hint="give a plain name such as talk.mp4, no path"
        )
    path = folder / name
    if path.suffix.lower() not in _KNOWN_SUFFIXES:
        path = path.with_name(path.name + SUFFIX)
    _check_folder(folder)
    _check_existing(path, overwrite=False)
    return path
