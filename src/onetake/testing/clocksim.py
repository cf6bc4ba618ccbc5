"""Device clocks with a known truth: what a microphone with a crystal of its own would deliver.

A script says how the crystal runs and how bad the stamps are; the log that comes out holds, for
every block, when it was truly captured and what was stamped. Faults (lost blocks, stalls, frozen
stamps) are functions from log to log. Invariant: `true_s` is never touched by anything that only
concerns stamps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import AudioBlock
from onetake.model.units import NS_PER_S

__all__ = [
    "ClockScript",
    "DeviceLog",
    "Jitter",
    "Signal",
    "Wander",
    "double_block",
    "freeze_stamps",
    "jump_stamps",
    "lose_blocks",
    "make_early",
    "repeat_every_second",
    "simulate",
    "stall",
]

Signal = Callable[[NDArray[np.float64]], NDArray[np.float32]]
"""Sound as a function of host time: float64 seconds, shape (n,) -> float32, shape (n, channels)."""

GRID_S = 0.1
"""Steps in which the skew of a wandering clock is drawn."""


class Wander(StrEnum):
    """How the crystal's frequency moves."""

    NONE = "none"
    SLOW = "slow"
    """10 ppm of warming up, 5 ppm in 20 minutes, and a random walk of 0.02 ppm/sqrt(s)."""
    FAST = "fast"
    """20 ppm in 2 minutes."""
    STEPS = "steps"
    """100 ppm up and down, `step_every_s` apart."""


class Jitter(StrEnum):
    """How stamps scatter; `ClockScript.jitter_s` is the size."""

    NONE = "none"
    GAUSS = "gauss"
    """Normal, two-sided; size = standard deviation."""
    UNIFORM = "uniform"
    """Evenly within +- size."""
    ONE_SIDED = "one-sided"
    """Evenly from 0 to size late."""
    EXPONENTIAL = "exponential"
    """Late, exponentially distributed; size = mean."""


