"""The measuring instruments, against sounds of known error."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.testing.soundtruth import (
    broadband,
    broadband_delays_s,
    silence,
    thd_n_db,
    tone,
    tone_errors_s,
)

TIMES_S = 3.0 + np.arange(48_000) / 48_000


@pytest.mark.parametrize("late_s", [0.0, 1e-7, -3e-6, 2e-4])
def test_tone_error_is_read_to_a_nanosecond(late_s: float) -> None:
    """A tone that is late by a little is measured as late by that much."""
    errors = tone_errors_s(tone(TIMES_S - late_s), 3.0)
    assert errors == pytest.approx(late_s, abs=2e-9)


@pytest.mark.parametrize("late_s", [0.0, 0.0123, -0.0301, 7e-6])
def test_broadband_delay_is_read_to_a_microsecond(late_s: float) -> None:
    """Delays of tens of milliseconds are found without ambiguity."""
    samples = np.repeat(broadband(TIMES_S - late_s), 2, axis=1)
    delays, likeness = broadband_delays_s(samples, 3.0)
    assert delays == pytest.approx(late_s, abs=2e-6)
    assert likeness.min() > 0.97


def test_other_sound_has_no_likeness() -> None:
    """Noise and silence are told from the sound looked for."""
    noise = np.random.default_rng(1).normal(0, 0.1, (48_000, 2)).astype(np.float32)
    assert broadband_delays_s(noise, 3.0)[1].max() < 0.3
    assert broadband_delays_s(silence(TIMES_S), 3.0)[1].max() == 0


@pytest.mark.parametrize("level_db", [-60.0, -100.0, -120.0])
def test_distortion_is_read_to_a_decibel(level_db: float) -> None:
    """A harmonic of known level is measured at that level."""
    wave = np.sin(2 * np.pi * 997 * TIMES_S) + 10 ** (level_db / 20) * np.sin(
        2 * np.pi * 2991 * TIMES_S
    )
    assert thd_n_db(wave, 997.0) == pytest.approx(level_db, abs=1.0)
