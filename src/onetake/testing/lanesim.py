"""Plays simulated devices through the audio lane, in no time.

Invariant: the lane is driven as the engine drives it: one thread, everything in the
order of its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from onetake.audio.lane import AudioLane, MixBlock
from onetake.model.commands import TimedCommand
from onetake.model.devices import Role
from onetake.model.events import SourceState
from onetake.model.media import AudioBlock, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.testing.clocksim import DeviceLog, Signal

__all__ = ["PlayedTake", "StateChange", "play"]


@dataclass(frozen=True, slots=True)
class StateChange:
    """A source comes or goes."""

    host_ns: int
    role: Role
    state: SourceState
    stamp_kind: StampKind | None = None


class _Tick(Enum):
    START = 0
    ADVANCE = 1


_Item = TimedCommand | StateChange | AudioBlock | _Tick


@dataclass(frozen=True, slots=True)
class PlayedTake:
    """What came out of a lane."""

    lane: AudioLane
    blocks: list[MixBlock]
    t0_s: float
    """Host time of sample 0, in seconds from the start of the logs."""

    def track(self, index: int = 0) -> NDArray[np.float32]:
        """Return a whole track: float32, shape (n, 2)."""
        nothing = np.zeros((0, 2), np.float32)
        return np.concatenate([nothing, *(block.tracks[index] for block in self.blocks)])


def play(
    sources: Mapping[Role, tuple[DeviceLog, Signal]],
    *,
    t0_s: float,
    end_s: float,
    settings: Settings | None = None,
    kinds: Mapping[Role, StampKind] | None = None,
    events: Sequence[TimedCommand | StateChange] = (),
    tick_s: float = 0.05,
) -> PlayedTake:
    """Feed logs (all with the same `start_ns`) and events in the order of their times and return
    everything the lane gives out. Times in seconds from the start of the logs."""
    start_ns = next(iter(sources.values()))[0].start_ns
    lane = AudioLane(settings or Settings(), kinds or dict.fromkeys(sources, StampKind.CAPTURE))
    t0_ns, end_ns = start_ns + round(t0_s * NS_PER_S), start_ns + round(end_s * NS_PER_S)
    queue: list[tuple[int, int, Role | None, _Item]] = [(t0_ns, 0, None, _Tick.START)]
    queue += [(event.host_ns, 1, None, event) for event in events]
    for role, (log, signal) in sources.items():
        queue += [(block.arrival_ns, 2, role, block) for block in log.blocks(signal)]
    step_ns = round(tick_s * NS_PER_S)
    ticks_ns = range(start_ns, end_ns + NS_PER_S // 2, step_ns)
    queue += [(tick_ns, 3, None, _Tick.ADVANCE) for tick_ns in ticks_ns]
    queue.sort(key=lambda entry: entry[:2])
    blocks: list[MixBlock] = []
    for host_ns, _, source, item in queue:
        match item:
            case TimedCommand():
                lane.apply(item)
            case StateChange():
                lane.source_changed(item.role, item.state, item.host_ns, item.stamp_kind)
            case AudioBlock():
                assert source is not None
                lane.feed(source, item)
            case _Tick.START:
                lane.start(t0_ns)
            case _Tick.ADVANCE:
                blocks += lane.advance(host_ns)
    blocks += lane.finish(end_ns)
    return PlayedTake(lane, blocks, t0_s)
