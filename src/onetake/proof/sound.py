"""What one audio track holds: where its samples lie, its chirps, silences, holes and level.

Invariant: positions are what a player hears. Samples that follow each other are contiguous while
the stamps agree within the container's own rounding; the stamps, averaged over a second, say where
they lie. Where the stamps jump, a new run begins and the jump is a fact of its own.
"""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.chirps import BANDS, FLOOR_DB, ChirpFinder
from onetake.proof.dropouts import DropoutFinder
from onetake.proof.read import Sound, Track

__all__ = ["HeardChirp", "SoundTrack", "StampJump"]

_MAX_LISTED = 10_000
"""Jumps kept one by one; a file with more is broken anyway and must not fill the memory."""

_SMOOTH_NS = NS_PER_S
"""Stamps within this distance are averaged: Matroska rounds them to 1 ms."""

_EXPECT_STAMPS = 8
"""Stamps whose average says where the next one is expected. Fewer: rounding to 1 ms looks like a
jump; more: a slow drift of the stamps does."""

_KEEP_NS = 4 * NS_PER_S
"""How long stamps are kept: chirps are found up to one transform block (1.4 s) late."""

SILENT_BELOW = 1e-5
"""Samples below -100 dBFS are digital silence: no microphone or room is that quiet, and codecs
leave about this much of zeros."""

_SHORTEST_SILENCE_NS = 50 * NS_PER_MS
"""Shorter silences are not kept: pauses between words."""

_CLIPPED = 0.9999
"""Full scale 1; three samples in a row from here on are clipped."""


@dataclass(frozen=True, slots=True)
class HeardChirp:
    """A chirp and where in the file it begins."""

    start_ns: int
    amplitude: float
    score: float


@dataclass(frozen=True, slots=True)
class StampJump:
    """Where the stamps do not continue: `jump_ns` > 0 leaves a hole, < 0 overlaps."""

    position_ns: int
    jump_ns: int


@dataclass(slots=True)
class _Stamp:
    run: int
    first_sample: int
    anchor_ns: float
    """Position of sample 0 of the stream, as this stamp sees it."""


