"""Measures the synthetic pattern in recorded sound and pictures, independently of the product.

Positions are in ns of the take; `pattern_ns` is the pattern's position at position 0 of the take
(t0 - epoch).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onetake.model import pattern
from onetake.model.devices import Role
from onetake.model.units import NS_PER_S

RATE_HZ = 48_000
_SEARCH = 960
"""Samples to both sides within which a chirp is looked for: 20 ms."""

_PLAY = {Role.MIC: pattern.mic_sound, Role.SYSTEM: pattern.system_sound}


def events_ns(pattern_ns: int, end_ns: int, *, edge_ns: int = NS_PER_S // 5) -> list[int]:
    """Return the positions of the events that lie wholly in a take that is `end_ns` long."""
    times = pattern.EventSchedule().times_ns(pattern_ns + edge_ns, pattern_ns + end_ns - edge_ns)
    return [time_ns - pattern_ns for time_ns in times]


def chirp_error_samples(
    sound: NDArray[np.float32], role: Role, event_ns: int, pattern_ns: int
) -> float:
    """Return by how many samples the chirp of an event is late in `sound`, shape (n,).

    Cross-correlation with the chirp as it would be sampled at those very instants; the parabola
    through its peak gives fractions of a sample.
    """
    first = event_ns * RATE_HZ // NS_PER_S
    count = round(pattern.CHIRP_NS * RATE_HZ / NS_PER_S) + 1
    start_ns = pattern_ns + first * NS_PER_S / RATE_HZ
    template = _PLAY[role](pattern.EventSchedule(), start_ns, count, RATE_HZ)
    heard = sound[first - _SEARCH : first + count + _SEARCH].astype(np.float64)
    scores = np.correlate(heard, template.astype(np.float64), "valid")
    best = int(np.argmax(scores))
    assert 0 < best < len(scores) - 1, "no chirp near the event"
    assert scores[best] > 0.25 * float(template @ template), "hardly any chirp near the event"
    left, middle, right = scores[best - 1 : best + 2]
    return best - _SEARCH + 0.5 * (left - right) / (left - 2 * middle + right)


def flash_positions_ns(frames: list[tuple[int, NDArray[np.uint8]]]) -> list[int]:
    """Return the positions at which flashes begin: (position, luma) pairs in order."""
    begins, was_flash = [], True  # a take may begin in a flash: its beginning is not seen then
    for position_ns, luma in frames:
        is_flash = bool(np.median(luma) >= pattern.FLASH_MIN_LUMA)
        if is_flash and not was_flash:
            begins.append(position_ns)
        was_flash = is_flash
    return begins
