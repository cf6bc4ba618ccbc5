"""Camera and microphone through AVCaptureSession on the simulated Mac."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.signals import MIC_HZ
from tests.platforms.macos.fake.world import CameraSpec
from tests.platforms.macos.making import (
    back_end,
    laid,
    onsets_of_sound,
    running,
    until,
)

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.devices import Role
from onetake.model.media import PixelFormat
from onetake.model.settings import Settings

NS_PER_S = 1_000_000_000


def _source(role: Role, device_id: str, settings: Settings | None = None) -> Any:
    platform = back_end("platform").MacPlatform()
    return platform.source(role, device_id, settings or Settings(), HostClock())


def _camera(settings: Settings | None = None) -> Any:
    return _source(Role.CAMERA, "avf:CAM-1", settings)


def test_camera_delivers_pixel_buffers(mac: Mac) -> None:
    """A camera opens with its name and size, and lends the system's own buffers."""
    camera = _camera()
    with running(camera) as pictures:
        assert camera.size_px() == (128, 72)
        assert camera.device.name == "FaceTime HD Camera"
        assert camera.device.format == "128x72"
        assert until(lambda: len(pictures.sink.frames) > 3)
    assert pictures.sink.frames[0].pixel_format is PixelFormat.CVPIXELBUFFER


def test_default_camera_follows_the_system(mac: Mac) -> None:
    """`avf:default` opens whatever is the default camera at the time."""
    camera = _source(Role.CAMERA, "avf:default")
    with running(camera):
        assert camera.device.name == "FaceTime HD Camera"


