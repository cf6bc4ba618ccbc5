"""How loud the sources are right now, for meters.

The mixer runs two seconds behind so that it can place every sample exactly; a meter that late is
of no use to somebody who speaks. So the level is taken from each block as it arrives, with the
gain and mute that hold now: the same arithmetic, ahead of the file.
"""

from __future__ import annotations

import math
import threading

import numpy as np

from onetake.model.devices import Role
from onetake.model.events import Level
from onetake.model.media import AudioBlock

__all__ = ["SILENCE_DB", "LiveLevels"]

SILENCE_DB = -120.0
"""What silence reads, dBFS: below the noise of any 16-bit device."""


def _db(value: float) -> float:
    return max(SILENCE_DB, 20.0 * math.log10(value)) if value > 0.0 else SILENCE_DB


class LiveLevels:
    """Collects peak and power between two readings. `heard` on the audio lane's thread, `take` on
    any; the lock is held for a few additions only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._peak: dict[Role, float] = {}
        self._power: dict[Role, tuple[float, int]] = {}

    def heard(self, role: Role, block: AudioBlock) -> float:
        """Take a block into account; returns its peak, full scale 1."""
        if block.samples.size == 0:
            return 0.0
        peak = float(np.max(np.abs(block.samples)))
        flat = block.samples.ravel()
        power = float(np.dot(flat, flat))
        with self._lock:
            self._peak[role] = max(self._peak.get(role, 0.0), peak)
            total, count = self._power.get(role, (0.0, 0))
            self._power[role] = (total + power, count + flat.size)
        return peak

    def take(self, gain_db: dict[Role, float], is_muted: dict[Role, bool]) -> dict[Role, Level]:
        """Return the level of each source since the last reading, and begin anew."""
        with self._lock:
            peaks, self._peak = self._peak, {}
            powers, self._power = self._power, {}
        levels = {}
        for role, peak in peaks.items():
            total, count = powers[role]
            gain = 0.0 if is_muted.get(role) else 10.0 ** (gain_db.get(role, 0.0) / 20.0)
            rms = math.sqrt(total / count)
            levels[role] = Level(_db(peak * gain), _db(rms * gain), _db(peak))
        return levels
