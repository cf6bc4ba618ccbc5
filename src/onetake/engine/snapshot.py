"""A take at one instant, put together from those who know its parts."""

from __future__ import annotations

from onetake.engine.disk_watch import DiskState
from onetake.engine.frame_counter import FrameCounter
from onetake.engine.readings import Readings
from onetake.model.devices import Role
from onetake.model.events import Snapshot, Warned
from onetake.session.machine import Session

__all__ = ["snapshot_of"]


def snapshot_of(
    session: Session,
    *,
    path: str,
    host_ns: int,
    size_bytes: int,
    dropped_frames: int,
    frames: FrameCounter,
    disk: DiskState,
    readings: Readings,
    devices: dict[Role, str],
    warnings: list[Warned],
) -> Snapshot:
    """Return everything a user interface shows at `host_ns`."""
    return Snapshot(
        state=session.state,
        path=path,
        position_ns=session.position_ns(host_ns),
        size_bytes=size_bytes,
        frames=frames.written,
        dropped_frames=dropped_frames,
        fps=frames.per_second(),
        is_mic_muted=session.is_muted[Role.MIC],
        is_system_muted=session.is_muted[Role.SYSTEM],
        mic_gain_db=session.gain_db[Role.MIC],
        system_gain_db=session.gain_db[Role.SYSTEM],
        overlay=session.overlay,
        sources=session.sources,
        devices=devices,
        levels=readings.levels,
        drift_ppm=readings.drift_ppm,
        alignment_error_ms=readings.alignment_error_ms,
        free_bytes=disk.free_bytes,
        minutes_left=disk.minutes_left,
        warnings=warnings,
    )
