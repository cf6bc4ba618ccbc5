"""Scripts of all roles, merged by the time at which they deliver.

Invariant: a script goes on only when its last delivery was dealt with, so that a picture is never
drawn over before it was looked at; what is due never goes back in time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from onetake.errors import DeviceUnavailable
from onetake.model.commands import TimedCommand
from onetake.model.devices import Role
from onetake.model.events import SourceState
from onetake.model.media import AudioBlock, Frame, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.synthetic.platform import full_device_id
from onetake.platforms.synthetic.script import Delivery, DeviceScript

__all__ = ["Due", "Play", "ScriptQueue"]

Play = Callable[[int], Iterator[Delivery]]
"""A script: given the host time at which it is opened, everything it delivers, in order."""


@dataclass(order=True, slots=True)
class Due:
    """Something that reaches the take at a time; equal times keep the order of their making."""

    host_ns: int
    number: int
    role: Role | None = field(compare=False, default=None)
    what: Frame | AudioBlock | SourceState | TimedCommand | None = field(
        compare=False, default=None
    )
    """None = the lanes are told the time."""
    generation: int = field(compare=False, default=0)


class ScriptQueue:
    """The open scripts of all roles, and what is put in between.

    Args:
        settings: for the synthetic devices.
        start_ns: host time at which the take is asked for; the whole second before it is position 0
            of the pattern.
        stamp_kinds: of the sound of scripts that are no synthetic devices.
    """

    def __init__(
        self, settings: Settings, start_ns: int, stamp_kinds: Mapping[Role, StampKind]
    ) -> None:
        self._settings = settings
        self.start_ns = start_ns
        self.epoch_ns = start_ns - start_ns % NS_PER_S
        self._playing: dict[Role, Iterator[Delivery]] = {}
        self._generation = dict.fromkeys(Role, 0)
        self._number = count()
        self._heap: list[Due] = []
        self.kinds = dict(stamp_kinds)
        """What the stamps of each role's sound mean."""
        self.ids: dict[Role, str] = {}
        """Which device plays in each role."""

    def open(self, role: Role, source: str | Play, host_ns: int) -> None:
        """Let `source` play in `role`, in place of what played there."""
        if isinstance(source, str):
            script = DeviceScript(full_device_id(role, source), self._settings)
            self.ids[role] = script.device_id
            self.kinds[role] = script.stamp_kind
            deliveries = script.play(host_ns, epoch_ns=self.epoch_ns)
        else:
            self.ids[role] = f"script:{role}"
            self.kinds.setdefault(role, StampKind.CAPTURE)
            deliveries = source(host_ns)
        self._playing[role] = deliveries
        self._generation[role] += 1
        self._refill(role)

    def screen_size_px(self) -> tuple[int, int]:
        """Return the size of the first picture. Raises DeviceUnavailable when there is none."""
        first = next((due for due in self._heap if due.role is Role.SCREEN), None)
        if first is None or not isinstance(first.what, Frame):
            raise DeviceUnavailable("the screen's script delivers no picture")
        return first.what.width_px, first.what.height_px

    def add(self, host_ns: int, what: TimedCommand | None) -> None:
        """Put in a command that is received at `host_ns`, or (None) a tick."""
        heapq.heappush(self._heap, Due(host_ns, next(self._number), what=what))

    def next(self) -> Due:
        """Return what is due next. To be followed by `done`."""
        while True:
            due = heapq.heappop(self._heap)
            if due.role is None:
                return due
            if due.generation == self._generation[due.role]:
                return due
            if isinstance(due.what, Frame):
                due.what.release()

    def done(self, due: Due) -> None:
        """Say that what `next` returned was dealt with: its script may draw the next picture."""
        if due.role is not None and due.generation == self._generation[due.role]:
            self._refill(due.role)

    def _refill(self, role: Role) -> None:
        for host_ns, what in self._playing[role]:
            due = Due(host_ns, next(self._number), role, what, self._generation[role])
            heapq.heappush(self._heap, due)
            return
