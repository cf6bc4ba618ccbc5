"""Test sounds that are functions of host time, and where they landed.

The truth is thereby known at every output sample, for any clock, loss or rate. Invariant: what is
measured depends on samples and times only, never on what the program under test says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onetake.model.units import SAMPLE_RATE_HZ

__all__ = [
    "TONE_HZ",
    "broadband",
    "broadband_delays_s",
    "silence",
    "thd_n_db",
    "tone",
    "tone_errors_s",
]

TONE_HZ = 997.0
"""The customary measuring tone: prime, so that it shares no factor with any rate."""

BAND_HZ = (300.0, 6000.0)
BAND_TONES = 24

WINDOW = SAMPLE_RATE_HZ // 10
"""Output samples measured at a time: 100 ms."""

REACH = SAMPLE_RATE_HZ // 20
"""Largest delay that is looked for, in samples: 50 ms."""

NOTCH_HZ = 20.0
"""What lies this close to a tone counts as the tone."""


def tone(times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """A 997 Hz tone at -6 dBFS on both channels."""
    wave = (0.5 * np.sin(2 * np.pi * TONE_HZ * times_s)).astype(np.float32)
    return np.stack((wave, wave), axis=1)


def silence(times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Stereo zeros."""
    return np.zeros((len(times_s), 2), np.float32)


def broadband(times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Two dozen unrelated tones between 300 and 6000 Hz: never repeats, so a delay is unambiguous;
    mono, shape (n, 1)."""
    rng = np.random.default_rng(7)
    tones_hz = rng.uniform(*BAND_HZ, BAND_TONES)
    phases = rng.uniform(0, 2 * np.pi, BAND_TONES)
    wave = np.zeros(len(times_s))
    for tone_hz, phase in zip(tones_hz, phases, strict=True):
        wave += np.sin(2 * np.pi * tone_hz * times_s + phase)
    return (wave * (0.5 / BAND_TONES)).astype(np.float32)[:, None]


def tone_errors_s(
    samples: NDArray[np.float32], t0_s: float, tone_hz: float = TONE_HZ
) -> NDArray[np.float64]:
    """Return how late a tone is in each 0.1 s of `samples` (first channel), to a millionth of a
    period but modulo a period; + = late."""
    count = len(samples) // WINDOW
    times_s = t0_s + np.arange(count * WINDOW) / SAMPLE_RATE_HZ
    reference = np.exp(-2j * np.pi * tone_hz * times_s).reshape(count, WINDOW)
    rows = samples[: count * WINDOW, 0].reshape(count, WINDOW) * np.hanning(WINDOW)
    errors: NDArray[np.float64] = -np.angle((rows * reference).sum(axis=1) * 1j)
    return errors / (2 * np.pi * tone_hz)


def broadband_delays_s(
    samples: NDArray[np.float32], t0_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (delay, likeness) of `broadband` in each 0.1 s of `samples` (first channel).

    delay: + = late, searched within 50 ms, resolved to about 1 us; likeness: 1 = undisturbed.
    """
    count = len(samples) // WINDOW
    times_s = t0_s + np.arange(-REACH, count * WINDOW + REACH) / SAMPLE_RATE_HZ
    truth = broadband(times_s)[:, 0].astype(np.float64)
    delays, likeness = np.zeros(count), np.zeros(count)
    size = 1 << (WINDOW + 2 * REACH - 1).bit_length()
    for index in range(count):
        here = samples[index * WINDOW : (index + 1) * WINDOW, 0].astype(np.float64)
        there = truth[index * WINDOW : (index + 1) * WINDOW + 2 * REACH]
        product = np.fft.rfft(there, size) * np.conj(np.fft.rfft(here, size))
        scores = np.fft.irfft(product, size)[: 2 * REACH + 1]
        best = min(max(int(scores.argmax()), 1), 2 * REACH - 1)
        low, peak, high = scores[best - 1 : best + 2]
        bend = low - 2 * peak + high
        offset = 0.5 * (low - high) / bend if bend else 0.0
        delays[index] = (REACH - best - offset) / SAMPLE_RATE_HZ
        beside = there[best : best + WINDOW]
        norm = float(np.linalg.norm(here) * np.linalg.norm(beside))
        likeness[index] = float(peak) / norm if norm else 0.0
    return delays, likeness


def thd_n_db(samples: NDArray[np.float32], tone_hz: float) -> float:
    """Return everything but the tone (below 20 Hz excepted) over the tone, in dB. `samples`:
    float32, shape (n,), some seconds."""
    window = np.kaiser(len(samples), 38.0)
    power = np.abs(np.fft.rfft(samples * window)) ** 2
    grid_hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    is_tone = np.abs(grid_hz - tone_hz) <= NOTCH_HZ
    rest = ~is_tone & (grid_hz > NOTCH_HZ)
    return 10 * float(np.log10(power[rest].sum() / power[is_tone].sum()))
