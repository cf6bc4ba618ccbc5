"""One source laid onto the timeline: every sample where it was heard, silence where none was.

    blocks ──▶ runs of one device clock (ring + clock) ──▶ output samples [a, b) at their host times

A run ends where the device's clock does: at a loss, a doubled buffer, a change of rate, a
reconnection. Where a run begins is settled only when its output is due, half a second later or
more, so it is known well by then. Invariant: `render` always returns what was asked for, whatever
came in.
"""

from __future__ import annotations

import math
from array import array

import numpy as np
from numpy.typing import NDArray

from onetake.audio.follow import STRETCH
from onetake.audio.ring import FADE_S, SampleRing, stereo_planes
from onetake.audio.segment import Origin, Segment, Window
from onetake.audio.track_log import TrackLog
from onetake.model.media import AudioBlock, StampKind
from onetake.model.report import SourceStatistics
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ, first_sample_at_or_after
from onetake.timeline.device_clock import ClockBreak, DeviceClock, StampCounts
from onetake.timeline.timeline import Span, Timeline

__all__ = ["Track"]

THIRDS_PER_SAMPLE = 3 * NS_PER_S // SAMPLE_RATE_HZ
"""One output sample lasts exactly this many thirds of a nanosecond."""

LONG_LOSS_S = 1.0
"""A declared loss longer than this begins a new run instead of a hole kept in memory."""

MOST_HELD_S = 30
"""Seconds of sound held at most. Only stamps that lie in the future can ask for so much."""

KEPT_S = 1.0
"""What came within this time is kept even if it seems past: the clock may still find out that it
is not."""

VAGUE_S = 0.25e-3
"""With a larger standard deviation of the offset the start is worth waiting for: three sigma must
fit well into the 1.25 ms allowed there. Good stamps are below it after the look-ahead anyway."""


