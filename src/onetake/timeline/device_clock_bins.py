"""One offset and its variance from the stamps of about a second of blocks.

What is robust depends on what the stamps mean. Capture stamps scatter on both sides of the truth
and are now and then far late: the mean without the late tail. Arrival stamps are never early: the
lower edge. Taking one for the other is a constant bias that nothing behind can see. Invariant: a
bin's variance is never below what the bins' own scatter shows.
"""

from __future__ import annotations

import math
from collections import deque
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import StampKind

__all__ = ["Bin", "BinMaker"]

TRIM_SCALES = 3.0
"""Stamps further than this many robust sigmas from the median are not averaged."""

EDGE_SHARE = 0.05
EDGE_LEAST = 20
EDGE_ROOM = 1.2
"""Stamps later than `EDGE_ROOM` times the distance at which only 5 % are as early are late: tight
for evenly spread stamps, 2 sigma for normal ones. Needs `EDGE_LEAST` stamps to tell."""

MAD_TO_SIGMA = 1.4826
"""Sigma of a normal distribution over its median absolute deviation."""

FLOOR_SD_S = 10e-9
"""No bin is believed better than this; stamps are whole nanoseconds."""

LONE_SD_S = 1e-3
"""Assumed of a stamp as long as nothing is known about the scatter."""

SCATTER_BINS = 60
"""Bins of which the second differences tell the true scatter: a minute."""

SCATTER_LEAST = 20
"""Fewer second differences than this tell nothing; 8 made good first bins look bad by chance."""

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
        self._recent: deque[tuple[float, float, float]] = deque(maxlen=SCATTER_BINS)
        self._stamp_variance_s2 = LONE_SD_S**2
        self._edge_gap_s = 0.0
        self._early_edge_s = 0.0
        self._backlog_until_s = -math.inf
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
        maker._early_edge_s = self._early_edge_s
        return maker

    def taste(
        self, times_s: NDArray[np.float64], offsets_s: NDArray[np.float64], skew: float
    ) -> Bin:
        """Do as `make`, without learning anything."""
        maker = copy(self)
        maker._recent = self._recent.copy()
        return maker.make(times_s, offsets_s, skew)

    def make(
        self, times_s: NDArray[np.float64], offsets_s: NDArray[np.float64], skew: float
    ) -> Bin:
        """Reduce one bin. `times_s`, `offsets_s`: float64, shape (n,), n >= 1, in order;
        `skew`: by how much the offset runs within the bin."""
        centre_s = float(times_s.mean())
        level = offsets_s - skew * (times_s - centre_s)
        if self._kind is StampKind.CAPTURE:
            offset_s, scatter_s2, kept = self._trimmed_mean(times_s, level)
            self._learn_scatter(scatter_s2, kept)
            own_s2 = max(scatter_s2, self._stamp_variance_s2) / kept
        else:
            offset_s, own_s2 = self._lower_edge(level)
        own_s2 = max(own_s2, FLOOR_SD_S**2)
        return Bin(centre_s, offset_s, own_s2 * self._doubt(centre_s, offset_s, own_s2))

    def _learn_scatter(self, scatter_s2: float, kept: int) -> None:
        if kept < 4:
            return
        share = max(POOL_SHARE, 1.0 / (self._bin_count + 1))
        self._bin_count += 1
        self._stamp_variance_s2 += share * (scatter_s2 - self._stamp_variance_s2)

    def _doubt(self, time_s: float, offset_s: float, own_s2: float) -> float:
        """Return how much larger the bins' variance is than their own scatter says, at least 1.
        Second differences see what is common to all stamps of a bin, and not offset and skew."""
        self._recent.append((time_s, offset_s, own_s2))
        if len(self._recent) < SCATTER_LEAST + 2:
            return 1.0
        times, offsets, owns = np.array(self._recent).T
        left, right = np.diff(times)[:-1], np.diff(times)[1:]
        share = right / (left + right)
        bends = offsets[1:-1] - share * offsets[:-2] - (1 - share) * offsets[2:]
        expected = owns[1:-1] + share**2 * owns[:-2] + (1 - share) ** 2 * owns[2:]
        sigma = MAD_TO_SIGMA * float(np.median(np.abs(bends) / np.sqrt(expected)))
        return max(1.0, sigma * sigma)

    def _trimmed_mean(
        self, times_s: NDArray[np.float64], level: NDArray[np.float64]
    ) -> tuple[float, float, int]:
        """Return mean, variance of single stamps and count without the outliers. How far stamps
        may scatter is asked of the early ones alone: lateness cannot widen it."""
        median = float(np.median(level))
        early = np.sort(median - level[level <= median])
        scale = MAD_TO_SIGMA * float(np.median(early))
        if len(level) >= EDGE_LEAST:
            edge = float(early[-1 - round(EDGE_SHARE * len(level))])
            share = max(POOL_SHARE, 1.0 / (self._bin_count + 1))
            self._early_edge_s += share * (edge - self._early_edge_s)
        sane = np.abs(level - median) <= TRIM_SCALES * scale
        if self._early_edge_s > 0 and sane.any():
            centre = float(level[sane].mean())
            limit = EDGE_ROOM * self._early_edge_s + 2 * scale / math.sqrt(len(level))
            sane = np.abs(level - centre) <= min(limit, TRIM_SCALES * scale)
            sane &= self._without_backlog(times_s + centre, times_s + level, limit)
        kept = level[sane]
        if len(kept) == 0:
            kept = level[level == median] if (level == median).any() else level
        return float(kept.mean()), float(kept.var()), len(kept)

    def _without_backlog(
        self, due_s: NDArray[np.float64], hosts_s: NDArray[np.float64], limit_s: float
    ) -> NDArray[np.bool_]:
        """Return which blocks were not waiting behind a late one: what was due before that one
        came is late as well, even if it does not look so."""
        late_s = np.where(hosts_s - due_s > limit_s, hosts_s, -np.inf)
        until_s = np.maximum.accumulate(np.concatenate(([self._backlog_until_s], late_s)))
        self._backlog_until_s = float(until_s[-1])
        return due_s > until_s[:-1]

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
