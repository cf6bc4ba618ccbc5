"""Which moments of a take become chapters, and what they are called.

Invariant: chapters cover the file from 0 to its end without a gap, in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from onetake.model.commands import (
    Command,
    Marker,
    MoveOverlay,
    Resume,
    SetGain,
    SetOverlay,
    Split,
    Stop,
    command_text,
)
from onetake.model.devices import Role
from onetake.model.events import ControlChanged
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ, first_sample_at_or_after

__all__ = ["Chapter", "chapter_label", "chapter_marks", "chapters_of"]

OPENING_TITLE = "Start"
"""Title of the chapter that begins at 0 when nobody put one there."""

COALESCE_NS = 2 * NS_PER_S
"""Changes of the same thing closer than this are one: a dragged gain slider is not 20 chapters.
Larger: a quick mute and unmute would vanish, so mutes are never put together."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A stretch of the file with a title; times in output samples of 48 kHz."""

    start_sample: int
    end_sample: int
    title: str


def chapter_label(command: Command) -> str | None:
    """Return the title of the chapter that begins with `command`, None when none does: what is
    changed by dragging, what shows in the picture anyway, and what ends a pause or the file."""
    match command:
        case SetOverlay() | MoveOverlay() | Resume() | Split() | Stop():
            return None
        case Marker():
            return command_text(command)
        case _:
            text = command_text(command)
            return text[:1].upper() + text[1:]


def chapter_marks(controls: Iterable[ControlChanged]) -> list[tuple[int, str]]:
    """Return (position_ns, title) of every control that begins a chapter, in order."""
    marks: list[tuple[int, str]] = []
    last_gain: dict[Role, tuple[int, int]] = {}
    for control in sorted(controls, key=lambda control: control.position_ns):
        label = chapter_label(control.command)
        if label is None:
            continue
        if isinstance(control.command, SetGain):
            role = control.command.role
            since_ns, at = last_gain.get(role, (0, -1))
            if at >= 0 and control.position_ns - since_ns < COALESCE_NS:
                marks[at] = (marks[at][0], label)
                continue
            last_gain[role] = (control.position_ns, len(marks))
        marks.append((control.position_ns, label))
    return marks


def chapters_of(marks: Iterable[tuple[int, str]], end_ns: int) -> list[Chapter]:
    """Return the chapters that begin at `marks` (position_ns, title) and end at `end_ns`.

    Marks outside the file are moved into it; marks at the same millisecond share a chapter.
    """
    end_sample = first_sample_at_or_after(end_ns)
    starts: list[tuple[int, str]] = []
    for position_ns, title in sorted(marks, key=lambda mark: mark[0]):
        start = min(max(0, first_sample_at_or_after(position_ns)), max(0, end_sample - 1))
        text = " ".join(title.split()) or "Marker"
        if starts and start - starts[-1][0] < SAMPLE_RATE_HZ // 1000:
            starts[-1] = (starts[-1][0], f"{starts[-1][1]} · {text}")
        else:
            starts.append((start, text))
    if not starts:
        return []
    if starts[0][0] > 0:
        starts.insert(0, (0, OPENING_TITLE))
    ends = [start for start, _ in starts[1:]] + [end_sample]
    return [Chapter(start, end, title) for (start, title), end in zip(starts, ends, strict=True)]
