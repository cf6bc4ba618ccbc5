"""Counting frames for the report, in memory that does not grow with the take."""

from __future__ import annotations

from array import array

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.model.video_report import VideoStatistics

__all__ = ["MAX_POSITIONS", "VideoCounts"]

MAX_POSITIONS = 1000
"""Positions of dropped frames that are listed. A take that drops more has a verdict already."""

_BIN_NS = NS_PER_MS // 10
_BINS = 10_001
"""Intervals up to 1 s in steps of 0.1 ms; the last bin holds everything longer."""


class VideoCounts:
    """Counters of one take. One thread."""

    def __init__(self) -> None:
        self.frames = self.repeats = self.dropped = self.non_monotone_pts = 0
        self.camera_pictures = self.overlay_changes = self.encoder_changes = 0
        self._cheaper_ns = 0
        self._cheaper_since_ns: int | None = None
        self._dropped_positions_ns: list[int] = []
        self._bins = array("Q", bytes(8 * _BINS))
        self._longest_ns = 0
        self._last_position_ns: int | None = None

    def count_frame(self, position_ns: int, *, is_repeat: bool) -> None:
        """Count a frame that is in the file."""
        self.frames += 1
        self.repeats += is_repeat
        if self._last_position_ns is not None:
            interval_ns = position_ns - self._last_position_ns
            self._bins[min(interval_ns // _BIN_NS, _BINS - 1)] += 1
            self._longest_ns = max(self._longest_ns, interval_ns)
        self._last_position_ns = position_ns

    def count_drop(self, position_ns: int) -> None:
        """Count a picture the writer had no room for."""
        self.dropped += 1
        if len(self._dropped_positions_ns) < MAX_POSITIONS:
            self._dropped_positions_ns.append(position_ns)

    def count_encoder(self, position_ns: int, *, is_cheaper: bool) -> None:
        """Count a change of the encoder: cheaper from this position on, or the usual one again."""
        self.encoder_changes += 1
        if self._cheaper_since_ns is not None:
            self._cheaper_ns += position_ns - self._cheaper_since_ns
        self._cheaper_since_ns = position_ns if is_cheaper else None

    def _cheaper_so_far_ns(self) -> int:
        if self._cheaper_since_ns is None:
            return self._cheaper_ns
        last_ns = max(self._last_position_ns or 0, self._cheaper_since_ns)
        return self._cheaper_ns + last_ns - self._cheaper_since_ns

    def statistics(self) -> VideoStatistics:
        """Return the counts as they are now."""
        return VideoStatistics(
            frames=self.frames,
            repeats=self.repeats,
            dropped=self.dropped,
            dropped_positions_ns=list(self._dropped_positions_ns),
            non_monotone_pts=self.non_monotone_pts,
            camera_pictures=self.camera_pictures,
            overlay_changes=self.overlay_changes,
            encoder_changes=self.encoder_changes,
            cheaper_s=self._cheaper_so_far_ns() / NS_PER_S,
            interval_p50_ms=self._quantile_ms(0.50),
            interval_p99_ms=self._quantile_ms(0.99),
            interval_max_ms=self._longest_ns / NS_PER_MS,
        )

    def _quantile_ms(self, share: float) -> float:
        """Return the interval that `share` of the frames do not exceed, the bin's middle."""
        wanted = share * sum(self._bins)
        seen = 0
        for index, count in enumerate(self._bins):
            seen += count
            if count and seen >= wanted:
                return min((index + 0.5) * _BIN_NS, self._longest_ns) / NS_PER_MS
        return 0.0
