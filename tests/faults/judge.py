"""What a damaged take is worth: every event that was played is looked for in the file.

What lies where the machine or the stage stood still is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.stage.witness import Span

from onetake.file.report import read_report
from onetake.model.pattern import EventSchedule
from onetake.proof.check import check
from onetake.proof.results import Verdict
from onetake.proof.scan import scan

__all__ = ["Found", "look_at"]

NEAR_MS = 100.0
"""A beep this near to where an event belongs is that event."""

EDGE_S = 0.3
"""An event this near to the end of a span may lie on either side of it."""

Points = list[tuple[float, float]]


@dataclass
class Found:
    """What is in the files of a take. Positions are the take's, in s."""

    end_s: float = 0.0
    """Where the take ends: the shorter track of its last file."""
    findings: list[str] = field(default_factory=list)
    """What `onetake check` says of each file."""
    is_valid: bool = True
    """Whether each file opens, has both tracks, and they end together."""
    cuts_s: list[float] = field(default_factory=list)
    """Where further files begin."""
    offsets: dict[str, Points] = field(default_factory=lambda: {"system": [], "mic": []})
    """(position, distance of sound from picture in ms) of each event that is seen and heard."""
    errors: dict[str, Points] = field(default_factory=lambda: {"system": [], "mic": []})
    """(position, distance in ms from where it belongs by the host's clock) of each beep."""
    missing_s: dict[str, list[float]] = field(default_factory=lambda: {"system": [], "mic": []})
    """Where events of each were played but are not heard."""
    stalls_s: list[tuple[float, float]] = field(default_factory=list)
    """Spans in which the machine or the stage's playback stood still."""

    def sync_ms(self, start_s: float, end_s: float) -> float | None:
        """Return the worst median distance of sound from picture in a stretch; None = no event."""
        medians = [
            median(inside)
            for points in self.offsets.values()
            if (inside := [ms for at_s, ms in points if start_s <= at_s < end_s])
        ]
        return max(medians, key=abs, default=None)

    def lost(self, sound: str, spans: Sequence[tuple[float, float]]) -> list[float]:
        """Return the events that are missing though nothing was wrong around them."""
        cuts = ((cut_s, cut_s) for cut_s in self.cuts_s)
        allowed = [*spans, *cuts, (self.end_s, self.end_s), *self.stalls_s]
        return [at_s for at_s in self.missing_s[sound] if not _is_near(at_s, allowed)]

    def worst_error_ms(self) -> float:
        """Return how far the worst beep lies from where it belongs, while the machine ran."""
        points = (point for points in self.errors.values() for point in points)
        return max((abs(ms) for at_s, ms in points if not _is_near(at_s, self.stalls_s)), default=0)


def _is_near(at_s: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(start_s - EDGE_S <= at_s <= end_s + EDGE_S for start_s, end_s in spans)


def look_at(
    paths: Sequence[Path], start_ns: int, schedule_id: int, stalls: Sequence[Span] = ()
) -> Found:
    """Read the files of a take that was recorded while the pattern began at host time `start_ns`;
    each has its report beside it. `stalls`: when machine or stage stood still, in host ns."""
    found = Found()
    for path in paths:
        _look_at_part(found, path, start_ns, schedule_id, stalls)
    return found


def _look_at_part(
    found: Found, path: Path, start_ns: int, schedule_id: int, stalls: Sequence[Span]
) -> None:
    report, own = check(path), read_report(path)
    assert own is not None, f"no report beside {path.name}"
    ends = [track.end_s or 0.0 for track in report.tracks if track.kind in ("video", "audio")]
    is_together = len(ends) > 1 and max(ends) - min(ends) <= 1 / own.settings.fps
    found.is_valid &= is_together and report.verdict is not Verdict.BROKEN
    found.findings += [finding.message for finding in report.findings]
    begin_s = own.part_start_s
    found.cuts_s += [begin_s] if own.part > 1 else []
    for first_ns, last_ns in stalls:
        start_s, end_s = ((at_ns - own.t0_ns) / 1e9 + begin_s for at_ns in (first_ns, last_ns))
        found.stalls_s.append((start_s, end_s))
    length_s = min(ends, default=0.0)
    found.end_s = begin_s + length_s
    for offsets in report.offsets:
        if offsets.path in found.offsets:
            found.offsets[offsets.path] += [(begin_s + s, ms) for s, ms in offsets.offsets_ms]
    offset_ns = start_ns - own.t0_ns
    events = EventSchedule(schedule_id).times_ns(
        max(0, -offset_ns), round(length_s * 1e9) - offset_ns
    )
    sounds = scan(path).sounds
    for sound in found.errors:
        heard_ns = [chirp.start_ns for chirp in sounds[0].chirps[sound]] if sounds else []
        for due_ns in (event + offset_ns for event in events):
            error_ns = min((at_ns - due_ns for at_ns in heard_ns), key=abs, default=1 << 62)
            at_s = begin_s + due_ns / 1e9
            if abs(error_ns) <= NEAR_MS * 1e6:
                found.errors[sound].append((at_s, error_ns / 1e6))
            else:
                found.missing_s[sound].append(at_s)
