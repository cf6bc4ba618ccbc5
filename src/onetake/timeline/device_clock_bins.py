"""One offset and its variance from the stamps of about a second of blocks.

Invariant: a bin's variance is never below what the bins' own scatter shows: noise that all stamps
of a bin have in common (a scheduler's mood) does not pass for certainty.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import StampKind
from onetake.timeline.device_clock_centre import MAD_TO_SIGMA, centre_for, mean_of, median_of

__all__ = ["FLOOR_SD_S", "Bin", "BinMaker"]

FLOOR_SD_S = 10e-9
"""No bin is believed better than this; stamps are whole nanoseconds."""

SCATTER_BINS = 60
"""Bins of which the second differences tell the true scatter: a minute."""

SCATTER_LEAST = 20
"""Fewer second differences than this tell nothing; 8 made good first bins look bad by chance."""


@dataclass(frozen=True, slots=True)
class Bin:
    """What a second of stamps says: at source time `time_s` the host is `offset_s` off nominal."""

    time_s: float
    offset_s: float
    variance_s2: float


class BinMaker:
    """Reduces runs of (source time, offset) to bins. One thread."""

    def __init__(self, kind: StampKind) -> None:
        self._centre = centre_for(kind)
        self._recent: tuple[tuple[float, float, float], ...] = ()
        """Time, offset and own variance of the last two bins."""
        self._bends: deque[float] = deque(maxlen=SCATTER_BINS - 2)
        """Second differences of the bins, over what their own variances let expect."""

    @property
    def jitter_s(self) -> float:
        """Robust standard deviation of single stamps."""
        return self._centre.jitter_s

    def forked(self) -> BinMaker:
        """Return the maker for behind a discontinuity: same stamps, new offset."""
        maker = self._twin()
        maker._recent = ()
        maker._bends.clear()
        return maker

    def taste(
        self, times_s: NDArray[np.float64], offsets_s: NDArray[np.float64], skew: float
    ) -> Bin:
        """Do as `make`, without learning anything."""
        return self._twin().make(times_s, offsets_s, skew)

    def make(
        self, times_s: NDArray[np.float64], offsets_s: NDArray[np.float64], skew: float
    ) -> Bin:
        """Reduce one bin. `times_s`, `offsets_s`: float64, shape (n,), n >= 1, in order;
        `skew`: by how much the offset runs within the bin."""
        centre_s = mean_of(times_s)
        place = self._centre.place(times_s, offsets_s - skew * (times_s - centre_s))
        own_s2 = max(place.variance_s2, FLOOR_SD_S**2)
        doubt = self._doubt(centre_s, place.offset_s, own_s2)
        return Bin(centre_s, place.offset_s, own_s2 * doubt)

    def _twin(self) -> BinMaker:
        """Return a maker that knows the same and learns apart."""
        twin = BinMaker.__new__(BinMaker)
        twin._centre = self._centre.twin()
        twin._recent = self._recent
        twin._bends = self._bends.copy()
        return twin

    def _doubt(self, time_s: float, offset_s: float, own_s2: float) -> float:
        """Return how much larger the bins' variance is than their own scatter says, at least 1.
        Second differences see what is common to all stamps of a bin, and not offset and skew."""
        newest = (time_s, offset_s, own_s2)
        if len(self._recent) == 2:
            self._bends.append(_bend(*self._recent, newest))
        self._recent = (*self._recent[-1:], newest)
        if len(self._bends) < SCATTER_LEAST:
            return 1.0
        sigma = MAD_TO_SIGMA * median_of(np.array(self._bends))
        return max(1.0, sigma * sigma)


def _bend(
    first: tuple[float, float, float],
    second: tuple[float, float, float],
    third: tuple[float, float, float],
) -> float:
    """Return how far the middle one of three bins (time, offset, own variance) lies off the line
    through the others, in standard deviations by their own variances."""
    left, right = second[0] - first[0], third[0] - second[0]
    share = right / (left + right)
    rest = 1 - share
    bend = second[1] - share * first[1] - rest * third[1]
    expected = second[2] + share * share * first[2] + rest * rest * third[2]
    return abs(bend) / math.sqrt(expected)
