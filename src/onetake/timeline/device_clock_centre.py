"""Where a run of scattered stamps lies: the robust centre of capture stamps, the edge of arrivals.

Capture stamps scatter on both sides of the truth and are now and then far late: the centre of those
that are not. Arrival stamps are never early: their lower edge. Taking one for the other is a
constant bias that nothing behind can see. Invariant: how far stamps may scatter is learned from the
early side alone, so that lateness can never widen it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import StampKind

__all__ = [
    "LONE_SD_S",
    "MAD_TO_SIGMA",
    "Centre",
    "Place",
    "centre_for",
    "mean_of",
    "median_of",
    "variance_of",
]

TRIM_SCALES = 3.0
"""Stamps further than this many robust sigmas from the median do not count."""

EDGE_SHARE = 0.05
EDGE_LEAST = 20
EDGE_ROOM = 1.2
"""Stamps later than `EDGE_ROOM` times the distance at which only 5 % are as early are late: tight
for evenly spread stamps, 2 sigma for normal ones. Needs `EDGE_LEAST` stamps to tell."""

BOX_RATIO = 2.1
"""5 % edge over the quartile, both on the early side: 1.8 for evenly spread stamps, 2.4 for normal
ones. Below, the stamps end abruptly, and where they end says more than where they are dense."""

BOX_LEAST = 150
"""Stamps seen before their shape is believed."""

BOX_RANK = 0.03
"""Which stamp from either end marks it: the first of all would follow a single stray one."""

MAD_TO_SIGMA = 1.4826
"""Sigma of a normal distribution over its median absolute deviation."""

LONE_SD_S = 1e-3
"""Assumed of a stamp as long as nothing is known about the scatter."""

POOL_SHARE = 0.05
"""Weight of a bin in what is learned about the stamps: about the last 20 bins."""

EDGE_OUTLIER_SPREADS = 8.0
"""An arrival stamp this many spreads before the median came from a broken clock, not early."""

EDGE_OUTLIER_S = 0.1e-3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bin's stamps lie, in s, and how well that is known."""

    offset_s: float
    variance_s2: float


class Centre(Protocol):
    """Reduces the stamps of a bin to their place. One thread."""

    def twin(self) -> Centre:
        """Return one that knows the same and learns apart."""
        ...

    @property
    def jitter_s(self) -> float:
        """Robust standard deviation of single stamps."""
        ...

    def place(self, times_s: NDArray[np.float64], level_s: NDArray[np.float64]) -> Place:
        """Return where the stamps lie. `times_s`: source time; `level_s`: offset without the
        drift within the bin; float64, shape (n,), n >= 1, in order."""
        ...


