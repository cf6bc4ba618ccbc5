"""One offset and its variance from the stamps of about a second of blocks.

What is robust depends on what the stamps mean. Capture stamps scatter on both sides of the truth
and are now and then far late: the mean without the late tail. Arrival stamps are never early: the
lower edge. Taking one for the other is a constant bias that nothing behind can see. Invariant: a
bin's variance is never below what the bins' own scatter shows.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import StampKind

__all__ = ["Bin", "BinMaker"]

TRIM_SCALES = 3.0
"""Stamps further than this many robust sigmas from the median are not averaged."""

MAD_TO_SIGMA = 1.4826
"""Sigma of a normal distribution over its median absolute deviation."""

FLOOR_SD_S = 10e-9
"""No bin is believed better than this; stamps are whole nanoseconds."""

LONE_SD_S = 1e-3
"""Assumed of a stamp as long as nothing is known about the scatter."""

SCATTER_BINS = 60
"""Bins of which the second differences tell the true scatter: a minute."""

SCATTER_LEAST = 8
"""Fewer second differences than this tell nothing."""

POOL_SHARE = 0.05
"""Weight of a bin in the running scatter of single stamps: about the last 20 bins."""

EDGE_OUTLIER_SPREADS = 8.0
"""An arrival stamp this many spreads before the median came from a broken clock, not early."""

EDGE_OUTLIER_S = 0.1e-3


@dataclass(frozen=True, slots=True)
class Bin:
    """What a second of stamps says: at source time `time_s` the host is `offset_s` off nominal."""

    time_s: float
    offset_s: float
    variance_s2: float


class BinMaker:
    """Reduces runs of (source time, offset) to bins. One thread."""

    def __init__(self, kind: StampKind) -> None:
        self._kind = kind
        self._recent: deque[tuple[float, float]] = deque(maxlen=SCATTER_BINS)
        self._stamp_variance_s2 = LONE_SD_S**2
        self._edge_gap_s = 0.0
        self._bin_count = 0

    @property
    def jitter_s(self) -> float:
        """Robust standard deviation of single stamps."""
        return math.sqrt(self._stamp_variance_s2)

    def forked(self) -> BinMaker:
        """Return the maker for behind a discontinuity: same stamps, new offset."""
        maker = BinMaker(self._kind)
        maker._stamp_variance_s2 = self._stamp_variance_s2
        maker._edge_gap_s, maker._bin_count = self._edge_gap_s, self._bin_count
        return maker

    def make(
        self, times_s: NDArray[np.float64], offsets_s: NDArray[np.float64], skew: float
    ) -> Bin:
        """Reduce one bin. `times_s`, `offsets_s`: float64, shape (n,), n >= 1, in order;
        `skew`: by how much the offset runs within the bin."""
        centre_s = float(times_s.mean())
        level = offsets_s - skew * (times_s - centre_s)
        if self._kind is StampKind.CAPTURE:
            offset_s, scatter_s2, kept = _trimmed_mean(level)
            self._learn_scatter(scatter_s2, kept)
            own_s2 = max(scatter_s2, self._stamp_variance_s2) / kept
        else:
            offset_s, own_s2 = self._lower_edge(level)
        variance_s2 = max(own_s2, self._scatter_of_bins(centre_s, offset_s), FLOOR_SD_S**2)
        return Bin(centre_s, offset_s, variance_s2)

    def _learn_scatter(self, scatter_s2: float, kept: int) -> None:
        if kept < 4:
            return
        share = max(POOL_SHARE, 1.0 / (self._bin_count + 1))
        self._bin_count += 1
        self._stamp_variance_s2 += share * (scatter_s2 - self._stamp_variance_s2)

    def _scatter_of_bins(self, time_s: float, offset_s: float) -> float:
        """Return the bins' own variance from second differences: sees what is common to all
        stamps of a bin, blind to offset and skew."""
        self._recent.append((time_s, offset_s))
        if len(self._recent) < SCATTER_LEAST + 2:
            return 0.0
        times, offsets = np.array(self._recent).T
        left, right = np.diff(times)[:-1], np.diff(times)[1:]
        share = right / (left + right)
        bends = offsets[1:-1] - share * offsets[:-2] - (1 - share) * offsets[2:]
        bends /= np.sqrt(1 + share**2 + (1 - share) ** 2)
        return float((MAD_TO_SIGMA * np.median(np.abs(bends))) ** 2)

    def _lower_edge(self, level: NDArray[np.float64]) -> tuple[float, float]:
        """Return where the stamps begin and its variance, from the two smallest: for any density
        that begins with a step, the truth lies as far below the smallest as the second above."""
        ordered = np.sort(level)
        median, quarter = float(np.median(ordered)), float(np.quantile(ordered, 0.25))
        earliest = median - EDGE_OUTLIER_SPREADS * (median - quarter) - EDGE_OUTLIER_S
        ordered = ordered[ordered >= earliest]
        if len(ordered) < 2:
            return float(ordered[0]), LONE_SD_S**2
        gap_s = float(ordered[1] - ordered[0])
        share = max(POOL_SHARE, 1.0 / (self._bin_count + 1))
        self._edge_gap_s += share * (gap_s - self._edge_gap_s)
        self._learn_scatter((median - float(ordered[0])) ** 2, len(ordered))
        return float(ordered[1]) - 2 * self._edge_gap_s, 2 * self._edge_gap_s**2


def _trimmed_mean(level: NDArray[np.float64]) -> tuple[float, float, int]:
    """Return mean, variance of single stamps and count without the outliers. The scale is that of
    the early half alone: lateness cannot widen it."""
    median = float(np.median(level))
    early = median - level[level <= median]
    scale = MAD_TO_SIGMA * float(np.median(early))
    kept = level[np.abs(level - median) <= TRIM_SCALES * scale] if scale > 0 else level[:0]
    if len(kept) == 0:
        kept = level[level == median] if (level == median).any() else level
    return float(kept.mean()), float(kept.var()), len(kept)
