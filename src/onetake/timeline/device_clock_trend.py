"""How fast a clock ran on the whole: one slope through all that was measured of it.

The filters say how fast it runs now, and listen to the last seconds for that: a few odd ones bend
them by a hundred ppm, which moves no sample by a millisecond but is a poor answer to how fast a
device is. Invariant: pieces that a discontinuity separates share their slope and nothing else, and
memory does not grow with the length of a take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_FREEDOM", "MOST_BINS", "Line", "Trend"]

MOST_BINS = 120
"""Beyond this many, neighbours are joined. Fewer: what odd seconds have in common with the ones
beside them is no longer seen. More: time, each time somebody asks."""

LEAST_FREEDOM = 6
"""Bins beyond those that the lines need. Fewer: their scatter by chance passes for certainty."""

MOST_LIKENESS = 0.9
"""Correlation of neighbouring bins is believed up to this: of a few bins that lie on one side by
chance it would be 1, and nothing would ever be known."""


@dataclass(frozen=True, slots=True)
class Line:
    """Slope of the offset over source time, dimensionless, and its standard deviation."""

    skew: float
    skew_sd: float


class Trend:
    """The bins of a clock: at `time_s` its offset was `offset_s`. One thread."""

    def __init__(self) -> None:
        self._bins = np.zeros((0, 3))
        """Time and offset in s, and how many stamps say so, by row."""
        self._pieces = np.zeros(0, np.int64)
        """For each row the number of its piece, in order."""
        self._piece = 0

    def add(self, time_s: float, offset_s: float, weight: float) -> None:
        """Take in a bin of `weight` stamps, in the order of time."""
        self._bins = np.vstack((self._bins, (time_s, offset_s, weight)))
        self._pieces = np.append(self._pieces, self._piece)
        if len(self._bins) > MOST_BINS:
            self._join_neighbours()

    def broken(self) -> Trend:
        """Return the trend that goes on behind a discontinuity of the offset."""
        behind = Trend()
        behind._bins, behind._pieces = self._bins, self._pieces
        behind._piece = self._piece + 1
        return behind

    def line(self) -> Line | None:
        """Return the slope (weighted least squares); None = too little to say. Its deviation is
        that of bins that scatter as these do, and as alike as these are from one to the next
        (first-order autoregression: (1 + r) / (1 - r) times the variance of independent ones)."""
        numbers, places = np.unique(self._pieces, return_inverse=True)
        freedom = len(places) - len(numbers) - 1
        weight = self._bins[:, 2]
        time_s, offset_s = (_about_means(column, weight, places) for column in self._bins.T[:2])
        reach_s2 = float(weight @ (time_s * time_s))
        if freedom < LEAST_FREEDOM or reach_s2 == 0.0:
            return None
        skew = float(weight @ (time_s * offset_s)) / reach_s2
        rest = np.sqrt(weight) * (offset_s - skew * time_s)
        likeness = _likeness(rest, places)
        variance = float(rest @ rest) / freedom / reach_s2 * (1 + likeness) / (1 - likeness)
        return Line(skew, math.sqrt(variance))

    def _join_neighbours(self) -> None:
        """Make one bin of each two neighbours of a piece; a piece that is down to a single one says
        nothing of the slope."""
        bins, pieces = self._bins, self._pieces
        numbers, first, counts = np.unique(pieces, return_index=True, return_counts=True)
        within = np.arange(len(bins)) - np.repeat(first, counts)
        is_kept = np.repeat((counts > 1) | (numbers == self._piece), counts)
        starts = np.flatnonzero(within % 2 == 0)
        weight = np.add.reduceat(bins[:, 2], starts)
        means = np.add.reduceat(bins[:, :2] * bins[:, 2:], starts) / weight[:, None]
        kept = is_kept[starts]
        self._bins = np.column_stack((means, weight))[kept]
        self._pieces = pieces[starts][kept]


def _about_means(
    values: NDArray[np.float64], weight: NDArray[np.float64], places: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the values less the weighted mean of their piece."""
    means: NDArray[np.float64] = np.bincount(places, weight * values) / np.bincount(places, weight)
    return values - means[places]


def _likeness(rest: NDArray[np.float64], places: NDArray[np.intp]) -> float:
    """Return the correlation of neighbours within a piece, from 0 to `MOST_LIKENESS`."""
    power = float(rest @ rest)
    if power == 0.0:
        return 0.0
    shared = float((rest[1:] * rest[:-1]) @ (places[1:] == places[:-1]))
    return min(max(0.0, shared / power), MOST_LIKENESS)
