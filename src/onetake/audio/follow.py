"""Playing follows a clock softly: where in a device's frames each output sample is taken from.

An estimate moves when it learns, and the ear must not notice. Invariant: within a run the position
never jumps, and its speed changes only along straight lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from onetake.model.units import SAMPLE_RATE_HZ
from onetake.timeline.device_clock import DeviceClock

__all__ = ["STRETCH", "Follower", "Motion"]

STRETCH = 4800
"""Output samples for which the speed is decided at once: 100 ms. Longer reacts late, shorter costs
time and lets single estimates be heard."""

CATCH_UP_S = 2.0
LEAST_CATCH_UP_S = 0.3
"""In what time a deviation is made good. Shorter: jitter becomes wow; longer: it lags. With good
stamps it may be short, three stretches at least, or it would swing."""

WOW = 10e-6
"""The uncertainty of the clock may come through as a change of speed of this much; 500e-6 is a good
studio tape. Decides between the two above."""

CATCH_UP_LIMIT = 500e-6
"""Most extra speed for it; good studio tape wows by as much."""

SPEED_LIMIT = 1500e-6
"""No crystal is further off; beyond, the stamps are wrong."""

HOLD_SIGMAS = 3.0
HOLD_SKEW_SD = 5e-6
"""A skew of 0 within three sigma, known at least this well, is taken for exactly 0."""

HOLD_FRAMES = 0.75
"""A held position may be off by half a sample from rounding and a little by noise, not more."""


@dataclass(slots=True)
class Motion:
    """Position within a stretch: frame + fraction + speed * j + bend * j^2, j output samples in."""

    frame: int
    fraction: float
    speed: float
    bend: float

    def offset_at(self, samples: float) -> float:
        """Return the position relative to `frame`."""
        return self.fraction + samples * (self.speed + samples * self.bend)

    def advanced(self) -> Motion:
        """Return the motion at the end of its stretch, going on at the speed it has there."""
        offset = self.offset_at(STRETCH)
        whole = math.floor(offset)
        return Motion(self.frame + whole, offset - whole, self.speed + 2 * STRETCH * self.bend, 0.0)


class Follower:
    """See the module. One thread.

    Args:
        clock: what is followed.
        may_hold: stay on whole frames where the clock shows no drift (for sound that shares the
            host's clock), at the price of at most half a sample of constant offset.
    """

    def __init__(self, clock: DeviceClock, *, may_hold: bool = False) -> None:
        self.motion: Motion | None = None
        """How the stretch last sought is played; None = nothing is."""
        self.sample = 0
        """First output sample of that stretch."""
        self.deviation_s = 0.0
        """How far the place was from where the clock said it should be, then."""
        self._clock = clock
        self._nominal = clock.rate_hz / SAMPLE_RATE_HZ
        self._may_hold = may_hold and clock.rate_hz == SAMPLE_RATE_HZ
        self._is_holding = False

    def lift(self) -> None:
        """Forget the position: the next `seek` goes wherever the clock says."""
        self.motion = None

    def frame_at(self, sample: int) -> float:
        """Return the position at output `sample`, near the stretch last sought."""
        assert self.motion is not None
        return self.motion.frame + self.motion.offset_at(sample - self.sample)

    def seek(self, sample: int, host_s: float) -> None:
        """Decide how [sample, sample + STRETCH) is played. `host_s`: host time of `sample`, in
        seconds from the clock's anchor. Called for consecutive stretches."""
        target = self._clock.frame_at(host_s)
        speed = self._nominal / (1 + self._clock.state.skew)
        if self.motion is None:
            self.motion = self._place(target, speed)
        else:
            self.motion = self._follow(target, speed)
        self.sample = sample
        self.deviation_s = (target - self.motion.frame - self.motion.fraction) / self._clock.rate_hz

    def _place(self, target: float, speed: float) -> Motion:
        self._is_holding = self._may_hold and self._is_driftless(HOLD_SKEW_SD)
        if self._is_holding:
            return Motion(round(target), 0.0, 1.0, 0.0)
        whole = math.floor(target)
        return Motion(whole, target - whole, speed, 0.0)

    def _follow(self, target: float, speed: float) -> Motion:
        assert self.motion is not None
        motion = self.motion.advanced()
        behind = target - motion.frame - motion.fraction
        if self._is_holding:
            noise = HOLD_SIGMAS * self._clock.state.offset_sd_s * self._clock.rate_hz
            if self._is_driftless(math.inf) and abs(behind) <= HOLD_FRAMES + noise:
                return motion
            self._is_holding = False
        catch_up_s = self._clock.state.offset_sd_s / WOW
        catch_up_s = min(max(catch_up_s, LEAST_CATCH_UP_S), CATCH_UP_S)
        share = behind / self._clock.rate_hz / catch_up_s
        wanted = speed * (1 + min(max(share, -CATCH_UP_LIMIT), CATCH_UP_LIMIT))
        slowest, fastest = self._nominal * (1 - SPEED_LIMIT), self._nominal * (1 + SPEED_LIMIT)
        wanted = min(max(wanted, slowest), fastest)
        motion.bend = (wanted - motion.speed) / (2 * STRETCH)
        return motion

    def _is_driftless(self, largest_sd: float) -> bool:
        state = self._clock.state
        return abs(state.skew) <= HOLD_SIGMAS * state.skew_sd and state.skew_sd <= largest_sd
