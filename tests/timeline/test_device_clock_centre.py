"""Where scattered stamps lie, for both kinds of stamp and many shapes of scatter."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.model.media import StampKind
from onetake.timeline.device_clock_centre import centre_for, mean_of, median_of, variance_of

TIMES_S = np.arange(100) * 0.01


def _offsets(kind: StampKind, noises: list[np.ndarray]) -> np.ndarray:
    centre = centre_for(kind)
    places = [centre.place(TIMES_S + index, noise) for index, noise in enumerate(noises)]
    return np.array([place.offset_s for place in places])


def _bins(draw: str, size: float, count: int = 200) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    draws = {
        "gauss": lambda: rng.normal(0, size, 100),
        "even": lambda: rng.uniform(-size, size, 100),
        "late": lambda: rng.uniform(0, size, 100),
        "exponential": lambda: rng.exponential(size, 100),
    }
    return [draws[draw]() for _ in range(count)]


@pytest.mark.parametrize(("draw", "size"), [("gauss", 1e-3), ("even", 10e-3)])
def test_capture_stamps_have_no_bias(draw: str, size: float) -> None:
    """Two-sided noise averages out: no constant error beyond what 200 bins leave by chance."""
    offsets = _offsets(StampKind.CAPTURE, _bins(draw, size))
    assert abs(offsets.mean()) < 4 * offsets.std() / np.sqrt(200)


@pytest.mark.parametrize(("draw", "size"), [("late", 10e-3), ("exponential", 2e-3)])
def test_arrival_stamps_have_no_bias(draw: str, size: float) -> None:
    """The lower edge is where the truth is, whatever the shape of the lateness."""
    offsets = _offsets(StampKind.ARRIVAL, _bins(draw, size))
    assert abs(offsets[20:].mean()) < 0.1e-3


def test_wrong_kind_is_a_constant_bias() -> None:
    """Arrival stamps taken for capture stamps are off by their mean lateness: 5 ms here."""
    offsets = _offsets(StampKind.CAPTURE, _bins("late", 10e-3))
    assert offsets.mean() == pytest.approx(5e-3, abs=0.3e-3)


def test_late_stamps_do_not_pull() -> None:
    """A fifth of the stamps 20-50 ms late moves 1 ms stamps by less than 0.1 ms."""
    rng = np.random.default_rng(4)
    noises = [
        rng.normal(0, 1e-3, 100) + np.where(rng.random(100) < 0.2, rng.uniform(0.02, 0.05, 100), 0)
        for _ in range(100)
    ]
    assert abs(_offsets(StampKind.CAPTURE, noises).mean()) < 0.1e-3


def test_backlog_behind_a_late_block_is_left_out() -> None:
    """Blocks that waited behind a late one are late too, even when they look punctual."""
    rng = np.random.default_rng(5)
    one = np.maximum(0.045 - 0.01 * np.arange(100), 0)
    lateness = np.roll(one, 10) + np.roll(one, 40) + np.roll(one, 70)
    clean, spoilt = [], []
    for _ in range(200):
        noise = rng.uniform(-0.01, 0.01, 100)
        clean.append(noise)
        spoilt.append(noise + lateness)
    bias = _offsets(StampKind.CAPTURE, spoilt) - _offsets(StampKind.CAPTURE, clean)
    assert abs(bias[20:].mean()) < 0.1e-3


def test_evenly_spread_stamps_are_placed_by_their_ends() -> None:
    """Once their shape is known, stamps that end abruptly are placed twice as well as by their
    mean, and the claimed variance fits."""
    centre, noises = centre_for(StampKind.CAPTURE), _bins("even", 10e-3)
    places = [centre.place(TIMES_S + index, noise) for index, noise in enumerate(noises)][20:]
    errors = np.array([place.offset_s for place in places])
    means = np.array([noise.mean() for noise in noises[20:]])
    assert errors.std() < 0.5 * means.std()
    claimed = np.sqrt(np.mean([place.variance_s2 for place in places]))
    assert 0.7 < errors.std() / claimed < 1.3


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_stamps_are_enough(count: int) -> None:
    """Whatever few stamps there are lie within themselves, with a finite variance."""
    rng = np.random.default_rng(9)
    for kind in StampKind:
        level = 0.25 + rng.normal(0, 1e-3, count)
        place = centre_for(kind).place(TIMES_S[:count], level)
        assert level.min() - 5e-3 <= place.offset_s <= level.max()
        assert 0 <= place.variance_s2 < 1e-4


def test_jitter_is_learned() -> None:
    """The scatter of single stamps is told, outliers excepted."""
    centre = centre_for(StampKind.CAPTURE)
    for index, noise in enumerate(_bins("gauss", 2e-3)):
        spoilt = noise.copy()
        spoilt[::20] += 0.3
        centre.place(TIMES_S + index, spoilt)
    assert centre.jitter_s == pytest.approx(2e-3, rel=0.15)


def test_the_median_is_the_median() -> None:
    """To the bit what NumPy says, for odd and even numbers of values."""
    rng = np.random.default_rng(1)
    for count in range(1, 60):
        values = rng.normal(0, 1e-3, count)
        assert median_of(values) == float(np.median(values))


@pytest.mark.parametrize("count", [1, 2, 7, 12, 25, 100, 333])
def test_mean_and_variance_are_those_of_numpy(count: int) -> None:
    """Asked for without its detours, they are the same to the bit."""
    values = np.random.default_rng(count).normal(5e-3, 1e-4, count)
    assert mean_of(values) == float(values.mean())
    assert variance_of(values) == float(values.var())
