"""The simulator itself: its truth is true."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.testing.clocksim import (
    ClockScript,
    Jitter,
    Wander,
    double_block,
    freeze_stamps,
    jump_stamps,
    lose_blocks,
    make_early,
    repeat_every_second,
    simulate,
    stall,
)


def test_fast_device_takes_less_time() -> None:
    """A device 500 ppm fast delivers a nominal hour in 3600 / 1.0005 s."""
    log = simulate(ClockScript(duration_s=3600, ppm=500))
    assert log.end_s[-1] == pytest.approx(3600 / 1.0005, abs=1e-6)
    assert np.array_equal(log.stamp_s, log.true_s)


@pytest.mark.parametrize(
    ("jitter", "mean_s", "least_s", "most_s"),
    [
        (Jitter.GAUSS, 0.0, -0.1, 0.1),
        (Jitter.UNIFORM, 0.0, -0.01, 0.01),
        (Jitter.ONE_SIDED, 0.005, 0.0, 0.01),
        (Jitter.EXPONENTIAL, 0.01, 0.0, 1.0),
    ],
)
def test_jitter_has_its_shape(jitter: Jitter, mean_s: float, least_s: float, most_s: float) -> None:
    """Stamps scatter as the name says; the truth does not."""
    log = simulate(ClockScript(duration_s=200, jitter=jitter, jitter_s=0.01))
    noise = log.stamp_s - log.true_s
    assert noise.mean() == pytest.approx(mean_s, abs=3e-4)
    assert noise.min() >= least_s
    assert noise.max() <= most_s


def test_lateness_drains_block_by_block() -> None:
    """After a stall each block is 10 ms less late than the one before."""
    log = simulate(ClockScript(duration_s=100, late_share=0.01))
    late_s = log.stamp_s - log.true_s
    assert late_s.min() > -1e-9
    assert 0.01 < late_s.max() <= 0.05
    steps_s = late_s[:-1] - late_s[1:]
    assert steps_s.max() == pytest.approx(0.01)
    assert (np.abs(steps_s - 0.01) < 1e-9).sum() > 50


@pytest.mark.parametrize("wander", [Wander.SLOW, Wander.FAST, Wander.STEPS])
def test_wander_moves_the_frequency(wander: Wander) -> None:
    """The instantaneous drift varies around the steady one."""
    log = simulate(ClockScript(duration_s=1200, ppm=100, wander=wander, step_every_s=300))
    ppm = (0.01 / (log.end_s - log.true_s) - 1) * 1e6
    assert ppm.max() - ppm.min() > 4
    assert 90 < np.median(ppm) < 210


def test_faults_do_what_they_say() -> None:
    """Each fault changes exactly what it is named after."""
    log = simulate(ClockScript(duration_s=10))
    lost = lose_blocks(log, 5.0, 7, is_declared=True)
    assert len(lost) == 993
    assert lost.lost_frames.sum() == 7 * 480
    assert np.diff(lost.true_s).max() == pytest.approx(0.08)
    doubled = double_block(log, 5.0)
    assert len(doubled) == 1001
    assert np.diff(doubled.true_s).min() == 0
    stalled = stall(log, 5.0, 1.0)
    assert np.array_equal(stalled.true_s, log.true_s)
    assert ((stalled.arrival_s > 5.0) & (stalled.arrival_s < 5.999)).sum() == 0
    assert (np.diff(stalled.arrival_s) >= 0).all()
    assert len(stall(log, 5.0, 1.0, lost_s=1.0)) == 900
    assert (freeze_stamps(log, 5.0, 0.5).stamp_s == 5.0).sum() == 50
    assert np.ptp(jump_stamps(log, 5.0, -0.035).stamp_s - log.stamp_s) == pytest.approx(0.035)
    assert (np.diff(repeat_every_second(log).stamp_s) == 0).sum() == 500
    early = log.stamp_s - make_early(log, 0.05, 0.05).stamp_s
    assert 20 < (early > 0.04).sum() < 90


def test_frames_know_their_time() -> None:
    """Delivered frames map to the instant they were captured, across a loss."""
    log = lose_blocks(simulate(ClockScript(duration_s=10, ppm=-200)), 5.0, 10)
    frames = np.array([0.0, 240.0, 480.0 * 500, 480.0 * 501])
    nominal_s = frames / 48_000 + np.array([0, 0, 0.1, 0.1])
    assert np.allclose(log.host_s_of(frames), nominal_s / (1 - 200e-6), atol=0.011)
    assert np.allclose(log.host_s_of(frames)[:2], nominal_s[:2] / (1 - 200e-6), atol=1e-9)


def test_same_script_same_log() -> None:
    """Runs repeat, and seeds differ."""
    script = ClockScript(duration_s=5, jitter=Jitter.GAUSS, jitter_s=1e-3)
    assert simulate(script).stamps_ns() == simulate(script).stamps_ns()
    other = ClockScript(duration_s=5, jitter=Jitter.GAUSS, jitter_s=1e-3, seed=2)
    assert simulate(script).stamps_ns() != simulate(other).stamps_ns()
