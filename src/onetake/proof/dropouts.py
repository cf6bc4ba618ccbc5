"""Find holes and clicks in sound: places where it stops or jumps as no source makes it.

A hole: sound of some strength stops within 2 ms, stays away for 8 to 400 ms, and comes back within
2 ms, with the same loudness and the same spectrum as before. A click: a step far beyond everything
within 25 ms around it. Hard-gated tones and drum hits can look the same; the reader of the result
is told so.

Invariant: the result does not depend on how the samples are cut into blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DropoutFinder", "Hole"]

_DROP_DB = 25.0
"""How far the level must fall. A lossy codec smears its noise 25-30 dB below the sound into a hole;
lower, natural pauses between loud syllables count."""

_EDGE_BINS = 2
"""Longest fall or rise in 1 ms bins. A mute ramp takes 10 ms and must not count."""

_HOLD_DB, _HOLD_OTHER_DB = 5.0, 12.0
"""How much quieter than its surroundings the sound may be in the 3 ms before it stops, on the side
where it is louder and on the other. A ramp of 10 ms is 7 dB down there on both sides and must not
count; two tones that beat are in a lull on one side in ten."""

_BEFORE_BINS = 20
"""The surroundings whose level and spectrum count, in 1 ms bins."""

_SHORTEST_BINS, _LONGEST_BINS = 8, 400
"""Length of a hole in 1 ms bins. A voice is quiet for some milliseconds between two pulses of the
glottis; a longer silence can be meant (busy tones are off for 480 ms), and shows as silence."""

_MIN_LEVEL = 10 ** (-55 / 20)
"""Least RMS, full scale 1, of sound that can have a hole."""

_MAX_CHANGE_DB = 10.0
"""Most difference in level before and after a hole."""

_MIN_LIKENESS = 0.7
"""Least correlation of the magnitude spectra before and after (1 = the same)."""

_SMEAR = np.hanning(9)
"""Spectra are blurred by about +-200 Hz before they are compared: two tones that beat within the
20 ms have another spectrum each time."""

_CLICK_RATIO = 30.0
"""How much larger than the median of the 50 ms around a click's second difference is. A 997 Hz
tone that loses 10 ms jumps by more than 100; plosives stay below 20."""

_CLICK_MIN = 10 ** (-45 / 20)
"""Least second difference of a click, full scale 1."""

_CLICK_MARGIN_BINS = 25

_WINDOW_BINS = 2000
_OVERLAP_BINS = _LONGEST_BINS + 4 * _BEFORE_BINS
"""A hole that starts in the last part of a window is found in the next one."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Sound that stops and comes back."""

    start_sample: int
    length_samples: int


