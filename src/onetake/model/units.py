"""Units and exact conversions between host nanoseconds and audio sample indices.

Invariant: everything is an integer. Sample n of the output belongs at exactly n/48000 s, so a
position is never accumulated from rounded durations.
"""

from __future__ import annotations

__all__ = [
    "CHANNELS",
    "NS_PER_MS",
    "NS_PER_S",
    "SAMPLE_RATE_HZ",
    "first_sample_at_or_after",
    "ns_from_sample",
    "sample_at_or_before",
]

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

SAMPLE_RATE_HZ = 48_000
"""Output rate in samples per second: what ScreenCaptureKit, PulseAudio and AAC in MP4 all speak."""

CHANNELS = 2
"""Output channels: stereo, always."""


def ns_from_sample(sample: int) -> int:
    """Return the position in ns at which output sample `sample` begins, rounded down to 1 ns."""
    return sample * NS_PER_S // SAMPLE_RATE_HZ


def first_sample_at_or_after(position_ns: int) -> int:
    """Return the index of the first output sample that does not begin before `position_ns`."""
    return -(-position_ns * SAMPLE_RATE_HZ // NS_PER_S)


def sample_at_or_before(position_ns: int) -> int:
    """Return the index of the output sample that contains `position_ns`."""
    return position_ns * SAMPLE_RATE_HZ // NS_PER_S
