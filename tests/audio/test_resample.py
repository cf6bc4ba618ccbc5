"""The resampler: exact where it can be, quiet where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.audio.resample import interpolate, kernel_for
from onetake.testing.soundtruth import thd_n_db

PAD = 200


def _read(rate_hz: int, source: np.ndarray, positions: np.ndarray) -> np.ndarray:
    out = np.empty((len(positions), 2), np.float32)
    whole = np.floor(positions)
    interpolate(kernel_for(rate_hz), source, whole.astype(np.int64), positions - whole, out)
    return out


def _noise(frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (2, frames)).astype(np.float32)


def test_whole_positions_pass_to_the_bit() -> None:
    """At mu = 0 and ratio 1 the output is the source, bit for bit."""
    source = _noise(3000)
    out = _read(48_000, source, np.arange(PAD, 2000.0))
    assert np.array_equal(out, source[:, PAD:2000].T)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_whole_positions_pass_to_the_bit_in_any_order_of_steps(rate_hz: int) -> None:
    """The kernel itself is exact at mu = 0, not only the shortcut for runs."""
    source = _noise(3000)
    positions = np.arange(PAD, 2600.0, 2)
    assert np.array_equal(_read(rate_hz, source, positions), source[:, PAD:2600:2].T)


def test_silence_stays_silence() -> None:
    """Of nothing comes nothing, also into an array that held something."""
    out = np.ones((100, 2), np.float32)
    indices, fractions = np.arange(PAD, PAD + 100), np.full(100, 0.3)
    interpolate(kernel_for(48_000), np.zeros((2, 600), np.float32), indices, fractions, out)
    assert not out.any()


@pytest.mark.parametrize(
    ("rate_hz", "tone_hz", "most_db"),
    [
        (48_000, 997.0, -120.0),
        (48_000, 10_000.0, -110.0),
        (48_000, 20_000.0, -110.0),
        (44_100, 997.0, -120.0),
        (44_100, 20_000.0, -110.0),
        (16_000, 5_000.0, -120.0),
        (96_000, 997.0, -120.0),
        (96_000, 20_000.0, -110.0),
        (88_200, 10_000.0, -110.0),
        (192_000, 10_000.0, -110.0),
    ],
)
def test_wandering_ratio_leaves_a_tone_clean(rate_hz: int, tone_hz: float, most_db: float) -> None:
    """THD+N of a tone while the ratio wanders by 300 ppm stays below the promise."""
    times_s = np.arange(2 * 48_000) / 48_000
    wander_s = 300e-6 / (2 * np.pi * 0.5) * (1 - np.cos(2 * np.pi * 0.5 * times_s))
    positions = PAD + rate_hz * (times_s + wander_s)
    frames = np.arange(int(positions[-1]) + PAD)
    host_s = np.interp(frames, positions, times_s)
    early = frames < PAD
    host_s[early] = (frames[early] - PAD) / rate_hz
    wave = (0.5 * np.sin(2 * np.pi * tone_hz * host_s)).astype(np.float32)
    out = _read(rate_hz, np.stack((wave, wave)), positions)
    assert thd_n_db(out[4800:-4800, 0], tone_hz) < most_db


@pytest.mark.parametrize("tone_hz", [100.0, 18_000.0, 20_000.0])
def test_pass_band_is_flat(tone_hz: float) -> None:
    """To 20 kHz nothing is louder or quieter by 0.01 dB, at any fraction."""
    positions = PAD + np.arange(48_000) * (1 + 211e-6) + 0.37
    frames = np.arange(49_000)
    wave = np.sin(2 * np.pi * tone_hz * frames / 48_000).astype(np.float32)
    out = _read(48_000, np.stack((wave, wave)), positions)[:, 0].astype(np.float64)
    level_db = 20 * np.log10(np.sqrt(np.mean(out * out)) * np.sqrt(2))
    assert abs(level_db) < 0.01


def test_aliases_are_rejected_when_halving() -> None:
    """What lies above 24.5 kHz in a 96 kHz source is gone by 85 dB."""
    frames = np.arange(100_000)
    wave = np.sin(2 * np.pi * 27_000 * frames / 96_000).astype(np.float32)
    out = _read(96_000, np.stack((wave, wave)), PAD + np.arange(45_000) * 2.0)
    assert np.abs(out).max() < 10 ** (-85 / 20)


@given(
    offset=st.floats(0, 1, exclude_max=True),
    ratio=st.floats(0.9985, 1.0015),
    count=st.integers(1, 3000),
)
@settings(deadline=None, max_examples=60)
def test_cutting_into_pieces_changes_nothing(offset: float, ratio: float, count: int) -> None:
    """A range rendered in one go and in two is the same to the bit."""
    source = _noise(4000)
    positions = PAD + offset + np.arange(count) * ratio
    whole = _read(48_000, source, positions)
    cut = count // 3
    parts = [_read(48_000, source, part) for part in (positions[:cut], positions[cut:])]
    assert np.array_equal(whole, np.concatenate(parts))
    assert np.isfinite(whole).all()


def test_skip_and_repeat_do_not_cancel() -> None:
    """Steps of 2 and 0 in one block are noticed: each position gets its own sample."""
    source = _noise(3000)
    indices = np.arange(PAD, PAD + 400)
    indices[100:300] += 1
    out = np.empty((400, 2), np.float32)
    interpolate(kernel_for(48_000), source, indices, np.full(400, 1e-9), out)
    assert np.abs(out - source[:, indices].T).max() < 1e-5


def test_fraction_of_exactly_one_is_the_next_sample() -> None:
    """A fraction that rounds up to 1.0 does not leave the table."""
    source = _noise(3000)
    out = np.empty((5, 2), np.float32)
    interpolate(kernel_for(48_000), source, np.arange(PAD, PAD + 5), np.ones(5), out)
    assert np.allclose(out, source[:, PAD + 1 : PAD + 6].T, atol=1e-6)
