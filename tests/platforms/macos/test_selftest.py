"""The self-test of a Mac, on a Mac that is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.make_api_table import SENT_OWNERS, runtime_names
from tests.platforms.macos.making import back_end
from tests.platforms.macos.test_api_names import SOURCE, TABLE

from onetake.proof.check import check


def test_every_name_is_found(mac: Mac) -> None:
    """Every module, name and selector of the list is there."""
    assert back_end("selftest").missing_names() == []


def test_what_is_missing_is_named(mac: Mac) -> None:
    """A name, a selector and a module that are not there are listed; nothing else is."""
    import sys

    mac.version = (13, 0)
    del mac.classes["SCWindow"]
    del sys.modules["Metal"]
    missing = set(back_end("selftest").missing_names())
    assert missing == {
        "AVFoundation.AVCaptureDeviceTypeContinuityCamera",
        "AVFoundation.AVCaptureDeviceTypeExternal",
        "AVFoundation.AVCaptureDeviceTypeMicrophone",
        "Metal",
        *(f"SCWindow.{n}" for n in ("title", "windowID", "windowLayer", "owningApplication")),
    }


def test_list_is_the_one_of_the_table() -> None:
    """The list that is shipped says the same as the table the static check uses."""
    shipped = json.loads((SOURCE / "api_names.json").read_text())
    assert shipped == json.loads(json.dumps(runtime_names(TABLE, list(SENT_OWNERS))))


@pytest.mark.slow
def test_synthetic_take_is_in_sync(mac: Mac, tmp_path: Path) -> None:
    """The synthetic take goes through compositor and writer, sound two seconds behind, and its
    file passes the check."""
    path = tmp_path / "self.mp4"
    result = back_end("selftest").synthetic_take(str(path), 5.0)
    assert result["frames"] == 150
    report = check(path)
    assert {p.path for p in report.offsets} == {"system", "mic", "mic-system"}
    for measured in report.offsets:
        assert abs(measured.worst_ms) < 0.5
    assert mac.writers[0].status() == 2


def test_environment(mac: Mac) -> None:
    """What a bug report needs is there, and can be written as JSON."""
    found = json.loads(json.dumps(back_end("selftest").environment()))
    assert found["macos"].startswith("Version 14.4")
    assert found["permissions"] == {
        "screen": "granted",
        "microphone": "granted",
        "camera": "granted",
    }
    assert "display:1" in found["devices"]
