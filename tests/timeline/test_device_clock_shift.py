"""Lost or late: what the shift test says of stamps whose story is known."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.timeline.device_clock_shift import Shift, ShiftDetector

BLOCK_S = 0.01


def _detector(rng: np.random.Generator, jitter_s: float) -> ShiftDetector:
    detector = ShiftDetector()
    for _ in range(20):
        detector.learn(rng.uniform(-jitter_s, jitter_s, 100).tolist())
    return detector


def _find(detector: ShiftDetector, deviations_s: np.ndarray) -> Shift | None:
    times_s = np.arange(len(deviations_s)) * BLOCK_S
    hosts_s = times_s + deviations_s
    return detector.find(times_s.tolist(), hosts_s.tolist(), deviations_s.tolist(), 0.0)


@pytest.mark.parametrize("jitter_s", [20e-6, 1e-3, 10e-3])
@pytest.mark.parametrize("shift_s", [0.25, -0.035])
def test_lasting_shift_is_found_where_it_began(jitter_s: float, shift_s: float) -> None:
    """A shift of all stamps for 0.45 s is found, with its size and nearly its place."""
    rng = np.random.default_rng(1)
    detector = _detector(rng, jitter_s)
    deviations = rng.uniform(-jitter_s, jitter_s, 95)
    deviations[50:] += shift_s
    found = _find(detector, deviations)
    assert found is not None
    assert found.shift_s == pytest.approx(shift_s, abs=4 * jitter_s / np.sqrt(45) + 1e-4)
    assert abs(found.index - 50) <= (0 if jitter_s < 5e-3 else 3)


def test_one_lost_block_is_found_under_ten_ms_of_jitter() -> None:
    """10 ms lost show through +-10 ms of jitter in most windows of 0.45 s."""
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        detector = _detector(rng, 10e-3)
        deviations = rng.uniform(-10e-3, 10e-3, 95)
        deviations[50:] += 10e-3
        hits += _find(detector, deviations) is not None
    assert hits > 20


@pytest.mark.parametrize("jitter_s", [1e-3, 10e-3])
def test_jitter_alone_is_no_shift(jitter_s: float) -> None:
    """A thousand windows of plain jitter raise no alarm."""
    rng = np.random.default_rng(2)
    detector = _detector(rng, jitter_s)
    assert not any(_find(detector, rng.uniform(-jitter_s, jitter_s, 60)) for _ in range(1000))


def test_late_crowd_is_no_loss() -> None:
    """When two thirds of the stamps are late but some are still punctual, nothing is lost."""
    rng = np.random.default_rng(3)
    detector = _detector(rng, 1e-3)
    deviations = rng.uniform(-1e-3, 1e-3, 90)
    deviations[40:][np.arange(50) % 3 > 0] += 0.05
    assert _find(detector, deviations) is None


def test_burst_after_a_stall_is_no_loss() -> None:
    """Blocks that all come at once are a backlog, however late they are."""
    detector = _detector(np.random.default_rng(4), 1e-3)
    deviations = np.concatenate((np.zeros(10), 1.5 - BLOCK_S * np.arange(80)))
    assert _find(detector, deviations) is None


def test_draining_backlog_is_no_loss() -> None:
    """A backlog that drains at twice the speed is late, less every block."""
    detector = _detector(np.random.default_rng(5), 1e-3)
    deviations = np.concatenate((np.zeros(10), 1.0 - BLOCK_S / 2 * np.arange(80)))
    assert _find(detector, deviations) is None


def test_small_shift_is_left_to_slewing() -> None:
    """2 ms are made good without a splice."""
    detector = _detector(np.random.default_rng(6), 20e-6)
    deviations = np.zeros(95)
    deviations[50:] = 2e-3
    assert _find(detector, deviations) is None


def test_nothing_is_said_without_a_baseline() -> None:
    """Before anything was learned no shift is found."""
    assert _find(ShiftDetector(), np.full(95, 0.5)) is None