class DropoutFinder:
    """Looks for holes and clicks in one mono stream. Not to be shared between threads.

    Attributes:
        holes: found so far, in order.
        clicks: sample index of each click, to 1 ms.
    """

    def __init__(self, rate_hz: int) -> None:
        self.holes: list[Hole] = []
        self.clicks: list[int] = []
        self._bin = max(1, rate_hz // 1000)
        self._buffer = np.zeros(_WINDOW_BINS * self._bin, dtype=np.float32)
        self._filled = 0
        self._start = 0

    def feed(self, mono: NDArray[np.float32]) -> None:
        """Take the next samples, float32, shape (frames,)."""
        offset = 0
        while offset < len(mono):
            count = min(len(mono) - offset, len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + count] = mono[offset : offset + count]
            self._filled += count
            offset += count
            if self._filled == len(self._buffer):
                self._analyse(_WINDOW_BINS - _OVERLAP_BINS)
                kept = _OVERLAP_BINS * self._bin
                self._buffer[:kept] = self._buffer[-kept:]
                self._start += len(self._buffer) - kept
                self._filled = kept

    def finish(self) -> None:
        """Search what is left; nothing may be fed afterwards."""
        self._analyse(self._filled // self._bin)

    def _analyse(self, end_bin: int) -> None:
        """Report what begins before `end_bin` and was not reported by the window before."""
        bins = self._filled // self._bin
        if bins < 2 * _BEFORE_BINS:
            return
        samples = self._buffer[: bins * self._bin].reshape(bins, self._bin)
        level = np.sqrt(np.mean(np.square(samples, dtype=np.float64), axis=1))
        first_bin = 2 * _BEFORE_BINS
        for start, stop in _holes(level):
            if first_bin <= start < end_bin + first_bin and self._is_same_sound(start, stop):
                self.holes.append(Hole(self._start + start * self._bin, (stop - start) * self._bin))
        self._find_clicks(bins, first_bin, end_bin + first_bin)

    def _is_same_sound(self, start: int, stop: int) -> bool:
        """Whether the spectra on both sides of a hole are alike."""
        length = (_BEFORE_BINS - 1) * self._bin
        before = self._buffer[start * self._bin - length : start * self._bin]
        after = self._buffer[(stop + 1) * self._bin : (stop + 1) * self._bin + length]
        if len(before) != len(after):
            return False
        window = np.hanning(length)
        one, other = (
            np.convolve(np.abs(np.fft.rfft(part * window)), _SMEAR, mode="same")
            for part in (before, after)
        )
        norm = float(np.linalg.norm(one) * np.linalg.norm(other))
        return norm > 0 and float(one @ other) / norm >= _MIN_LIKENESS

    def _find_clicks(self, bins: int, first_bin: int, end_bin: int) -> None:
        steps = np.zeros(bins * self._bin)
        steps[1:-1] = np.abs(np.diff(self._buffer[: bins * self._bin], n=2))
        peaks = steps.reshape(bins, self._bin).max(axis=1)
        for index in np.flatnonzero(peaks > _CLICK_MIN):
            if not first_bin <= index < end_bin:
                continue
            around = peaks[max(0, index - _CLICK_MARGIN_BINS) : index + _CLICK_MARGIN_BINS + 1]
            typical = float(np.median(around))
            if typical == 0.0 or peaks[index] < _CLICK_RATIO * typical:
                continue
            if (around > peaks[index] / 4).sum() <= 2 and peaks[index] == around.max():
                self.clicks.append(self._start + int(index) * self._bin)


def _holes(level: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return (first bin, bin after the last) of each hole in the levels of 1 ms bins."""
    found = []
    drop = 10 ** (-_DROP_DB / 20)
    power = np.concatenate([[0.0], np.cumsum(level**2)])
    surroundings = np.sqrt(
        np.maximum(power[_BEFORE_BINS:] - power[:-_BEFORE_BINS], 0) / _BEFORE_BINS
    )
    # before[i]: RMS of the 20 bins that end where bin i begins.
    before = np.zeros(len(level))
    before[_BEFORE_BINS:] = surroundings[: len(level) - _BEFORE_BINS]
    quiet = level < before * drop
    begins = np.flatnonzero(quiet[1:] & ~quiet[:-1] & (before[1:] > _MIN_LEVEL)) + 1
    for start in begins.tolist():
        stop = _end_of_hole(level, start, before[start], drop)
        if stop is not None:
            found.append((start, stop))
    return found


def _end_of_hole(level: NDArray[np.float64], start: int, before: float, drop: float) -> int | None:
    """Return the bin where sound is back if a hole begins at `start`, else None."""
    ahead = level[start : start + _LONGEST_BINS + 1]
    loud = np.flatnonzero(ahead > before * drop)
    if len(loud) == 0 or loud[0] < _SHORTEST_BINS:
        return None
    stop = start + int(loud[0])
    after_part = level[stop + 1 : stop + 1 + _BEFORE_BINS]
    if len(after_part) < _BEFORE_BINS:
        return None
    after = float(np.sqrt(np.mean(after_part**2)))
    change_db = abs(20 * np.log10(max(after, 1e-9) / before))
    held_db = sorted(
        20 * np.log10(max(_rms(part), 1e-9) / around)
        for part, around in (
            (level[start - _EDGE_BINS - 2 : start - _EDGE_BINS + 1], before),
            (level[stop + _EDGE_BINS - 1 : stop + _EDGE_BINS + 2], max(after, 1e-9)),
        )
    )
    is_cut = held_db[0] >= -_HOLD_OTHER_DB and held_db[1] >= -_HOLD_DB
    return stop if is_cut and change_db <= _MAX_CHANGE_DB else None


def _rms(level: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(level**2))) if len(level) else 0.0
