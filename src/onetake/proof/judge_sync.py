"""What to think of the measured offsets.

Invariant: an offset is blamed only as far as it exceeds the resolution of its measurement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from onetake.proof.results import Fault, Finding, MutedSpan, PathOffsets, Severity

__all__ = ["sync_findings"]

_MOST_OFFSET_MS = 15.0
"""EBU R37 allows sound 5 ms early to 15 ms late in production; people notice from about 45 ms."""

_MOST_STD_MS = 5.0
"""Scatter of the offsets around their line."""

_OFF_LINE_MS = 15.0
"""Distance from the others' line from which a single beep is worth a word."""

_FEW_SHARE = 0.2
"""Up to this share they are single beeps, beyond it the offset scatters as a whole."""

_MOST_DRIFT = 20.0
"""ms an hour, beyond the measurement's own uncertainty: 5.6 ppm."""

_LEAST_MOVED_MS = 1.0
"""What a drift must add up to over the file to be called one. A recorder that finds out a device's
rate moves the sound by some tenths of a millisecond in its first seconds; in a short file that is
a steep line and nothing that goes on."""


def sync_findings(
    offsets: Sequence[PathOffsets], muted: Sequence[MutedSpan], *, has_report: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the sound's place against the picture."""
    for path in offsets:
        yield from _path_findings(path)
        unexplained = path.missing - _muted_events(path, muted)
        if path.path != "mic-system" and unexplained > 0:
            severity = Severity.DEGRADED if has_report else Severity.NOTE
            why = "though it was not muted" if has_report else "muted, or lost"
            message = f"{path.path}: {unexplained} events were seen but not heard ({why})"
            yield Finding(Fault.BEEPS_MISSING, severity, message, count=unexplained)


def _muted_events(path: PathOffsets, muted: Sequence[MutedSpan]) -> int:
    """Return how many events the muted spans explain, those that a span's edge cuts included."""
    spans = [span for span in muted if span.role == path.path]
    return sum(span.probes for span in spans) + 2 * len(spans)


def _path_findings(path: PathOffsets) -> Iterator[Finding]:
    beyond_ms = _beyond(path)
    if beyond_ms > _MOST_OFFSET_MS:
        side = "late" if path.median_ms > 0 else "early"
        message = (
            f"{path.path}: sound is {side} by {abs(path.median_ms):.1f} ms "
            f"(resolution {path.resolution_ms:.1f} ms)"
        )
        yield Finding(Fault.OFFSET, Severity.DEGRADED, message)
    times_s = np.array([time_s for time_s, _ in path.offsets_ms])
    values_ms = np.array([offset_ms for _, offset_ms in path.offsets_ms])
    if path.step_ms is not None:
        message = f"{path.path}: the offset jumps by {path.step_ms:+.1f} ms"
        yield Finding(Fault.OFFSET_STEP, Severity.DEGRADED, message, at_s=path.step_at_s)
        return  # A line through a step is neither drift nor scatter.
    yield from _line_findings(path, times_s, values_ms)


def _beyond(path: PathOffsets) -> float:
    """Return how much of the median offset is certain, ms.

    A flash lies between the picture before and the first white one, so with the flash alone the
    sound may be later than it seems by the resolution, but not earlier.
    """
    if path.method == "flash":
        highest_ms = path.median_ms + path.resolution_ms
        return max(path.median_ms, -highest_ms, 0.0)
    return max(0.0, abs(path.median_ms) - path.resolution_ms)


def _line_findings(
    path: PathOffsets, times_s: NDArray[np.float64], values_ms: NDArray[np.float64]
) -> Iterator[Finding]:
    drift, unsure = path.drift_ms_per_hour, path.drift_uncertainty_ms_per_hour
    slope = 0.0
    if drift is not None and unsure is not None:
        slope = drift / 3600
        moved_ms = abs(slope) * float(np.ptp(times_s))
        if abs(drift) - unsure > _MOST_DRIFT and moved_ms > _LEAST_MOVED_MS:
            message = (
                f"{path.path}: sound drifts by {drift:+.0f} ms an hour (±{unsure:.0f}; "
                f"{drift / 3.6:+.0f} ppm)"
            )
            yield Finding(Fault.DRIFT, Severity.DEGRADED, message)
    residual = values_ms - slope * times_s
    residual = residual - np.median(residual)
    if len(residual) < 5:
        return
    off = np.flatnonzero(np.abs(residual) > max(_OFF_LINE_MS, 2 * path.resolution_ms))
    if 0 < len(off) <= _FEW_SHARE * len(residual):
        worst = int(off[np.argmax(np.abs(residual[off]))])
        message = (
            f"{path.path}: {len(off)} of {len(residual)} beeps lie off the others, "
            f"worst {residual[worst]:+.1f} ms"
        )
        at_s = float(times_s[worst])
        yield Finding(Fault.OFFSET_UNSTEADY, Severity.DEGRADED, message, at_s=at_s, count=len(off))
        return
    std_ms = float(np.std(residual))
    if std_ms > max(_MOST_STD_MS, path.resolution_ms):
        message = f"{path.path}: the offset scatters by {std_ms:.1f} ms (standard deviation)"
        yield Finding(Fault.OFFSET_UNSTEADY, Severity.DEGRADED, message)
