"""Screen and system sound on the simulated Mac."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.signals import SYSTEM_HZ
from tests.platforms.macos.making import (
    Collector,
    back_end,
    laid,
    onsets_of_sound,
    running,
    until,
)

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.devices import Role
from onetake.model.geometry import Rect
from onetake.model.media import PixelFormat
from onetake.model.settings import Settings

NS_PER_S = 1_000_000_000


def _pair(settings: Settings | None = None) -> tuple[Any, Any]:
    platform = back_end("platform").MacPlatform()
    wish = settings or Settings()
    clock = HostClock()
    screen = platform.source(Role.SCREEN, "display:1", wish, clock)
    return screen, platform.source(Role.SYSTEM, "mac:system", wish, clock)


def _screen(settings: Settings | None = None) -> Any:
    return _pair(settings)[0]


def test_screen_and_sound_share_one_stream(mac: Mac) -> None:
    """Both roles together start one SCStream, and its end waits for both to let go."""
    screen, system = _pair()
    with running(screen) as pictures, running(system) as sound:
        assert until(lambda: len(pictures.sink.frames) > 5 and len(sound.sink.blocks) > 5)
        assert mac.streams_started == 1
        screen.close()
        heard = len(sound.sink.blocks)
        assert until(lambda: len(sound.sink.blocks) > heard + 5)
        assert len(mac.running) == 1
    assert mac.running == []


def test_sound_that_opens_first_waits_for_the_screen_to_share(mac: Mac) -> None:
    """The sound joins the screen's stream whichever of the two opens first."""
    screen, system = _pair()
    with running(system), running(screen):
        assert mac.streams_started == 1


def test_sound_is_planar_float_as_it_comes_and_stereo_as_it_leaves(mac: Mac) -> None:
    """Planar and interleaved buffers give the same samples, in the shape (frames, 2)."""
    for is_planar in (True, False):
        mac.is_planar = is_planar
        mac.events.clear()
        _, system = _pair()
        with running(system) as sound:
            mac.schedule(0.2, 1.0, 1)
            assert until(lambda: time.monotonic_ns() > mac.events[-1].end_ns + 200_000_000)
        block = sound.sink.blocks[0]
        assert block.samples.shape == (960, 2)
        assert block.samples.dtype == np.float32
        assert block.rate_hz == 48_000
        start_ns, samples = laid(sound.sink.blocks)
        onset_s = onsets_of_sound(samples, SYSTEM_HZ)[0]
        assert abs(start_ns + onset_s * NS_PER_S - mac.events[0].start_ns) < 1_000_000


def test_picture_stamps_are_host_time_and_increase(mac: Mac) -> None:
    """Every picture shows what was on the screen at its stamp, in host time, though stamps lie up
    to 20 ms ahead of now."""
    with running(_screen(Settings(fps=60))) as pictures:
        mac.schedule(0.2, 0.25, 3, 0.12)
        assert until(lambda: time.monotonic_ns() > mac.events[-1].end_ns + 100_000_000)
    stamps = [frame.pts_ns for frame in pictures.sink.frames]
    assert all(a < b for a, b in pairwise(stamps))
    for pts_ns, brightness in pictures.sink.pictures:
        assert (brightness > 130) is mac.is_flashing(pts_ns)
    assert any(brightness > 130 for _, brightness in pictures.sink.pictures)


def test_first_sound_predates_the_first_picture(mac: Mac) -> None:
    """The first block is stamped about 40 ms before the first picture, and is not held back."""
    screen, system = _pair()
    with running(screen) as pictures, running(system) as sound:
        assert until(lambda: bool(pictures.sink.frames) and bool(sound.sink.blocks))
    assert sound.sink.blocks[0].stamp_ns < pictures.sink.frames[0].pts_ns


def test_still_screen_sends_beats_and_no_pictures(mac: Mac) -> None:
    """Idle samples, with and without a valid time, are beats that say "alive", in order."""
    mac.is_static = True
    with running(_screen()) as pictures:
        assert until(lambda: len(pictures.sink.frames) > 10)
    first, *others = pictures.sink.frames
    assert not first.is_idle
    assert all(frame.is_idle and frame.image is None for frame in others)
    stamps = [frame.pts_ns for frame in pictures.sink.frames]
    assert all(a < b for a, b in pairwise(stamps))


