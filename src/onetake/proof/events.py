"""Where in the file the pattern's events are seen.

With the code block each picture says when it was drawn, so `stamp - drawn` is the age of what it
shows: constant in a file made by a machine, scattered over one drawing interval on a real screen.
The freshest pictures within 0.6 s say where the event lies, to a tenth of a millisecond, whether a
frame was just there or not. Without the block the first white picture is the event, to one frame.

Invariant: an event is reported only if the file shows the moment itself; one that fell into a pause
is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onetake.model.pattern import CODE_UNIT_NS, FLASH_MIN_LUMA, EventSchedule
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.frames import FrameLog

__all__ = ["SeenEvents", "seen_events"]

_NEAR_NS = 600 * NS_PER_MS
"""Pictures this near to an event vote on its place. Fewer: a slow screen has no fresh one among
them; more: a pause or a drift within blurs it."""

_FRESH_NS = 200_000
"""Pictures whose age is within this of the freshest one's count as fresh (or one container tick, if
that is more)."""

_PAUSE_NS = 50 * NS_PER_MS
"""How much younger than everything in the last seconds a picture must be to mean that the pattern
went on while the file stood (a pause, or lost pictures that were closed up)."""

_STEP_NS = 10 * NS_PER_MS
"""How much younger than its neighbour a picture must be to be looked at for a pause; two steps of
this size may make one. Smaller only costs time."""

_BACK_NS = 5 * NS_PER_S
"""A picture this much older than the ones before means that the pattern began anew."""

_TORN_NS = NS_PER_S
"""A code this far from both neighbours is misread."""

_DARK_LUMA = 140
"""Highest median luma just before a flash; between it and FLASH_MIN_LUMA nothing is decided."""

_SHORTEST_FLASH_NS, _LONGEST_FLASH_NS = 25 * NS_PER_MS, 400 * NS_PER_MS
"""Length of a flash: the pattern's is 100 ms, other generators use 40-200 ms."""

_LEAST_FLASHES = 3
"""Fewer white pictures than this are no pattern."""


@dataclass(frozen=True, slots=True)
class SeenEvents:
    """The events of one file, ascending."""

    method: Literal["code", "flash"]
    times_ns: NDArray[np.int64]
    """Where in the file each event lies."""
    resolution_ns: float
    """How far the truth may be from that."""
    is_regular: bool
    """Whether all intervals are the same, so that a lag of a whole interval cannot be told."""
    schedule_id: int | None
    numbers: NDArray[np.int64]
    """Number of each event in its schedule, or counted from 0."""


def seen_events(log: FrameLog) -> SeenEvents | None:
    """Return the pattern's events in a video track, None when there is no pattern."""
    order = np.argsort(np.asarray(log.pts_ns, dtype=np.int64), kind="stable")
    if len(order) == 0:
        return None
    coded = _coded_events(log, order)
    return coded if coded is not None else _flashed_events(log, order)


# --- with the code block ------------------------------------------------------------------------


def _coded_events(log: FrameLog, order: NDArray[np.intp]) -> SeenEvents | None:
    schedules = np.asarray(log.schedules, dtype=np.int8)[order]
    known = schedules >= 0
    if known.sum() < 10:
        return None
    schedule_id = int(np.bincount(schedules[known]).argmax())
    mine = schedules == schedule_id
    pts_ns = np.asarray(log.pts_ns, dtype=np.int64)[order][mine]
    codes_ns = np.asarray(log.codes_ns, dtype=np.int64)[order][mine]
    pts_ns, codes_ns = _without_torn(pts_ns, codes_ns)
    tick_ns = float(log.track.time_base * NS_PER_S)
    schedule = EventSchedule(schedule_id)
    times: list[tuple[int, int]] = []
    staleness: list[float] = []
    for first, last in _segments(pts_ns, codes_ns):
        part_pts, part_codes = pts_ns[first:last], codes_ns[first:last]
        for event_ns in schedule.times_ns(int(part_codes[0]), int(part_codes.max()) + 1):
            age_ns, stale_ns = _age_at(event_ns, part_pts, part_codes, tick_ns)
            times.append((round(event_ns + age_ns), schedule.nearest(event_ns)[0]))
            staleness.append(stale_ns)
    times.sort()
    return SeenEvents(
        "code",
        np.array([time for time, _ in times], dtype=np.int64),
        CODE_UNIT_NS + tick_ns / 2 + (float(np.median(staleness)) if staleness else 0.0),
        is_regular=schedule_id == 0,
        schedule_id=schedule_id,
        numbers=np.array([number for _, number in times], dtype=np.int64),
    )


