"""The audio part of a take's report: what each source's clock did and what had to be mended."""

from __future__ import annotations

import msgspec

__all__ = ["RateChange", "Realignment", "SourceStatistics", "Stretch"]


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of the file."""

    position_ns: int
    """Where it begins."""
    length_ns: int
    """How long it is."""


class Realignment(msgspec.Struct, frozen=True):
    """A hard re-alignment of one source."""

    position_ns: int
    """Where it was done."""
    length_ns: int
    """Silence filled in (+) or sound taken out (-)."""
    reason: str
    """`lost` (stamps say so), `declared` (the API said so), `doubled` or `reconnected`."""


class RateChange(msgspec.Struct, frozen=True):
    """A device changed its sample rate in mid-take."""

    position_ns: int
    """Where it happened."""
    from_hz: int
    """Rate before."""
    to_hz: int
    """Rate after."""
    silence_ns: int
    """Silence the change cost."""


class SourceStatistics(msgspec.Struct, frozen=True):
    """What is known of one audio source at the end of a take (or now)."""

    stamp_kind: str
    """`capture` (the device's own time) or `arrival` (when it reached us)."""
    rate_hz: int = 0
    """Nominal rate last delivered; 0 = nothing was delivered."""
    channels: int = 0
    """As last delivered."""
    blocks: int = 0
    """Blocks that were delivered."""
    frames: int = 0
    """Samples a channel that were delivered."""
    clock_ppm: float = 0.0
    """By how much the device ran fast against the host's clock on the whole: the latest device, if
    it changed."""
    clock_ppm_uncertainty: float | None = None
    """Standard deviation of `clock_ppm`; None = not known yet."""
    jitter_ms: float = 0.0
    """Standard deviation of single stamps."""
    alignment_worst_ms: float = 0.0
    """Largest estimated error of the place where a sample was put: deviation from the clock's map
    and the map's own uncertainty (one sigma)."""
    alignment_p95_ms: float = 0.0
    """What 95 of 100 samples' error stays below."""
    peak_db: float = -120.0
    """Highest sample before gain and mute, dBFS."""
    late_stamps: int = 0
    """Stamps that came much later than the clock's fit says."""
    duplicate_stamps: int = 0
    """Stamps that are the same as the one before."""
    backward_stamps: int = 0
    """Stamps that went back in time."""
    late_ms: float = 0.0
    """Sound that came after its place in the file had been written, and was dropped."""
    fills: list[Stretch] = []
    """Silence in place of sound that was missing."""
    trims: list[Stretch] = []
    """Sound that was taken out because there was too much; `length_ns` is what is gone."""
    realignments: list[Realignment] = []
    """Where the source was put anew."""
    rate_changes: list[RateChange] = []
    """Where the device changed its rate."""
    digital_silence: list[Stretch] = []
    """Where the device delivered nothing but zeros for a second or more."""