class Track:
    """See the module. One thread.

    Args:
        kind: what the stamps of the source mean.
        offset_ns: move the source on the timeline, + = later.
        may_hold: see `Segment`.
    """

    def __init__(self, kind: StampKind, offset_ns: int = 0, *, may_hold: bool = False) -> None:
        self.kind = kind
        self.is_live = False
        """Whether the source is expected to deliver: then the output waits for it."""
        self._offset_ns = offset_ns
        self._may_hold = may_hold
        self._counts = StampCounts()
        self._segments: list[Segment] = []
        self._next_frame = 0
        self._next_origin = Origin.FIRST
        self._last_rate_hz = 0
        self._first_stamp_ns: int | None = None
        self._sound_end_ns: int | None = None
        self._span_start_ns: int | None = None
        self._alignment_s = array("f")
        self._log = TrackLog()

    @property
    def first_stamp_ns(self) -> int | None:
        """Stamp of the first block ever; None = nothing came yet."""
        return self._first_stamp_ns

    def is_vague_at(self, host_ns: int) -> bool:
        """Whether it is not yet well known what was heard at `host_ns`, the start of the take."""
        clock = self.clock
        if clock is None or not self.is_live:
            return False
        if not clock.is_ready:
            return True
        time_s = max(0.0, (host_ns - clock.anchor_ns) / NS_PER_S)
        return clock.state.offset_sd_at(time_s) > VAGUE_S

    @property
    def is_calm(self) -> bool:
        """Whether the source delivers as foretold; then there is no need to wait for what a stamp
        may mean."""
        return self.is_live and self.clock is not None and self.clock.is_calm

    @property
    def alignment_error_s(self) -> float:
        """Estimated error of the place last played; 0 before anything was."""
        return self._alignment_s[-1] if self._alignment_s else 0.0

    @property
    def clock(self) -> DeviceClock | None:
        """The clock of the newest run."""
        return self._segments[-1].clock if self._segments else None

    def feed(self, block: AudioBlock) -> None:
        """Take the next block in."""
        frames = block.samples.shape[0]
        if frames == 0:
            return
        self.is_live = True
        samples = self._log.block(block)
        stamp_ns = block.stamp_ns + self._offset_ns
        if self._first_stamp_ns is None:
            self._first_stamp_ns = stamp_ns
        segment = self._segment_for(block.rate_hz, stamp_ns)
        segment = self._skip_lost(segment, block.lost_frames, stamp_ns)
        self._write(segment, samples)
        segment.ring.drop_before(segment.ring.end - MOST_HELD_S * segment.rate_hz)
        frame, self._next_frame = self._next_frame, self._next_frame + frames
        found = segment.clock.add(stamp_ns, frame)
        if found is not None:
            self._fork(segment, found, Origin.LOST if found.shift_s > 0 else Origin.DOUBLED)

    def end_run(self, kind: StampKind | None = None) -> None:
        """The device went away; what comes next has another clock (and stamps of `kind`)."""
        self.is_live = False
        self.kind = kind or self.kind
        self._next_origin = Origin.RECONNECTED
        self._close()

    def horizon_ns(self) -> int | None:
        """Return the host time up to which everything is there; None = nothing to wait for."""
        if not self.is_live or not self._segments:
            return None
        last = self._segments[-1]
        if not last.clock.is_ready:
            return last.clock.anchor_ns
        # One sample less: rounded up to a whole one it must not look as if the sound ended there.
        return last.settled_ns - NS_PER_S // SAMPLE_RATE_HZ - 1

    def render(self, first: int, end: int, timeline: Timeline) -> NDArray[np.float32]:
        """Return output samples [first, end): float32, shape (end - first, 2), owned by the caller.

        To be called for consecutive ranges.
        """
        out = np.zeros((end - first, 2), np.float32)
        for low, high, span in timeline.sample_spans(first, end):
            if span.start_host_ns != self._span_start_ns:
                self._span_start_ns = span.start_host_ns
                for segment in self._segments:
                    segment.follower.lift()
            window = _window(span, timeline)
            for at in range(low, high, STRETCH):
                until = min(at + STRETCH, high)
                self._render_piece(out[at - first : until - first], at, span, window)
        return out

    def trim(self, host_ns: int) -> None:
        """Forget sound from before `host_ns`: it will not be asked for any more."""
        for segment in list(self._segments):
            ring = segment.ring
            keep = ring.end - math.ceil(KEPT_S * segment.rate_hz)
            if segment.clock.is_ready:
                past = math.floor(segment.frame_at_ns(host_ns)) - segment.reach_frames
                ring.drop_before(min(past, keep))
                if segment.is_closed and past > ring.end:
                    self._remove(segment)
            elif segment.is_closed:
                self._remove(segment)

    def finish(self, end_host_ns: int) -> None:
        """No more sound will come; the take ends at `end_host_ns`."""
        self._close()
        ends = [segment.end_ns for segment in self._segments if segment.clock.is_ready]
        end_ns = max(ends, default=self._sound_end_ns or 0)
        if end_ns < end_host_ns:
            self._log.fill(end_ns, end_host_ns)

    def histories(self) -> dict[int, object]:
        """Return a memo for `copy.deepcopy`: a copy is to play on alike, with nothing counted, for
        what was counted grows with the take."""
        return {id(self._log): TrackLog(), id(self._alignment_s): array("f")}

    def statistics(self, timeline: Timeline) -> SourceStatistics:
        """Return what is known by now."""
        return self._log.statistics(
            self.kind, self.clock, self._counts, np.asarray(self._alignment_s), timeline
        )

    def _segment_for(self, rate_hz: int, stamp_ns: int) -> Segment:
        """Return the run that is being written, a new one where the device's clock is another."""
        last = self._segments[-1] if self._segments else None
        if last is not None and not last.is_closed:
            if last.rate_hz == rate_hz:
                return last
            self._next_origin = Origin.RATE
            self._close()
        clock = DeviceClock(rate_hz, self.kind, stamp_ns, self._counts)
        segment = Segment(clock, SampleRing(rate_hz, 0), self._next_origin, may_hold=self._may_hold)
        self._segments.append(segment)
        self._next_frame = 0
        return segment

    def _close(self) -> None:
        if self._segments and not self._segments[-1].is_closed:
            last = self._segments[-1]
            last.is_closed = True
            last.clock.settle()
            if not last.clock.is_ready:
                self._segments.remove(last)

    def _skip_lost(self, segment: Segment, lost_frames: int, stamp_ns: int) -> Segment:
        """Leave room for what the API says is lost."""
        if lost_frames <= 0:
            return segment
        begin = self._next_frame
        is_long = lost_frames > LONG_LOSS_S * segment.rate_hz
        if not segment.clock.is_ready:
            if not is_long:
                self._next_frame += lost_frames
                return segment
            self._next_origin = Origin.DECLARED
            self._close()
            return self._segment_for(segment.rate_hz, stamp_ns)
        self._next_frame += lost_frames
        if is_long:
            return self._fork(segment, ClockBreak(self._next_frame, 0.0, 0.0), Origin.DECLARED)
        begin_ns = segment.clock.host_ns_of(begin)
        end_ns = segment.clock.host_ns_of(self._next_frame)
        self._log.realign(begin_ns, end_ns, Origin.DECLARED)
        return segment

    def _write(self, segment: Segment, samples: NDArray[np.float32]) -> None:
        ring, end = segment.ring, segment.ring.end
        late = ring.write(self._next_frame, stereo_planes(samples))
        if late == 0:
            return
        self._log.late_s += late / segment.rate_hz
        if ring.end > end:
            begin = ring.end - len(samples) + late
            self._log.fill(segment.clock.host_ns_of(end), segment.clock.host_ns_of(begin))

    def _fork(self, segment: Segment, at: ClockBreak, origin: Origin) -> Segment:
        clock = segment.clock.fork(at)
        ring = segment.ring.split(at.frame)
        if at.frame > ring.end:
            ring = SampleRing(segment.rate_hz, at.frame)
        segment.is_closed = True
        behind = Segment(clock, ring, origin, may_hold=self._may_hold)
        self._segments.append(behind)
        return behind

    def _render_piece(
        self, out: NDArray[np.float32], sample: int, span: Span, window: Window
    ) -> None:
        base_thirds = 3 * (span.start_host_ns - span.start_position_ns)
        begin_thirds = base_thirds + sample * THIRDS_PER_SAMPLE
        end_ns = (begin_thirds + len(out) * THIRDS_PER_SAMPLE) // 3
        self._settle_edges(begin_thirds // 3, end_ns, is_start=sample == 0)
        for segment in list(self._segments):
            if not segment.is_joined:
                continue
            host_s = (begin_thirds - 3 * segment.clock.anchor_ns) / (3 * NS_PER_S)
            out += segment.render(sample, len(out), host_s, window)
            if segment.is_closed and segment.end_ns < begin_thirds // 3:
                self._remove(segment)
            else:
                error_s = math.hypot(segment.follower.deviation_s, segment.clock.state.offset_sd_s)
                self._alignment_s.append(error_s)

    def _settle_edges(self, begin_ns: int, end_ns: int, *, is_start: bool) -> None:
        """Settle where runs begin and end, as far as [begin_ns, end_ns) is concerned."""
        for index, segment in enumerate(self._segments):
            if not segment.clock.is_ready:
                break
            guard_ns = math.ceil(segment.reach_frames * NS_PER_S / segment.rate_hz)
            if not segment.is_joined and segment.start_ns <= end_ns + guard_ns:
                self._join(index, begin_ns, is_start=is_start)
            if segment.is_joined and segment.settled_ns < end_ns:
                segment.ring.fade_out_end()

    def _join(self, index: int, begin_ns: int, *, is_start: bool) -> None:
        """Let a run be heard from its beginning, or from `begin_ns` if that has passed."""
        segment = self._segments[index]
        segment.is_joined = True
        start_ns = max(segment.start_ns, begin_ns)
        before = self._segments[index - 1] if index else None
        silent_from_ns = before.end_ns if before is not None else self._sound_end_ns
        if before is not None:
            cut = before.frame_at_ns(start_ns) + FADE_S * before.rate_hz
            gone = before.ring.truncate(math.ceil(cut))
            self._log.trim(start_ns, gone * NS_PER_S // before.rate_hz)
        if not (is_start and segment.start_ns <= begin_ns):
            late = math.ceil(segment.frame_at_ns(start_ns)) - segment.ring.start
            if late > 0 and not is_start:
                segment.ring.drop_before(segment.ring.start + late)
                self._log.late_s += late / segment.rate_hz
            segment.ring.fade_in_start()
        self._log.joined(segment.origin, silent_from_ns, start_ns, self._last_rate_hz, segment)
        self._last_rate_hz = segment.rate_hz

    def _remove(self, segment: Segment) -> None:
        if segment.clock.is_ready:
            self._sound_end_ns = segment.end_ns
        self._segments.remove(segment)


def _window(span: Span, timeline: Timeline) -> Window:
    """Return what of the output the span fills; the take's own beginning is not softened."""
    first = first_sample_at_or_after(span.start_position_ns)
    end_ns = span.end_position_ns
    return Window(
        None if span is timeline.spans[0] else first,
        None if end_ns is None else first_sample_at_or_after(end_ns),
    )
