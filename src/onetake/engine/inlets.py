"""Where the sources put what they capture: one queue a lane, there from the first moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from onetake.engine.lane_queue import LaneQueue

__all__ = ["Inlets"]


@dataclass(frozen=True, slots=True)
class Inlets:
    """The queues in front of the two lanes."""

    video: LaneQueue = field(default_factory=LaneQueue)
    audio: LaneQueue = field(default_factory=LaneQueue)

    def drain(self) -> None:
        """Release what still waits. After the sources and lanes have ended."""
        self.video.drain()
        self.audio.drain()