def test_surfaces_are_given_back_on_release(mac: Mac) -> None:
    """Pictures that are released at once never keep more than a few surfaces busy."""
    with running(_screen(Settings(fps=60))) as pictures:
        assert until(lambda: len(pictures.sink.frames) > 40)
    assert mac.most_surfaces < 8
    assert mac.stalled_frames == 0


def test_hoarded_pictures_do_not_stall_the_stream(mac: Mac) -> None:
    """A consumer that holds on to pictures gets no new ones, but ScreenCaptureKit keeps going, and
    pictures come again as soon as it lets go."""
    hoard = Collector(is_holding=True)
    with running(_screen(Settings(fps=60)), hoard):
        assert until(lambda: len(hoard.frames) == 3)
        time.sleep(0.3)
        assert len(hoard.frames) == 3
        assert mac.stalled_frames == 0
        hoard.is_holding = False
        for frame in list(hoard.frames):
            frame.release()
        assert until(lambda: len(hoard.frames) > 15)
    for frame in hoard.frames:
        frame.release()


def test_release_drops_the_last_reference(mac: Mac) -> None:
    """After `release` a frame refers to nothing of the system's."""
    with running(_screen()) as pictures:
        assert until(lambda: len(pictures.sink.frames) > 2)
    assert all(frame.image is None for frame in pictures.sink.frames)
    assert until(lambda: mac.surfaces == 0)


def test_retina_size_and_region(mac: Mac) -> None:
    """The size is device pixels; a region is cut out in pixels and asked for in points."""
    screen = _screen()
    with running(screen):
        assert screen.size_px() == (320, 180)
        assert screen.device.format == "320x180"
    part = _screen(Settings(region=Rect(40, 20, 101, 51)))
    with running(part) as pictures:
        assert part.size_px() == (100, 50)
        assert until(lambda: bool(pictures.sink.frames))
        values = mac.running[0]._values
        assert values["source"] == ((20.0, 10.0), (50.0, 25.0))
    frame = pictures.sink.frames[0]
    assert (frame.width_px, frame.height_px) == (100, 50)


def test_retina_scale_before_macos_14(mac: Mac) -> None:
    """Where filters do not know their scale yet, the display mode does."""
    mac.version = (13, 0)
    screen = _screen()
    with running(screen):
        assert screen.size_px() == (320, 180)


def test_configuration_is_what_the_user_asked_for(mac: Mac) -> None:
    """Rate, pointer, colours, queue and our own sound are set explicitly."""
    with running(_screen(Settings(fps=24, has_cursor=False))):
        values = mac.running[0]._values
    assert values["interval_s"] == pytest.approx(1 / 24)
    assert values["cursor"] is False
    assert values["format"] == 0x42475241
    assert values["space"] == "kCGColorSpaceSRGB"
    assert values["depth"] == 8
    assert values["excludes_us"] is True
    assert values["rate"] == 48_000


def test_no_sound_is_captured_when_none_is_wanted(mac: Mac) -> None:
    """Without the system role the stream does not capture sound."""
    with running(_screen(Settings(system_audio="none"))):
        assert mac.running[0]._values["audio"] is False


def test_copied_pictures_for_the_portable_encoders(mac: Mac) -> None:
    """With an encoder chosen by name, pictures are BGRA arrays, copied out of padded rows."""
    mac.displays[0].width_pt = 61
    with running(_screen(Settings(encoder="libx264"))) as pictures:
        assert until(lambda: len(pictures.sink.frames) > 3)
    frame = pictures.sink.frames[0]
    assert frame.pixel_format is PixelFormat.BGRA
    assert isinstance(frame.image, np.ndarray)
    assert frame.image.shape == (180, 122, 4)
    assert set(np.unique(frame.image)) == {40}
    assert until(lambda: mac.surfaces == 0)


