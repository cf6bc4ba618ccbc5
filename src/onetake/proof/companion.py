"""What the report beside a recording claims, as far as a check can hold the file against it.

Invariant: a report in an unknown or damaged form is said to be so and changes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from onetake.model.commands import SetMute
from onetake.model.companions import report_path
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import ControlChanged

__all__ = ["Companion", "MutedPart", "read_companion"]

_MAX_BYTES = 64 << 20
"""Reports are some kilobytes; a larger file is something else."""

_Fields = dict[str, msgspec.Raw]
_T = TypeVar("_T")


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
    controls: tuple[ControlChanged, ...] = ()
    muted: tuple[MutedPart, ...] = ()
    absent: frozenset[Role] = frozenset()
    """Roles that were not recorded."""
    duration_s: float | None = None
    verdict: str = ""


def read_companion(recording: Path) -> Companion | None:
    """Return what the report beside `recording` says, None when there is none."""
    path = report_path(recording)
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _MAX_BYTES:
            return Companion(path, "it is far too large")
        fields = msgspec.json.decode(path.read_bytes(), type=_Fields)
        controls = _controls(fields)
        settings = _convert(fields, "settings", _Fields) or {}
        return Companion(
            path=path,
            problem="",
            controls=controls,
            muted=_muted(controls, settings),
            absent=frozenset(role for role in AUDIO_ROLES if _is_absent(role, settings)),
            duration_s=_convert(fields, "duration_s", float),
            verdict=_convert(fields, "verdict", str) or "",
        )
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        return Companion(path, str(error))


def _controls(fields: _Fields) -> tuple[ControlChanged, ...]:
    """Return the control events, in the order of their positions."""
    events = _convert(fields, "controls", list[ControlChanged]) or []
    return tuple(sorted(events, key=lambda event: event.position_ns))


def _muted(controls: tuple[ControlChanged, ...], settings: _Fields) -> tuple[MutedPart, ...]:
    parts = []
    for role in AUDIO_ROLES:
        since_ns = 0 if _convert(settings, f"is_{role}_muted", bool) else None
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


def _is_absent(role: Role, settings: _Fields) -> bool:
    name = "mic" if role is Role.MIC else "system_audio"
    return _convert(settings, name, str) == "none"


def _convert(fields: _Fields, name: str, kind: type[_T]) -> _T | None:
    return msgspec.json.decode(fields[name], type=kind) if name in fields else None
