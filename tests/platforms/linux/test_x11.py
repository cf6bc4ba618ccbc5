"""A real X screen: complete pictures, true damage, true stamps, and every way it can go."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.platforms.collecting import Collected, Running, run_for
from tests.stage.painter import Painter
from tests.stage.processes import kill, wait_until
from tests.stage.stage import Stage, changed_environment
from tests.stage.truth import read_picture
from tests.stage.xserver import Screen, xvfb

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.devices import Role
from onetake.model.geometry import Rect
from onetake.model.media import Frame, PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.platforms.linux import x11, x11_changes
from onetake.platforms.linux.platform import LinuxPlatform
from onetake.platforms.linux.x11 import ScreenSource
from onetake.platforms.linux.x11_segments import SEGMENTS

pytestmark = pytest.mark.real

PLAIN = Settings(has_cursor=False, fps=60)


def source_of(screen: Screen, settings: Settings = PLAIN, monitor: str = "") -> ScreenSource:
    """Return an unopened source of a display."""
    device_id = screen.device_id + (f"/{monitor}" if monitor else "")
    source = LinuxPlatform().source(Role.SCREEN, device_id, settings, HostClock())
    assert isinstance(source, ScreenSource)
    return source


def test_pictures_are_complete_whatever_was_damaged(x_screen: Screen, painter: Painter) -> None:
    """Every picture of the ring equals the screen in all pixels, though only bands are grabbed; and
    what changed from one picture to the next is in the damage of the second, or, if it was painted
    between the question and the grab, of the third."""
    random_ = random.Random(3)
    pictures: list[NDArray[np.uint8]] = []
    damages: list[tuple[Rect, ...]] = []
    kept: list[Frame] = []

    def look(frame: Frame) -> None:
        if isinstance(frame.image, np.ndarray):
            pictures.append(frame.image.copy())
            damages.append(frame.damage or ())
        # Hold some back, so that the ring uses all its segments.
        kept.append(frame)
        while len(kept) > random_.randrange(SEGMENTS):
            kept.pop(random_.randrange(len(kept))).release()

    collected = Collected()
    collected.on_frame = look
    with Running(source_of(x_screen), collected) as running:
        for _ in range(120):
            x_px, y_px = random_.randrange(640), random_.randrange(480)
            size = random_.randrange(1, 60), random_.randrange(1, 60)
            painter.fill(x_px, y_px, *size, random_.randrange(1 << 24))
            time.sleep(random_.choice([0, 0.001, 0.02]))
        truth = painter.picture(640, 480)
        time.sleep(0.2)
        running.stop()
    assert len(pictures) > 10
    assert (pictures[-1][..., :3] == truth[..., :3]).all()
    untold = 0
    for number in range(1, len(pictures)):
        told = damages[number] + (damages[number + 1] if number + 1 < len(damages) else ())
        outside = np.ones(truth.shape[:2], dtype=bool)
        for rect in told:
            outside[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px] = False
        changed = (pictures[number][..., :3] != pictures[number - 1][..., :3]).any(axis=2)
        untold += int((changed & outside).sum())
    assert untold == 0
    # What a consumer gets that only copies the damage: the screen, too.
    copied = pictures[0].copy()
    for picture, damage in zip(pictures, damages, strict=True):
        for rect in damage:
            area = np.s_[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px]
            copied[area] = picture[area]
    assert (copied[..., :3] == truth[..., :3]).all()


def test_nothing_changed_is_an_idle_beat_without_a_grab(x_screen: Screen, painter: Painter) -> None:
    """A still screen gives one full picture and then beats with no image, at the same cadence."""
    found = run_for(source_of(x_screen), 1.0)
    assert len(found.frames) == 1
    assert found.idle >= 10
    assert found.damages[0] == (Rect(0, 0, 640, 480),)
    assert set(found.damages[1:]) == {()}


def test_a_driver_that_draws_in_secret_does_not_freeze_the_recording(
    x_screen: Screen, painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the screen changes without damage, it is noticed, told, and recorded without damage."""
    monkeypatch.setattr(x11_changes.ScreenChanges, "_damaged", lambda *_: [])
    monkeypatch.setattr(x11, "AUDIT_NS", 200_000_000)
    with Running(source_of(x_screen)) as running:
        time.sleep(0.5)
        assert not running.found.warnings, "a still screen is not accused"
        painter.fill(100, 50, 30, 20, 0xFFFFFF)
        time.sleep(0.5)
        running.stop()
    image = running.found.frames[-1][1]
    assert isinstance(image, np.ndarray)
    assert (image[50:70, 100:130, :3] == 255).all()
    assert running.found.warnings == ["screen-without-damage"]
    assert running.found.damages[-1] is None


