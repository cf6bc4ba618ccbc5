"""The Kalman bank against clocks whose offset and skew are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onetake.timeline.device_clock_bank import KalmanBank


def _run(offsets: np.ndarray, sd_s: float) -> KalmanBank:
    bank = KalmanBank(0.0, float(offsets[0]), sd_s**2)
    for index, offset in enumerate(offsets[1:], start=1):
        bank.update(float(index), float(offset), sd_s**2)
    return bank


def test_exact_bins_give_offset_and_skew() -> None:
    """A straight line without noise is found to the last digit that matters."""
    bank = _run(0.5 + 300e-6 * np.arange(100.0), 1e-8)
    state = bank.state()
    assert state.skew == pytest.approx(300e-6, abs=1e-10)
    assert state.offset_at(200.0) == pytest.approx(0.5 + 300e-6 * 200, abs=1e-8)


def test_uncertainty_tells_the_truth() -> None:
    """Errors of offset and skew are of the size the filter claims, over many runs."""
    ratios = []
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(0, 1e-4, 120)
        state = _run(100e-6 * np.arange(120.0) + noise, 1e-4).state()
        ratios.append((state.offset_at(119.0) - 119 * 100e-6) / state.offset_sd_s)
    assert 0.5 < float(np.std(ratios)) < 1.3


def test_outlier_bin_pulls_no_more_than_four_sigma() -> None:
    """One bin 50 ms off moves a settled estimate by less than its own noise."""
    line = 50e-6 * np.arange(300.0)
    bank = _run(line, 1e-4)
    bank.update(300.0, 300 * 50e-6 + 0.05, 1e-8)
    assert abs(bank.state().offset_s - 300 * 50e-6) < 1e-4


def test_frequency_step_is_followed() -> None:
    """After a step of 100 ppm the skew is right again within ten seconds."""
    offsets = np.concatenate((np.zeros(300), 100e-6 * np.arange(1, 11)))
    bank = _run(offsets + np.random.default_rng(1).normal(0, 1e-5, 310), 1e-5)
    assert bank.state().skew == pytest.approx(100e-6, abs=10e-6)


def test_fork_goes_on_without_touching_the_original() -> None:
    """What is learned by the fork stays with the fork."""
    bank = _run(20e-6 * np.arange(100.0), 1e-6)
    before = bank.state()
    fork = bank.forked(100.0)
    fork.shift(0.25, 1e-3)
    fork.update(101.0, 0.25 + 101 * 20e-6, 1e-12)
    assert bank.state() == before
    assert fork.state().offset_at(101.0) == pytest.approx(0.25 + 101 * 20e-6, abs=1e-6)
    assert fork.state().skew == pytest.approx(20e-6, abs=1e-6)


def test_state_stays_finite_over_a_year() -> None:
    """Long gaps between bins do not blow the filter up."""
    bank = KalmanBank(0.0, 0.0, 1e-8)
    for index in range(1, 400):
        bank.update(index * 86_400.0, 1e-6 * index * 86_400.0, 1e-8)
    state = bank.state()
    assert all(map(math.isfinite, (state.offset_s, state.skew, state.offset_sd_s, state.skew_sd)))
