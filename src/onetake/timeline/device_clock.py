"""How fast a device's clock runs, from stamped blocks: the map host time <-> source frame.

    stamp, frames ──▶ offset from nominal ──▶ shift test ──▶ 1 s bins ──▶ Kalman bank ──▶ map

A frame k (counted from the first one of this clock) was captured at
`anchor_ns + k / rate + offset(k)`; everything but the offset is exact integer arithmetic, the
offset is a small float. Stamps wait `QUARANTINE_S` before they count, so that the shift test has
spoken first. Invariant: a lost or doubled buffer never reaches the bank; it ends this clock, and
`fork` gives the one that goes on behind it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import StampKind
from onetake.model.units import NS_PER_S
from onetake.timeline.device_clock_bank import ClockState, KalmanBank
from onetake.timeline.device_clock_bins import BinMaker
from onetake.timeline.device_clock_centre import LONE_SD_S
from onetake.timeline.device_clock_shift import WINDOW_S, ShiftDetector
from onetake.timeline.device_clock_trend import Trend

__all__ = ["ClockBreak", "DeviceClock", "StampCounts"]

FIRST_BIN_S = 0.25
LAST_BIN_S = 1.0
"""Bins grow from the first to the last length: early ones serve the start, long ones are calm."""

BIN_GROWTH = 0.25
"""Length of a bin as a share of the time elapsed."""

QUARANTINE_S = WINDOW_S + 0.1
"""How long stamps wait for the shift test. Shorter than its window: losses bend the estimate."""

DIGEST_S = 0.05
"""How often stamps are looked at; per block would only cost time."""

YOUNG_S = 20.0
"""How long half a second more of stamps is worth a closer look. 0: starts at +-10 ms of jitter are
a third worse; for ever: a loss shows before it is found."""

FINE_JITTER_S = 0.25e-3
"""Stamps as good as this are listened to at once while all is calm: half a second behind, a clock
that wanders is otherwise a sixth further off. Larger costs time for nothing."""

BURST_SHARE = 0.5
"""A bin whose stamps span less than this share of its sound is a backlog delivered at once."""

FROZEN_ARRIVALS = 3
"""Blocks may arrive two at a time; from the third equal arrival stamp on, the clock stands."""

LEAST_LAST_BLOCKS = 4
"""Fewer stamps than this at the end of a run are not worth a bin of their own."""

LATE_SIGMAS = 5.0
LATE_LEAST_S = 5e-3
"""A stamp this far behind the map is counted as late."""

CALM_JITTER_S = 1.5e-3
"""Single stamps that scatter more hide a loss of one block from the eye; the shift test alone sees
it then. Smaller: ordinary devices of a busy machine never count as calm."""

CALM_SD_S = 0.07e-3
"""What is played must be placed this well before less than the whole look-ahead will do. More: the
first seconds at 1 ms of jitter and a clock that wanders are over half a millisecond off."""

CALM_BEHIND_S = 0.5
"""How far behind the newest stamp is played then."""

ODD_SIGMAS = 5.0
ODD_LEAST_S = 2.5e-3
"""A stamp this far from the map may be the first one behind a loss. Less: every tenth of a second
has one; more: a short loss is only seen by the shift test."""


class StampCounts:
    """What was odd about the stamps of a clock."""

    __slots__ = ("backward", "duplicate", "late")

    def __init__(self) -> None:
        self.duplicate = 0
        self.backward = 0
        self.late = 0


@dataclass(frozen=True, slots=True)
class ClockBreak:
    """From `frame` on, sound was captured `shift_s` later (+: lost before it) than counted."""

    frame: int
    shift_s: float
    shift_sd_s: float


class DeviceClock:
    """The clock of one device run at one nominal rate. One thread.

    Args:
        rate_hz: nominal rate.
        kind: what the stamps mean.
        anchor_ns: host time near the first frame: its stamp.
        counts: shared by the clocks of one source, so that counts survive a fork.
    """

    def __init__(
        self, rate_hz: int, kind: StampKind, anchor_ns: int, counts: StampCounts | None = None
    ) -> None:
        self.rate_hz = rate_hz
        self.kind = kind
        self.anchor_ns = anchor_ns
        self.counts = counts or StampCounts()
        self._bins = BinMaker(kind)
        self._detector = ShiftDetector()
        self._trend = Trend()
        self._bank: KalmanBank | None = None
        self._state: ClockState | None = None
        self._foretaste: ClockState | None = None
        self._times_s: list[float] = []
        self._offsets_s: list[float] = []
        self._frames: list[int] = []
        self._unsure_from: list[int] = []
        self._skipped_from: int | None = None
        self._first_time_s: float | None = None
        self._digest_at_s = 0.0
        self._last_stamp_ns: int | None = None
        self._repeats = 0

    @property
    def is_ready(self) -> bool:
        """Whether the map can be asked."""
        return self._state is not None

    @property
    def state(self) -> ClockState:
        """Offset and skew now. Only when `is_ready`. While the clock is young, stamps that are
        still in quarantine are listened to as well, without being counted."""
        if self._foretaste is None:
            self._foretaste = self._taste()
        return self._foretaste

    @property
    def jitter_s(self) -> float:
        """Robust standard deviation of single stamps."""
        return self._bins.jitter_s

    @property
    def is_calm(self) -> bool:
        """Whether nothing speaks for a loss or a stall at this instant: stamps scatter little, the
        place is known well, and the newest stamp lies where it was foretold."""
        if not self._has_news_as_foretold():
            return False
        return self.state.offset_sd_at(self._times_s[-1] - CALM_BEHIND_S) <= CALM_SD_S

    def _has_news_as_foretold(self) -> bool:
        state = self._state
        if state is None or self.jitter_s > CALM_JITTER_S or not self._times_s:
            return False
        deviation_s = self._offsets_s[-1] - state.offset_at(self._times_s[-1])
        return abs(deviation_s) <= max(ODD_SIGMAS * self.jitter_s, ODD_LEAST_S)

    @property
    def drift_ppm(self) -> float:
        """By how much the device runs fast against the host now, in ppm; 0 until ready."""
        return 0.0 if self._state is None else _ppm(self._state.skew)

    @property
    def drift_sd_ppm(self) -> float:
        """Standard deviation of `drift_ppm`."""
        return float("inf") if self._state is None else self._state.skew_sd * 1e6

    def mean_drift_ppm(self) -> tuple[float, float]:
        """Return by how much it ran fast on the whole and the standard deviation of that; as now
        while there is too little to say."""
        line = self._trend.line()
        if line is None:
            return self.drift_ppm, self.drift_sd_ppm
        return _ppm(line.skew), line.skew_sd * 1e6

    def add(self, stamp_ns: int, frame: int) -> ClockBreak | None:
        """Take the stamp of a block that begins with `frame`; return a break when one is found:
        `fork` must then be called before the next `add`."""
        if self._is_repeat(stamp_ns):
            if self._skipped_from is None:
                self._skipped_from = frame
            return None
        time_s = frame / self.rate_hz
        self._times_s.append(time_s)
        self._frames.append(frame)
        self._unsure_from.append(frame if self._skipped_from is None else self._skipped_from)
        self._skipped_from = None
        self._offsets_s.append(self._offset_s(stamp_ns, frame))
        if self._first_time_s is None:
            self._first_time_s = self._digest_at_s = time_s
        if time_s < self._digest_at_s:
            return None
        self._digest_at_s = time_s + DIGEST_S
        self._foretaste = None
        found = self._find_break()
        if found is None:
            self._close_bins(time_s - QUARANTINE_S)
        return found

    def settle(self) -> None:
        """Count the stamps still waiting: no more will come."""
        if self._times_s:
            self._close_bins(self._times_s[-1])
        if self._times_s and (self._state is None or len(self._times_s) > LEAST_LAST_BLOCKS):
            self._close_bin(len(self._times_s))

    def fork(self, at: ClockBreak) -> DeviceClock:
        """Return the clock that goes on behind `at`, and take the stamps behind it away from this
        one. Frames keep their numbers."""
        index = bisect_left(self._frames, at.frame)
        clock = DeviceClock(self.rate_hz, self.kind, self.anchor_ns, self.counts)
        clock._bins, clock._detector = self._bins.forked(), self._detector
        clock._times_s, self._times_s = self._times_s[index:], self._times_s[:index]
        clock._frames, self._frames = self._frames[index:], self._frames[:index]
        clock._offsets_s, self._offsets_s = self._offsets_s[index:], self._offsets_s[:index]
        clock._unsure_from, self._unsure_from = self._unsure_from[index:], self._unsure_from[:index]
        clock._last_stamp_ns = self._last_stamp_ns
        self.settle()
        clock._trend = self._trend.broken()
        time_s = at.frame / self.rate_hz
        clock._first_time_s = clock._digest_at_s = time_s
        if self._bank is not None:
            clock._bank = self._bank.forked(time_s)
            clock._bank.shift(at.shift_s, 3 * at.shift_sd_s)
            clock._state = clock._bank.state()
        return clock

    def frame_at(self, host_s: float) -> float:
        """Return the (fractional) frame captured `host_s` seconds after `anchor_ns`."""
        state = self.state
        lead_s = state.skew * state.time_s - state.offset_s
        return (host_s + lead_s) / (1 + state.skew) * self.rate_hz

    def host_s_of(self, frame: float) -> float:
        """Return when `frame` was captured, in seconds after `anchor_ns`."""
        time_s = frame / self.rate_hz
        return time_s + self.state.offset_at(time_s)

    def host_ns_of(self, frame: float) -> int:
        """Return the host time at which `frame` was captured, in ns."""
        return self.anchor_ns + round(self.host_s_of(frame) * NS_PER_S)

    def _offset_s(self, stamp_ns: int, frame: int) -> float:
        """Exact until the very last division: hours of sound do not cost a nanosecond."""
        late = (stamp_ns - self.anchor_ns) * self.rate_hz - frame * NS_PER_S
        return late / (self.rate_hz * NS_PER_S)

    def _is_repeat(self, stamp_ns: int) -> bool:
        last_ns, self._last_stamp_ns = self._last_stamp_ns, stamp_ns
        if last_ns is None or stamp_ns > last_ns:
            self._repeats = 0
            return False
        if stamp_ns < last_ns:
            self.counts.backward += 1
            self._repeats = 0
            return False
        self.counts.duplicate += 1
        self._repeats += 1
        return self.kind is StampKind.CAPTURE or self._repeats >= FROZEN_ARRIVALS - 1

    def _find_break(self) -> ClockBreak | None:
        state = self._state
        if state is None:
            return None
        base_s, skew = state.offset_s - state.skew * state.time_s, state.skew
        pairs = list(zip(self._times_s, self._offsets_s, strict=True))
        deviations_s = [offset_s - base_s - skew * time_s for time_s, offset_s in pairs]
        hosts_s = [time_s + offset_s for time_s, offset_s in pairs]
        ahead_s = self._times_s[-1] - state.time_s
        foretold_sd_s = state.offset_sd_s + state.skew_sd * ahead_s
        found = self._detector.find(self._times_s, hosts_s, deviations_s, foretold_sd_s)
        if found is None:
            return None
        index = min(found.index, len(self._frames) - 1)
        # A block delivered twice carries its stamp twice: what repeats belongs behind the break.
        frame = self._frames[index] if found.shift_s > 0 else self._unsure_from[index]
        return ClockBreak(frame, found.shift_s, found.shift_sd_s)

    def _close_bins(self, until_s: float) -> None:
        while self._times_s:
            assert self._first_time_s is not None
            elapsed_s = self._times_s[0] - self._first_time_s
            length_s = min(max(BIN_GROWTH * elapsed_s, FIRST_BIN_S), LAST_BIN_S)
            end_s = self._times_s[0] + length_s
            if end_s > until_s:
                return
            self._close_bin(bisect_left(self._times_s, end_s))

    def _close_bin(self, count: int) -> None:
        times = np.array(self._times_s[:count])
        offsets = np.array(self._offsets_s[:count])
        for waiting in (self._times_s, self._offsets_s, self._frames, self._unsure_from):
            del waiting[:count]
        if self._is_burst(times, offsets):
            self.counts.late += count
            return
        made = self._bins.make(times, offsets, self._state.skew if self._state else 0.0)
        self._trend.add(made.time_s, made.offset_s, count)
        if self._bank is None:
            variance_s2 = max(made.variance_s2, LONE_SD_S**2 if count == 1 else 0.0)
            self._bank = KalmanBank(made.time_s, made.offset_s, variance_s2)
        else:
            self._bank.update(made.time_s, made.offset_s, made.variance_s2)
        self._state = state = self._bank.state()
        self._foretaste = None
        deviations = offsets - state.offset_s - state.skew * (times - state.time_s)
        self._detector.learn(deviations.tolist())
        limit_s = max(LATE_SIGMAS * self.jitter_s, LATE_LEAST_S)
        self.counts.late += int(np.count_nonzero(deviations > limit_s))

    def _taste(self) -> ClockState:
        assert self._state is not None
        assert self._bank is not None
        assert self._first_time_s is not None
        is_young = self._state.time_s - self._first_time_s < YOUNG_S
        is_worth_it = is_young or (self.jitter_s <= FINE_JITTER_S and self._has_news_as_foretold())
        if not is_worth_it or len(self._times_s) < LEAST_LAST_BLOCKS:
            return self._state
        times, offsets = np.array(self._times_s), np.array(self._offsets_s)
        if self._is_burst(times, offsets):
            return self._state
        tasted = self._bins.taste(times, offsets, self._state.skew)
        bank = self._bank.forked(self._bank.time_s)
        bank.update(tasted.time_s, tasted.offset_s, tasted.variance_s2)
        return bank.state()

    def _is_burst(self, times: NDArray[np.float64], offsets: NDArray[np.float64]) -> bool:
        span_s = float(times[-1] - times[0])
        if span_s < FIRST_BIN_S / 2:
            return False
        hosts = times + offsets
        return float(hosts.max() - hosts.min()) < BURST_SHARE * span_s


def _ppm(skew: float) -> float:
    """Return by how much a device of this skew runs fast."""
    return (1 / (1 + skew) - 1) * 1e6