def test_damage_is_where_something_was_painted(x_screen: Screen, painter: Painter) -> None:
    """The rectangle of a change is told exactly."""
    with Running(source_of(x_screen)) as running:
        wait_until(lambda: running.found.idle > 0, "the first picture")
        painter.fill(100, 50, 30, 20, 0xFFFFFF)
        wait_until(lambda: len(running.found.frames) > 1, "the change")
        running.stop()
    changes = [damage for damage in running.found.damages[1:] if damage]
    assert changes == [(Rect(100, 50, 30, 20),)]


def test_the_cadence_is_even_and_stamps_increase(x_screen: Screen, painter: Painter) -> None:
    """No stamp goes back, and at 60 fps they lie on one grid: typically within 1.5 ms of it, after
    any number of ticks, however many a loaded machine left out."""
    found = run_for(source_of(x_screen), 2.0)
    assert len(found.stamps_ns) >= 20
    assert (np.diff(found.stamps_ns) > 0).all()
    ticks = (np.array(found.stamps_ns) - found.stamps_ns[0]) * 60 / 1e9
    phases = np.exp(2j * np.pi * ticks)
    middle = np.median(phases.real) + 1j * np.median(phases.imag)
    off_ms = np.abs(np.angle(phases / middle)) / (2 * np.pi) * 1000 / 60
    assert np.median(off_ms) < 1.5


def test_stamps_tell_when_the_picture_was_on_the_screen(real_stage: Stage) -> None:
    """Against the time written in the picture (5 ms steps), stamps are right to 2 ms."""
    late_ms: list[float] = []

    def look(frame: Frame) -> None:
        if isinstance(frame.image, np.ndarray) and (code := read_picture(frame.image)):
            late_ms.append((frame.pts_ns - real_stage.start_ns - code.position_ns) / 1e6)
        frame.release()

    collected = Collected()
    collected.on_frame = look
    source = LinuxPlatform().source(Role.SCREEN, real_stage.screen_id, Settings(), HostClock())
    time.sleep(max(0.0, (real_stage.start_ns - time.monotonic_ns()) / 1e9))
    with Running(source, collected) as running:
        time.sleep(3)
        running.stop()
    assert len(late_ms) > 15
    # Drawn every 5 ms: a true stamp is 0 to 5 ms after the time that was drawn, 2.5 on average.
    assert -0.5 < float(np.median(late_ms)) - 2.5 < 2.0
    assert min(late_ms) > -1.0


def test_the_pointer_is_drawn_and_leaves_no_trail(x_screen: Screen, painter: Painter) -> None:
    """Moved over a plain screen it is there once; old and new place are the damage."""
    painter.move_pointer(100, 100)
    with Running(source_of(x_screen, Settings(fps=60))) as running:
        for step in range(1, 21):
            painter.move_pointer(100 + 20 * step, 100 + 10 * step)
            time.sleep(0.03)
        time.sleep(0.2)
        running.stop()
    image = running.found.frames[-1][1]
    assert isinstance(image, np.ndarray)
    drawn = (image[..., :3] != painter.picture(640, 480)[..., :3]).any(axis=2)
    rows, columns = np.nonzero(drawn)
    assert rows.size, "the pointer is not in the picture"
    assert 470 <= columns.min() <= columns.max() <= 530
    assert 270 <= rows.min() <= rows.max() <= 330
    moved = [damage for damage in running.found.damages[1:] if damage]
    assert moved
    assert all(isinstance(d, tuple) and 1 <= len(d) <= 2 for d in moved)


def test_without_the_pointer_nothing_is_drawn(x_screen: Screen, painter: Painter) -> None:
    """`has_cursor=False` leaves the screen's own pixels."""
    painter.move_pointer(300, 200)
    found = run_for(source_of(x_screen), 0.3)
    image = found.frames[-1][1]
    assert isinstance(image, np.ndarray)
    assert (image[..., :3] == painter.picture(640, 480)[..., :3]).all()


def test_a_region_is_cut_out_with_its_damage(x_screen: Screen, painter: Painter) -> None:
    """Pixels and damage count from the region's corner, odd sizes are cut to even, and what
    happens outside is not told."""
    settings = Settings(has_cursor=False, fps=60, region=Rect(101, 51, 201, 101))
    with Running(source_of(x_screen, settings)) as running:
        wait_until(lambda: running.found.idle > 0, "the first picture")
        painter.fill(90, 60, 20, 10, 0xFFFFFF)
        wait_until(lambda: len(running.found.frames) > 1, "the change")
        painter.fill(400, 300, 20, 10, 0xFFFFFF)
        time.sleep(0.2)
        running.stop()
    found = running.found
    assert found.size_px == (200, 100)
    assert [damage for damage in found.damages[1:] if damage] == [(Rect(0, 9, 9, 10),)]
    image = found.frames[-1][1]
    assert isinstance(image, np.ndarray)
    assert (image[..., :3] == painter.picture(640, 480)[51:151, 101:301, :3]).all()