@pytest.mark.parametrize(
    ("code", "error", "stable"),
    [
        (-3801, PermissionDenied, "permission-denied"),
        (-3817, DeviceUnavailable, "stopped-by-user"),
        (-3821, DeviceUnavailable, "stopped-by-system"),
        (-3815, DeviceUnavailable, "device-gone"),
        (-3805, DeviceUnavailable, "device-unavailable"),
    ],
)
def test_a_stopped_stream_says_why_to_both_roles(
    mac: Mac, code: int, error: type[Exception], stable: str
) -> None:
    """didStopWithError ends screen and sound with an error whose code tells the cases apart."""
    screen, system = _pair()
    with running(screen) as pictures, running(system) as sound:
        assert until(lambda: bool(pictures.sink.frames))
        mac.stop_streams(code)
        assert until(lambda: pictures.error is not None and sound.error is not None, 1.0)
    for one in (pictures, sound):
        assert isinstance(one.error, error)
        assert one.error.code == stable  # type: ignore[attr-defined]


def test_a_new_stream_replaces_a_dead_one(mac: Mac) -> None:
    """After a stop by the system, new sources get a new stream on the same host clock."""
    screen, _ = _pair()
    with running(screen) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        mac.stop_streams(-3821)
        assert until(lambda: pictures.error is not None)
    last_ns = pictures.sink.frames[-1].pts_ns
    with running(_screen()) as again:
        assert until(lambda: bool(again.sink.frames))
    assert again.sink.frames[0].pts_ns > last_ns
    assert mac.streams_started == 2


