"""The one live line of a recording: pure text from a snapshot.

REC 00:12:31  214 MB  30.0 fps  drop 0  mic ▮▮▮▮▯▯▯▯ -18  sys ▮▮▯▯▯▯▯▯ -24  cam on  41 GB free
"""

from __future__ import annotations

from onetake.model.devices import Role
from onetake.model.events import Level, Snapshot, SourceState, TakeState
from onetake.model.units import NS_PER_S

__all__ = ["clock_text", "meter_text", "size_text", "status_text"]

_FLOOR_DB = -60.0
"""Where the meter begins, dBFS: a quiet room."""
_CELLS = 8

_STATE_WORDS = {
    TakeState.STARTING: "WAIT",
    TakeState.RECORDING: "REC",
    TakeState.PAUSED: "PAUSE",
    TakeState.STOPPING: "SAVE",
}


def clock_text(position_ns: int) -> str:
    """Return a position as HH:MM:SS."""
    seconds = position_ns // NS_PER_S
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def size_text(size_bytes: float) -> str:
    """Return a size in the unit a person would choose."""
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"


def meter_text(level: Level | None) -> str:
    """Return a level as cells and dB; muted but talking shows as hollow cells."""
    if level is None:
        level = Level()
    heard = _cells(level.peak_db)
    spoken = max(heard, _cells(level.input_peak_db))
    cells = "▮" * heard + "▫" * (spoken - heard) + "▯" * (_CELLS - spoken)
    number = f"{level.peak_db:4.0f}" if level.peak_db > _FLOOR_DB else " -∞ "
    return f"{cells}{number}"


def _cells(level_db: float) -> int:
    share = (level_db - _FLOOR_DB) / -_FLOOR_DB
    return max(0, min(_CELLS, round(share * _CELLS)))


def status_text(snapshot: Snapshot, width: int) -> str:
    """Return the line, cut to `width` columns."""
    parts = [
        f"{_STATE_WORDS.get(snapshot.state, snapshot.state.upper())} "
        f"{clock_text(snapshot.position_ns)}",
        size_text(snapshot.size_bytes),
        f"{snapshot.fps:.1f} fps",
        f"drop {snapshot.dropped_frames}",
        _sound("mic", Role.MIC, snapshot, is_muted=snapshot.is_mic_muted),
        _sound("sys", Role.SYSTEM, snapshot, is_muted=snapshot.is_system_muted),
        f"cam {_camera(snapshot)}",
        _disk(snapshot),
    ]
    return "  ".join(part for part in parts if part)[:width]


def _sound(word: str, role: Role, snapshot: Snapshot, *, is_muted: bool) -> str:
    state = snapshot.sources.get(role)
    if state is None:
        return ""
    if state is not SourceState.LIVE:
        return f"{word} {state}"
    label = f"{word} muted" if is_muted else word
    return f"{label} {meter_text(snapshot.levels.get(role))}"


def _camera(snapshot: Snapshot) -> str:
    state = snapshot.sources.get(Role.CAMERA)
    if state is None:
        return "none"
    if state is not SourceState.LIVE:
        return state
    return "on" if snapshot.overlay.is_visible else "hidden"


def _disk(snapshot: Snapshot) -> str:
    if not snapshot.free_bytes:
        return ""
    free = f"{size_text(snapshot.free_bytes)} free"
    if snapshot.minutes_left is None or snapshot.minutes_left > 600:
        return free
    return f"{free} ({snapshot.minutes_left:.0f} min)"