def test_a_region_outside_the_screen_is_said_so(x_screen: Screen) -> None:
    """With the size of the screen in the hint."""
    settings = Settings(region=Rect(700, 0, 100, 100))
    with pytest.raises(DeviceUnavailable, match="outside the screen") as caught:
        run_for(source_of(x_screen, settings), 0)
    assert "640x480" in caught.value.hint


def test_lent_pictures_stay_as_they_were(x_screen: Screen, painter: Painter) -> None:
    """A frame that is not released is not overwritten, not even after the source was closed."""
    held: list[tuple[Frame, NDArray[np.uint8]]] = []

    def hold(frame: Frame) -> None:
        if isinstance(frame.image, np.ndarray) and len(held) < 3:
            held.append((frame, frame.image.copy()))
        else:
            frame.release()

    collected = Collected()
    collected.on_frame = hold
    with Running(source_of(x_screen), collected) as running:
        for number in range(20):
            painter.fill(0, 0, 640, 480, number * 0x0A0A0A)
            time.sleep(0.03)
        running.stop()
    assert len(held) == 3
    for frame, copy in held:
        assert isinstance(frame.image, np.ndarray)
        assert (frame.image == copy).all()
        frame.release()


def test_without_a_free_segment_frames_are_skipped_and_damage_waits(
    x_screen: Screen, painter: Painter
) -> None:
    """When the consumer holds everything, pictures are left out and counted, and the next one's
    damage covers what was missed."""
    held: list[Frame] = []

    def hold(frame: Frame) -> None:
        if frame.image is None:
            return
        held.append(frame)

    collected = Collected()
    collected.on_frame = hold
    source = source_of(x_screen)
    with Running(source, collected) as running:
        for number in range(1, SEGMENTS + 1):
            wait_until(lambda number=number: len(held) >= number, "a picture")
            painter.fill(10 * number, 0, 10, 10, 0xFFFFFF)
        wait_until(lambda: source.skipped_frames > 0, "a skipped picture")
        missed = [Rect(20 * number, 100, 10, 10) for number in range(4)]
        for rect in missed:
            painter.fill(rect.x_px, rect.y_px, rect.width_px, rect.height_px, 0xFFFFFF)
            skipped = source.skipped_frames
            wait_until(lambda skipped=skipped: source.skipped_frames > skipped, "another")
        assert len(held) == SEGMENTS
        held[0].release()
        wait_until(lambda: len(held) > SEGMENTS, "the next picture")
        running.stop()
    late = held[SEGMENTS]
    assert isinstance(late.image, np.ndarray)
    assert late.damage is not None
    for rect in missed:
        assert any(rect.intersection(told) == rect for told in late.damage)
        assert (late.image[rect.y_px, rect.x_px, :3] == 255).all()
    for frame in held[1:]:
        frame.release()


def test_a_stop_is_followed_within_half_a_second(x_screen: Screen) -> None:
    """Also at 1 frame a second."""
    with Running(source_of(x_screen, Settings(fps=1))) as running:
        time.sleep(0.3)
        assert running.stop() < 0.5


def test_a_stop_is_followed_while_the_server_hangs(x_screen: Screen, painter: Painter) -> None:
    """A stopped X server must not keep a take from ending."""
    with Running(source_of(x_screen)) as running:
        time.sleep(0.2)
        x_screen.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        took_s = running.stop()
        x_screen.process.send_signal(signal.SIGCONT)
    assert took_s < 0.5
    assert running.error is None


def test_a_hanging_server_is_unavailable_in_time(x_screen: Screen) -> None:
    """Neither open nor run wait for ever."""
    with Running(source_of(x_screen)) as running:
        time.sleep(0.2)
        x_screen.process.send_signal(signal.SIGSTOP)
        assert isinstance(running.wait_for_end(4), DeviceUnavailable)
        begun_s = time.monotonic()
        with pytest.raises(DeviceUnavailable):
            run_for(source_of(x_screen), 0)
        assert time.monotonic() - begun_s < 3
        x_screen.process.send_signal(signal.SIGCONT)


def test_a_server_that_dies_is_unavailable(x_screen: Screen) -> None:
    """The end of the X server is DeviceUnavailable, so that the engine tries again."""
    with Running(source_of(x_screen)) as running:
        time.sleep(0.2)
        kill(x_screen.process)
        error = running.wait_for_end(1)
    assert isinstance(error, DeviceUnavailable)
    assert x_screen.display in error.message


def test_a_server_that_comes_back_is_recorded_again() -> None:
    """A new source of the same id finds the restarted server."""
    with xvfb(640, 480) as screen:
        run_for(source_of(screen), 0.2)
    with pytest.raises(DeviceUnavailable, match="no X server"):
        run_for(source_of(screen), 0.2)
    with xvfb(800, 600, display=screen.display) as again:
        assert run_for(source_of(again), 0.2).size_px == (800, 600)


