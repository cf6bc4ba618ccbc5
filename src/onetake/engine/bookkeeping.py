"""The paper trail of a take: the journal while it runs, the report when it ends.

The journal holds what a repair needs should the process die; a clean finish turns it into the
report and removes it. Its lines are only ever written by the writer's thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from onetake._version import __version__
from onetake.clock import Clock
from onetake.engine.readings import Readings
from onetake.errors import OutputFailed
from onetake.file.journal import Journal
from onetake.model.devices import Role
from onetake.model.events import Event
from onetake.model.journal import Happened, Measured, Opened
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S

__all__ = ["RECORDER", "Bookkeeping"]

RECORDER = f"onetake {__version__}"

MEASURE_EVERY_NS = 5 * NS_PER_S
"""How often the lanes' measurements go into the journal. More often: more bytes than sound. Less
often: a recovered take's report is older than its file."""


class Bookkeeping:
    """The journal of one take. `happened` from any thread, `flush` on the writer's, the rest on the
    take's."""

    def __init__(self, clock: Clock, readings: Readings) -> None:
        self._clock = clock
        self._readings = readings
        self._journal: Journal | None = None
        self._next_ns = 0
        self.started_at = datetime.now().astimezone().isoformat(timespec="milliseconds")
        """Wall clock at which the take began, ISO 8601 with offset."""

    def open(
        self,
        recording: Path,
        *,
        part: int,
        size_px: tuple[int, int],
        encoder: str,
        devices: Mapping[Role, str],
        settings: Settings,
        history: list[Event],
    ) -> None:
        """Begin the journal with what is known by now. Raises OutputFailed, DiskFull."""
        journal = Journal(recording)
        journal.open(
            Opened(
                recorder=RECORDER,
                file=recording.name,
                part=part,
                started_at=self.started_at,
                width_px=size_px[0],
                height_px=size_px[1],
                encoder=encoder,
                devices=dict(devices),
                settings=settings,
            )
        )
        for event in history:
            journal.add(Happened(event))
        self._journal = journal

    def happened(self, event: Event) -> None:
        """Remember an event; never touches the disk."""
        if self._journal is not None:
            self._journal.add(Happened(event))

    def flush(self, position_ns: int, t0_ns: int) -> None:
        """Write what was remembered. A journal that cannot be written never ends a take: the same
        disk refuses the recording a moment later, and that is told."""
        journal = self._journal
        if journal is None:
            return
        now_ns = self._clock.now_ns()
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + MEASURE_EVERY_NS
            journal.add(
                Measured(
                    position_ns=position_ns,
                    t0_ns=t0_ns,
                    video=self._readings.video,
                    sources=self._readings.sources,
                )
            )
        with contextlib.suppress(OutputFailed):
            journal.flush()

    def end(self, *, is_finished: bool) -> None:
        """Remove the journal of a finished take, or leave it for a repair."""
        if self._journal is None:
            return
        if is_finished:
            self._journal.remove()
        else:
            self._journal.close()
