"""Events are placed by what the pictures say, and pauses, tears and stalls do not move them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.model.pattern import CODE_UNIT_NS, EventSchedule, PictureCode
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.events import SeenEvents, seen_events
from onetake.proof.frames import FrameLog
from onetake.proof.picture import Look
from onetake.proof.read import Picture, Track

SCHEDULE = EventSchedule(4)
NO_LUMA = np.zeros((1, 1), dtype=np.uint8)


def log_of(
    frames: Iterable[tuple[int, int]], *, has_code: bool = True, time_base: int = 90_000
) -> FrameLog:
    """Return the log of frames (stamp, position drawn) in ns."""
    track = Track(0, "video", "h264", Fraction(1, time_base))
    log = FrameLog(track)
    for pts_ns, drawn_ns in frames:
        code = PictureCode(drawn_ns // CODE_UNIT_NS * CODE_UNIT_NS, 4) if has_code else None
        level = 235.0 if SCHEDULE.is_flash(drawn_ns) else 70.0
        look = Look(level, code, is_black=False, is_moved=True)
        log.add(Picture(track, pts_ns, 0, NO_LUMA), look)
    return log


def placed(events: SeenEvents | None) -> np.ndarray:
    """Return file position minus pattern position of each event, ms."""
    assert events is not None
    times = SCHEDULE.times_ns(0, 4000 * NS_PER_S)
    return np.array(
        [
            (at_ns - times[number]) / NS_PER_MS
            for at_ns, number in zip(events.times_ns, events.numbers, strict=True)
        ]
    )


@settings(max_examples=40, deadline=None)
@given(
    shift_us=st.integers(0, 10**9),
    fps=st.sampled_from([10.0, 24.0, 30000 / 1001, 60.0, 144.0]),
    phase_us=st.integers(0, 33_000),
)
def test_any_shift_and_rate(shift_us: int, fps: float, phase_us: int) -> None:
    """Events are placed to 0.1 ms at any frame rate, phase and start of the file."""
    drawn = [round(phase_us * 1000 + index * NS_PER_S / fps) for index in range(round(20 * fps))]
    events = seen_events(log_of((time - phase_us * 1000 + shift_us * 1000, time) for time in drawn))
    expected_ms = (shift_us - phase_us) / 1000
    np.testing.assert_allclose(placed(events), expected_ms, atol=0.1)
    first_ns = drawn[0] // CODE_UNIT_NS * CODE_UNIT_NS
    assert len(placed(events)) == len(SCHEDULE.times_ns(first_ns, drawn[-1] + 1))


def test_pauses_cut_events_out() -> None:
    """Events that fell into a pause are not reported; the others lie where they are seen."""
    frames, pts_ns = [], 0
    for start_s, end_s in ((0, 4), (7.3, 12), (12.2, 20)):
        for drawn in range(round(start_s * NS_PER_S), round(end_s * NS_PER_S), NS_PER_S // 30):
            frames.append((pts_ns, drawn))
            pts_ns += NS_PER_S // 30
    events = seen_events(log_of(frames))
    assert events is not None
    times = SCHEDULE.times_ns(0, 20 * NS_PER_S)
    inside = [t for t in times if t < 4e9 or 7.3e9 <= t < 12e9 or t >= 12.2e9]
    assert len(events.times_ns) == len(inside)
    offsets = placed(events)
    assert set(np.round(offsets / 100)) == {0, -33, -34}


def test_a_short_pause_moves_no_event() -> None:
    """67 ms left out, with the picture of the boundary in between: events before it lie where they
    are seen, also when two pictures follow it."""
    interval_ns = NS_PER_S // 30
    pause_ns = 67 * NS_PER_MS
    last_event_ns = SCHEDULE.times_ns(0, 6 * NS_PER_S)[-1]
    frames = [(at, at) for at in range(0, last_event_ns + NS_PER_S // 3, interval_ns)]
    boundary_ns = frames[-1][0] + interval_ns // 2
    frames.append((boundary_ns, boundary_ns + pause_ns - 21 * NS_PER_MS))
    for at in (boundary_ns + interval_ns // 3, boundary_ns + 4 * interval_ns // 3):
        frames.append((at, at + pause_ns))
    offsets = placed(seen_events(log_of(frames)))
    assert len(offsets) >= 4
    np.testing.assert_allclose(offsets, 0, atol=0.2)


def test_misread_codes_are_left_out() -> None:
    """A torn picture whose check sum happens to fit does not move an event."""
    rng = np.random.default_rng(1)
    frames = [(time, time) for time in range(0, 30 * NS_PER_S, NS_PER_S // 30)]
    for index in rng.choice(len(frames), 30, replace=False).tolist():
        frames[index] = (frames[index][0], int(rng.integers(0, 10**14)))
    offsets = placed(seen_events(log_of(frames)))
    assert len(offsets) == len(SCHEDULE.times_ns(0, 30 * NS_PER_S))
    np.testing.assert_allclose(offsets, 0, atol=0.1)


def test_stall_of_the_picture_does_not_move_events() -> None:
    """While the picture stands still its age grows; the event is placed by the fresh pictures."""
    frames = []
    for time in range(0, 20 * NS_PER_S, NS_PER_S // 30):
        is_stalled = 5e9 <= time < 5.7e9 or 9e9 <= time < 9.3e9
        frames.append((time, frames[-1][1] if is_stalled else time))
    offsets = placed(seen_events(log_of(frames)))
    np.testing.assert_allclose(offsets, 0, atol=0.2)


def test_early_stamp_does_not_decide() -> None:
    """A single picture whose stamp is 20 ms too early moves its event by less than 1 ms."""
    frames = [(time, time) for time in range(0, 20 * NS_PER_S, NS_PER_S // 30)]
    for index in range(10, len(frames), 100):
        frames[index] = (frames[index][0] - 20 * NS_PER_MS, frames[index][1])
    np.testing.assert_allclose(placed(seen_events(log_of(frames))), 0, atol=0.1)


def test_flash_alone() -> None:
    """Without a code block the event is the first white picture, true to one frame."""
    frames = [(time, time) for time in range(0, 20 * NS_PER_S, NS_PER_S // 25)]
    events = seen_events(log_of(frames, has_code=False))
    assert events is not None
    assert events.method == "flash"
    assert events.resolution_ns == pytest.approx(40 * NS_PER_MS)
    # The flash at position 0 has no dark picture before it.
    times = SCHEDULE.times_ns(1, 20 * NS_PER_S)
    # Nor has the last one an end.
    late_ms = (events.times_ns - np.array(times[: len(events.times_ns)])) / NS_PER_MS
    assert len(events.times_ns) >= len(times) - 1
    assert late_ms.min() >= 0
    assert late_ms.max() < 40


def test_ramp_of_a_flash_tells_more() -> None:
    """A picture exposed while the flash began tells when; half a frame is claimed."""
    track = Track(0, "video", "h264", Fraction(1, 90_000))
    log = FrameLog(track)
    interval = NS_PER_S // 25
    for index in range(500):
        pts_ns = index * interval
        # Each picture collects the light of the interval before its stamp.
        lit = sum(SCHEDULE.is_flash(pts_ns - step * interval // 40) for step in range(40))
        look = Look(70 + 165 * lit / 40, None, is_black=False, is_moved=True)
        log.add(Picture(track, pts_ns, 0, NO_LUMA), look)
    events = seen_events(log)
    assert events is not None
    assert events.resolution_ns == interval / 2
    times = np.array(SCHEDULE.times_ns(1, 20 * NS_PER_S))
    late = np.array([at - times[np.argmin(np.abs(times - at))] for at in events.times_ns])
    assert np.median(np.abs(late)) <= interval / 5


def test_white_windows_are_no_pattern() -> None:
    """A screen on which white windows come and stay is not taken for flashes."""
    track = Track(0, "video", "h264", Fraction(1, 90_000))
    log = FrameLog(track)
    for index in range(900):
        level = 230.0 if index // 100 % 2 else 60.0
        look = Look(level, None, is_black=False, is_moved=True)
        log.add(Picture(track, index * NS_PER_S // 30, 0, NO_LUMA), look)
    assert seen_events(log) is None


def test_no_pictures() -> None:
    """A track without pictures has no events."""
    assert seen_events(log_of([])) is None
