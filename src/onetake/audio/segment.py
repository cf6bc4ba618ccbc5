"""One unbroken run of one device clock: its sound, its clock, and where it is being heard.

The clock says where every output instant lies in the device's frames; playing follows that place
softly, because an estimate moves when it learns and the ear must not notice. Invariant: within a
run the position never jumps, and its speed changes only along straight lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from onetake.audio.resample import interpolate, kernel_for
from onetake.audio.ring import FADE_S, SampleRing, fade_in_curve
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.timeline.device_clock import DeviceClock

__all__ = ["STRETCH", "Origin", "Segment", "Window"]

STRETCH = 4800
"""Output samples for which the speed is decided at once: 100 ms. Longer reacts late, shorter costs
time and lets single estimates be heard."""

CATCH_UP_S = 2.0
"""In what time a deviation is made good. Shorter: jitter becomes wow; longer: it lags."""

CATCH_UP_LIMIT = 500e-6
"""Most extra speed for it; good studio tape wows by as much."""

SPEED_LIMIT = 1500e-6
"""No crystal is further off; beyond, the stamps are wrong."""

HOLD_SIGMAS = 3.0
HOLD_SKEW_SD = 5e-6
"""A skew of 0 within three sigma, known at least this well, is taken for exactly 0."""

HOLD_FRAMES = 0.75
"""A held position may be off by half a sample from rounding and a little by noise, not more."""


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


@dataclass(slots=True)
class _Motion:
    """Position within a stretch: frame + fraction + speed * j + bend * j^2, j output samples in."""

    frame: int
    fraction: float
    speed: float
    bend: float

    def offset_at(self, samples: float) -> float:
        """Return the position relative to `frame`."""
        return self.fraction + samples * (self.speed + samples * self.bend)

    def advanced(self) -> _Motion:
        """Return the motion at the end of its stretch, going on at the speed it has there."""
        offset = self.offset_at(STRETCH)
        whole = math.floor(offset)
        return _Motion(
            self.frame + whole, offset - whole, self.speed + 2 * STRETCH * self.bend, 0.0
        )


class Segment:
    """See the module. One thread.

    Args:
        clock: of this run.
        ring: of this run; frames as the clock counts them.
        origin: why it began.
        may_hold: play to the bit where the clock shows no drift (for sound that shares the host's
            clock), at the price of at most half a sample of constant offset.
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
        self.deviation_s = 0.0
        """How far the place being heard was from where the clock says it should be."""
        self._kernel = kernel_for(clock.rate_hz)
        self._nominal = clock.rate_hz / SAMPLE_RATE_HZ
        self._may_hold = may_hold and clock.rate_hz == SAMPLE_RATE_HZ
        self._is_holding = False
        self._motion: _Motion | None = None
        self._sample = 0

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

    def lift(self) -> None:
        """Forget the position: the next `render` begins wherever the clock says."""
        self._motion = None

    def render(self, sample: int, count: int, host_s: float, window: Window) -> NDArray[np.float32]:
        """Return `count` output samples from `sample` on: float32, shape (count, 2), owned by the
        caller; zeros where this run has no sound. Only when the clock is ready.

        `host_s`: host time of `sample`, in seconds from the clock's anchor.
        """
        out = np.empty((count, 2), np.float32)
        done = 0
        while done < count:
            at = sample + done
            if self._motion is None or at >= self._sample + STRETCH:
                self._seek(at, host_s + done / SAMPLE_RATE_HZ)
            step = min(count - done, self._sample + STRETCH - at)
            self._play(at, out[done : done + step], window)
            done += step
        return out

    def frame_of_sample(self, sample: int) -> float:
        """Return the position heard at output `sample`, near the stretch being played."""
        assert self._motion is not None
        return self._motion.frame + self._motion.offset_at(sample - self._sample)

    def _seek(self, sample: int, host_s: float) -> None:
        """Decide how [sample, sample + STRETCH) is played."""
        target = self.clock.frame_at(host_s)
        speed = self._nominal / (1 + self.clock.state.skew)
        if self._motion is None:
            self._motion = self._place(target, speed)
        else:
            self._motion = self._follow(target, speed)
        self._sample = sample
        self.deviation_s = (target - self._motion.frame - self._motion.fraction) / self.rate_hz

    def _place(self, target: float, speed: float) -> _Motion:
        self._is_holding = self._may_hold and self._is_driftless(HOLD_SKEW_SD)
        if self._is_holding:
            return _Motion(round(target), 0.0, 1.0, 0.0)
        whole = math.floor(target)
        return _Motion(whole, target - whole, speed, 0.0)

    def _follow(self, target: float, speed: float) -> _Motion:
        assert self._motion is not None
        motion = self._motion.advanced()
        behind = target - motion.frame - motion.fraction
        if self._is_holding:
            noise = HOLD_SIGMAS * self.clock.state.offset_sd_s * self.rate_hz
            if self._is_driftless(math.inf) and abs(behind) <= HOLD_FRAMES + noise:
                return motion
            self._is_holding = False
        share = behind / self.rate_hz / CATCH_UP_S
        wanted = speed * (1 + min(max(share, -CATCH_UP_LIMIT), CATCH_UP_LIMIT))
        slowest, fastest = self._nominal * (1 - SPEED_LIMIT), self._nominal * (1 + SPEED_LIMIT)
        wanted = min(max(wanted, slowest), fastest)
        motion.bend = (wanted - motion.speed) / (2 * STRETCH)
        return motion

    def _is_driftless(self, largest_sd: float) -> bool:
        state = self.clock.state
        return abs(state.skew) <= HOLD_SIGMAS * state.skew_sd and state.skew_sd <= largest_sd

    def _play(self, sample: int, out: NDArray[np.float32], window: Window) -> None:
        motion = self._motion
        assert motion is not None
        steps = np.arange(sample - self._sample, sample - self._sample + len(out))
        offsets = motion.fraction + steps * (motion.speed + steps * motion.bend)
        whole = np.floor(offsets)
        indices = whole.astype(np.int64)
        half = self._kernel.half
        low = motion.frame + int(indices[0]) - half + 1
        high = motion.frame + int(indices[-1]) + half + 1
        self.ring.floor = max(self.ring.floor, high - half)
        if high <= self.ring.start or low >= self.ring.end:
            out[:] = 0
            return
        source = self._windowed(self.ring.read(low, high), low, window)
        interpolate(self._kernel, source, indices + (motion.frame - low), offsets - whole, out)

    def _windowed(
        self, source: NDArray[np.float32], low: int, window: Window
    ) -> NDArray[np.float32]:
        """Return `source` (frames from `low` on) without what lies outside the window. Done before
        interpolating: not even the kernel's tails may bring in what a pause leaves out."""
        fade = fade_in_curve(max(1, round(FADE_S * self.rate_hz)))
        high = low + source.shape[1]
        if window.first_sample is not None:
            edge = math.ceil(self.frame_of_sample(window.first_sample))
            if edge + len(fade) > low:
                source = _multiplied(source, low, edge, fade)
                source[:, : max(0, edge - low)] = 0
        if window.end_sample is not None:
            edge = math.ceil(self.frame_of_sample(window.end_sample))
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