def test_silent_death_is_noticed_when_the_displays_change(
    mac: Mac, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that goes silent is left alone as long as nothing else changes, and is given up
    once a display sleeps or goes."""
    monkeypatch.setattr(back_end("screen"), "SILENT_DEATH_NS", 200_000_000)
    screen, system = _pair()
    with running(screen) as pictures, running(system) as sound:
        assert until(lambda: bool(pictures.sink.frames))
        mac.freeze_streams()
        time.sleep(0.5)
        assert pictures.error is None
        mac.displays[0].is_asleep = True
        assert until(lambda: pictures.error is not None and sound.error is not None, 2.0)
    assert pictures.error.code == "stream-silent"  # type: ignore[union-attr]


def test_silent_death_is_noticed_after_sleep(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is silent after the Mac has slept is given up, too."""
    module = back_end("screen")
    monkeypatch.setattr(module, "SILENT_DEATH_NS", 200_000_000)
    slept = [0]
    monkeypatch.setattr(module, "slept_ns", lambda: slept[0])
    with running(_screen()) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        mac.freeze_streams()
        slept[0] = 60 * NS_PER_S
        assert until(lambda: pictures.error is not None, 2.0)


@pytest.mark.slow
def test_no_callbacks_while_silent_are_silence(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is delivered because nothing plays, silence is: gapless, in time, from the
    opening on, and no sign of death."""
    monkeypatch.setattr(back_end("screen"), "SILENT_DEATH_NS", 200_000_000)
    mac.is_silent_without_sound = True
    _, system = _pair()
    with running(system) as sound:
        opened_ns = time.monotonic_ns()
        mac.schedule(1.0, 1.8, 2)
        assert until(lambda: bool(sound.sink.blocks), 0.9)
        assert until(lambda: time.monotonic_ns() > mac.events[-1].end_ns + 200_000_000)
        assert sound.error is None
    assert sound.sink.blocks[0].stamp_ns < opened_ns
    end_ns = sound.sink.blocks[0].stamp_ns
    for block in sound.sink.blocks:
        assert abs(block.stamp_ns - end_ns) < 50_000  # a sample or two
        assert block.lost_frames == 0
        assert block.arrival_ns - block.stamp_ns < 1_900_000_000  # the mixer is 2 s behind
        end_ns = block.stamp_ns + len(block.samples) * NS_PER_S // 48_000
    assert all(len(b.samples) == 960 for b in sound.sink.blocks if b.samples.any())
    start_ns, samples = laid(sound.sink.blocks)
    true = [event.start_ns for event in mac.events]
    for onset_s, true_ns in zip(onsets_of_sound(samples, SYSTEM_HZ), true, strict=True):
        assert abs(start_ns + onset_s * NS_PER_S - true_ns) < 1_000_000


def test_picture_goes_on_without_sound(mac: Mac) -> None:
    """When only the sound cannot be started (-3818), the screen opens without it."""
    mac.start_error = -3818
    screen, system = _pair()
    with running(screen) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        with pytest.raises(DeviceUnavailable):
            system.open()
        system.close()


def test_sound_goes_on_without_the_display(mac: Mac) -> None:
    """When the screen's display is gone, the sound is taken from any other."""
    platform = back_end("platform").MacPlatform()
    clock = HostClock()
    platform.source(Role.SCREEN, "display:9", Settings(), clock)
    system = platform.source(Role.SYSTEM, "mac:system", Settings(), clock)
    with running(system) as sound:
        assert until(lambda: bool(sound.sink.blocks))


def test_no_display_at_all(mac: Mac) -> None:
    """A sleeping display is not listed: the screen is unavailable, with a hint."""
    mac.displays[0].is_asleep = True
    with pytest.raises(DeviceUnavailable, match="not there"):
        _screen().open()


def test_denied_screen_says_who_and_where(mac: Mac) -> None:
    """-3801 becomes PermissionDenied that names the application and the settings pane."""
    mac.has_screen_grant = False
    with pytest.raises(PermissionDenied) as caught:
        _screen().open()
    assert "Terminal" in caught.value.message
    assert "Screen & System Audio Recording" in caught.value.hint


def test_it_does_not_ask_again_and_again(mac: Mac) -> None:
    """A refused screen is not asked for in a loop, however often the engine tries."""
    mac.has_screen_grant = False
    for _ in range(5):
        with pytest.raises(PermissionDenied):
            _screen().open()
    assert mac.asked.count("screen content") == 1


def test_mute_window_server_does_not_hang_the_open(mac: Mac) -> None:
    """Without an answer the open gives up within the 3 s the contract allows."""
    mac.is_content_mute = True
    begun_s = time.monotonic()
    with pytest.raises(DeviceUnavailable):
        _screen(Settings(system_audio="none")).open()
    assert time.monotonic() - begun_s < 3


def test_a_stopped_source_hands_nothing_over(mac: Mac) -> None:
    """After `run` has returned, late callbacks reach no sink; it returns within half a second."""
    with running(_screen(Settings(fps=60))) as pictures:
        assert until(lambda: bool(pictures.sink.frames))
        asked_s = time.monotonic()
        pictures.stop.set()
        assert until(lambda: pictures.returned_s > 0)
        count = len(pictures.sink.frames)
        time.sleep(0.2)
    assert pictures.returned_s - asked_s < 0.5
    assert len(pictures.sink.frames) == count


def test_a_failing_sink_is_told_and_crashes_nothing(mac: Mac) -> None:
    """An exception in a callback ends the source, not the process."""

    class Broken(Collector):
        def frame(self, frame: Any) -> None:
            raise RuntimeError("no room")

    with running(_screen(), Broken()) as pictures:
        assert until(lambda: pictures.error is not None)
    assert isinstance(pictures.error, DeviceUnavailable)
    assert isinstance(pictures.error.__cause__, RuntimeError)


def test_the_mac_is_kept_awake_while_something_records(mac: Mac) -> None:
    """One activity is held from the first stream to the last."""
    screen, system = _pair()
    assert mac.activities == []
    with running(screen), running(system):
        assert len(mac.activities) == 1
    assert mac.activities == []


def test_close_is_idempotent_and_safe_after_a_failed_open(mac: Mac) -> None:
    """`close` never raises: twice, before an open, after a failed one."""
    screen, system = _pair()
    screen.close()
    mac.start_error = -3802
    with pytest.raises(DeviceUnavailable):
        screen.open()
    screen.close()
    screen.close()
    system.close()
