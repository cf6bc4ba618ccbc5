"""Following a clock without being heard."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.audio.follow import CATCH_UP_LIMIT, SPEED_LIMIT, STRETCH, Follower
from onetake.model.media import StampKind
from onetake.testing.clocksim import ClockScript, Jitter, Wander, simulate
from onetake.timeline.device_clock import DeviceClock

STRETCH_S = STRETCH / 48_000


def _clock(script: ClockScript) -> DeviceClock:
    log = simulate(script)
    stamps_ns = log.stamps_ns()
    clock = DeviceClock(script.rate_hz, StampKind.CAPTURE, stamps_ns[0])
    for index, stamp_ns in enumerate(stamps_ns):
        clock.add(stamp_ns, index * script.block_frames)
    return clock


def _speeds(follower: Follower, count: int, begin_s: float = 1.0) -> np.ndarray:
    """Return the speed at the start of each stretch."""
    speeds = []
    for index in range(count):
        follower.seek(index * STRETCH, begin_s + index * STRETCH_S)
        assert follower.motion is not None
        speeds.append(follower.motion.speed)
    return np.array(speeds)


def test_position_is_where_the_clock_says() -> None:
    """A settled clock is followed without deviation."""
    clock = _clock(ClockScript(duration_s=5, ppm=123, rate_hz=44_100, block_frames=441))
    follower = Follower(clock)
    for index in range(20):
        follower.seek(index * STRETCH, 1.0 + index * STRETCH_S)
        assert abs(follower.deviation_s) < 1e-9
        middle = index * STRETCH + STRETCH // 2
        wanted = clock.frame_at(1.0 + middle / 48_000)
        assert follower.frame_at(middle) == pytest.approx(wanted, abs=1e-5)


def test_position_and_speed_never_jump() -> None:
    """When the clock changes its mind by 5 ms, position and speed stay continuous and bounded."""
    clock = _clock(ClockScript(duration_s=5, ppm=50))
    follower = Follower(clock)
    _speeds(follower, 3)
    other = _clock(ClockScript(duration_s=5, ppm=50))
    other.anchor_ns = clock.anchor_ns
    assert other._state is not None
    follower._clock = other
    end, speed = None, None
    for index in range(3, 200):
        host_s = 1.005 + index * STRETCH_S
        if index > 3:
            end = follower.frame_at(index * STRETCH)
            assert follower.motion is not None
            speed = follower.motion.speed + 2 * STRETCH * follower.motion.bend
        follower.seek(index * STRETCH, host_s)
        assert follower.motion is not None
        if end is not None:
            assert follower.frame_at(index * STRETCH) == pytest.approx(end, abs=1e-6)
            assert follower.motion.speed == speed
        change = follower.motion.speed / (1 + 50e-6) - 1
        assert abs(change) <= CATCH_UP_LIMIT * 1.001
    assert abs(follower.deviation_s) < 1e-6


def test_speed_has_a_limit() -> None:
    """A clock that claims nonsense cannot play at the wrong pitch."""
    clock = _clock(ClockScript(duration_s=5, ppm=40_000))
    speeds = _speeds(Follower(clock), 40)
    assert np.abs(speeds[5:] - 1).max() <= SPEED_LIMIT * 1.001


def test_driftless_system_sound_is_held_on_whole_frames() -> None:
    """With hold, a clock without drift is played at exactly 1 from a whole frame on."""
    follower = Follower(_clock(ClockScript(duration_s=5)), may_hold=True)
    follower.seek(0, 1.000003)
    for index in range(1, 50):
        assert follower.motion is not None
        assert (follower.motion.speed, follower.motion.bend) == (1.0, 0.0)
        assert follower.motion.fraction == 0.0
        follower.seek(index * STRETCH, 1.000003 + index * STRETCH_S)
    assert abs(follower.deviation_s) <= 0.5 / 48_000


@pytest.mark.parametrize(
    "script",
    [
        ClockScript(duration_s=5, ppm=1.0),
        ClockScript(duration_s=5, jitter=Jitter.GAUSS, jitter_s=1e-3),
        ClockScript(duration_s=5, rate_hz=44_100, block_frames=441),
    ],
    ids=["drifts", "not known well", "other rate"],
)
def test_hold_needs_certainty(script: ClockScript) -> None:
    """What drifts, or might, or has another rate, is not held."""
    follower = Follower(_clock(script), may_hold=True)
    speeds = _speeds(follower, 30)
    assert (speeds[5:] != 1.0).all()


def test_hold_ends_when_the_clock_begins_to_drift() -> None:
    """A held source that starts to drift is followed again before it is a sample off, and ends
    where it belongs."""
    script = ClockScript(duration_s=15.5, wander=Wander.STEPS, step_every_s=8)
    log = simulate(script)
    stamps_ns = log.stamps_ns()
    clock = DeviceClock(48_000, StampKind.CAPTURE, stamps_ns[0])
    follower = Follower(clock, may_hold=True)
    errors, sample = [], 0
    for index, stamp_ns in enumerate(stamps_ns):
        clock.add(stamp_ns, index * 480)
        if log.arrival_s[index] > 3.0 + sample / 48_000:
            host_s = 1.0 + sample / 48_000
            follower.seek(sample, host_s)
            place = follower.frame_at(sample)
            errors.append(float(log.host_s_of(np.array([place]))[0]) - host_s)
            sample += STRETCH
    assert errors[:60] == pytest.approx([0.0] * 60, abs=1e-9)
    assert np.abs(errors).max() < 0.4e-3
    assert abs(errors[-1]) < 1e-6


def test_lift_forgets_the_position() -> None:
    """After a lift the next place is exactly where the clock says."""
    clock = _clock(ClockScript(duration_s=5, ppm=300))
    follower = Follower(clock)
    follower.seek(0, 1.0)
    follower.lift()
    follower.seek(96_000, 4.0)
    assert follower.frame_at(96_000) == pytest.approx(clock.frame_at(4.0), abs=1e-6)