def _without_torn(
    pts_ns: NDArray[np.int64], codes_ns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leave out codes that fit neither to the picture before nor to the one after."""
    ages = pts_ns - codes_ns
    steps = np.abs(np.diff(ages)) > _TORN_NS
    torn = np.zeros(len(ages), dtype=bool)
    torn[1:-1] = steps[:-1] & steps[1:] & (np.abs(ages[2:] - ages[:-2]) <= _TORN_NS)
    return pts_ns[~torn], codes_ns[~torn]


def _segments(pts_ns: NDArray[np.int64], codes_ns: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut where the pattern jumped against the file: (first, after the last) of each part."""
    ages = pts_ns - codes_ns
    cuts = [0]
    steps = np.diff(ages)
    for index in (np.flatnonzero((steps < -_STEP_NS) | (steps > _BACK_NS)) + 1).tolist():
        recent = ages[max(cuts[-1], index - 120) : index]
        # The second youngest: the picture at a pause's edge may lie between both levels, and must
        # not hide the step behind it.
        level_ns = np.partition(recent, 1)[1] if len(recent) > 1 else recent[0]
        if ages[index] < level_ns - _PAUSE_NS or ages[index] > recent.max() + _BACK_NS:
            cuts.append(index)
    return list(zip(cuts, [*cuts[1:], len(ages)], strict=True))


def _age_at(
    event_ns: int, pts_ns: NDArray[np.int64], codes_ns: NDArray[np.int64], tick_ns: float
) -> tuple[float, float]:
    """Return (age of the freshest pictures near the event, how unsure that is), in ns."""
    near = np.abs(codes_ns - event_ns) <= _NEAR_NS
    if not near.any():
        near[np.argmin(np.abs(codes_ns - event_ns))] = True
    ages = np.sort(pts_ns[near] - codes_ns[near])
    # The second freshest, so that one stamp that is too early does not decide.
    base = float(ages[1] if len(ages) >= 8 else ages[0])
    fresh = ages[(ages >= base) & (ages <= base + max(_FRESH_NS, tick_ns))]
    spread = float(np.median(ages)) - base
    stale_ns = 2 * spread / len(ages) if spread > max(_FRESH_NS, tick_ns) else 0.0
    # A code is rounded down by half a unit on average.
    return float(fresh.mean()) - CODE_UNIT_NS / 2, stale_ns


# --- with the flash alone -----------------------------------------------------------------------


def _flashed_events(log: FrameLog, order: NDArray[np.intp]) -> SeenEvents | None:
    pts_ns = np.asarray(log.pts_ns, dtype=np.int64)[order]
    levels = np.asarray(log.levels, dtype=np.float64)[order]
    is_bright = levels >= FLASH_MIN_LUMA
    starts = np.flatnonzero(is_bright[1:] & ~is_bright[:-1]) + 1
    ends = np.flatnonzero(~is_bright[1:] & is_bright[:-1]) + 1
    times, resolutions = [], []
    for start in starts.tolist():
        after = ends[ends > start]
        if len(after) == 0 or not _is_flash_long(int(pts_ns[after[0]] - pts_ns[start])):
            continue
        time_ns, resolution_ns = _edge(pts_ns, levels, start)
        times.append(time_ns)
        resolutions.append(resolution_ns)
    if len(times) < _LEAST_FLASHES:
        return None
    intervals = np.diff(times)
    return SeenEvents(
        "flash",
        np.array(times, dtype=np.int64),
        float(np.median(resolutions)),
        is_regular=bool(np.ptp(intervals) < 100 * NS_PER_MS),
        schedule_id=None,
        numbers=np.arange(len(times), dtype=np.int64),
    )


def _is_flash_long(length_ns: int) -> bool:
    return _SHORTEST_FLASH_NS <= length_ns <= _LONGEST_FLASH_NS


def _edge(pts_ns: NDArray[np.int64], levels: NDArray[np.float64], start: int) -> tuple[int, float]:
    """Return (time of the flash, resolution) in ns from the pictures around its first white one.

    A picture that is neither dark nor white was exposed while the flash began; its share of light
    tells when, if its stamp is the end of its exposure, as in screen grabs. Cameras differ, so no
    more than half a frame is claimed. Otherwise the event is the stamp of the first white picture.
    """
    interval_ns = float(pts_ns[start] - pts_ns[start - 1])
    dark = levels[max(0, start - 2)]
    bright = levels[start : start + 2].max()
    if dark <= _DARK_LUMA and bright > dark:
        for index in (start - 1, start):
            share = (levels[index] - dark) / (bright - dark)
            if 0.15 < share < 0.85:
                return round(pts_ns[index] - share * interval_ns), interval_ns / 2
    return int(pts_ns[start]), interval_ns
