"""Finds one sound in another: whether a microphone hears what the system plays, and how late.

The two are compared as waveforms, not by their loudness: whatever merely happens at the same time
(a beat, two beeps, somebody who answers) does not resemble the other. Invariant: only a copy of the
system's sound at one single delay counts; hum or tones that fit at many delays do not. What can
deceive it are clicks, three a second, that come at the same distance to a few milliseconds.

    band 250..3200 Hz ─▶ whitened (generalised cross-correlation, phase transform) ─▶ one peak?

The phase transform is Knapp and Carter's (IEEE ASSP-24, 1976), with a floor below which a frequency
counts as absent. Pure; a look costs half a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["EARLIEST_S", "HEAR_S", "LATEST_S", "LEAST_RATE_HZ", "WHOLE_S", "find_echo", "to_mono"]

HEAR_S = 0.5
"""Length of the microphone's sound in one look. Longer: no look falls between two words of somebody
who talks. Shorter: what is found by accident grows."""

LATEST_S = 0.34
"""The latest echo looked for: wireless speakers take 0.25 s. Longer costs CPU and accidents."""

EARLIEST_S = 0.06
"""How far ahead of the system's sound the microphone's is looked for: what is found there, the
microphone heard first, as when the system plays the user's own voice."""

WHOLE_S = LATEST_S + HEAR_S + EARLIEST_S
"""Length of the stretch a look is given of both."""

LEAST_RATE_HZ = 8000
"""Below, a source does not hold the band. Others are brought to between this and twice of it."""

BAND_HZ = (250.0, 3200.0)
"""Compared frequencies: what a laptop plays, and both speech and music have. Lower: hum and rumble.
Higher: the telephone quality of wireless headsets ends there."""

FLOOR = 0.01
"""What counts as absent, as a share of the band's loudest frequency: -40 dB. Lower: the skirts of
two tones that swell together are compared. Higher: an echo below somebody's talk takes longer; at
-20 dB, twice as long."""

ACTIVE_SHARE = 0.35
"""Share of a stretch in which the system has to play. Below, there is too little to go by: a few
beeps; the test pattern's make up a tenth."""

ACTIVE_POWER = 3e-6
"""Least power of a 30 ms frame that plays (-55 dBFS). An echo of less is below the room's noise."""

ACTIVE_RANGE = 10**-3.5
"""A frame 35 dB below the loudest of its stretch does not count as playing."""

SILENT_POWER = 1e-12
"""A microphone below -120 dBFS hears nothing; no room is so quiet."""

LONELY = 3.0
"""How much more power the peak has than anything more than 8 ms away: chance alone piles up no such
one. At 2, one look in five takes two pieces of music in one key for each other; at 3, one in
fourteen, each at another delay. Higher: fewer looks see an echo below somebody's talk; at 3, 61 %
do of one 15 dB below it."""

_LAGS = 8192
_BIN = 18
_NEAR_BINS = 4
_FIR_ROWS = 8
_PIECE = 1800
"""Samples that are kept, of one piece: 45 kB of mono sound."""
_FRAMES = 30
"""30 ms each."""
_EDGE_S = 0.16
"""Length of the fade at both ends of the system's stretch. An abrupt end smears each tone over the
band, and hum is taken for an echo."""

