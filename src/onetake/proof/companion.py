"""What the report beside a recording claims, as far as a check can hold the file against it.

Invariant: a report in an unknown or damaged form is said to be so and changes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onetake.errors import InvalidRecording
from onetake.model.commands import SetMute
from onetake.model.companions import report_path
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.take_report import Report, decode_report

__all__ = ["Companion", "MutedPart", "read_companion"]

_MAX_BYTES = 64 << 20
"""Reports are some kilobytes; a larger file is something else."""


@dataclass(frozen=True, slots=True)
class MutedPart:
    """A part of the file in which a role is muted; `end_ns` None = to the end."""

    role: Role
    start_ns: int
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class Companion:
    """The report beside a file."""

    path: Path
    problem: str
    """Why it could not be used, empty = it could."""
    report: Report
    """Empty when there is a problem."""
    muted: tuple[MutedPart, ...] = ()
    """Ordered by role, then by position."""
    absent: frozenset[Role] = frozenset()
    """Audio roles that were not recorded."""


def read_companion(recording: Path) -> Companion | None:
    """Return what the report beside `recording` says, None when there is none."""
    path = report_path(recording)
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _MAX_BYTES:
            return Companion(path, "it is far too large", Report())
        report = decode_report(path.read_bytes())
    except OSError as error:
        return Companion(path, str(error), Report())
    except InvalidRecording as error:
        return Companion(path, error.message, Report())
    return Companion(
        path=path,
        problem="",
        report=report,
        muted=_muted(report),
        absent=frozenset(role for role in AUDIO_ROLES if _is_absent(role, report)),
    )


def _muted(report: Report) -> tuple[MutedPart, ...]:
    controls = sorted(report.controls, key=lambda event: event.position_ns)
    from_start = {
        Role.MIC: report.settings.is_mic_muted,
        Role.SYSTEM: report.settings.is_system_muted,
    }
    parts = []
    for role in AUDIO_ROLES:
        since_ns = 0 if from_start[role] else None
        for event in controls:
            command = event.command
            if not isinstance(command, SetMute) or command.role is not role:
                continue
            if command.is_muted and since_ns is None:
                since_ns = event.position_ns
            elif not command.is_muted and since_ns is not None:
                parts.append(MutedPart(role, since_ns, event.position_ns))
                since_ns = None
        if since_ns is not None:
            parts.append(MutedPart(role, since_ns, None))
    return tuple(parts)


def _is_absent(role: Role, report: Report) -> bool:
    chosen = report.settings.mic if role is Role.MIC else report.settings.system_audio
    return chosen == "none"