def median_of(values: NDArray[np.float64]) -> float:
    """Return the median of at least one value; to the bit what `np.median` gives, without the
    import of numpy.ma that it costs and at a third of the time for so few."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    upper = float(ordered[middle])
    return upper if len(ordered) % 2 else (float(ordered[middle - 1]) + upper) / 2


def mean_of(values: NDArray[np.float64]) -> float:
    """Return the mean of at least one value; to the bit what `values.mean()` gives, at a third of
    the time for so few."""
    return float(np.add.reduce(values)) / len(values)


def variance_of(values: NDArray[np.float64]) -> float:
    """Return the variance of at least one value; to the bit what `values.var()` gives, likewise."""
    deviations = values - mean_of(values)
    return mean_of(deviations * deviations)


def centre_for(kind: StampKind) -> Centre:
    """Return what places stamps of this kind."""
    return _CaptureCentre() if kind is StampKind.CAPTURE else _ArrivalEdge()


class _Pool:
    """A running mean over bins that starts as a plain one."""

    __slots__ = ("_count", "mean")

    def __init__(self, mean: float = 0.0, count: int = 0) -> None:
        self.mean = mean
        self._count = count

    def twin(self) -> _Pool:
        return _Pool(self.mean, self._count)

    def add(self, value: float) -> float:
        self._count += 1
        self.mean += max(POOL_SHARE, 1.0 / self._count) * (value - self.mean)
        return self.mean


class _CaptureCentre:
    """Mean (or middle between the ends) of the stamps that are neither outliers nor late."""

    def __init__(self) -> None:
        self._variance = _Pool()
        self._edge = _Pool()
        self._quartile = _Pool()
        self._seen = 0
        self._backlog_until_s = -math.inf

    def twin(self) -> Centre:
        twin = _CaptureCentre.__new__(_CaptureCentre)
        twin._variance = self._variance.twin()
        twin._edge, twin._quartile = self._edge.twin(), self._quartile.twin()
        twin._seen, twin._backlog_until_s = self._seen, self._backlog_until_s
        return twin

    @property
    def jitter_s(self) -> float:
        return math.sqrt(self._variance.mean) if self._seen else LONE_SD_S

    def place(self, times_s: NDArray[np.float64], level_s: NDArray[np.float64]) -> Place:
        kept = self._sane(times_s, level_s)
        count = len(kept)
        scatter_s2 = variance_of(kept)
        if count >= 4:
            self._seen += count
            self._variance.add(scatter_s2)
        pooled_s2 = self.jitter_s**2
        if self._is_box and count >= EDGE_LEAST:
            return _middle_of_ends(kept, self._edge.mean / (0.5 - EDGE_SHARE))
        return Place(mean_of(kept), max(scatter_s2, pooled_s2) / count)

    @property
    def _is_box(self) -> bool:
        edge_s, quartile_s = self._edge.mean, self._quartile.mean
        return self._seen >= BOX_LEAST and 0 < edge_s < BOX_RATIO * quartile_s

    def _sane(
        self, times_s: NDArray[np.float64], level_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the stamps that count."""
        median = median_of(level_s)
        early = np.sort(median - level_s[level_s <= median])
        quartile = median_of(early)
        if len(level_s) >= EDGE_LEAST:
            self._edge.add(float(early[-1 - round(EDGE_SHARE * len(level_s))]))
            self._quartile.add(quartile)
        # A small bin may look narrow by chance, and would then lose one of its sides.
        scale = MAD_TO_SIGMA * max(quartile, self._quartile.mean)
        sane = np.abs(level_s - median) <= TRIM_SCALES * scale
        near = level_s[sane]
        if self._edge.mean > 0 and len(near):
            centre = mean_of(near)
            limit = EDGE_ROOM * self._edge.mean + 2 * scale / math.sqrt(len(level_s))
            sane = np.abs(level_s - centre) <= min(limit, TRIM_SCALES * scale)
            sane &= self._without_backlog(times_s + centre, times_s + level_s, limit)
        kept = level_s[sane]
        if len(kept):
            return kept
        at_median = level_s[level_s == median]
        return at_median if len(at_median) else level_s

    def _without_backlog(
        self, due_s: NDArray[np.float64], hosts_s: NDArray[np.float64], limit_s: float
    ) -> NDArray[np.bool_]:
        """Return which blocks were not waiting behind a late one: what was due before that one
        came, and came with it, is late as well, even if it does not look so."""
        late_s = np.where(hosts_s - due_s > limit_s, hosts_s, -np.inf)
        until_s = np.maximum.accumulate(np.concatenate(([self._backlog_until_s], late_s)))
        self._backlog_until_s = float(until_s[-1])
        has_waited: NDArray[np.bool_] = (due_s <= until_s[:-1]) & (hosts_s > until_s[:-1] - limit_s)
        return ~has_waited


def _middle_of_ends(kept: NDArray[np.float64], usual_width: float) -> Place:
    """Return the middle between the ends of evenly spread stamps: more than twice as good as their
    mean at 100 stamps (variance of two symmetric order statistics of a uniform distribution)."""
    ordered = np.sort(kept)
    count = len(ordered)
    rank = max(1, round(BOX_RANK * count))
    low, high = float(ordered[rank - 1]), float(ordered[-rank])
    width = max((high - low) * (count + 1) / (count + 1 - 2 * rank), usual_width)
    variance_s2 = width * width * rank / (2 * (count + 1) * (count + 2))
    return Place((low + high) / 2, variance_s2)


class _ArrivalEdge:
    """Where the stamps begin."""

    def __init__(self) -> None:
        self._variance = _Pool()
        self._gap = _Pool()

    def twin(self) -> Centre:
        twin = _ArrivalEdge.__new__(_ArrivalEdge)
        twin._variance, twin._gap = self._variance.twin(), self._gap.twin()
        return twin

    @property
    def jitter_s(self) -> float:
        return math.sqrt(self._variance.mean) if self._variance.mean else LONE_SD_S

    def place(self, times_s: NDArray[np.float64], level_s: NDArray[np.float64]) -> Place:  # noqa: ARG002  part of the protocol
        """From the two smallest: for any density that begins with a step, the truth lies as far
        below the smallest as the second lies above it."""
        ordered = np.sort(level_s)
        median, quarter = median_of(ordered), float(np.quantile(ordered, 0.25))
        earliest = median - EDGE_OUTLIER_SPREADS * (median - quarter) - EDGE_OUTLIER_S
        ordered = ordered[ordered >= earliest]
        if len(ordered) < 2:
            return Place(float(ordered[0]), LONE_SD_S**2)
        gap_s = self._gap.add(float(ordered[1] - ordered[0]))
        self._variance.add((median - float(ordered[0])) ** 2)
        return Place(float(ordered[1]) - 2 * gap_s, 2 * gap_s**2)
