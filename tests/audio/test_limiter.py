"""The limiter: never above the ceiling, and never there when not needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.audio.limiter import CEILING, DELAY, Limiter
from onetake.testing.soundtruth import thd_n_db


def _limited(samples: np.ndarray, piece: int = 4800) -> np.ndarray:
    limiter = Limiter()
    parts = [limiter.process(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    return np.concatenate([*parts, limiter.flush()])


def _sine(tone_hz: float, amplitude: float, seconds: float = 2.0) -> np.ndarray:
    times_s = np.arange(int(seconds * 48_000)) / 48_000
    wave = (amplitude * np.sin(2 * np.pi * tone_hz * times_s)).astype(np.float32)
    return np.stack((wave, wave), axis=1)


def test_below_the_ceiling_nothing_is_touched() -> None:
    """Sound up to the ceiling passes to the bit, in its place."""
    samples = _sine(997.0, CEILING * 0.9999)
    assert np.array_equal(_limited(samples), samples)


def test_output_lags_by_the_delay() -> None:
    """What goes in comes out `DELAY` samples later, and `flush` gives the rest."""
    limiter = Limiter()
    assert len(limiter.process(np.zeros((4800, 2), np.float32))) == 4800 - DELAY
    assert len(limiter.flush()) == DELAY
    assert limiter.most_reduction == 1.0


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 8.0), st.integers(1, 5000))
@settings(deadline=None, max_examples=40)
def test_ceiling_holds_for_any_sound(seed: int, loudness: float, piece: int) -> None:
    """Noise bursts of any loudness, in pieces of any size: never above -1 dBFS, same in any cut."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 0.1, (9000, 2))
    at = int(rng.integers(0, 8000))
    samples[at : at + 300] *= 10 * loudness
    samples = samples.astype(np.float32)
    out = _limited(samples, piece)
    assert len(out) == len(samples)
    assert np.abs(out).max() <= CEILING * (1 + 1e-6)
    assert np.array_equal(out, _limited(samples, 9000))


def test_quiet_parts_far_from_a_peak_are_untouched() -> None:
    """60 ms before and after a peak there is no trace of the limiter."""
    samples = _sine(200.0, 0.1, 1.0)
    samples[24_000] = 3.0
    out = _limited(samples)
    same = np.abs(np.arange(48_000) - 24_000) > 3000
    assert np.array_equal(out[same], samples[same])
    assert out[24_000, 0] == pytest.approx(CEILING, rel=1e-3)


def test_steady_tone_stays_clean() -> None:
    """A tone 6 dB too loud comes out at the ceiling without distortion."""
    out = _limited(_sine(997.0, 2.0, 4.0))[48_000:-48_000, 0]
    assert thd_n_db(out, 997.0) < -120
    assert np.abs(out).max() == pytest.approx(CEILING, rel=1e-3)
