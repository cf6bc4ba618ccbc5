"""Everything remembered of the pictures of a file: 18 bytes each, and what follows from them.

Invariant: what is said here is about the stamps a player shows, in decoding order for the order
itself and sorted for everything else.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.picture import Look
from onetake.proof.read import Picture, Track
from onetake.proof.results import FrameFacts, PictureFacts, Span

__all__ = ["FrameLog", "frame_facts", "picture_facts", "runs_of"]

_NO_CODE = -1

_BLACK_NS = NS_PER_S
"""Shortest black span that is reported: films fade to black for half a second."""

_STILL_NS = 5 * NS_PER_S
"""Shortest unmoved span that is reported."""

_FROZEN_NS = 250 * NS_PER_MS
"""Shortest standstill of the pattern that is reported: 4 frames at 15 fps. The recorder may drop a
frame or two without this being a frozen picture."""

_GAP_FACTOR = 3.0
"""A gap is longer than this many usual intervals and than _GAP_NS."""
_GAP_NS = 250 * NS_PER_MS

_MOST_SPANS = 20


@dataclass(slots=True)
class FrameLog:
    """The stamps and looks of one video track. Feed in order. One thread."""

    track: Track
    pts_ns: array[int] = field(default_factory=lambda: array("q"))
    codes_ns: array[int] = field(default_factory=lambda: array("q"))
    """Position the code block says, -1 = none."""
    schedules: array[int] = field(default_factory=lambda: array("b"))
    levels: array[int] = field(default_factory=lambda: array("B"))
    flags: array[int] = field(default_factory=lambda: array("B"))
    """1 = black, 2 = moved."""
    last_duration_ns: int = 0
    missing: int = 0

    def add(self, picture: Picture, look: Look) -> None:
        """Take the next picture in decoding order."""
        if picture.pts_ns is None:
            self.missing += 1
            return
        self.pts_ns.append(picture.pts_ns)
        self.codes_ns.append(_NO_CODE if look.code is None else look.code.position_ns)
        self.schedules.append(-1 if look.code is None else look.code.schedule_id)
        self.levels.append(round(look.level))
        self.flags.append(look.is_black | look.is_moved << 1)
        self.last_duration_ns = picture.duration_ns

    @property
    def start_ns(self) -> int | None:
        """Stamp of the first picture."""
        return min(self.pts_ns) if self.pts_ns else None

    @property
    def end_ns(self) -> int | None:
        """Where the last picture ends: its stamp and its duration, or the usual interval."""
        if not self.pts_ns:
            return None
        last_ns = self.last_duration_ns
        if last_ns <= 0 and len(self.pts_ns) > 1:
            last_ns = int(np.median(np.diff(np.sort(np.asarray(self.pts_ns)))))
        return max(self.pts_ns) + last_ns


def frame_facts(log: FrameLog) -> FrameFacts | None:
    """Return the facts about the stamps, None when there are fewer than two pictures."""
    decoded = np.asarray(log.pts_ns, dtype=np.int64)
    if len(decoded) < 2:
        return None
    steps = np.diff(decoded)
    shown = np.unique(decoded)
    intervals = np.diff(shown)
    if len(intervals) == 0:
        intervals = np.zeros(1, dtype=np.int64)
    usual_ns = float(np.median(intervals))
    tick_ns = float(log.track.time_base * NS_PER_S)
    longest = int(np.argmax(intervals))
    same = np.abs(intervals - usual_ns) <= max(2 * tick_ns, 0.02 * usual_ns)
    span_s = float(shown[-1] - shown[0]) / NS_PER_S
    return FrameFacts(
        count=len(decoded),
        fps=round((len(shown) - 1) / span_s, 3) if span_s > 0 else 0.0,
        interval_p50_ms=_ms(usual_ns),
        interval_p99_ms=_ms(float(np.percentile(intervals, 99))),
        interval_max_ms=_ms(float(intervals[longest])),
        interval_max_at_s=float(shown[longest]) / NS_PER_S,
        is_constant=bool(same.mean() >= 0.99),
        backward=int((steps < 0).sum()),
        duplicates=int((steps == 0).sum()),
        missing=log.missing,
        gaps=_gaps(shown, usual_ns),
    )


def picture_facts(log: FrameLog) -> PictureFacts:
    """Return the facts about what the pictures show."""
    order = np.argsort(np.asarray(log.pts_ns, dtype=np.int64), kind="stable")
    pts_ns = np.asarray(log.pts_ns, dtype=np.int64)[order]
    flags = np.asarray(log.flags, dtype=np.uint8)[order]
    codes_ns = np.asarray(log.codes_ns, dtype=np.int64)[order]
    end_ns = log.end_ns or 0
    is_coded = codes_ns != _NO_CODE
    has_pattern = bool(is_coded.sum() >= max(10, 0.2 * len(codes_ns)))
    is_stuck = np.zeros(len(pts_ns), dtype=bool)
    if has_pattern:
        is_stuck[1:] = is_coded[1:] & (codes_ns[1:] == codes_ns[:-1])
    is_unmoved = (flags & 2) == 0
    is_unmoved[:1] = False
    still = runs_of(
        is_unmoved & ~is_stuck, pts_ns, end_ns, least_ns=_STILL_NS, with_one_before=True
    )
    return PictureFacts(
        black=runs_of((flags & 1) == 1, pts_ns, end_ns, least_ns=_BLACK_NS),
        frozen=runs_of(is_stuck, pts_ns, end_ns, least_ns=_FROZEN_NS, with_one_before=True),
        still=still,
        coded_frames=int(is_coded.sum()),
        has_pattern=has_pattern,
    )


def runs_of(
    holds: NDArray[np.bool_],
    pts_ns: NDArray[np.int64],
    end_ns: int,
    *,
    least_ns: int,
    with_one_before: bool = False,
) -> list[Span]:
    """Return the spans in which something holds, longest first, at most 20.

    Args:
        holds: for each picture whether it holds.
        pts_ns: their stamps, ascending.
        end_ns: where the last picture ends.
        least_ns: shorter spans are left out.
        with_one_before: the span begins with the picture before ("same as the one before").
    """
    edges = np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8))
    stamps = np.append(pts_ns, end_ns)
    spans = []
    for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        begin = max(0, int(first) - with_one_before)
        if stamps[last] - stamps[begin] >= least_ns:
            spans.append(Span(float(stamps[begin]) / NS_PER_S, float(stamps[last]) / NS_PER_S))
    spans.sort(key=lambda span: span.start_s - span.end_s)
    return spans[:_MOST_SPANS]


def _gaps(shown: NDArray[np.int64], usual_ns: float) -> list[Span]:
    intervals = np.diff(shown)
    long = np.flatnonzero(intervals > max(_GAP_FACTOR * usual_ns, _GAP_NS))
    longest = long[np.argsort(-intervals[long], kind="stable")][:_MOST_SPANS]
    return [Span(float(shown[i]) / NS_PER_S, float(shown[i + 1]) / NS_PER_S) for i in longest]


def _ms(value_ns: float) -> float:
    return round(value_ns / NS_PER_MS, 4)
