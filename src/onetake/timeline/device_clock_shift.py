"""Tells lost samples from late ones.

Lateness lifts the upper tail of the stamps and decays; a loss lifts all of them, by the same
amount, for good; a buffer delivered twice lowers all of them. So the test asks for the middle and
the near edge to have moved together, in both halves of a stretch of time that passed on the host's
clock too (a burst after a stall does not). Invariant: a baseline is learned only from stamps that
were not found shifted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from math import hypot
from statistics import median

__all__ = ["WINDOW_S", "Shift", "ShiftDetector"]

WINDOW_S = 0.4
"""How long a shift must last. Shorter: a lull of jitter is taken for a loss; longer: the look-ahead
of 2 s no longer covers a stall and its confirmation."""

LEAST_SPAN_S = 0.75 * WINDOW_S
"""How long the shifted stamps must have gone on by the host's clock: a burst has not."""

LEAST_BLOCKS = 8

FLOOR_S = 2.5e-3
"""Smaller shifts are slewed away, inaudibly, in seconds; a splice would be the greater evil."""

SIGMAS = 5.0
"""How unlikely a shift by chance must be; the test runs a million times in 14 hours."""

MEDIAN_NOISE = 1.6
"""Standard deviation of a median of n stamps times sqrt(n), over `_Shape.spread_s`: 1.25 for a
normal distribution, 1.6 for an even one. With 1.25, jitter of +-10 ms is taken for losses."""

EDGE_SHARE = 0.5
"""The near edge must have moved by this share of what the middle did. The edge scatters more, so 1
would miss losses; 0 would believe in a crowd of late stamps."""

HALF_SHARE = 0.4
DECAY_SHARE = 0.1
"""Halves may differ by this share of the shift plus the threshold; a draining backlog differs
more."""

OUTLIER_SPREADS = 2.0
"""How far beyond the step deviations are believed when the change is placed."""

BASELINE_BINS = 20


@dataclass(frozen=True, slots=True)
class Shift:
    """From block `index` on (of those handed in) all stamps are `shift_s` later than foretold."""

    index: int
    shift_s: float
    shift_sd_s: float


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where the quantiles of the deviations lay in an undisturbed bin, in s."""

    low_s: float
    middle_s: float
    high_s: float

    @property
    def spread_s(self) -> float:
        """Robust sigma from the early side, blind to lateness: 10 % quantile of a normal
        distribution lies 1.28 sigma below the median, of a uniform 1.39."""
        return (self.middle_s - self.low_s) / 1.28


def _shape(deviations_s: list[float]) -> _Shape:
    ordered = sorted(deviations_s)
    last = len(ordered) - 1
    return _Shape(ordered[round(0.1 * last)], median(ordered), ordered[round(0.75 * last)])


class ShiftDetector:
    """Watches deviations from the foretold stamps. One thread."""

    def __init__(self) -> None:
        self._bins: deque[_Shape] = deque(maxlen=BASELINE_BINS)
        self._baseline: _Shape | None = None

    def learn(self, deviations_s: list[float]) -> None:
        """Take in the deviations of a bin in which nothing was shifted."""
        if len(deviations_s) < LEAST_BLOCKS:
            return
        self._bins.append(_shape(deviations_s))
        self._baseline = _Shape(
            median(shape.low_s for shape in self._bins),
            median(shape.middle_s for shape in self._bins),
            median(shape.high_s for shape in self._bins),
        )

    def find(
        self,
        times_s: list[float],
        hosts_s: list[float],
        deviations_s: list[float],
        foretold_sd_s: float,
    ) -> Shift | None:
        """Return the shift the newest blocks show, if any.

        `times_s` (source time, increasing), `hosts_s` (stamps), `deviations_s` (stamp - foretold)
        belong to the same blocks, oldest first; `foretold_sd_s`: how well it was foretold.
        """
        if self._baseline is None or times_s[-1] - times_s[0] < WINDOW_S:
            return None
        begin = bisect_left(times_s, times_s[-1] - WINDOW_S)
        recent = deviations_s[begin:]
        count = len(recent)
        if count < LEAST_BLOCKS:
            return None
        now, was = _shape(recent), self._baseline
        shift_s = now.middle_s - was.middle_s
        noise_s = hypot(MEDIAN_NOISE * was.spread_s / count**0.5, foretold_sd_s)
        threshold_s = max(FLOOR_S, SIGMAS * noise_s)
        if abs(shift_s) <= threshold_s:
            return None
        edge_s = now.low_s - was.low_s if shift_s > 0 else now.high_s - was.high_s
        if edge_s / shift_s < EDGE_SHARE:
            return None
        if not _is_steady(recent, was.middle_s, shift_s, threshold_s):
            return None
        index = _change_point(deviations_s, was, shift_s)
        if max(hosts_s[index:]) - min(hosts_s[index:]) < LEAST_SPAN_S:
            return None
        return Shift(index, median(deviations_s[index:]) - was.middle_s, noise_s)


def _is_steady(recent: list[float], middle_s: float, shift_s: float, threshold_s: float) -> bool:
    """Whether both halves show the same shift."""
    half = len(recent) // 2
    first_s, second_s = median(recent[:half]) - middle_s, median(recent[half:]) - middle_s
    if min(first_s / shift_s, second_s / shift_s) < HALF_SHARE:
        return False
    return abs(first_s - second_s) <= threshold_s + DECAY_SHARE * abs(shift_s)


def _change_point(deviations_s: list[float], was: _Shape, shift_s: float) -> int:
    """Return the index from which on a step of `shift_s` fits best (least squares). Deviations are
    held within the step and the usual scatter, so that outliers do not pull."""
    half_s = abs(shift_s) / 2
    reach_s = half_s + OUTLIER_SPREADS * was.spread_s
    sign = 1.0 if shift_s > 0 else -1.0
    best, best_index, total = 0.0, 0, 0.0
    for index, deviation_s in enumerate(deviations_s):
        centred = sign * (deviation_s - was.middle_s) - half_s
        total += max(-reach_s, min(reach_s, centred))
        if total < best:
            best, best_index = total, index + 1
    return best_index
