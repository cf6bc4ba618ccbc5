"""From a second of stamps to one offset, for both kinds of stamp."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.model.media import StampKind
from onetake.timeline.device_clock_bins import FLOOR_SD_S, BinMaker

TIMES_S = np.arange(100) * 0.01


def _offsets(kind: StampKind, noises: list[np.ndarray]) -> np.ndarray:
    maker = BinMaker(kind)
    return np.array(
        [maker.make(TIMES_S + index, noise, 0.0).offset_s for index, noise in enumerate(noises)]
    )


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


def test_variance_is_of_the_size_of_the_error() -> None:
    """The claimed variance fits the scatter of the bins, for capture stamps."""
    maker = BinMaker(StampKind.CAPTURE)
    made = [
        maker.make(TIMES_S + index, noise, 0.0) for index, noise in enumerate(_bins("gauss", 1e-3))
    ]
    claimed = np.sqrt(np.mean([made_bin.variance_s2 for made_bin in made]))
    actual = np.std([made_bin.offset_s for made_bin in made])
    assert 0.7 < actual / claimed < 1.2


def test_noise_common_to_a_bin_is_seen() -> None:
    """Noise that all stamps of a bin share shows in the variance after some bins."""
    rng = np.random.default_rng(6)
    maker = BinMaker(StampKind.CAPTURE)
    made = [
        maker.make(TIMES_S + index, np.full(100, rng.normal(0, 1e-3)), 0.0) for index in range(60)
    ]
    assert made[-1].variance_s2 > (0.5e-3) ** 2


def test_skew_within_the_bin_is_no_scatter() -> None:
    """Exact stamps of a drifting clock give an exact bin of floor variance."""
    made = BinMaker(StampKind.CAPTURE).make(TIMES_S, 500e-6 * TIMES_S, 500e-6)
    assert made.offset_s == pytest.approx(500e-6 * made.time_s, abs=1e-12)
    assert made.variance_s2 == pytest.approx(FLOOR_SD_S**2)


def test_one_stamp_makes_a_bin() -> None:
    """A single block is taken as it is, with little confidence."""
    for kind in StampKind:
        made = BinMaker(kind).make(np.array([1.0]), np.array([0.25]), 0.0)
        assert made.offset_s == 0.25
        assert made.variance_s2 >= 1e-8


def test_tasting_learns_nothing() -> None:
    """The same stamps give the same bin, however often they were tasted before."""
    noises = _bins("gauss", 1e-3, 30)
    tasted, plain = BinMaker(StampKind.CAPTURE), BinMaker(StampKind.CAPTURE)
    for index, noise in enumerate(noises):
        first = tasted.taste(TIMES_S + index, noise, 0.0)
        assert first == tasted.make(TIMES_S + index, noise, 0.0)
        assert first == plain.make(TIMES_S + index, noise, 0.0)
