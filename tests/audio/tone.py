"""Helpers: play a simulated device through the lane and measure where a tone landed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.audio.lane import AudioLane, MixBlock
from onetake.model.commands import TimedCommand
from onetake.model.devices import Role
from onetake.model.media import StampKind
from onetake.model.settings import Settings
from onetake.testing.clocksim import DeviceLog, Signal

TONE_HZ = 997.0
NS = 1_000_000_000


def tone(times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """A 997 Hz tone at -6 dBFS on both channels."""
    wave = (0.5 * np.sin(2 * np.pi * TONE_HZ * times_s)).astype(np.float32)
    return np.stack((wave, wave), axis=1)


@dataclass
class Take:
    """What came out of a lane."""

    lane: AudioLane
    blocks: list[MixBlock]
    t0_s: float
    """Host time of sample 0, in seconds from the start of the first log."""

    def track(self, index: int = 0) -> NDArray[np.float32]:
        return np.concatenate([block.tracks[index] for block in self.blocks])


def play(
    sources: dict[Role, tuple[DeviceLog, Signal]],
    *,
    t0_s: float,
    end_s: float,
    settings: Settings | None = None,
    kinds: dict[Role, StampKind] | None = None,
    commands: list[TimedCommand] | None = None,
    tick_s: float = 0.05,
) -> Take:
    """Feed logs (all with the same start_ns) and commands in the order of their times, as the
    engine would, and return everything the lane gives out."""
    start_ns = next(iter(sources.values()))[0].start_ns
    kinds = kinds or dict.fromkeys(sources, StampKind.CAPTURE)
    lane = AudioLane(settings or Settings(), kinds)
    t0_ns, end_ns = start_ns + round(t0_s * NS), start_ns + round(end_s * NS)
    events: list[tuple[int, int, object]] = [(t0_ns, 0, "start")]
    events += [(command.host_ns, 1, command) for command in commands or []]
    for role, (log, signal) in sources.items():
        events += [(block.arrival_ns, 2, (role, block)) for block in log.blocks(signal)]
    ticks = np.arange(start_ns, end_ns + NS // 2, round(tick_s * NS)).tolist()
    events += [(tick_ns, 3, "tick") for tick_ns in ticks]
    events.sort(key=lambda event: event[:2])
    blocks: list[MixBlock] = []
    for host_ns, _, item in events:
        if isinstance(item, TimedCommand):
            lane.apply(item)
        elif isinstance(item, tuple):
            lane.feed(*item)
        elif item == "start":
            lane.start(t0_ns)
        else:
            blocks += lane.advance(host_ns)
    blocks += lane.finish(end_ns)
    return Take(lane, blocks, t0_s)


def tone_errors_s(
    samples: NDArray[np.float32], t0_s: float, tone_hz: float = TONE_HZ
) -> NDArray[np.float64]:
    """Return how late a tone is in each 0.1 s of `samples` (first channel); + = late."""
    width = 4800
    count = len(samples) // width
    times_s = t0_s + np.arange(count * width) / 48_000
    reference = np.exp(-2j * np.pi * tone_hz * times_s).reshape(count, width)
    window = np.hanning(width)
    sums = (samples[: count * width, 0].reshape(count, width) * window * reference).sum(axis=1)
    errors: NDArray[np.float64] = -np.angle(sums * 1j) / (2 * np.pi * tone_hz)
    return errors
