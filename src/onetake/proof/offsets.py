"""How the sound lies against the picture: which beep belongs to which flash, offset, drift.

Offset = where the chirp begins - where the event is seen; positive means that the sound is late.
Invariant: what is said never claims more than the resolution: the drift's uncertainty is at least
what the resolution over the observed span allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.events import SeenEvents
from onetake.proof.results import PathOffsets
from onetake.proof.sound import HeardChirp

__all__ = ["Matched", "drift_ms_per_hour", "match", "path_offsets"]

_CHUNK = 16
"""Events that agree on a lag together. Fewer: chance agrees as well; more: a drifting file has no
common lag (16 events at 1000 ppm drift by 18 ms)."""

_MOST_LAG_NS = 5 * NS_PER_S
"""Largest offset that is looked for. Larger: chance matches; smaller: a take with seconds lost is
reported as "no beeps"."""

_AGREE_NS = 25 * NS_PER_MS
"""Lags within this agree."""

_TAKE_NS = 120 * NS_PER_MS
"""Farthest a single chirp may be from where its neighbours' offset expects it. More than a third of
the shortest interval, and a chirp of another event is taken for it."""

_LEAST_REST = 3
"""Fewest neighbouring events that may agree on a lag of their own; two agree by chance."""

_MOST_LISTED = 2000

_FIT_POINTS = 400
"""Most points of the robust line fit; its cost grows with the square."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Which event was heard where."""

    events: NDArray[np.intp]
    """Indices of events."""
    chirps: NDArray[np.intp]
    """Index of the chirp of each."""


def match(
    events_ns: NDArray[np.int64], chirps_ns: NDArray[np.int64], *, is_regular: bool
) -> Matched:
    """Find for each event its chirp, by the lag on which neighbouring events agree.

    Args:
        events_ns: where events are seen, ascending.
        chirps_ns: where chirps are heard, ascending; may hold wrong ones.
        is_regular: events are equally spaced: of several equally good lags the smallest is meant.
    """
    most_lag_ns = NS_PER_S // 2 if is_regular else _MOST_LAG_NS
    pairs = _Pairs(events_ns, chirps_ns)
    lag_ns = 0.0
    for first in range(0, len(events_ns), _CHUNK):
        chunk = np.arange(first, min(first + _CHUNK, len(events_ns)))
        found = _common_lag(events_ns[chunk], chirps_ns, lag_ns, most_lag_ns)
        if found is not None:
            lag_ns = found
            pairs.take(chunk, lag_ns, _AGREE_NS)
    # A step of the offset inside a chunk leaves a rest that agrees on another lag.
    for rest in pairs.open_runs():
        if len(rest) < _LEAST_REST:
            continue
        share = max(0.6, _LEAST_REST / len(rest))
        found = _common_lag(events_ns[rest], pairs.free_chirps_ns(), 0.0, most_lag_ns, least=share)
        if found is not None:
            pairs.take(rest, found, _AGREE_NS)
    # What is left lies off the common line by itself: near to its neighbours, or not at all.
    for rest in pairs.open_runs():
        for event in rest.tolist():
            pairs.take(np.array([event]), pairs.lag_near(event), _TAKE_NS)
    return pairs.matched()


class _Pairs:
    """Which event has which chirp so far; every chirp is given once."""

    def __init__(self, events_ns: NDArray[np.int64], chirps_ns: NDArray[np.int64]) -> None:
        self._events_ns = events_ns
        self._chirps_ns = chirps_ns
        self._chirp_of = np.full(len(events_ns), -1, dtype=np.intp)
        self._is_free = np.ones(len(chirps_ns), dtype=bool)

    def take(self, events: NDArray[np.intp], lag_ns: float, reach_ns: int) -> None:
        """Give each of these events the nearest free chirp to where the lag expects it."""
        for event in events.tolist():
            expected_ns = self._events_ns[event] + lag_ns
            low, high = np.searchsorted(
                self._chirps_ns, [expected_ns - reach_ns, expected_ns + reach_ns]
            )
            near = [index for index in range(int(low), int(high)) if self._is_free[index]]
            if near:
                chirp = min(near, key=lambda index: abs(self._chirps_ns[index] - expected_ns))
                self._chirp_of[event] = chirp
                self._is_free[chirp] = False

    def open_runs(self) -> list[NDArray[np.intp]]:
        """Return the runs of neighbouring events that have no chirp."""
        open_events = np.flatnonzero(self._chirp_of < 0)
        if len(open_events) == 0:
            return []
        return np.split(open_events, np.flatnonzero(np.diff(open_events) > 1) + 1)

    def free_chirps_ns(self) -> NDArray[np.int64]:
        """Return the positions of the chirps that no event has."""
        return self._chirps_ns[self._is_free]

    def lag_near(self, event: int) -> float:
        """Return the offset of the nearest event that has a chirp, 0 when there is none."""
        known = np.flatnonzero(self._chirp_of >= 0)
        if len(known) == 0:
            return 0.0
        nearest = known[np.argmin(np.abs(known - event))]
        return float(self._chirps_ns[self._chirp_of[nearest]] - self._events_ns[nearest])

    def matched(self) -> Matched:
        """Return all pairs."""
        events = np.flatnonzero(self._chirp_of >= 0)
        return Matched(events, self._chirp_of[events])


