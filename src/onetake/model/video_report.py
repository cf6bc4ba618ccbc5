"""What is known of the picture of a take when it ends."""

from __future__ import annotations

import msgspec

__all__ = ["VideoStatistics"]


class VideoStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the video track. Positions are ns of the timeline."""

    frames: int = 0
    """Frames in the file."""
    repeats: int = 0
    """Of these, frames that show nothing new: keep-alives and the one at the stop."""
    dropped: int = 0
    """Pictures the writer had no room for. What they showed appears with the next frame."""
    dropped_positions_ns: list[int] = []
    """Where pictures were dropped: the first ones only, at most 1000."""
    non_monotone_pts: int = 0
    """Screen pictures whose stamp did not advance. What they showed appears with the next frame."""
    camera_pictures: int = 0
    """Camera pictures that were shown."""
    overlay_changes: int = 0
    """Commands that changed the overlay."""
    encoder_changes: int = 0
    """How often the encoder was changed, to do less work on a slow machine or its usual work
    again. Where, the warnings say."""
    cheaper_s: float = 0.0
    """How long it did less work."""
    interval_p50_ms: float = 0.0
    """Median distance of two frames, to 0.1 ms."""
    interval_p99_ms: float = 0.0
    """Distance that 99 of 100 frames do not exceed, to 0.1 ms."""
    interval_max_ms: float = 0.0
    """Largest distance of two frames."""
