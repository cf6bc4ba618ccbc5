"""What the lanes measure, as others may read it: replaced whole, by the lane's own thread.

A lane is driven by one thread and must not be asked from another. So its thread leaves here, now
and then, what it knows; whoever reads gets the latest value and never waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from onetake.model.devices import Role
from onetake.model.events import Level
from onetake.model.report import SourceStatistics
from onetake.model.video_report import VideoStatistics

__all__ = ["Readings"]


@dataclass(slots=True)
class Readings:
    """The latest of everything. Each field is written by one thread and read by any."""

    levels: dict[Role, Level] = field(default_factory=dict)
    """Written by the audio lane's thread, 20 times a second."""

    drift_ppm: dict[Role, float] = field(default_factory=dict)
    alignment_error_ms: dict[Role, float] = field(default_factory=dict)

    sources: dict[Role, SourceStatistics] = field(default_factory=dict)
    """Written by the audio lane's thread every few seconds, and at its end."""

    video: VideoStatistics = field(default_factory=VideoStatistics)
    """Written by the video lane's thread every few seconds, and at its end."""
