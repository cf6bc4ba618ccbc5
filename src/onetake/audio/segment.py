"""One unbroken run of one device clock: its sound, its clock, and where it is being heard.

Invariant: what is rendered comes from inside the window asked for and from nowhere else, whatever
lies beside it in the buffer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from onetake.audio.follow import STRETCH, Follower
from onetake.audio.resample import interpolate, kernel_for
from onetake.audio.ring import FADE_S, SampleRing, fade_in_curve
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.timeline.device_clock import DeviceClock

__all__ = ["Origin", "Segment", "Window"]


STEPS = np.arange(STRETCH, dtype=np.float64)
"""Output samples within a stretch. Read-only."""

STEPS.setflags(write=False)


class Origin(StrEnum):
    """Why a run began."""

    FIRST = "first"
    LOST = "lost"
    DECLARED = "declared"
    DOUBLED = "doubled"
    RATE = "rate"
    RECONNECTED = "reconnected"


@dataclass(frozen=True, slots=True)
class Window:
    """The output samples within which sound may be heard; its ends are softened. None = open."""

    first_sample: int | None = None
    end_sample: int | None = None


class Segment:
    """See the module. One thread.

    Args:
        clock: of this run.
        ring: of this run; frames as the clock counts them.
        origin: why it began.
        may_hold: see `Follower`.
    """

    def __init__(
        self, clock: DeviceClock, ring: SampleRing, origin: Origin, *, may_hold: bool
    ) -> None:
        self.clock = clock
        self.ring = ring
        self.origin = origin
        self.is_closed = False
        """Whether no more sound will come."""
        self.is_joined = False
        """Whether its beginning is settled and it is being heard."""
        self.follower = Follower(clock, may_hold=may_hold)
        self._kernel = kernel_for(clock.rate_hz)

    @property
    def rate_hz(self) -> int:
        """Nominal rate."""
        return self.clock.rate_hz

    @property
    def reach_frames(self) -> int:
        """Frames beyond a position that must be final before it is played: kernel and fade."""
        return self._kernel.half + math.ceil(FADE_S * self.rate_hz) + 1

    @property
    def start_ns(self) -> int:
        """Host time of the first frame held, as far as the clock knows by now."""
        return self.clock.host_ns_of(self.ring.start)

    @property
    def end_ns(self) -> int:
        """Host time at which the sound held so far ends."""
        return self.clock.host_ns_of(self.ring.end)

    @property
    def settled_ns(self) -> int:
        """Host time up to which the sound can be played as if more were to follow."""
        return self.clock.host_ns_of(self.ring.end - self.reach_frames)

    def frame_at_ns(self, host_ns: int) -> float:
        """Return the (fractional) frame captured at `host_ns`."""
        return self.clock.frame_at((host_ns - self.clock.anchor_ns) / NS_PER_S)

    def render(self, sample: int, count: int, host_s: float, window: Window) -> NDArray[np.float32]:
        """Return `count` output samples from `sample` on: float32, shape (count, 2), owned by the
        caller; zeros where this run has no sound. Only when the clock is ready.

        `host_s`: host time of `sample`, in seconds from the clock's anchor.
        """
        out = np.empty((count, 2), np.float32)
        done = 0
        while done < count:
            at = sample + done
            if self.follower.motion is None or at >= self.follower.sample + STRETCH:
                self.follower.seek(at, host_s + done / SAMPLE_RATE_HZ)
            step = min(count - done, self.follower.sample + STRETCH - at)
            self._play(at, out[done : done + step], window)
            done += step
        return out

    def _play(self, sample: int, out: NDArray[np.float32], window: Window) -> None:
        motion = self.follower.motion
        assert motion is not None
        first = sample - self.follower.sample
        steps = STEPS[first : first + len(out)]
        # In place: fresh memory for each of these costs more than what is computed.
        offsets = steps * motion.bend
        offsets += motion.speed
        offsets *= steps
        offsets += motion.fraction
        whole = np.floor(offsets)
        offsets -= whole
        indices = whole.astype(np.int64)
        half = self._kernel.half
        low = motion.frame + int(indices[0]) - half + 1
        high = motion.frame + int(indices[-1]) + half + 1
        self.ring.floor = max(self.ring.floor, high - half)
        if high <= self.ring.start or low >= self.ring.end:
            out[:] = 0
            return
        source = self._windowed(self.ring.read(low, high), low, window)
        indices += motion.frame - low
        interpolate(self._kernel, source, indices, offsets, out)

    def _windowed(
        self, source: NDArray[np.float32], low: int, window: Window
    ) -> NDArray[np.float32]:
        """Return `source` (frames from `low` on) without what lies outside the window. Done before
        interpolating: not even the kernel's tails may bring in what a pause leaves out."""
        fade = fade_in_curve(max(1, round(FADE_S * self.rate_hz)))
        high = low + source.shape[1]
        if window.first_sample is not None:
            edge = math.ceil(self.follower.frame_at(window.first_sample))
            if edge + len(fade) > low:
                source = _multiplied(source, low, edge, fade)
                source[:, : max(0, edge - low)] = 0
        if window.end_sample is not None:
            edge = math.ceil(self.follower.frame_at(window.end_sample))
            if edge - len(fade) < high:
                source = _multiplied(source, low, edge - len(fade), fade[::-1])
                source[:, max(0, edge - low) :] = 0
        return source


def _multiplied(
    source: NDArray[np.float32], low: int, at: int, curve: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return a copy of `source` (frames from `low` on) with `curve` applied from frame `at` on."""
    copy = source.copy()
    begin, end = max(at, low), min(at + len(curve), low + source.shape[1])
    if begin < end:
        copy[:, begin - low : end - low] *= curve[begin - at : end - at]
    return copy
