"""Levels in dBFS."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.audio.meter import (
    SILENCE_DB,
    LiveMeter,
    amplitude_from_db,
    db_from_amplitude,
    level_of,
    peak_of,
)


def test_decibels_and_back() -> None:
    """Half the amplitude is -6 dB; nothing is -120, not -infinity."""
    assert db_from_amplitude(0.5) == pytest.approx(-6.0206, abs=1e-4)
    assert amplitude_from_db(-6.0206) == pytest.approx(0.5, abs=1e-5)
    assert db_from_amplitude(0.0) == SILENCE_DB
    assert db_from_amplitude(1e-12) == SILENCE_DB


def test_level_tells_before_and_after_the_gain() -> None:
    """A muted source shows what it would say: "muted but talking"."""
    wave = np.full((4800, 2), -0.5, np.float32)
    level = level_of(wave, np.zeros_like(wave))
    assert level.peak_db == level.rms_db == SILENCE_DB
    assert level.input_peak_db == pytest.approx(-6.02, abs=0.01)


def test_live_meter_shows_the_last_interval() -> None:
    """After 50 ms the newest peak and rms are shown, at the gain asked for."""
    meter = LiveMeter()
    assert meter.level(1.0).peak_db == SILENCE_DB
    for _ in range(10):
        meter.feed(np.full((480, 1), 0.25, np.float32), 48_000)
    assert meter.level(1.0).peak_db == pytest.approx(-12.04, abs=0.01)
    assert meter.level(2.0).rms_db == pytest.approx(-6.02, abs=0.01)
    assert meter.level(0.0).input_peak_db == pytest.approx(-12.04, abs=0.01)
    meter.silence()
    assert meter.level(1.0).input_peak_db == SILENCE_DB


def test_empty_blocks_are_silence() -> None:
    """A block without samples neither counts nor fails."""
    LiveMeter().feed(np.zeros((0, 2), np.float32), 48_000)
    assert level_of(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)).peak_db == -120


@pytest.mark.parametrize("extreme", [0.0, -0.75, 0.75, np.nan, np.inf, -np.inf])
def test_the_peak_is_the_largest_magnitude(extreme: float) -> None:
    """Of either sign and in any memory order; one sample that is no number is told."""
    samples = np.linspace(-0.5, 0.5, 2000, dtype=np.float32).reshape(2, 1000) * (extreme != 0.0)
    samples[1, 300] = extreme
    for view in (samples, samples.T, samples[:, ::3]):
        assert peak_of(view) == pytest.approx(abs(extreme), nan_ok=True)


def test_sound_at_gain_one_is_as_loud_as_it_came() -> None:
    """The very array handed on is not looked at twice, and says the same as a copy of it."""
    sound = np.linspace(-0.5, 0.25, 960, dtype=np.float32).reshape(480, 2)
    assert level_of(sound, sound) == level_of(sound, sound.copy())
