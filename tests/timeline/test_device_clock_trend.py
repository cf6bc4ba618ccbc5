"""One slope through all that was measured of a clock, and how well it is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.timeline.device_clock_trend import LEAST_FREEDOM, MOST_BINS, Line, Trend


def _trend(offsets_s: np.ndarray, weight: float = 25.0) -> Trend:
    """Return a trend of one bin a second."""
    trend = Trend()
    for time_s, offset_s in enumerate(offsets_s):
        trend.add(float(time_s), float(offset_s), weight)
    return trend


def _line(trend: Trend) -> Line:
    line = trend.line()
    assert line is not None
    return line


@given(
    skew=st.floats(-1e-3, 1e-3),
    offset_s=st.floats(-3600, 3600),
    count=st.integers(LEAST_FREEDOM + 2, 4 * MOST_BINS),
)
@settings(deadline=None, max_examples=30)
def test_a_straight_line_is_found_exactly(skew: float, offset_s: float, count: int) -> None:
    """Any slope and offset, also of so many bins that neighbours are joined."""
    line = _line(_trend(offset_s + skew * np.arange(count)))
    assert line.skew == pytest.approx(skew, abs=1e-11)
    assert line.skew_sd < 1e-11


def test_nothing_is_said_of_a_few_bins() -> None:
    """Less than the least freedom beyond offset and slope is not believed."""
    offsets_s = np.arange(LEAST_FREEDOM + 2) * 1e-4
    assert _trend(offsets_s[:-1]).line() is None
    assert _trend(offsets_s).line() is not None
    assert Trend().line() is None


def test_pieces_share_their_slope_alone() -> None:
    """A jump of the offset between two pieces changes nothing, and costs a bin."""
    trend = _trend(200e-6 * np.arange(20.0))
    behind = trend.broken()
    for time_s in range(20, 40):
        behind.add(float(time_s), 0.5 + 200e-6 * time_s, 25.0)
    assert _line(behind).skew == pytest.approx(200e-6, abs=1e-12)
    assert len(trend.broken()._bins) == 20, "the trend in front of the break was changed"


def test_pieces_are_joined_each_for_itself() -> None:
    """Bins of two pieces are never made into one."""
    trend = Trend()
    for time_s in range(10 * MOST_BINS):
        if time_s % 37 == 0:
            trend = trend.broken()
        trend.add(float(time_s), 7.0 * (time_s // 37) - 50e-6 * time_s, 25.0)
        assert len(trend._bins) <= MOST_BINS
    assert _line(trend).skew == pytest.approx(-50e-6, abs=1e-12)


def test_memory_does_not_grow() -> None:
    """Eight hours of bins are kept in a fixed room; so are those of a clock that often breaks."""
    trend = _trend(1e-4 * np.arange(8 * 3600.0))
    assert len(trend._bins) <= MOST_BINS
    assert trend._bins[:, 2].sum() == 25.0 * 8 * 3600
    for time_s in range(1000):
        trend = trend.broken() if time_s % 3 == 0 else trend
        trend.add(8 * 3600.0 + time_s, 0.0, 25.0)
        assert len(trend._bins) <= MOST_BINS


@pytest.mark.parametrize("likeness", [0.0, 0.6])
def test_the_deviation_is_of_the_size_of_the_error(likeness: float) -> None:
    """Also where what disturbs one bin disturbs the next ones: with bins taken for independent the
    error at 0.6 would be twice what is said."""
    rng = np.random.default_rng(4)
    sigmas = []
    for _ in range(300):
        noise_s = rng.normal(0, 1e-4, 60)
        for index in range(1, 60):
            noise_s[index] += likeness * noise_s[index - 1]
        line = _line(_trend(noise_s))
        sigmas.append(line.skew / line.skew_sd)
    assert 0.8 < np.sqrt(np.mean(np.square(sigmas))) < 1.3


def test_heavier_bins_count_for_more() -> None:
    """A bin of a single stamp does not pull like one of a hundred."""
    light, heavy = (_trend(np.zeros(20), 100.0) for _ in range(2))
    light.add(20.0, 1e-3, 1.0)
    heavy.add(20.0, 1e-3, 100.0)
    assert abs(_line(light).skew) < 0.05 * abs(_line(heavy).skew)
