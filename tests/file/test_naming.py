"""Names are checked before anything is created, and a stranger's name never leaves its folder."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from onetake.errors import ExitCode, OnetakeError, OutputFailed, UsageError
from onetake.file import naming
from onetake.file.naming import (
    default_name,
    file_in_folder,
    output_path,
    part_path,
    safe_name,
    unique_path,
)

NOW = datetime(2026, 11, 22, 14, 3, 5).astimezone()


def test_default_name_tells_when() -> None:
    """A recording without a name is called by its local date and time."""
    assert default_name(NOW) == "Recording 2026-11-22 at 14.03.05.mp4"


def test_default_goes_to_the_videos_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The videos folder is made when missing; a second take in the same second is numbered."""
    videos = tmp_path / "home" / "Videos"
    monkeypatch.setattr(naming, "default_folder", lambda: videos)
    first = output_path("", overwrite=False, now=NOW)
    assert first == videos / "Recording 2026-11-22 at 14.03.05.mp4"
    first.touch()
    second = output_path("", overwrite=True, now=NOW)
    assert second == videos / "Recording 2026-11-22 at 14.03.05 2.mp4"


def test_suffix_is_added(tmp_path: Path) -> None:
    """A name without a suffix becomes an MP4; a leading ~ is the home folder."""
    assert output_path(str(tmp_path / "talk"), overwrite=False).name == "talk.mp4"
    assert output_path(str(tmp_path / "a.MP4"), overwrite=False).name == "a.MP4"


@pytest.mark.parametrize(
    ("wish", "code", "exit_code"),
    [
        ("exists.mp4", "file-exists", ExitCode.USAGE),
        ("missing/talk.mp4", "usage", ExitCode.USAGE),
        ("folder", "usage", ExitCode.USAGE),
        ("folder/", "usage", ExitCode.USAGE),
        ("talk.mkv", "usage", ExitCode.USAGE),
        ("a\0b.mp4", "usage", ExitCode.USAGE),
        ("exists.mp4/talk.mp4", "usage", ExitCode.USAGE),
        ("x" * 300 + ".mp4", "usage", ExitCode.USAGE),
    ],
)
def test_bad_wishes_are_told(tmp_path: Path, wish: str, code: str, exit_code: ExitCode) -> None:
    """Each wish that cannot be fulfilled is an error of one line with its own code."""
    (tmp_path / "exists.mp4").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OnetakeError) as caught:
        output_path(f"{tmp_path}/{wish}", overwrite=False, now=NOW)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    assert "\n" not in caught.value.message + caught.value.hint


def test_unwritable_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder one may not write to is found before the take starts."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputFailed, match="cannot be written"):
        output_path(str(tmp_path / "talk.mp4"), overwrite=False, now=NOW)


def test_only_an_ordinary_file_is_overwritten(tmp_path: Path) -> None:
    """`overwrite` replaces a file, never a pipe, a device or what a link leads to."""
    (tmp_path / "old.mp4").touch()
    assert output_path(str(tmp_path / "old.mp4"), overwrite=True) == tmp_path / "old.mp4"
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "old.mp4")
    for name in ("pipe.mp4", "link.mp4"):
        with pytest.raises(UsageError, match="not an ordinary file"):
            output_path(str(tmp_path / name), overwrite=True)


def test_parts_and_numbers(tmp_path: Path) -> None:
    """Split recordings and repeated names count up from 2."""
    (tmp_path / "talk.mp4").touch()
    assert unique_path(tmp_path / "talk.mp4").name == "talk 2.mp4"
    assert part_path(tmp_path / "talk.mp4", 2).name == "talk part 2.mp4"
    assert part_path(tmp_path / "talk.mp4", 3).name == "talk part 3.mp4"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Demo", "Demo"),
        ("a/b\\c:d", "a-b-c-d"),
        ("  .. ", "Recording"),
        ("con", "con-"),
        ("COM1.txt", "COM1-.txt"),
        ("Grüße ✓", "Grüße ✓"),
        ("x\u202egpj", "xgpj"),
        ("é" * 300, "é" * 98),
    ],
)
def test_text_becomes_a_name(text: str, name: str) -> None:
    """Free text becomes a name that every file system takes."""
    assert safe_name(text) == name


@given(st.text())
@example("..")
@example("nul.mp4")
def test_any_text_becomes_a_safe_name(text: str) -> None:
    """Whatever the text, the name is one path component, short enough, and stays what it is."""
    name = safe_name(text)
    assert name
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")
    assert len(name.encode()) <= naming.MAX_NAME_BYTES
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "../evil.mp4",
        "/etc/passwd",
        "a/b.mp4",
        "a\\b.mp4",
        ".hidden.mp4",
        "..",
        ".",
        "",
        "a\0.mp4",
        "nul.mp4",
        "CON",
        "C:talk.mp4",
        "x" * 197 + ".mp4",
        "evil\u202e4pm.mp4",
        "a\nb.mp4",
        " talk.mp4",
    ],
)
def test_strangers_name_is_refused(tmp_path: Path, name: str) -> None:
    """A remote client gives names, never paths."""
    with pytest.raises(UsageError):
        file_in_folder(name, tmp_path)


def test_strangers_plain_name_is_taken(tmp_path: Path) -> None:
    """A plain name lies in the folder; what exists there, links included, is refused."""
    assert file_in_folder("talk.mp4", tmp_path) == tmp_path / "talk.mp4"
    assert file_in_folder("My talk", tmp_path) == tmp_path / "My talk.mp4"
    (tmp_path / "there.mp4").touch()
    (tmp_path / "link.mp4").symlink_to("/nowhere/at/all")
    for name in ("there.mp4", "link.mp4"):
        with pytest.raises(UsageError, match="exists"):
            file_in_folder(name, tmp_path)


@given(st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    """Whatever a client sends: refused, or a file directly inside the folder."""
    try:
        path = file_in_folder(name, tmp_path)
    except UsageError:
        return
    assert path.parent == tmp_path
    assert path.resolve().parent == tmp_path.resolve()
