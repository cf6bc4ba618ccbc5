"""The last seconds of a device's sound, addressed by the device's own frame numbers.

Holes are zeros; where sound begins or ends, 5 ms of raised cosine are worked into the samples, so
that whoever reads needs to know nothing about edges. Invariant: frames below `floor` have been
heard (or passed over) and never change again.
"""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["FADE_S", "SampleRing", "fade_in_curve", "stereo_planes"]

FADE_S = 0.005
"""Length of a fade at an edge. Shorter clicks, longer eats speech."""

INITIAL_S = 8
"""Seconds held before the buffer grows: the look-ahead, its bound and some."""


@cache
def fade_in_curve(frames: int) -> NDArray[np.float32]:
    """Return a raised cosine from near 0 to near 1; float32, shape (frames,). Read-only. With the
    reversed curve it adds up to 1."""
    curve = (0.5 - 0.5 * np.cos(np.pi * (np.arange(frames) + 0.5) / frames)).astype(np.float32)
    curve.setflags(write=False)
    return curve


def stereo_planes(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (2, frames) float32 of (frames, channels): mono goes to both sides, of more than two
    channels the first two are taken."""
    planes = samples.T
    return planes.repeat(2, axis=0) if planes.shape[0] == 1 else planes[:2]


class SampleRing:
    """Sound from `start` to `end` in frames, planar stereo. One thread."""

    def __init__(self, rate_hz: int, start: int) -> None:
        self._fade = max(1, round(FADE_S * rate_hz))
        self._rate_hz = rate_hz
        self._data = np.zeros((2, INITIAL_S * rate_hz), np.float32)
        self._base = start
        self._fade_in_from: int | None = None
        self._is_end_faded = False
        self.start = start
        """First frame held."""
        self.end = start
        """First frame not yet there."""
        self.floor = start
        """First frame that may still change."""

    def __deepcopy__(self, _memo: dict[int, object]) -> SampleRing:
        """Return a ring of its own with what is held, and no room beyond: most of it is room."""
        ring = copy.copy(self)
        ring._data = self._data[:, self.start - self._base : self.end - self._base].copy()
        ring._base = self.start
        return ring

    def write(self, frame: int, planes: NDArray[np.float32]) -> int:
        """Put sound at `frame` (at or behind `end`); return how many frames came too late.

        `planes`: float32, shape (2, n), copied. What lies between `end` and it becomes a hole.
        """
        late = min(max(self.floor - frame, 0), int(planes.shape[1]))
        frame, planes = frame + late, planes[:, late:]
        count = int(planes.shape[1])
        if count == 0:
            return late
        if frame > self.end:
            self.fade_out_end()
        if self._is_end_faded:
            self._fade_in_from, self._is_end_faded = frame, False
        self._reserve(frame + count)
        at = frame - self._base
        self._data[:, self.end - self._base : at] = 0
        self._data[:, at : at + count] = planes
        self._fade_in(frame, frame + count)
        self.end = frame + count
        return late

    def fade_out_end(self) -> None:
        """Let the sound end softly at `end`; what is written next begins softly. Idempotent."""
        if self._is_end_faded:
            return
        self._is_end_faded = True
        count = min(self._fade, self.end - max(self.floor, self.start))
        if count > 0:
            end = self.end - self._base
            self._data[:, end - count : end] *= fade_in_curve(count)[::-1]

    def fade_in_start(self) -> None:
        """Let the sound begin softly at `start`."""
        self._fade_in_from = self.start
        self._fade_in(self.start, self.end)

    def truncate(self, frame: int) -> int:
        """End at `frame`, softly; return how many frames are gone."""
        gone = max(0, self.end - max(frame, self.start))
        if gone:
            self.end -= gone
            self._is_end_faded = False
        self.fade_out_end()
        return gone

    def split(self, frame: int) -> SampleRing:
        """Take the sound from `frame` on out of this ring and return it as one of its own."""
        frame = min(max(frame, self.start), self.end)
        ring = SampleRing(self._rate_hz, frame)
        ring.write(frame, self.read(frame, self.end))
        self.end, self._is_end_faded = frame, False
        return ring

    def drop_before(self, frame: int) -> None:
        """Forget what lies before `frame`."""
        self.start = max(self.start, min(frame, self.end))

    def read(self, first: int, end: int) -> NDArray[np.float32]:
        """Return frames [first, end) as float32, shape (2, end - first); zeros where there is no
        sound. May be a view: use it before the next call of any method, and do not write to it."""
        if self.start <= first and end <= self.end:
            return self._data[:, first - self._base : end - self._base]
        planes = np.zeros((2, end - first), np.float32)
        low, high = max(first, self.start), min(end, self.end)
        if low < high:
            planes[:, low - first : high - first] = self._data[
                :, low - self._base : high - self._base
            ]
        return planes

    def _fade_in(self, first: int, end: int) -> None:
        """Work the pending fade-in into frames [first, end)."""
        if self._fade_in_from is None:
            return
        low = max(first, self._fade_in_from)
        high = min(end, self._fade_in_from + self._fade)
        if low < high:
            curve = fade_in_curve(self._fade)
            offset = low - self._fade_in_from
            part = self._data[:, low - self._base : high - self._base]
            part *= curve[offset : offset + high - low]
        if end >= self._fade_in_from + self._fade:
            self._fade_in_from = None

    def _reserve(self, end: int) -> None:
        """Make room up to frame `end`: move what is held to the front, grow when it must."""
        if end - self._base <= self._data.shape[1]:
            return
        held = self._data[:, self.start - self._base : self.end - self._base]
        needed = end - self.start
        target = self._data
        if needed > self._data.shape[1] * 3 // 4:
            target = np.zeros((2, max(2 * self._data.shape[1], 2 * needed)), np.float32)
        target[:, : held.shape[1]] = held.copy() if target is self._data else held
        self._data, self._base = target, self.start