def _common_lag(
    events_ns: NDArray[np.int64],
    chirps_ns: NDArray[np.int64],
    previous_ns: float,
    most_lag_ns: int,
    *,
    least: float = 0.25,
) -> float | None:
    """Return the lag on which most of these events agree; of equals the one nearest the last.

    Args:
        events_ns: where they are seen.
        chirps_ns: where chirps are heard.
        previous_ns: the lag of the events before.
        most_lag_ns: largest lag to consider.
        least: share of the events that must agree.
    """
    lags: list[int] = []
    for event_ns in events_ns.tolist():
        low = np.searchsorted(chirps_ns, event_ns - most_lag_ns)
        high = np.searchsorted(chirps_ns, event_ns + most_lag_ns, side="right")
        lags.extend((chirps_ns[low:high] - event_ns).tolist())
    if not lags:
        return None
    ordered = np.sort(np.array(lags, dtype=np.int64))
    last = np.searchsorted(ordered, ordered + _AGREE_NS, side="right")
    votes = last - np.arange(len(ordered))
    enough = 1 if len(events_ns) < 3 else max(2, least * len(events_ns))
    if votes.max() < enough:
        return None
    best = [
        float(np.median(ordered[index : last[index]]))
        for index in np.flatnonzero(votes == votes.max()).tolist()
    ]
    return min(best, key=lambda lag_ns: abs(lag_ns - previous_ns))


def path_offsets(
    path: str,
    track: int,
    events: SeenEvents,
    chirps: Sequence[HeardChirp],
    *,
    tick_ns: float,
) -> tuple[PathOffsets, Matched] | None:
    """Return the offsets of one path against the picture, None when nothing was heard.

    Args:
        path: `system` or `mic`.
        track: index of the audio track.
        events: what was seen.
        chirps: what was heard.
        tick_ns: rounding of the audio stamps.
    """
    chirps_ns = np.array([chirp.start_ns for chirp in chirps], dtype=np.int64)
    matched = match(events.times_ns, chirps_ns, is_regular=events.is_regular)
    if len(matched.events) == 0:
        return None
    seen_ns = events.times_ns[matched.events]
    result = summarise(
        path,
        track,
        seen_ns,
        chirps_ns[matched.chirps] - seen_ns,
        missing=len(events.times_ns) - len(seen_ns),
        resolution_ns=events.resolution_ns + tick_ns / 2,
        method=events.method,
    )
    return result, matched


def summarise(
    path: str,
    track: int,
    times_ns: NDArray[np.int64],
    offsets_ns: NDArray[np.int64],
    *,
    missing: int,
    resolution_ns: float,
    method: str,
) -> PathOffsets:
    """Return the statistics of offsets; at least one."""
    offsets_ms = offsets_ns / NS_PER_MS
    resolution_ms = resolution_ns / NS_PER_MS
    drift = drift_ms_per_hour(times_ns / NS_PER_S, offsets_ms, resolution_ms)
    thin = -(-len(offsets_ms) // _MOST_LISTED)
    return PathOffsets(
        path=path,
        track=track,
        events=len(offsets_ms),
        missing=missing,
        median_ms=round(float(np.median(offsets_ms)), 4),
        p95_ms=round(float(np.percentile(np.abs(offsets_ms), 95)), 4),
        worst_ms=round(float(offsets_ms[np.argmax(np.abs(offsets_ms))]), 4),
        std_ms=round(float(np.std(offsets_ms)), 4),
        resolution_ms=round(resolution_ms, 4),
        drift_ms_per_hour=None if drift is None else round(drift[0], 3),
        drift_uncertainty_ms_per_hour=None if drift is None else round(drift[1], 3),
        method=method,
        offsets_ms=[
            (round(float(time_ns) / NS_PER_S, 6), round(float(offset), 4))
            for time_ns, offset in zip(times_ns[::thin], offsets_ms[::thin], strict=True)
        ],
    )


def drift_ms_per_hour(
    times_s: NDArray[np.float64], offsets_ms: NDArray[np.float64], resolution_ms: float
) -> tuple[float, float] | None:
    """Fit a line through the offsets by Theil and Sen: median of the slopes of all pairs.

    Up to 29 % of the points may be anything. Returns (drift, its uncertainty at 95 %) in ms an
    hour, or None with fewer than five events.
    """
    if len(times_s) < 5:
        return None
    if len(times_s) > _FIT_POINTS:
        groups = np.array_split(np.arange(len(times_s)), _FIT_POINTS)
        times_s, offsets_ms = (
            np.array([np.median(values[group]) for group in groups])
            for values in (times_s, offsets_ms)
        )
    one, other = np.triu_indices(len(times_s), k=1)
    apart = times_s[other] - times_s[one]
    far = apart > 0
    slope = float(np.median((offsets_ms[other] - offsets_ms[one])[far] / apart[far]))
    residual = offsets_ms - slope * times_s
    scatter = 1.4826 * float(np.median(np.abs(residual - np.median(residual))))
    lever = float(np.sqrt(np.sum((times_s - times_s.mean()) ** 2)))
    # Resolution is a rounding: uniform, so its standard deviation is a 1/sqrt(12) of it. The
    # median of slopes is 1.05 times less efficient than least squares.
    sigma = float(np.hypot(scatter, resolution_ms / np.sqrt(12)))
    return slope * 3600, 1.96 * 1.05 * sigma / max(lever, 1e-9) * 3600
