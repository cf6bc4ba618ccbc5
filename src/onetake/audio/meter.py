"""How loud it is, before and after the gain. Invariant: silence is -120 dBFS, never -infinity."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from onetake.model.events import Level

__all__ = [
    "SILENCE_DB",
    "LiveMeter",
    "amplitude_from_db",
    "db_from_amplitude",
    "level_of",
    "peak_of",
]

SILENCE_DB = -120.0
"""Lowest level shown; 16 bit audio ends at -96."""

LIVE_S = 0.04
"""Length of the live meter's interval: `Meters` events come 20 times a second, blocks last 10 to
40 ms. Longer shows some values twice."""


def db_from_amplitude(amplitude: float) -> float:
    """Return dBFS of an amplitude, at least `SILENCE_DB`."""
    return max(SILENCE_DB, 20 * math.log10(amplitude)) if amplitude > 0 else SILENCE_DB


def amplitude_from_db(gain_db: float) -> float:
    """Return the factor of a gain in dB."""
    return float(10 ** (gain_db / 20))


def peak_of(samples: NDArray[np.float32]) -> float:
    """Return the largest magnitude of an array of any shape; 0 when it is empty, no number where
    one sample is none. By the places of the extremes: that is twice as fast as asking for them."""
    if not samples.size:
        return 0.0
    flat = samples.reshape(-1)
    return max(float(flat[flat.argmax()]), -float(flat[flat.argmin()]))


def _rms(samples: NDArray[np.float32]) -> float:
    if not samples.size:
        return 0.0
    flat = samples.reshape(-1)
    return math.sqrt(float(np.dot(flat, flat)) / flat.size)


def level_of(raw: NDArray[np.float32], heard: NDArray[np.float32]) -> Level:
    """Return the level of a stretch: `raw` before gain, `heard` after; float32, shape (n, 2)."""
    peak_db = db_from_amplitude(peak_of(heard))
    return Level(
        peak_db=peak_db,
        rms_db=db_from_amplitude(_rms(heard)),
        # Most sources are played at gain 1, which hands on the very array.
        input_peak_db=peak_db if heard is raw else db_from_amplitude(peak_of(raw)),
    )


class LiveMeter:
    """What a source delivers right now: the file is two seconds behind, the meter must not be.

    One thread.
    """

    def __init__(self) -> None:
        self._peak = 0.0
        self._squares = 0.0
        self._count = 0
        self._seconds = 0.0
        self._shown = (0.0, 0.0)

    def feed(self, samples: NDArray[np.float32], rate_hz: int) -> None:
        """Take a block in: float32, shape (frames, channels)."""
        if not samples.size:
            return
        flat = samples.reshape(-1)
        self._peak = max(self._peak, peak_of(flat))
        self._squares += float(np.dot(flat, flat))
        self._count += flat.size
        self._seconds += samples.shape[0] / rate_hz
        if self._seconds >= LIVE_S:
            self._shown = (self._peak, math.sqrt(self._squares / self._count))
            self._peak = self._squares = self._seconds = 0.0
            self._count = 0

    def silence(self) -> None:
        """Show silence: the source is gone."""
        self._shown = (0.0, 0.0)

    def level(self, gain: float) -> Level:
        """Return the level of the last interval at a gain factor."""
        peak, rms = self._shown
        return Level(
            peak_db=db_from_amplitude(peak * gain),
            rms_db=db_from_amplitude(rms * gain),
            input_peak_db=db_from_amplitude(peak),
        )