@dataclass(frozen=True, slots=True)
class ClockScript:
    """A device to be simulated."""

    duration_s: float = 60.0
    rate_hz: int = 48_000
    block_frames: int = 480
    ppm: float = 0.0
    """By how much the device runs fast."""
    wander: Wander = Wander.NONE
    step_every_s: float = 3600.0
    jitter: Jitter = Jitter.NONE
    jitter_s: float = 0.0
    late_share: float = 0.0
    """Share of blocks that begin a stall of 10-50 ms, which then drains block by block."""
    start_ns: int = 1_000 * NS_PER_S
    """Host time of the first frame."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class DeviceLog:
    """What a device delivered: one entry a block, float64 seconds from `start_ns`."""

    rate_hz: int
    block_frames: int
    start_ns: int
    true_s: NDArray[np.float64]
    """When the first frame of each block was captured."""
    end_s: NDArray[np.float64]
    """When the frame after the last one of each block was (or would have been)."""
    stamp_s: NDArray[np.float64]
    """What the stamps say."""
    arrival_s: NDArray[np.float64]
    """When each block reached the program; never decreasing."""
    lost_frames: NDArray[np.int64]
    """What the API declares lost before each block."""

    def __len__(self) -> int:
        return len(self.true_s)

    def stamps_ns(self) -> list[int]:
        """Return the stamps in host ns."""
        whole: list[int] = np.rint(self.stamp_s * NS_PER_S).astype(np.int64).tolist()
        return [self.start_ns + stamp_ns for stamp_ns in whole]

    def host_s_of(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return when delivered frames (counted without gaps, fractional) were captured."""
        index = np.clip((frames // self.block_frames).astype(np.int64), 0, len(self) - 1)
        share = frames / self.block_frames - index
        return self.true_s[index] + share * (self.end_s[index] - self.true_s[index])

    def blocks(self, signal: Signal) -> Iterator[AudioBlock]:
        """Yield the blocks, filled with what `signal` was at the true instants."""
        shares = np.arange(self.block_frames) / self.block_frames
        for index, stamp_ns in enumerate(self.stamps_ns()):
            times = self.true_s[index] + shares * (self.end_s[index] - self.true_s[index])
            yield AudioBlock(
                stamp_ns,
                signal(times),
                self.rate_hz,
                self.start_ns + round(float(self.arrival_s[index]) * NS_PER_S),
                int(self.lost_frames[index]),
            )


def simulate(script: ClockScript) -> DeviceLog:
    """Return what the scripted device delivers. Same script, same log."""
    rng = np.random.default_rng(script.seed)
    block_s = script.block_frames / script.rate_hz
    count = round(script.duration_s / block_s)
    edges_s = np.arange(count + 1, dtype=np.float64) * block_s
    host_s: NDArray[np.float64] = edges_s + _offset(script, edges_s, rng)
    noise_s = _noise(script, count, rng) + _lateness(script, count, block_s, rng)
    stamp_s = host_s[:-1] + noise_s
    arrival_s = np.maximum.accumulate(np.maximum(host_s[1:], stamp_s))
    nothing = np.zeros(count, np.int64)
    return DeviceLog(
        script.rate_hz,
        script.block_frames,
        script.start_ns,
        host_s[:-1],
        host_s[1:],
        stamp_s,
        arrival_s,
        nothing,
    )


def lose_blocks(log: DeviceLog, at_s: float, count: int, *, is_declared: bool = False) -> DeviceLog:
    """Let `count` blocks vanish from `at_s` on, as an overrun does."""
    first = int(np.searchsorted(log.true_s, at_s))
    lost = log.lost_frames.copy()
    if is_declared:
        lost[first + count] += count * log.block_frames
    kept = np.r_[0:first, first + count : len(log)]
    return _picked(replace(log, lost_frames=lost), kept)


def double_block(log: DeviceLog, at_s: float) -> DeviceLog:
    """Let one block be delivered twice; everything after it is stamped as captured."""
    first = int(np.searchsorted(log.true_s, at_s))
    return _picked(log, np.r_[0 : first + 1, first : len(log)])


def stall(log: DeviceLog, at_s: float, length_s: float, *, lost_s: float = 0.0) -> DeviceLog:
    """Let nothing arrive for `length_s`; then all comes in a burst, stamped with its arrival,
    except for the first `lost_s`, which is gone."""
    if lost_s:
        log = lose_blocks(log, at_s, round(lost_s * log.rate_hz / log.block_frames))
    waiting = (log.arrival_s >= at_s) & (log.arrival_s < at_s + length_s)
    late_s = np.where(waiting, at_s + length_s - log.arrival_s, 0.0)
    return replace(log, stamp_s=log.stamp_s + late_s, arrival_s=log.arrival_s + late_s)


def jump_stamps(log: DeviceLog, at_s: float, by_s: float) -> DeviceLog:
    """Let the stamps jump for good, with no sound lost."""
    return replace(log, stamp_s=log.stamp_s + np.where(log.true_s >= at_s, by_s, 0.0))


def freeze_stamps(log: DeviceLog, at_s: float, length_s: float) -> DeviceLog:
    """Let the stamp of `at_s` be repeated for `length_s`."""
    frozen = (log.true_s >= at_s) & (log.true_s < at_s + length_s)
    stamp_s = log.stamp_s.copy()
    stamp_s[frozen] = stamp_s[frozen][:1]
    return replace(log, stamp_s=stamp_s)


def repeat_every_second(log: DeviceLog) -> DeviceLog:
    """Let every second block carry the stamp of the one before."""
    stamp_s = log.stamp_s.copy()
    stamp_s[1::2] = stamp_s[0::2][: len(stamp_s[1::2])]
    return replace(log, stamp_s=stamp_s)


def make_early(log: DeviceLog, share: float, by_s: float, seed: int = 1) -> DeviceLog:
    """Let a share of the stamps be early by `by_s`."""
    # A stream of its own: with the seed of the noise, early blocks would be those that are early.
    chosen = np.random.default_rng((seed, 1)).random(len(log)) < share
    return replace(log, stamp_s=log.stamp_s - by_s * chosen)


def _offset(
    script: ClockScript, edges_s: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return host time - nominal source time, at the given source times."""
    steady = 1 / (1 + script.ppm * 1e-6) - 1
    if script.wander is Wander.NONE:
        return steady * edges_s
    grid_s = np.arange(0, edges_s[-1] + 2 * GRID_S, GRID_S)
    match script.wander:
        case Wander.FAST:
            ppm = 20 * np.sin(2 * np.pi * grid_s / 120)
        case Wander.STEPS:
            ppm = 100.0 * (np.floor(grid_s / script.step_every_s) % 2)
        case _:
            walk = np.cumsum(rng.normal(0, 0.02 * np.sqrt(GRID_S), len(grid_s)))
            warming = 10 * (1 - np.exp(-grid_s / 600))
            ppm = warming + 5 * np.sin(2 * np.pi * grid_s / 1200) + walk
    skew = 1 / (1 + (script.ppm + ppm) * 1e-6) - 1
    offset = np.concatenate(([0.0], np.cumsum((skew[1:] + skew[:-1]) / 2 * GRID_S)))
    interpolated: NDArray[np.float64] = np.interp(edges_s, grid_s, offset)
    return interpolated


def _noise(script: ClockScript, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    match script.jitter:
        case Jitter.GAUSS:
            return rng.normal(0, script.jitter_s, count)
        case Jitter.UNIFORM:
            return rng.uniform(-script.jitter_s, script.jitter_s, count)
        case Jitter.ONE_SIDED:
            return rng.uniform(0, script.jitter_s, count)
        case Jitter.EXPONENTIAL:
            return rng.exponential(script.jitter_s, count)
        case _:
            return np.zeros(count)


def _lateness(
    script: ClockScript, count: int, block_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return one-sided lateness from scheduling stalls: a block is as late as the stall before it
    minus the time that has passed since."""
    if not script.late_share:
        return np.zeros(count)
    begins = rng.random(count) < script.late_share
    stalls = np.where(begins, rng.uniform(0.010, 0.050, count), 0.0)
    clock = np.arange(count) * block_s
    until: NDArray[np.float64] = np.maximum.accumulate(stalls + clock) - clock
    return np.maximum(until, 0.0)


def _picked(log: DeviceLog, kept: NDArray[np.int64]) -> DeviceLog:
    return replace(
        log,
        true_s=log.true_s[kept],
        end_s=log.end_s[kept],
        stamp_s=log.stamp_s[kept],
        arrival_s=np.maximum.accumulate(log.arrival_s[kept]),
        lost_frames=log.lost_frames[kept],
    )
