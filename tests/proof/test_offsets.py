"""Beeps are matched to their flashes, and drift is never claimed beyond its uncertainty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.model.pattern import EventSchedule
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.offsets import drift_ms_per_hour, largest_step, match, summarise

TIMES_NS = np.array(EventSchedule(7).times_ns(0, 120 * NS_PER_S), dtype=np.int64)


@settings(max_examples=60, deadline=None)
@given(
    lag_ms=st.integers(-4500, 4500),
    ppm=st.integers(-500, 500),
    jitter_ms=st.floats(0, 4),
    seed=st.integers(0, 10**6),
)
def test_right_beeps_are_matched(lag_ms: int, ppm: int, jitter_ms: float, seed: int) -> None:
    """With a third of the beeps missing and false ones added, the matches are the right ones.

    Four false ones in a row at an edge may agree by chance (1 file in 4000): never more.
    """
    rng = np.random.default_rng(seed)
    true_ns = TIMES_NS + lag_ms * NS_PER_MS + TIMES_NS * ppm // 10**6
    true_ns = true_ns + (rng.standard_normal(len(true_ns)) * jitter_ms * NS_PER_MS).astype(np.int64)
    kept = np.sort(rng.choice(len(true_ns), len(true_ns) * 2 // 3, replace=False))
    false = rng.integers(0, 120 * NS_PER_S, 10)
    chirps_ns = np.sort(np.concatenate([true_ns[kept], false]))
    matched = match(TIMES_NS, chirps_ns, is_regular=False)
    errors = chirps_ns[matched.chirps] - true_ns[matched.events]
    is_right = errors == 0
    assert is_right.sum() >= 0.9 * len(kept)
    # A false beep may stand in for a missing one only where the true one would have been.
    assert (np.abs(errors) > 150 * NS_PER_MS).sum() <= 4
    assert len(set(matched.chirps.tolist())) == len(matched.chirps)


@pytest.mark.parametrize("step_ms", [-1000, -700, 40, 2500])
def test_step_in_mid_file(step_ms: int) -> None:
    """After a step of the offset the beeps are still the right ones, and the step is measured."""
    chirps_ns = np.where(TIMES_NS < 50 * NS_PER_S, TIMES_NS, TIMES_NS + step_ms * NS_PER_MS)
    chirps_ns = np.sort(chirps_ns)
    matched = match(TIMES_NS, chirps_ns, is_regular=False)
    offsets_ms = (chirps_ns[matched.chirps] - TIMES_NS[matched.events]) / NS_PER_MS
    assert np.isin(np.round(offsets_ms), [0, step_ms]).mean() >= 0.97
    step = largest_step(TIMES_NS[matched.events] / NS_PER_S, offsets_ms, 0.1)
    assert step is not None
    assert step[0] == pytest.approx(50, abs=1.4)
    assert step[1] == pytest.approx(step_ms, abs=1)


def test_regular_events_take_the_smallest_lag() -> None:
    """With evenly spaced events a lag of 300 ms is told, one of 1.3 s looks the same."""
    events_ns = np.arange(30) * NS_PER_S
    for lag_ms in (300, 1300):
        chirps_ns = events_ns + lag_ms * NS_PER_MS
        matched = match(events_ns, chirps_ns, is_regular=True)
        offsets = chirps_ns[matched.chirps] - events_ns[matched.events]
        assert (offsets == 300 * NS_PER_MS).all()


def test_nothing_to_match() -> None:
    """Without beeps, or with beeps that have nothing to do with the events, little is matched."""
    rng = np.random.default_rng(3)
    assert len(match(TIMES_NS, np.zeros(0, dtype=np.int64), is_regular=False).events) == 0
    random_ns = np.sort(rng.integers(0, 120 * NS_PER_S, 8))
    assert len(match(TIMES_NS, random_ns, is_regular=False).events) <= 8


def test_drift_uncertainty_is_honest() -> None:
    """The stated uncertainty holds the true drift in at least 93 of 100 noisy files, and is not
    more than three times the real scatter."""
    rng = np.random.default_rng(4)
    times_s = TIMES_NS / NS_PER_S
    misses, errors, widths = 0, [], []
    for _ in range(300):
        true = rng.uniform(-1000, 1000)
        offsets = 3 + true / 3600 * times_s + rng.standard_normal(len(times_s)) * 1.0
        found = drift_ms_per_hour(times_s, offsets, 0.1)
        assert found is not None
        misses += abs(found[0] - true) > found[1]
        errors.append(found[0] - true)
        widths.append(found[1])
    assert misses <= 21
    assert np.median(widths) < 3 * np.std(errors)


def test_drift_ignores_outliers() -> None:
    """A fifth of wild offsets does not bend the line."""
    rng = np.random.default_rng(5)
    times_s = TIMES_NS / NS_PER_S
    offsets = 750 / 3600 * times_s + rng.standard_normal(len(times_s)) * 0.1
    wild = rng.choice(len(times_s), len(times_s) // 5, replace=False)
    offsets[wild] += rng.uniform(20, 100, len(wild))
    found = drift_ms_per_hour(times_s, offsets, 0.1)
    assert found is not None
    assert found[0] == pytest.approx(750, abs=25)


def test_drift_of_a_long_take() -> None:
    """Four hours of events are fitted by groups, to 0.1 ms an hour."""
    times_s = np.arange(0, 4 * 3600, 1.1)
    rng = np.random.default_rng(6)
    offsets = 2.5 / 3600 * times_s + rng.standard_normal(len(times_s)) * 0.5
    found = drift_ms_per_hour(times_s, offsets, 0.1)
    assert found is not None
    assert found[0] == pytest.approx(2.5, abs=0.1)


def test_too_few_events_have_no_drift() -> None:
    """Four events say nothing about drift."""
    assert drift_ms_per_hour(np.arange(4.0), np.zeros(4), 0.1) is None


def test_resolution_limits_the_drift() -> None:
    """Offsets that do not scatter at all still have the resolution's uncertainty."""
    found = drift_ms_per_hour(TIMES_NS / NS_PER_S, np.zeros(len(TIMES_NS)), 33.0)
    assert found is not None
    assert found[0] == 0
    assert found[1] > 100


def test_summary() -> None:
    """Median, 95th percentile of the size, worst with its sign, and a thinned list."""
    times_ns = np.arange(5000) * NS_PER_S
    offsets_ns = np.full(5000, 2 * NS_PER_MS)
    offsets_ns[17] = -9 * NS_PER_MS
    summary = summarise("mic", 1, times_ns, offsets_ns, missing=3, resolution_ns=1e5, method="code")
    assert (summary.median_ms, summary.p95_ms, summary.worst_ms) == (2.0, 2.0, -9.0)
    assert (summary.events, summary.missing, summary.resolution_ms) == (5000, 3, 0.1)
    assert len(summary.offsets_ms) <= 2000


def test_no_step_in_drift_or_noise() -> None:
    """Neither a drift of 500 ppm nor noise of 2 ms nor single outliers are a step."""
    rng = np.random.default_rng(7)
    times_s = TIMES_NS / NS_PER_S
    assert largest_step(times_s, 0.5 * times_s, 0.1) is None
    assert largest_step(times_s, 2 * rng.standard_normal(len(times_s)), 0.1) is None
    spiky = np.zeros(len(times_s))
    spiky[::11] = 60
    assert largest_step(times_s, spiky, 0.1) is None
