"""Watches a running take: levels, wrong silence, clipping, echo, frame rate, room on the disk.

It decides nothing: it says what it saw, and the take warns or stops.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from onetake.audio.echo_watch import EchoWatch
from onetake.audio.meter import peak_of
from onetake.audio.watch import SoundWatch
from onetake.clock import Clock
from onetake.engine.disk_watch import DiskState, DiskWatch
from onetake.engine.drop_watch import DropWatch
from onetake.engine.frame_counter import FrameCounter
from onetake.engine.light_watch import LightWatch
from onetake.engine.readings import Readings
from onetake.model.devices import Role
from onetake.model.events import Meters
from onetake.model.media import AudioBlock
from onetake.model.units import NS_PER_S
from onetake.session.machine import Session

__all__ = ["Monitor"]

DISK_EVERY_NS = NS_PER_S
"""How often the disk is asked. At 100 Mb/s a second is 12 MB, less than the reserve."""

Warn = Callable[[str, str, str], None]


class Monitor:
    """Owned by a take. `heard` on the audio lane's thread, the rest on the take's.

    Args:
        folder: where the file lies.
        warn: told (code, message, hint).
    """

    def __init__(self, clock: Clock, folder: Path, readings: Readings, warn: Warn) -> None:
        self._clock = clock
        self._folder = folder
        self._warn = warn
        self._readings = readings
        self._sound = SoundWatch()
        self._echo = EchoWatch()
        self._disk = DiskWatch()
        self._drops = DropWatch()
        self._next_disk_ns = 0
        self.frames = FrameCounter(clock)
        self.light = LightWatch(warn)

    @property
    def disk(self) -> DiskState:
        """What is known of the disk. Any thread."""
        return self._disk.state

    def heard(self, role: Role, block: AudioBlock, *, is_muted: bool) -> None:
        """Take a block of sound into account."""
        peak = peak_of(block.samples)
        told = self._sound.heard(role, block.stamp_ns, peak, is_muted=is_muted)
        told += self._echo.heard(role, block, peak, is_muted=is_muted)
        for warned in told:
            self._warn(warned.code, warned.message, warned.hint)

    def note_drops(self, dropped: int) -> None:
        """Take the number of pictures dropped so far into account."""
        warned = self._drops.update(self._clock.now_ns(), dropped)
        if warned is not None:
            self._warn(warned.code, warned.message, warned.hint)

    def meters(self, session: Session) -> Meters | None:
        """Return the levels now, or None when there is no source of sound."""
        levels = self._readings.levels
        if not levels:
            return None
        return Meters(levels, session.position_ns(self._clock.now_ns()))

    def is_disk_full(self, written_bytes: int, *, is_paused: bool) -> bool:
        """Whether the take has to end now to be finished; warns when it soon will, and when the
        disk hangs. Asks the disk once a second."""
        now_ns = self._clock.now_ns()
        if now_ns < self._next_disk_ns:
            return False
        self._next_disk_ns = now_ns + DISK_EVERY_NS
        try:
            free_bytes = shutil.disk_usage(self._folder).free
        except OSError:
            return False  # A folder that has vanished is the writer's to notice and tell.
        before = self._disk.state
        state = self._disk.update(now_ns, free_bytes, written_bytes, is_paused=is_paused)
        if state.is_stalled and not before.is_stalled:
            self._warn("disk-stalled", "the disk takes nothing", "the take waits in memory for it")
        if state.is_low and not before.is_low:
            message = f"the disk has room for {state.minutes_left or 0:.0f} more minutes"
            self._warn("disk-low", message, "free some room, or stop soon")
        return state.is_full
