"""Keeps the sum below the ceiling without being heard.

It sees a peak 10 ms before it is due, so it need never be quick: the gain is the lowest needed
nearby, smoothed with a Hann window. Invariant: no sample exceeds the ceiling, and where nothing
within reach does, samples pass to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onetake.audio.meter import peak_of
from onetake.model.units import SAMPLE_RATE_HZ

__all__ = ["CEILING", "DELAY", "Limiter"]

CEILING = 10 ** (-1 / 20)
"""-1 dBFS: leaves room for what AAC adds between and around samples."""

ATTACK = SAMPLE_RATE_HZ * 5 // 1000
"""Half-width of the smoothing, 5 ms. Shorter distorts low notes, longer pumps."""

HOLD = SAMPLE_RATE_HZ * 50 // 1000
"""How long the gain stays down after a peak, 50 ms: longer than a period of what is audible, or
the gain would follow the waveform."""

DELAY = 2 * ATTACK
"""Samples by which `process` lags."""

MEMORY = HOLD + 2 * ATTACK
"""Past samples that still count."""


class Limiter:
    """See the module. One thread. Output lags input by `DELAY` samples; `flush` gives the rest."""

    def __init__(self) -> None:
        self._window = np.hanning(2 * ATTACK + 3)[1:-1]
        self._window /= self._window.sum()
        self._waiting = np.zeros((0, 2), np.float32)
        self._excess = np.zeros(MEMORY)
        self.most_reduction = 1.0
        """Smallest gain ever applied."""

    def process(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples in (float32, shape (n, 2)); return those that are through, in order."""
        self._waiting = np.concatenate((self._waiting, samples))
        self._excess = np.concatenate((self._excess, _excess(samples)))
        return self._emit(max(0, len(self._waiting) - DELAY))

    def flush(self) -> NDArray[np.float32]:
        """Return what is still inside, as if silence followed."""
        self._excess = np.concatenate((self._excess, np.zeros(DELAY)))
        return self._emit(len(self._waiting))

    def _emit(self, count: int) -> NDArray[np.float32]:
        """Release `count` samples. `_excess` begins MEMORY samples before the first waiting one;
        excess = 1 - needed gain, so 0 means "untouched" exactly."""
        reach = self._excess[: MEMORY + count + DELAY]
        out = self._waiting[:count]
        self._waiting = self._waiting[count:]
        self._excess = self._excess[count:]
        if count and reach.any():
            held = _running_max(reach, HOLD + 2 * ATTACK + 1)
            reduction = np.convolve(held, self._window, mode="valid")[:count]
            self.most_reduction = min(self.most_reduction, 1 - float(reduction.max()))
            out = out * (1 - reduction).astype(np.float32)[:, None]
        return out


def _excess(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return 1 - needed gain of each of (n, 2) samples: float64, shape (n,)."""
    if peak_of(samples) <= CEILING:
        # Nearly always: most sounds stay below the ceiling.
        return np.zeros(len(samples))
    peaks = np.maximum(np.abs(samples[:, 0]), np.abs(samples[:, 1]))
    return 1 - CEILING / np.maximum(peaks, CEILING)


def _running_max(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the maximum of each `width` consecutive values, by doubling."""
    result, covered = values, 1
    while covered < width:
        step = min(covered, width - covered)
        result = np.maximum(result[: len(result) - step], result[step:])
        covered += step
    return result