_FIRST = round(BAND_HZ[0] * WHOLE_S)
_END = round(BAND_HZ[1] * WHOLE_S)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has shown, if enough was played for it to show anything."""

    delay_s: float | None
    """How much later the microphone has what the system plays; None = it does not hear it."""


def to_mono(samples: NDArray[np.float32], rate_hz: int) -> tuple[NDArray[np.float32], float]:
    """Return (the mean of all channels at 8 to 16 kHz, shape (m,), and its rate in Hz).

    Args:
        samples: float32, shape (n, channels); not changed.
        rate_hz: `LEAST_RATE_HZ` or more.
    """
    factor = rate_hz // LEAST_RATE_HZ
    count = len(samples) // factor
    kept = np.zeros(count + _FIR_ROWS, np.float32)
    # In pieces that stay in the cache, and small enough for memory that is used again.
    for first in range(0, count, _PIECE):
        piece = samples[first * factor : min(first + _PIECE, count) * factor]
        mono = piece[:, 0]
        for channel in range(1, samples.shape[1]):
            mono = mono + piece[:, channel]
        parts = _low_pass(factor) @ mono.reshape(-1, factor).T
        for row in range(_FIR_ROWS):
            begin = first + _FIR_ROWS - row
            kept[begin : begin + parts.shape[1]] += parts[row]
    middle = _FIR_ROWS // 2
    return kept[middle : middle + count] / np.float32(samples.shape[1]), rate_hz / factor


def find_echo(
    system: NDArray[np.float32], system_hz: float, mic: NDArray[np.float32], mic_hz: float
) -> Look | None:
    """Look for the system's sound in the microphone's, both from `to_mono`: `WHOLE_S` long and of
    the same host time. None: too little is played, or the microphone is silent."""
    if _active_share(system) < ACTIVE_SHARE:
        return None
    first, end = round(LATEST_S * mic_hz), round((LATEST_S + HEAR_S) * mic_hz)
    heard = np.zeros_like(mic)
    heard[first:end] = mic[first:end] * _fades(end - first, (end - first) // 2)
    if float(np.dot(heard, heard)) < SILENT_POWER * (end - first):
        return None
    played = system * _fades(len(system), round(_EDGE_S * system_hz))
    cross = np.zeros(_LAGS // 2 + 1, np.complex64)
    cross[_FIRST:_END] = _whitened(heard) * _whitened(played).conj()
    lag_s = WHOLE_S / _LAGS
    early = round(EARLIEST_S / lag_s)
    lags = np.fft.irfft(cross).astype(np.float32, copy=False)
    lags = np.concatenate([lags[-early:], lags[: round(LATEST_S / lag_s)]])
    best = _lonely_peak(lags * lags)
    return Look(None if best is None else (best - early) * lag_s)


def _lonely_peak(powers: NDArray[np.float32]) -> int | None:
    """Return the place of the peak that stands out from all other delays, None without one."""
    bins = powers[: len(powers) // _BIN * _BIN].reshape(-1, _BIN).max(axis=1)
    highest = int(bins.argmax())
    peak = float(bins[highest])
    others = [bins[: max(0, highest - _NEAR_BINS)], bins[highest + _NEAR_BINS + 1 :]]
    elsewhere = max(float(part.max(initial=0.0)) for part in others)
    if peak <= 0.0 or peak < LONELY * elsewhere:
        return None
    return highest * _BIN + int(powers[highest * _BIN : (highest + 1) * _BIN].argmax())


def _active_share(sound: NDArray[np.float32]) -> float:
    length = len(sound) // _FRAMES
    frames = sound[: _FRAMES * length].reshape(_FRAMES, length)
    powers = np.einsum("ij,ij->i", frames, frames) / length
    return float(np.mean(powers > max(ACTIVE_POWER, ACTIVE_RANGE * float(powers.max()))))


def _whitened(sound: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return its spectrum in the band, all frequencies that are there equally loud."""
    band = np.fft.rfft(sound)[_FIRST:_END]
    sizes = np.abs(band)
    floor = FLOOR * float(sizes.max()) + 1e-20
    return (band / (sizes + np.float32(floor))).astype(np.complex64, copy=False)


@cache
def _low_pass(factor: int) -> NDArray[np.float32]:
    """Return a low-pass before keeping every `factor`-th sample, as float32 (rows, factor)."""
    taps = np.arange(_FIR_ROWS * factor) - (_FIR_ROWS * factor - 1) / 2
    kernel = np.sinc(taps / factor) * np.hamming(len(taps)) / factor
    return np.ascontiguousarray(kernel.reshape(_FIR_ROWS, factor), np.float32)


@cache
def _fades(length: int, edge: int) -> NDArray[np.float32]:
    """Return a window of ones with cosine fades of `edge` samples at both ends."""
    window = np.ones(length, np.float32)
    fade = (0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)).astype(np.float32)
    window[:edge] = fade
    window[length - edge :] = fade[::-1]
    return window