def test_a_changed_display_mode_is_a_new_source(x_screen: Screen, painter: Painter) -> None:
    """When the screen gets another size, the source ends and says so; the next one has it."""
    with Running(source_of(x_screen)) as running:
        time.sleep(0.2)
        painter.resize(320, 240)
        error = running.wait_for_end(2)
    assert isinstance(error, DeviceUnavailable)
    assert "320x240" in error.message
    assert run_for(source_of(x_screen), 0.2).size_px == (320, 240)


def test_monitors_are_devices_of_their_own(x_screen: Screen, painter: Painter) -> None:
    """Two monitors are listed, each is recorded by itself, and an unknown one is said so."""
    subprocess.run(
        "xrandr --setmonitor left 320/80x480/120+0+0 screen &&"
        " xrandr --setmonitor right 320/80x480/120+320+0 none",
        shell=True,
        check=True,
        env=dict(os.environ),
    )
    painter.fill(320, 0, 320, 480, 0x00FF00)
    screens = [d for d in LinuxPlatform().devices() if d.role is Role.SCREEN]
    assert [d.id.partition("/")[2] for d in screens] == ["", "left", "right"]
    assert [d.is_default for d in screens].count(True) == 1
    found = run_for(source_of(x_screen, monitor="right"), 0.3)
    assert found.size_px == (320, 480)
    image = found.frames[-1][1]
    assert isinstance(image, np.ndarray)
    assert (image[..., :3] == (0, 255, 0)).all()
    with pytest.raises(DeviceUnavailable, match="no monitor HDMI-7") as caught:
        run_for(source_of(x_screen, monitor="HDMI-7"), 0)
    assert "left, right" in caught.value.hint


@pytest.mark.parametrize("without", ["DAMAGE", "MIT-SHM"])
def test_a_server_without_an_extension_is_recorded_all_the_same(without: str) -> None:
    """Slower, or with unknown damage, but complete pictures."""
    with xvfb(320, 240, without=(without,)) as screen:
        painter = Painter(screen.display)
        source = source_of(screen, Settings(fps=30))
        with Running(source) as running:
            time.sleep(0.2)
            painter.fill(10, 10, 50, 50, 0xFF8000)
            painter.move_pointer(300, 200)
            time.sleep(0.3)
            running.stop()
        assert running.error is None
        image = running.found.frames[-1][1]
        assert isinstance(image, np.ndarray)
        assert (image[10:60, 10:60, :3] == (0, 0x80, 0xFF)).all()
        if without != "MIT-SHM":
            assert "screen-without-damage" in running.found.warnings
            assert set(running.found.damages) == {None}
        painter.close()


def test_a_screen_of_16_bits_is_refused() -> None:
    """What cannot be read is said, with what to do."""
    with xvfb(320, 240, depth=16) as screen:
        with pytest.raises(DeviceUnavailable, match="24 bit colour") as caught:
            run_for(source_of(screen), 0)
        assert "depth of 24" in caught.value.hint


def test_the_device_says_what_it_is(x_screen: Screen) -> None:
    """The list and the opened source agree; formats and flags are the contract's."""
    (device,) = (d for d in LinuxPlatform().devices() if d.role is Role.SCREEN)
    assert device.id == x_screen.device_id
    assert device.is_default
    assert device.format == "640x480"
    source = source_of(x_screen)
    found = run_for(source, 0.2)
    assert source.device.format == "640x480"
    assert source.stamp_kind is StampKind.CAPTURE
    assert found.formats == {PixelFormat.BGRA}
    source.close()


def test_no_display_says_what_to_do() -> None:
    """Without DISPLAY nothing is listed, and the problem tells why."""
    nothing = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "XDG_SESSION_TYPE": ""}
    with changed_environment(nothing):
        platform = LinuxPlatform()
        assert not [d for d in platform.devices() if d.role is Role.SCREEN]
        assert any("DISPLAY is not set" in problem for problem in platform.problems())
    with changed_environment({**nothing, "WAYLAND_DISPLAY": "wayland-0"}):
        assert any("Wayland session" in problem for problem in LinuxPlatform().problems())


def test_a_server_that_wants_a_cookie_refuses_with_a_hint(tmp_path: object) -> None:
    """Another user's X server is PermissionDenied, not a crash."""
    with xvfb(320, 240, cookie_folder=str(tmp_path)) as screen:
        with changed_environment({"XAUTHORITY": "/nonexistent"}):
            with pytest.raises(PermissionDenied, match="refuses the connection") as caught:
                run_for(source_of(screen), 0)
            assert "XAUTHORITY" in caught.value.hint
        with changed_environment({"XAUTHORITY": f"{tmp_path}/authority"}):
            run_for(source_of(screen), 0.1)
