"""Opens a finished file again, and mends it from the fragments inside when it is not sound.

Invariant: nobody says "saved" of a file that was not read; and a damaged one is kept, beside the
mended one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onetake.errors import OnetakeError
from onetake.proof.repair import repair
from onetake.proof.verify import Verification, verify

__all__ = ["Looked", "look_again"]


@dataclass(frozen=True, slots=True)
class Looked:
    """What the second look found."""

    path: Path
    """The file to hand out: the finished one, or the mended one beside it."""
    seen: Verification
    """What is true of that file."""
    mended: str = ""
    """What had to be done, for a person; empty = nothing."""


def look_again(
    path: Path, *, duration_ns: int, fps: int, audio_tracks: int, may_mend: bool
) -> Looked:
    """Read the finished recording at `path` and mend it if that helps. Never raises.

    Args:
        duration_ns: how long it should be.
        audio_tracks: how many it should have.
        may_mend: False when it is known to be shorter than it should be: a repair finds no more.
    """
    seen = verify(path, duration_ns=duration_ns, fps=fps, audio_tracks=audio_tracks)
    if not seen.needs_repair or not may_mend:
        return Looked(path, seen)
    try:
        mended = repair(path, from_fragments=True)
    except OnetakeError:
        return Looked(path, seen)
    if not mended.was_needed:
        return Looked(path, seen)
    again = verify(mended.path, duration_ns=duration_ns, fps=fps, audio_tracks=audio_tracks)
    if len(again.problems) >= len(seen.problems):
        mended.path.unlink(missing_ok=True)
        return Looked(path, seen)
    why = "; ".join(problem.message for problem in seen.problems)
    return Looked(mended.path, again, f"{path.name} was damaged ({why}) and mended from its parts")
