"""What all cameras that are read picture by picture share."""

from __future__ import annotations

import threading

import av
import pytest
from tests.platforms.collecting import Collected

from onetake.clock import VirtualClock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.media import PixelFormat, StampKind
from onetake.platforms import pictures
from onetake.platforms.pictures import SILENCE_LIMIT_S, CameraSource, Picture

NS_PER_S = 1_000_000_000


class ScriptedPictures:
    """Pictures as the test wants them; each empty read takes 0.1 s of the virtual clock."""

    stamp_kind = StampKind.ARRIVAL

    def __init__(self, clock: VirtualClock, script: list[list[int]], stop: threading.Event) -> None:
        self.size_px = (0, 0)
        self._clock = clock
        self._script = list(script)
        self._stop = stop
        self.is_closed = False

    def open(self, deadline_s: float) -> None:
        pass

    def read(self) -> list[Picture]:
        if not self._script:
            self._stop.set()
            return []
        stamps_ns = self._script.pop(0)
        if not stamps_ns:
            self._clock.advance_to(self._clock.now_ns() + NS_PER_S // 10)
        return [(stamp_ns, av.VideoFrame(64, 48, "yuv420p")) for stamp_ns in stamps_ns]

    def close(self) -> None:
        self.is_closed = True


def run(script: list[list[int]]) -> tuple[Collected, CameraSource]:
    """Open and run a camera that delivers by script; return what came."""
    clock, stop, found = VirtualClock(), threading.Event(), Collected()
    source = CameraSource(
        Device("cam", "Cam", Role.CAMERA), ScriptedPictures(clock, script, stop), clock
    )
    source.open()
    source.run(found, stop)
    source.close()
    return found, source


def test_the_first_picture_tells_the_size_and_is_not_lost() -> None:
    """What `open` had to wait for is delivered by `run`."""
    found, source = run([[], [5], [7]])
    assert source.size_px() == (64, 48)
    assert source.device.format == "64x48"
    assert found.stamps_ns == [5, 7]
    assert found.formats == {PixelFormat.AV}


def test_stamps_always_increase() -> None:
    """A camera's clock that stands still or goes back must not upset the compositor."""
    assert run([[10], [10, 9], [12]])[0].stamps_ns == [10, 11, 12, 13]


def test_a_silent_camera_is_gone_after_a_while() -> None:
    """Just under the limit is a hiccup, just over it is a loss."""
    slices = int(SILENCE_LIMIT_S * 10)
    assert run([[1], *[[]] * (slices - 1), [2]])[0].stamps_ns == [1, 2]
    with pytest.raises(DeviceUnavailable, match="fell silent"):
        run([[1], *[[]] * (slices + 2), [2]])


def test_a_camera_without_pictures_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """`open` gives up in time."""
    monkeypatch.setattr(pictures, "OPEN_LIMIT_S", 0.0)
    with pytest.raises(DeviceUnavailable, match="delivers no picture"):
        run([[]] * 1000)


def test_a_stop_before_the_first_read_delivers_nothing() -> None:
    """`run` looks at `stop` before everything else."""
    clock, stop, found = VirtualClock(), threading.Event(), Collected()
    reader = ScriptedPictures(clock, [[1], [2]], stop)
    source = CameraSource(Device("cam", "Cam", Role.CAMERA), reader, clock)
    source.open()
    stop.set()
    source.run(found, stop)
    source.close()
    assert found.stamps_ns == []
    assert reader.is_closed
