"""V4L2 cameras, through FFmpeg's real V4L2 calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.stage.processes import require, root_folder

pytestmark = pytest.mark.real

Recorded = dict[str, Any]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The camera, compiled."""
    require("gcc")
    library = tmp_path_factory.mktemp("camera") / "camera.so"
    source = root_folder / "tests/stage/v4l2/camera.c"
    subprocess.run(
        ["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True
    )
    return library


@pytest.fixture
def record(library: Path) -> Callable[[str, float], Recorded]:
    """Record from a camera in a mode for some seconds, in a process of its own."""

    def run(mode: str, seconds: float) -> Recorded:
        env = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "FAKE_CAMERA_PATH": "/dev/video97",
            "FAKE_CAMERA_MODE": mode,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.stage.v4l2.run", str(seconds)],
            env=env,
            cwd=root_folder,
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert done.stdout, done.stderr.decode()
        recorded: Recorded = json.loads(done.stdout)
        return recorded

    return run


def test_pictures_carry_the_drivers_capture_time(record: Callable[[str, float], Recorded]) -> None:
    """The stamp is the kernel's, to the microsecond, on the monotonic clock, for every picture."""
    found = record("good", 2.0)
    assert found["error"] == ""
    assert found["size_px"] == [640, 480]
    assert found["device"] == "640x480"
    assert found["stamp_kind"] == "capture"
    stamps, captured, arrived = np.array(found["pictures"]).T
    assert len(stamps) > 50
    assert np.abs(stamps - captured).max() < 1000
    assert (np.diff(stamps) > 0).all()
    assert np.median((arrived - captured) / 1e6) < 15


def test_stamps_of_another_clock_are_noticed(record: Callable[[str, float], Recorded]) -> None:
    """A driver that stamps with the wall clock is stamped on arrival: late by some ms, not by 50
    years."""
    found = record("realtime", 1.0)
    stamps, captured, _ = np.array(found["pictures"]).T
    assert len(stamps) > 20
    late_ms = (stamps - captured) / 1e6
    assert (late_ms > 0).all()
    assert np.median(late_ms) < 20


def test_a_camera_that_never_delivers_can_be_stopped(
    record: Callable[[str, float], Recorded],
) -> None:
    """Either `open` says so within 3 s, or `run` follows a stop within half a second."""
    found = record("silent", 1.0)
    assert found["opened_s"] < 3.1
    assert "device-unavailable" in found["error"] or found["stopped_s"] < 0.5


def test_an_unplugged_camera_is_unavailable(record: Callable[[str, float], Recorded]) -> None:
    """ENODEV ends the source, so that the engine looks for the camera again."""
    found = record("gone", 10.0)
    assert found["error"].startswith("device-unavailable")
    assert "is gone" in found["error"]
    assert 20 < len(found["pictures"]) < 40


def test_a_busy_camera_is_said_so(record: Callable[[str, float], Recorded]) -> None:
    """EBUSY is a sentence."""
    found = record("busy", 1.0)
    assert "cannot be opened: Device or resource busy" in found["error"]
    assert found["opened_s"] < 1


def test_a_stop_is_followed_within_half_a_second(record: Callable[[str, float], Recorded]) -> None:
    """The contract's bound."""
    assert record("good", 0.5)["stopped_s"] < 0.5
