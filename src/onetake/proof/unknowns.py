"""What a check could not tell, said in words, so that silence never looks like praise."""

from __future__ import annotations

from collections.abc import Sequence

from onetake.proof.companion import Companion
from onetake.proof.events import SeenEvents
from onetake.proof.results import MutedSpan, PathOffsets
from onetake.proof.scan import Scan

__all__ = ["unknowns"]


def unknowns(
    events: SeenEvents | None,
    offsets: Sequence[PathOffsets],
    muted: Sequence[MutedSpan],
    companion: Companion | None,
    found: Scan,
) -> list[str]:
    """Return one sentence for each thing that could not be told."""
    said = []
    if found.frames is None or not found.sounds:
        said.append("A/V offset: needs a picture and a sound track.")
    elif events is None:
        said.append("A/V offset and drift: there is no flash-and-beep pattern in the picture.")
    elif not any(path.path != "mic-system" for path in offsets):
        said.append("A/V offset and drift: the pattern is seen, but its beeps are not heard.")
    said += _about_offsets(events, offsets)
    if found.missing_bytes is None:
        said.append("Completeness: this container does not say how long the file should be.")
    if companion is None:
        said.append("Mutes and other controls: no report lies beside the file.")
    else:
        said += _about_report(companion, muted)
    return said


def _about_offsets(events: SeenEvents | None, offsets: Sequence[PathOffsets]) -> list[str]:
    said = []
    if events is not None and offsets and events.is_regular:
        said.append(
            "Offsets of half a second and more: the events are evenly spaced, so a lag of a whole "
            "interval looks like none."
        )
    if events is not None and offsets and events.method == "flash":
        said.append(
            f"Offsets finer than one frame ({events.resolution_ns / 1e6:.1f} ms): the picture has "
            "flashes but no time code."
        )
    said.extend(
        f"Drift of {path.path}: "
        + (f"{path.events} events are too few." if path.step_ms is None else "the offset jumps.")
        for path in offsets
        if path.drift_ms_per_hour is None
    )
    return said


def _about_report(companion: Companion, muted: Sequence[MutedSpan]) -> list[str]:
    said = []
    dark = [span for span in muted if span.is_clean is None]
    if dark:
        said.append(
            f"{len(dark)} muted spans: nothing in them tells the muted source from the other one."
        )
    if any(span.probes and span.share_db is None for span in muted):
        said.append("Muted spans: probed with the pattern's beeps, not with other sounds.")
    kinds = {type(event.command).__name__ for event in companion.report.controls}
    if kinds & {"ShowCamera", "SetOverlay", "MoveOverlay"}:
        said.append("Camera changes: where the overlay is seen is not measured.")
    if "SetGain" in kinds:
        said.append("Gain changes: their size is not measured.")
    return said
