"""The audio part of a take's report: what each source's clock did and what had to be mended."""

from __future__ import annotations

import msgspec

__all__ = ["RateChange", "Realignment", "SourceStatistics", "Stretch"]


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of the file."""

    position_ns: int
    length_ns: int


class Realignment(msgspec.Struct, frozen=True):
    """A hard re-alignment of one source."""

    position_ns: int
    length_ns: int
    """Silence filled in (+) or sound taken out (-)."""
    reason: str
    """`lost` (stamps say so), `declared` (the API said so), `doubled` or `reconnected`."""


class RateChange(msgspec.Struct, frozen=True):
    """A device changed its sample rate in mid-take."""

    position_ns: int
    from_hz: int
    to_hz: int
    silence_ns: int


class SourceStatistics(msgspec.Struct, frozen=True):
    """What is known of one audio source at the end of a take (or now)."""

    stamp_kind: str
    rate_hz: int = 0
    """Nominal rate last delivered; 0 = nothing was delivered."""
    channels: int = 0
    blocks: int = 0
    frames: int = 0
    clock_ppm: float = 0.0
    """By how much the device runs fast against the host's clock."""
    clock_ppm_uncertainty: float | None = None
    """Standard deviation of `clock_ppm`; None = not known yet."""
    jitter_ms: float = 0.0
    """Standard deviation of single stamps."""
    alignment_worst_ms: float = 0.0
    """Largest estimated error of the place where a sample was put: deviation from the clock's map
    and the map's own uncertainty (one sigma)."""
    alignment_p95_ms: float = 0.0
    peak_db: float = -120.0
    """Highest sample before gain and mute, dBFS."""
    late_stamps: int = 0
    duplicate_stamps: int = 0
    backward_stamps: int = 0
    late_ms: float = 0.0
    """Sound that came after its place in the file had been written, and was dropped."""
    fills: list[Stretch] = []
    """Silence in place of sound that was missing."""
    trims: list[Stretch] = []
    """Sound that was taken out because there was too much; `length_ns` is what is gone."""
    realignments: list[Realignment] = []
    rate_changes: list[RateChange] = []
    digital_silence: list[Stretch] = []
    """Where the device delivered nothing but zeros for a second or more."""
