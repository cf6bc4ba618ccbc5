"""From a second of stamps to one offset, with an honest variance."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.model.media import StampKind
from onetake.timeline.device_clock_bins import FLOOR_SD_S, SCATTER_BINS, SCATTER_LEAST, BinMaker
from onetake.timeline.device_clock_centre import MAD_TO_SIGMA

TIMES_S = np.arange(100) * 0.01


def _bins(size: float, count: int = 200) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.normal(0, size, 100) for _ in range(count)]


def test_variance_is_of_the_size_of_the_error() -> None:
    """The claimed variance fits the scatter of the bins, for capture stamps."""
    maker = BinMaker(StampKind.CAPTURE)
    made = [maker.make(TIMES_S + index, noise, 0.0) for index, noise in enumerate(_bins(1e-3))]
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
    noises = _bins(1e-3, 30)
    tasted, plain = BinMaker(StampKind.CAPTURE), BinMaker(StampKind.CAPTURE)
    for index, noise in enumerate(noises):
        first = tasted.taste(TIMES_S + index, noise, 0.0)
        assert first == tasted.make(TIMES_S + index, noise, 0.0)
        assert first == plain.make(TIMES_S + index, noise, 0.0)


def test_the_doubt_is_that_of_the_last_minute_of_bins() -> None:
    """Kept from bin to bin, the second differences give what all of them at once give."""
    rng = np.random.default_rng(9)
    maker = BinMaker(StampKind.CAPTURE)
    owns, made = [], []
    for index in range(80):
        times_s = TIMES_S + index + rng.uniform(0, 0.01)
        stamps_s = rng.normal(rng.normal(0, 1e-3), 1e-4, 100)
        place = maker._centre.twin().place(times_s, stamps_s)
        owns.append(place.variance_s2)
        made.append(maker.make(times_s, stamps_s, 0.0))
        doubt = made[-1].variance_s2 / owns[-1]
        if index < SCATTER_LEAST + 1:
            assert doubt == 1.0
            continue
        own_s2 = np.array(owns[-SCATTER_BINS:])
        times = np.array([each.time_s for each in made[-SCATTER_BINS:]])
        offsets = np.array([each.offset_s for each in made[-SCATTER_BINS:]])
        share = np.diff(times)[1:] / (times[2:] - times[:-2])
        bends = offsets[1:-1] - share * offsets[:-2] - (1 - share) * offsets[2:]
        expected = own_s2[1:-1] + share**2 * own_s2[:-2] + (1 - share) ** 2 * own_s2[2:]
        sigma = MAD_TO_SIGMA * np.median(np.abs(bends) / np.sqrt(expected))
        assert doubt == pytest.approx(max(1.0, sigma**2), rel=1e-9)
