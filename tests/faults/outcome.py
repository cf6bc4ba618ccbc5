"""What one damaged take showed, and what has to be true of each, whatever happened to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.judge import Found, look_at
from tests.faults.rig import Recorded, Rig

__all__ = ["AFTER_S", "AT_S", "AWAY_S", "SYNC_MS", "Outcome", "common"]

AT_S = 4.0
"""Position at which the damage is done: three events before it."""

AWAY_S = 2.0
"""How long something stays away."""

AFTER_S = 5.0
"""How long the take goes on afterwards."""

SYNC_MS = 3.0
"""How near sound and picture have to be before and after a fault."""

PLACE_MS = 12.0
"""How near each single beep has to be to where it belongs by the host's clock, right after a device
came back too, when little is known of its clock."""


@dataclass
class Outcome:
    """What one damaged take showed."""

    fault: str
    code: int
    lost_s: float = 0.0
    """What is missing in the file beyond the time the thing itself was away."""
    is_valid: bool = False
    told: str = ""
    before_ms: float | None = None
    after_ms: float | None = None
    troubles: list[str] = field(default_factory=list)
    """What was promised and is not so; empty = all is."""

    def expect(self, is_so: object, otherwise: str) -> None:
        """Note a broken promise."""
        if not is_so:
            self.troubles.append(otherwise)


def common(outcome: Outcome, ended: Recorded, rig: Rig) -> Found:
    """Look at what every take has to have, whatever happened to it."""
    outcome.expect("Traceback" not in ended.err, f"a traceback: {ended.err}")
    paths = ended.stopped.get("parts") or [ended.stopped.get("path", ended.path)]
    stalls = rig.disturbances()
    found = look_at([Path(path) for path in paths], rig.start_ns, rig.schedule_id, stalls)
    outcome.is_valid = found.is_valid
    outcome.expect(found.is_valid, f"check: {found.findings}")
    worst_ms = found.worst_error_ms()
    outcome.expect(worst_ms <= PLACE_MS, f"a beep is {worst_ms} ms off")
    return found
