"""Every framework name the back-end uses exists, takes that many arguments, and is old enough."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from tests.platforms.macos.make_api_table import SOURCE, native_files
from tests.platforms.macos.names import (
    ACTIONS,
    OBJC_NAMES,
    RUNTIME_NAMES,
    Names,
    Use,
    used_names,
    version,
)

HERE = Path(__file__).parent
TABLE: dict[str, Any] = json.loads((HERE / "api_table.json").read_text())
FLOOR = (13, 0)
"""Lowest macOS the back-end runs on."""

MOST_LINES = 400


def _problems(names: Names) -> list[str]:
    """Return what is wrong, one line each."""
    found = []
    for module, use in names.exports:
        entry = TABLE["modules"].get(module, {}).get(use.name)
        if use.name in RUNTIME_NAMES:
            continue
        if entry is None:
            found.append(_say(use, f"{module} does not export {use.name}"))
            continue
        if entry.get("missing"):
            found.append(_say(use, f"PyObjC lacks {use.name}"))
        found += _too_new(use, entry.get("since"))
        if entry["kind"] == "functions" and use.argument_count not in (None, entry.get("nargs")):
            found.append(_say(use, f"{use.name} takes {entry['nargs']} arguments"))
    for use in (*names.selectors, *names.delegate_methods):
        if use.name == "init" or use.name in ACTIONS:
            continue
        entry = TABLE["selectors"].get(use.name)
        if entry is None:
            found.append(_say(use, f"no class has {use.name}"))
            continue
        if use.argument_count not in (None, entry["nargs"]):
            found.append(_say(use, f"{use.name} takes {entry['nargs']} arguments"))
        if use.has_keywords:
            found.append(_say(use, f"{use.name} takes no keywords"))
        versions = [owner["since"] for owner in entry["owners"].values()]
        if all(versions):
            found += _too_new(use, min(versions, key=version))
    found += [
        _say(use, f"objc has no {use.name}") for use in names.bridge if use.name not in OBJC_NAMES
    ]
    for use in names.sent:
        if use.argument_count != use.name.count(":"):
            found.append(_say(use, f"{use.name} is sent {use.argument_count} arguments"))
    return found


def _too_new(use: Use, since: str | None) -> list[str]:
    if since is None or version(since) <= max(FLOOR, use.allowed or FLOOR):
        return []
    return [_say(use, f"{use.name} needs macOS {since}")]


def _say(use: Use, problem: str) -> str:
    return f"{use.path.name}:{use.line}: {problem}"


def test_every_name_exists_and_is_called_right() -> None:
    """Names, argument counts and first versions agree with the committed table of the API data."""
    assert _problems(used_names(native_files())) == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import CoreMedia\nCoreMedia.CMTimeMale(1, 2)", "does not export CMTimeMale"),
        ("import CoreMedia\nCoreMedia.CMTimeMake(1)", "takes 2 arguments"),
        ("x.startCaptureWithCompletionHandler_()", "takes 1 arguments"),
        ("x.startCaptureWithCompletionHandler_(handler=1)", "takes no keywords"),
        ("x.startCaptureWithCompletionHandlr_(h)", "no class has"),
        ("x.pointPixelScale()", "needs macOS 14.0"),
        ("import AVFoundation\nAVFoundation.AVCaptureDeviceTypeExternal", "needs macOS 14.0"),
        ("send(x, 'setDeviceID:error:', 1)", "is sent 1 arguments"),
        (
            "class A(NSObject):\n def stream_didStopWithError_(self, stream): pass",
            "takes 2 arguments",
        ),
        ("class A(NSObject):\n def stream_didStopWithErrr_(self, a, b): pass", "no class has"),
    ],
)
def test_mistakes_are_found(tmp_path: Path, code: str, problem: str) -> None:
    """Each kind of mistake this check is for is found, in a sample that has it."""
    sample = tmp_path / "sample.py"
    sample.write_text(code + "\n")
    found = _problems(used_names([sample]))
    assert any(problem in line for line in found)


def test_newer_names_are_marked(tmp_path: Path) -> None:
    """A line that says which macOS it needs may use names of that version, and no newer ones."""
    sample = tmp_path / "sample.py"
    sample.write_text("x.pointPixelScale()  # macos: 14.0\n")
    assert _problems(used_names([sample])) == []


def test_table_holds_only_what_is_used() -> None:
    """The table has no names left over from calls that are gone."""
    names = used_names(native_files())
    used = {(module, use.name) for module, use in names.exports}
    extra = {"AVErrorUnknown", "AVErrorFileAlreadyExists", "AVAssetWriterStatusFailed"}
    listed = {(module, name) for module, entries in TABLE["modules"].items() for name in entries}
    assert {name for _, name in listed - used} <= extra
    plain = names.plain_calls | {use.name for use in (*names.selectors, *names.delegate_methods)}
    assert set(TABLE["selectors"]) <= plain


def test_import_is_free_of_macos() -> None:
    """Importing the platform imports no framework: only its methods do."""
    tree = ast.parse((SOURCE / "platform.py").read_text())
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {getattr(node, "module", None) or node.names[0].name for node in top}
    assert all(name.startswith(("onetake.", "typing", "__future__", "sys")) for name in modules)


def test_no_dangerous_function_is_used() -> None:
    """Functions that corrupt memory, leak or keep pointers into Python are not named anywhere."""
    text = "".join(path.read_text() for path in native_files())
    for name in (
        "CMBlockBufferGetDataPointer",
        "CMBlockBufferAccessDataBytes",
        "CVPixelBufferCreateWithBytes",
        "createCGImage_fromRect_",
        "CFRelease",
        ".finishWriting()",
        "AVAudioSinkNode",
    ):
        assert name not in text


def test_modules_are_small() -> None:
    """A reviewer reads each file in one go."""
    for path in native_files():
        assert len(path.read_text().splitlines()) <= MOST_LINES, path.name
