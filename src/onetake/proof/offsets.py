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

__all__ = ["Matched", "drift_ms_per_hour", "largest_step", "match", "path_offsets", "summarise"]

_MOST_LAG_NS = 5 * NS_PER_S
"""Largest offset that is looked for. Larger: more chance matches and time; smaller: a take with
seconds lost is reported as "no beeps"."""

_NEAR_NS = 120 * NS_PER_MS
"""Change of the offset from one beep to the next up to which it is the same line. Less than the
shortest interval's third; a loaded sound server makes single beeps late by up to 100 ms."""

_NEAR_COST = 0.4
"""What a change by _NEAR_NS costs, in beeps. Out and back again must cost less than one, else a
single late beep is left out."""

_JUMP_COST = 2.2
"""What a larger change costs, in beeps: three that agree on a new offset are worth a jump."""

_LAG_COST = 0.02
"""What each second of offset costs, in beeps: of equally good ones the smallest is meant."""

_HYPOTHESES = 64
"""Offsets that are followed at a time. Each event brings up to ten new ones; a real step has to
survive three events until it pays."""

_SAME_LAG_NS = 10 * NS_PER_MS
"""Hypotheses this near to each other are one."""

_MOST_LISTED = 2000

_MOST_STEP_MS = 5.0
"""Change of the offset between neighbouring events. Slewing recorders move by 1 ms at most."""

_STEP_EVENTS = 4
"""Events on each side of a step. Fewer: two bad events look like one; more: a step near the
beginning or the end is missed."""

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
    """Find for each event its chirp: the chain of pairs whose offset changes least.

    Follows several offsets at once from event to event. A pair is worth one, a change of the
    offset costs (`_NEAR_COST`, `_JUMP_COST`), an event without a chirp costs nothing; the chain
    worth most at the end is the answer. Chirps stay in order and none is given twice.

    Args:
        events_ns: where events are seen, ascending.
        chirps_ns: where chirps are heard, ascending; may hold wrong ones.
        is_regular: events are equally spaced, so offsets beyond half an interval mean nothing.
    """
    most_lag_ns = NS_PER_S // 2 if is_regular else _MOST_LAG_NS
    chains = _Chains()
    for event, event_ns in enumerate(events_ns.tolist()):
        low = int(np.searchsorted(chirps_ns, event_ns - most_lag_ns))
        high = int(np.searchsorted(chirps_ns, event_ns + most_lag_ns, side="right"))
        if high > low:
            chains.extend(event, np.arange(low, high), chirps_ns[low:high] - event_ns)
    return chains.best()


class _Chains:
    """The hypotheses of `match`: parallel arrays, best first."""

    def __init__(self) -> None:
        self._worth = np.zeros(1)
        self._lag_ns = np.zeros(1)
        self._chirp = np.full(1, -1, dtype=np.intp)
        self._node = np.full(1, -1, dtype=np.intp)
        self._nodes: list[tuple[int, int, int]] = []
        """(event, chirp, node before) of every pair that ever was in a chain."""

    def extend(self, event: int, chirps: NDArray[np.intp], lags_ns: NDArray[np.int64]) -> None:
        """Let every chain go on with each of these chirps, and with none of them."""
        change_ns = np.abs(lags_ns[:, None] - self._lag_ns[None, :])
        cost = np.where(change_ns <= _NEAR_NS, _NEAR_COST * change_ns / _NEAR_NS, _JUMP_COST)
        cost[:, self._node < 0] = 0.0
        cost[chirps[:, None] <= self._chirp[None, :]] = np.inf
        worth = self._worth[None, :] - cost
        parents = worth.argmax(axis=1)
        best = worth[np.arange(len(chirps)), parents]
        best += 1 - _LAG_COST * np.abs(lags_ns) / NS_PER_S
        first = len(self._nodes)
        self._nodes += [
            (event, chirp, parent)
            for chirp, parent in zip(chirps.tolist(), self._node[parents].tolist(), strict=True)
        ]
        self._keep(
            np.concatenate([best, self._worth]),
            np.concatenate([lags_ns.astype(np.float64), self._lag_ns]),
            np.concatenate([chirps, self._chirp]),
            np.concatenate([first + np.arange(len(chirps)), self._node]),
        )

    def _keep(
        self,
        worth: NDArray[np.float64],
        lag_ns: NDArray[np.float64],
        chirp: NDArray[np.intp],
        node: NDArray[np.intp],
    ) -> None:
        """Keep the best chain of each offset, and of these the best."""
        order = np.argsort(-worth, kind="stable")
        order = order[np.isfinite(worth[order])]
        # The chain that has no pair yet has no offset either.
        bins = np.where(node[order] < 0, np.inf, np.round(lag_ns[order] / _SAME_LAG_NS))
        _, firsts = np.unique(bins, return_index=True)
        kept = order[np.sort(firsts)[:_HYPOTHESES]]
        self._worth, self._lag_ns = worth[kept], lag_ns[kept]
        self._chirp, self._node = chirp[kept], node[kept]

    def best(self) -> Matched:
        """Return the pairs of the chain that is worth most."""
        events, chirps = [], []
        node = int(self._node[0])
        while node >= 0:
            event, chirp, node = self._nodes[node]
            events.append(event)
            chirps.append(chirp)
        return Matched(np.array(events[::-1], dtype=np.intp), np.array(chirps[::-1], dtype=np.intp))


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
    step = largest_step(times_ns / NS_PER_S, offsets_ms, resolution_ms)
    drift = None
    if step is None:  # A line through a step is no drift.
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
        step_ms=None if step is None else round(step[1], 3),
        step_at_s=None if step is None else round(step[0], 3),
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


def largest_step(
    times_s: NDArray[np.float64], values_ms: NDArray[np.float64], resolution_ms: float
) -> tuple[float, float] | None:
    """Return (where, how much) of the largest lasting jump of the offset, None when there is none.

    Compares the medians of the four events before and after each place; with the flash alone the
    resolution is large and so must be the step.
    """
    count = len(values_ms)
    if count < 2 * _STEP_EVENTS:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(values_ms, _STEP_EVENTS)
    medians = np.median(windows, axis=1)
    scatter = np.median(np.abs(windows - medians[:, None]), axis=1)
    before, after = medians[:-_STEP_EVENTS], medians[_STEP_EVENTS:]
    steps = after - before
    inner = np.maximum(scatter[:-_STEP_EVENTS], scatter[_STEP_EVENTS:])
    steps = np.where(np.abs(steps) > 3 * inner, steps, 0.0)
    place = int(np.argmax(np.abs(steps)))
    if abs(steps[place]) <= max(_MOST_STEP_MS, 1.5 * resolution_ms):
        return None
    # Medians see the step one event early or late; it is where neighbours differ most.
    near = slice(place + 1, place + 2 * _STEP_EVENTS)
    jumps = np.diff(values_ms)[near] * np.sign(steps[place])
    return float(times_s[near.start + int(np.argmax(jumps)) + 1]), float(steps[place])
