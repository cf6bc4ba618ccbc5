"""What happened to a source: counted while it happens, told in positions of the file at the end.

Invariant: everything is kept in host time; positions are worked out when asked for, with the
pauses known by then.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from onetake.audio.meter import db_from_amplitude, peak_of
from onetake.audio.segment import Origin, Segment
from onetake.model.media import AudioBlock, StampKind
from onetake.model.report import RateChange, Realignment, SourceStatistics, Stretch
from onetake.model.units import NS_PER_S
from onetake.timeline.device_clock import DeviceClock, StampCounts
from onetake.timeline.timeline import Timeline

__all__ = ["TrackLog"]

SILENCE_LEAST_S = 1.0
"""Zeros for less than this are a pause in speech of a gated microphone, not worth a line."""


class TrackLog:
    """The counters of one source. One thread."""

    def __init__(self) -> None:
        self.late_s = 0.0
        """Sound that was dropped because it came too late."""
        self._blocks = 0
        self._frames = 0
        self._rate_hz = 0
        self._channels = 0
        self._peak = 0.0
        self._fills: list[tuple[int, int]] = []
        self._trims: list[tuple[int, int]] = []
        self._realignments: list[tuple[int, int, Origin]] = []
        self._rate_changes: list[tuple[int, int, int, int]] = []
        self._silences: list[tuple[int, int]] = []
        self._silent_from_ns: int | None = None

    def block(self, block: AudioBlock) -> NDArray[np.float32]:
        """Count a block; return its samples, with what is no number replaced by 0."""
        samples = block.samples
        peak = peak_of(samples)
        if not math.isfinite(peak):
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
            peak = float(np.abs(samples).max())
        self._blocks += 1
        self._frames += samples.shape[0]
        self._rate_hz, self._channels = block.rate_hz, samples.shape[1]
        self._peak = max(self._peak, peak)
        self._watch_silence(block.stamp_ns, is_silent=peak == 0.0)
        return samples

    def fill(self, begin_ns: int, end_ns: int) -> None:
        """Silence was put between these host times."""
        if begin_ns < end_ns:
            self._fills.append((begin_ns, end_ns))

    def trim(self, at_ns: int, length_ns: int) -> None:
        """Sound of this length was taken out at this host time."""
        if length_ns > 0:
            self._trims.append((at_ns, length_ns))

    def realign(self, begin_ns: int, end_ns: int, reason: Origin) -> None:
        """A run was placed again: it ended at `begin_ns` and goes on at `end_ns`."""
        self._realignments.append((begin_ns, end_ns - begin_ns, reason))
        self.fill(begin_ns, end_ns)

    def joined(
        self,
        reason: Origin,
        silent_from_ns: int | None,
        start_ns: int,
        last_rate_hz: int,
        segment: Segment,
    ) -> None:
        """A run begins to be heard at `start_ns`, after silence (or overlap) since the last."""
        since_ns = 0 if silent_from_ns is None else silent_from_ns
        match reason:
            case Origin.LOST | Origin.DECLARED | Origin.DOUBLED:
                self.realign(since_ns, start_ns, reason)
                return
            case Origin.RATE:
                gap_ns = max(0, start_ns - since_ns)
                change = (start_ns, last_rate_hz, segment.rate_hz, gap_ns)
                self._rate_changes.append(change)
            case _:
                pass
        self.fill(since_ns, start_ns)

    def statistics(
        self,
        kind: StampKind,
        clock: DeviceClock | None,
        counts: StampCounts,
        alignment_s: NDArray[np.float32],
        timeline: Timeline,
    ) -> SourceStatistics:
        """Return the report's view of it all."""
        has_any = len(alignment_s) > 0
        clock_ppm, clock_sd_ppm = clock.mean_drift_ppm() if clock else (0.0, 0.0)
        return SourceStatistics(
            stamp_kind=kind.value,
            rate_hz=self._rate_hz,
            channels=self._channels,
            blocks=self._blocks,
            frames=self._frames,
            clock_ppm=clock_ppm,
            clock_ppm_uncertainty=clock_sd_ppm if clock and clock.is_ready else None,
            jitter_ms=clock.jitter_s * 1e3 if clock else 0.0,
            alignment_worst_ms=float(alignment_s.max()) * 1e3 if has_any else 0.0,
            alignment_p95_ms=float(np.quantile(alignment_s, 0.95)) * 1e3 if has_any else 0.0,
            peak_db=db_from_amplitude(self._peak),
            late_stamps=counts.late,
            duplicate_stamps=counts.duplicate,
            backward_stamps=counts.backward,
            late_ms=self.late_s * 1e3,
            fills=_stretches(self._fills, timeline),
            trims=[
                Stretch(max(0, timeline.position_ns(at_ns)), length_ns)
                for at_ns, length_ns in self._trims
            ],
            realignments=[
                Realignment(max(0, timeline.position_ns(at_ns)), length_ns, reason.value)
                for at_ns, length_ns, reason in self._realignments
            ],
            rate_changes=[
                RateChange(max(0, timeline.position_ns(at_ns)), from_hz, to_hz, gap_ns)
                for at_ns, from_hz, to_hz, gap_ns in self._rate_changes
            ],
            digital_silence=_stretches(self._all_silences(), timeline),
        )

    def _watch_silence(self, stamp_ns: int, *, is_silent: bool) -> None:
        if is_silent and self._silent_from_ns is None:
            self._silent_from_ns = stamp_ns
        elif not is_silent and self._silent_from_ns is not None:
            self._note_silence(stamp_ns)
            self._silent_from_ns = None
        self._last_stamp_ns = stamp_ns

    def _note_silence(self, end_ns: int) -> None:
        begin_ns = self._silent_from_ns
        if begin_ns is not None and end_ns - begin_ns >= SILENCE_LEAST_S * NS_PER_S:
            self._silences.append((begin_ns, end_ns))

    def _all_silences(self) -> list[tuple[int, int]]:
        begin_ns = self._silent_from_ns
        if begin_ns is None or self._last_stamp_ns - begin_ns < SILENCE_LEAST_S * NS_PER_S:
            return self._silences
        return [*self._silences, (begin_ns, self._last_stamp_ns)]


def _stretches(ranges: list[tuple[int, int]], timeline: Timeline) -> list[Stretch]:
    """Return host ranges as stretches of the file, without those that are not in it."""
    found = []
    for begin_ns, end_ns in ranges:
        position_ns = max(0, timeline.position_ns(begin_ns))
        length_ns = max(0, timeline.position_ns(end_ns)) - position_ns
        if length_ns > 0:
            found.append(Stretch(position_ns, length_ns))
    return found
