"""A take of made-up devices through a platform's own compositor and writer: what can be proven of a
system without its screen, speakers and permissions.

Invariant: nothing but the devices is made up; lanes, threads and the finished file are a take's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from onetake.engine.recorder import Recorder
from onetake.errors import OutputFailed
from onetake.model.commands import Marker, ShowCamera
from onetake.model.settings import Settings
from onetake.model.take_report import Report
from onetake.platforms.synthetic.platform import SyntheticPlatform
from onetake.proof.check import check
from onetake.proof.results import Severity

if TYPE_CHECKING:
    from onetake.platforms.contract import Compositor, Platform, Writer

__all__ = ["SyntheticDevices", "synthetic_take"]

FINISH_TIMEOUT_S = 60.0
"""Longest wait for the file: a hosted machine without a GPU needs seconds."""


class SyntheticDevices(SyntheticPlatform):
    """The synthetic devices, in front of the compositor and writer of `ends`. Any thread."""

    def __init__(self, ends: Platform) -> None:
        super().__init__()
        self._ends = ends

    def compositor(self, size_px: tuple[int, int], settings: Settings) -> Compositor | None:
        """Return the compositor of `ends`, None for the portable one."""
        return self._ends.compositor(size_px, settings)

    def writer(self, path: str, size_px: tuple[int, int], settings: Settings) -> Writer | None:
        """Return the writer of `ends`, None for the portable one."""
        return self._ends.writer(path, size_px, settings)


def synthetic_take(
    ends: Platform, path: str, seconds: float, *, screen: str = "synthetic"
) -> dict[str, Any]:
    """Record the pattern for `seconds` to `path`, half of it with a camera over it and half
    without, which are two ways through a native compositor; return what is true of the file.

    Raises OutputFailed, EncoderUnavailable.
    """
    settings = Settings(
        output=path,
        overwrite=True,
        duration_s=seconds,
        has_report=False,
        screen=screen,
        system_audio="synthetic",
        mic="synthetic",
        camera="synthetic",
    )
    take = Recorder(platforms=[SyntheticDevices(ends)]).start(settings)
    time.sleep(seconds / 2)
    take.send(ShowCamera(is_visible=False))
    take.send(Marker("without the camera"))
    finished = take.wait(seconds + FINISH_TIMEOUT_S)
    if finished is None:
        raise OutputFailed("the file was not finished in time")
    told, report = msgspec.convert(finished.report, Report), check(path)
    return {
        "verdict": report.verdict,
        "findings": [f.message for f in report.findings if f.severity is not Severity.NOTE],
        "worst_ms": {offsets.path: offsets.worst_ms for offsets in report.offsets},
        "encoder": told.encoder,
        "frames": told.video.frames,
        "dropped": told.video.dropped,
        "bytes": finished.size_bytes,
    }