@dataclass(slots=True)
class SoundTrack:
    """Collects the facts of one audio track. Feed in order, then `finish`. One thread."""

    track: Track
    rate_hz: int = 0
    start_ns: int | None = None
    end_ns: int = 0
    """Where the last sample ends, by the stamps."""
    sample_count: int = 0
    jumps: list[StampJump] = field(default_factory=list)
    jump_count: int = 0
    rate_changes: list[tuple[int, int]] = field(default_factory=list)
    """(position in ns, new rate in Hz)."""
    chirps: dict[str, list[HeardChirp]] = field(
        default_factory=lambda: {path: [] for path in BANDS}
    )
    silences: array[int] = field(default_factory=lambda: array("q"))
    """Start and end in ns of each digital silence of at least 50 ms, alternating."""
    holes_ns: list[tuple[int, int]] = field(default_factory=list)
    """(position, length)."""
    clicks_ns: list[int] = field(default_factory=list)
    peak: float = 0.0
    power_sum: float = 0.0
    clipped_samples: int = 0
    unstamped: int = 0
    """Runs of samples without a stamp."""
    _stamps: deque[_Stamp] = field(default_factory=deque)
    _run: int = 0
    _finder: ChirpFinder | None = None
    _dropouts: DropoutFinder | None = None
    _resolved: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BANDS, 0))
    _resolved_holes: int = 0
    _resolved_clicks: int = 0
    _segment_start: int = 0
    _segment_anchor_ns: float = 0.0
    _ceilings: list[tuple[float, ChirpFinder]] = field(default_factory=list)
    _silent_since_ns: int | None = None

    def feed(self, sound: Sound) -> None:
        """Take the next decoded run of samples."""
        if sound.rate_hz != self.rate_hz:
            self._begin_segment(sound)
        if sound.samples.shape[1] == 0:
            return
        position_ns = self._place(sound)
        self._measure_level(sound.samples)
        self._note_silence(sound.samples, position_ns)
        mono = sound.samples.mean(axis=0)
        assert self._finder is not None
        assert self._dropouts is not None
        self._finder.feed(mono)
        self._dropouts.feed(mono)
        self.sample_count += sound.samples.shape[1]
        self._resolve()
        self.end_ns = max(
            self.end_ns, position_ns + sound.samples.shape[1] * NS_PER_S // sound.rate_hz
        )

    def finish(self) -> None:
        """Close what is open; nothing may be fed afterwards."""
        self._close_finders()
        if self._silent_since_ns is not None:
            self._keep_silence(self._silent_since_ns, self.end_ns)
            self._silent_since_ns = None

    def ceiling_db(self, path: str, position_ns: int) -> float:
        """Return how much of a path's chirp could at most begin here, dB re a full chirp."""
        best = float(FLOOR_DB)
        for anchor_ns, finder in self._ceilings:
            sample = (position_ns - anchor_ns) * finder.rate_hz / NS_PER_S
            if sample >= 0:
                best = finder.ceiling_db(path, sample)
        return best

    def silence_spans_ns(self) -> list[tuple[int, int]]:
        """Return (start, end) of each digital silence of at least 50 ms, in order."""
        return list(zip(self.silences[0::2], self.silences[1::2], strict=True))

    # --- stamps ---------------------------------------------------------------------------------

    def _begin_segment(self, sound: Sound) -> None:
        """Start over with another sample rate."""
        if self.rate_hz:
            self._close_finders()
            self.rate_changes.append((self.end_ns, sound.rate_hz))
        self.rate_hz = sound.rate_hz
        self._segment_start = self.sample_count
        self._stamps.clear()
        self._run += 1
        self._finder = ChirpFinder(sound.rate_hz)
        self._dropouts = DropoutFinder(sound.rate_hz)
        self._resolved = dict.fromkeys(BANDS, 0)
        self._resolved_holes = self._resolved_clicks = 0
        first_ns = self.end_ns if sound.pts_ns is None else sound.pts_ns
        self._ceilings.append((float(first_ns), self._finder))

    def _place(self, sound: Sound) -> int:
        """Note the stamp; return the position of the first sample in ns."""
        first_sample = self.sample_count - self._segment_start
        offset_ns = first_sample * NS_PER_S / self.rate_hz
        expected_ns = self._expected_anchor_ns() + offset_ns if self._stamps else None
        if sound.pts_ns is None:
            self.unstamped += 1
            return self.end_ns
        tick_ns = float(self.track.time_base * NS_PER_S)
        if expected_ns is not None:
            jump_ns = sound.pts_ns - expected_ns
            if abs(jump_ns) > max(2 * tick_ns, NS_PER_MS):
                self._note_jump(round(expected_ns), round(jump_ns))
        if self.start_ns is None:
            self.start_ns = sound.pts_ns
        self._stamps.append(_Stamp(self._run, first_sample, sound.pts_ns - offset_ns))
        while (first_sample - self._stamps[0].first_sample) * NS_PER_S > _KEEP_NS * self.rate_hz:
            self._stamps.popleft()
        return sound.pts_ns

    def _expected_anchor_ns(self) -> float:
        """Return where sample 0 lies by the last stamps of this run, averaged over some."""
        last = list(islice(reversed(self._stamps), _EXPECT_STAMPS))
        mine = [stamp.anchor_ns for stamp in last if stamp.run == last[0].run]
        return sum(mine) / len(mine)

    def _note_jump(self, position_ns: int, jump_ns: int) -> None:
        self.jump_count += 1
        self._run += 1
        if len(self.jumps) < _MAX_LISTED:
            self.jumps.append(StampJump(position_ns, jump_ns))

    def _anchor_ns(self, sample: float) -> float:
        """Return the position of the segment's sample 0 as the stamps around `sample` see it."""
        owner = next(
            (stamp for stamp in reversed(self._stamps) if stamp.first_sample <= sample),
            self._stamps[0],
        )
        reach = _SMOOTH_NS * self.rate_hz / NS_PER_S
        near = [
            stamp.anchor_ns
            for stamp in self._stamps
            if stamp.run == owner.run and abs(stamp.first_sample - sample) <= reach
        ]
        return sum(near) / len(near) if near else owner.anchor_ns

    def _position_ns(self, sample: float) -> int:
        return round(self._anchor_ns(sample) + sample * NS_PER_S / self.rate_hz)

    # --- facts ----------------------------------------------------------------------------------

    def _resolve(self) -> None:
        """Turn what the finders found since last time from samples into positions."""
        if self._finder is None or self._dropouts is None or not self._stamps:
            return
        for path, found in self._finder.found.items():
            for chirp in found[self._resolved[path] :]:
                start_ns = self._position_ns(chirp.sample)
                self.chirps[path].append(HeardChirp(start_ns, chirp.amplitude, chirp.score))
            self._resolved[path] = len(found)
        for hole in self._dropouts.holes[self._resolved_holes :]:
            length_ns = hole.length_samples * NS_PER_S // self.rate_hz
            self.holes_ns.append((self._position_ns(hole.start_sample), length_ns))
        self._resolved_holes = len(self._dropouts.holes)
        for click in self._dropouts.clicks[self._resolved_clicks :]:
            self.clicks_ns.append(self._position_ns(click))
        self._resolved_clicks = len(self._dropouts.clicks)

    def _close_finders(self) -> None:
        if self._finder is not None and self._dropouts is not None:
            self._finder.finish()
            self._dropouts.finish()
            self._resolve()

    def _measure_level(self, samples: NDArray[np.float32]) -> None:
        size = np.abs(samples)
        peak = float(size.max())
        self.peak = max(self.peak, peak)
        self.power_sum += float(np.mean(np.square(samples, dtype=np.float64), axis=0).sum())
        if peak >= _CLIPPED:
            clipped = size >= _CLIPPED
            in_a_row = clipped[:, 2:] & clipped[:, 1:-1] & clipped[:, :-2]
            self.clipped_samples += int(in_a_row.sum())

    def _note_silence(self, samples: NDArray[np.float32], position_ns: int) -> None:
        loud = np.flatnonzero((np.abs(samples) >= SILENT_BELOW).any(axis=0))
        if len(loud) == 0:
            if self._silent_since_ns is None:
                self._silent_since_ns = position_ns
            return
        if self._silent_since_ns is not None:
            until_ns = position_ns + int(loud[0]) * NS_PER_S // self.rate_hz
            self._keep_silence(self._silent_since_ns, until_ns)
        self._silent_since_ns = None
        last = int(loud[-1]) + 1
        if last < samples.shape[1]:
            self._silent_since_ns = position_ns + last * NS_PER_S // self.rate_hz

    def _keep_silence(self, start_ns: int, end_ns: int) -> None:
        if end_ns - start_ns >= _SHORTEST_SILENCE_NS:
            self.silences.extend((start_ns, end_ns))