def test_default_that_changes_ends_the_source(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another camera becomes the default, the source ends, so that the next one opens it; a
    pinned one stays."""
    monkeypatch.setattr(back_end("capture"), "DEFAULT_LOOK_NS", 50_000_000)
    with running(_source(Role.CAMERA, "avf:default")) as follows, running(_camera()) as stays:
        mac.cameras.insert(0, CameraSpec("CAM-2", "Desk Camera"))
        assert until(lambda: follows.error is not None, 2.0)
        assert stays.error is None
    assert follows.error.code == "default"  # type: ignore[union-attr]


def test_copied_pictures_for_the_portable_encoders(mac: Mac) -> None:
    """With an encoder chosen by name or a synthetic screen, pictures are BGRA arrays."""
    for wish in (Settings(encoder="libx264"), Settings(screen="synthetic")):
        with running(_camera(wish)) as pictures:
            assert until(lambda p=pictures: len(p.sink.frames) > 1)
        image = pictures.sink.frames[0].image
        assert isinstance(image, np.ndarray)
        assert image.shape == (72, 128, 4)


@pytest.mark.parametrize(("ppm", "offset_s"), [(0.0, 0.0), (400.0, -3600.0), (-400.0, 12.5)])
def test_stamps_come_from_the_session_clock(mac: Mac, ppm: float, offset_s: float) -> None:
    """A session clock that is another one, and drifts, does not move a flash in host time."""
    mac.session_ppm, mac.session_offset_s = ppm, offset_s
    with running(_camera()) as pictures:
        mac.schedule(0.2, 0.3, 2)
        assert until(lambda: time.monotonic_ns() > mac.events[-1].end_ns + 100_000_000)
    for pts_ns, brightness in pictures.sink.pictures:
        assert (brightness > 130) is mac.is_flashing(pts_ns)
    assert any(brightness > 130 for _, brightness in pictures.sink.pictures)


@pytest.mark.parametrize("ppm", [0.0, 300.0, -300.0])
def test_microphone_as_48_khz_stereo_float(mac: Mac, ppm: float) -> None:
    """AVFoundation converts whatever the device has; a beep lies where it happened, though the
    device's clock is the session's."""
    mac.mics[0].rate_hz = 16_000
    mac.session_ppm, mac.session_offset_s = ppm, 100.0
    source = _source(Role.MIC, "avf:MIC-1")
    with running(source) as sound:
        mac.schedule(0.3, 1.0, 1)
        assert source.device.format == "48000 Hz, 2 channels"
        assert until(lambda: time.monotonic_ns() > mac.events[-1].end_ns + 200_000_000)
    assert sound.sink.blocks[0].samples.shape[1] == 2
    start_ns, samples = laid(sound.sink.blocks)
    onset_s = onsets_of_sound(samples, MIC_HZ)[0]
    assert abs(start_ns + onset_s * NS_PER_S - mac.events[0].start_ns) < 1_000_000


def test_holes_in_the_microphone_are_declared(mac: Mac) -> None:
    """Where AVFoundation skips, the next block says how many frames are lost."""
    source = _source(Role.MIC, "avf:MIC-1")
    with running(source) as sound:
        assert until(lambda: len(sound.sink.blocks) > 5)
        mac.skip_sound_s = 0.1
        assert until(lambda: any(b.lost_frames for b in sound.sink.blocks))
    lost = [b.lost_frames for b in sound.sink.blocks if b.lost_frames]
    assert lost == [pytest.approx(4800, abs=512)]


def test_slow_cameras_keep_their_rate(mac: Mac) -> None:
    """A rate outside of the format's ranges would raise on a Mac, so it is not asked for."""
    mac.cameras[0].fps = 15.0
    with running(_camera(Settings(fps=60))) as pictures:
        assert until(lambda: len(pictures.sink.frames) > 3)


def test_unplugged_and_back(mac: Mac) -> None:
    """Unplugging ends the source at once; plugged in again, a new source goes on."""
    spec = mac.cameras[0]
    with running(_camera()) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        mac.unplug("CAM-1")
        assert until(lambda: pictures.error is not None, 0.5)
    assert pictures.error.code == "device-gone"  # type: ignore[union-attr]
    with pytest.raises(DeviceUnavailable, match="not connected"):
        _camera().open()
    mac.cameras = [spec]
    with running(_camera()) as again:
        assert until(lambda: bool(again.sink.frames))


def test_runtime_error_and_interruption(mac: Mac) -> None:
    """A session that breaks, or is taken by another application, ends the source with the why."""
    with running(_camera()) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        mac.running[0].fail(-11819)
        assert until(lambda: pictures.error is not None, 0.5)
    assert "-11819" in str(pictures.error)
    with running(_camera()) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        mac.running[0].interrupt()
        assert until(lambda: pictures.error is not None, 0.5)
    assert pictures.error.code == "device-busy"  # type: ignore[union-attr]


def test_silent_death(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that delivers nothing any more is given up; it never pauses by itself."""
    monkeypatch.setattr(back_end("capture"), "SILENT_NS", 300_000_000)
    with running(_camera()) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        mac.running[0].go_silent()
        assert until(lambda: pictures.error is not None, 2.0)
    assert pictures.error.code == "device-silent"  # type: ignore[union-attr]


def test_a_camera_that_delivers_nothing_is_not_open(
    mac: Mac, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening waits for the first picture, and no longer than the contract allows."""
    monkeypatch.setattr(back_end("capture"), "FIRST_TIMEOUT_S", 0.2)
    mac.cameras[0].fps = 0.5
    with pytest.raises(DeviceUnavailable, match="delivers nothing"):
        _camera().open()
    assert mac.running == []
    assert mac.observers == []


def test_observers_end_with_the_source(mac: Mac) -> None:
    """Nothing is observed after `close`."""
    with running(_camera()):
        assert len(mac.observers) == 3
    assert mac.observers == []


@pytest.mark.parametrize(("status", "word"), [(1, "profile"), (2, "allow Terminal")])
def test_denied_camera(mac: Mac, status: int, word: str) -> None:
    """A camera that macOS refuses is PermissionDenied with what to do, and nobody is asked."""
    mac.media_status["AVMediaTypeVideo"] = status
    with pytest.raises(PermissionDenied) as caught:
        _camera().open()
    assert word in caught.value.hint
    assert mac.asked == []


def test_first_time_asks_once_and_goes_on_when_allowed(mac: Mac) -> None:
    """Not asked yet: macOS asks once; allowed, the camera opens."""
    mac.media_status["AVMediaTypeVideo"] = 0
    mac.answer_when_asked = True
    with running(_camera()) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
    assert mac.asked == ["AVMediaTypeVideo"]


def test_unanswered_question_refuses_in_time(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question nobody answers makes the open refuse within the 3 s of the contract."""
    mac.media_status["AVMediaTypeVideo"] = 0
    begun_s = time.monotonic()
    with pytest.raises(PermissionDenied, match="camera"):
        _camera().open()
    assert time.monotonic() - begun_s < 3
