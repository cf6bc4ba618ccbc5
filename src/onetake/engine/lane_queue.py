"""The bounded, ordered queue between the sources and a lane.

Everything a lane acts on comes through one queue, in order: what was captured, the start, the
commands, the stop. A command stamped at h is in the queue before any frame captured after h, so a
lane needs no lock and no clock to let it land on the right frame.

What happens when it is full:
- screen frames: the newest is dropped, released and counted; its damage is added to the next one
  that is accepted, so the picture heals;
- camera frames: the oldest is dropped (only the newest matters);
- audio blocks: never dropped below `AUDIO_LIMIT`; past it the newest is dropped and counted,
  which the audio lane sees as a loss and fills with silence at the right place;
- control items: always accepted (a person cannot give enough of them to matter).
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from onetake.model.commands import TimedCommand
from onetake.model.devices import Role
from onetake.model.events import SourceState
from onetake.model.geometry import Rect
from onetake.model.media import AudioBlock, Frame, StampKind

__all__ = [
    "AUDIO_LIMIT",
    "CAMERA_LIMIT",
    "SCREEN_LIMIT",
    "Arm",
    "Captured",
    "End",
    "Item",
    "LaneQueue",
    "SourceNews",
    "StartAt",
]

SCREEN_LIMIT = 6
"""Most screen frames waiting. More only adds memory and delay (6 at 30 fps = 200 ms); fewer drops
frames whenever the encoder takes longer than usual for one key frame."""

CAMERA_LIMIT = 4
"""Most camera frames waiting; the lane picks by time, so a few are enough."""

AUDIO_LIMIT = 6000
"""Most audio blocks waiting, of both sources together: one minute of 20 ms blocks, 46 MB at most.
Fewer would lose sound when the machine stands still for long; more is memory without bound."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A source delivered."""

    role: Role
    what: Frame | AudioBlock


@dataclass(frozen=True, slots=True)
class Arm:
    """Accept the next screen frame as the first one: its PTS is position 0."""

    not_before_ns: int
    """Least PTS: every source has something from then on."""


@dataclass(frozen=True, slots=True)
class StartAt:
    """The timeline starts here."""

    t0_ns: int


@dataclass(frozen=True, slots=True)
class SourceNews:
    """A source came or went."""

    role: Role
    state: SourceState
    host_ns: int
    stamp_kind: StampKind | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Finish at this host time; the last item."""

    end_host_ns: int


Item = Captured | Arm | StartAt | TimedCommand | SourceNews | End


class LaneQueue:
    """Ordered, bounded, many producers, one consumer. Any thread may `put`; nothing blocks it."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._waiting = dict.fromkeys(Role, 0)
        self._changed = threading.Condition()
        self._missed_damage: tuple[Rect, ...] | None = ()
        self._is_ended = False
        self.dropped = dict.fromkeys(Role, 0)
        """Items thrown away because the queue was full, by role. Written under the lock."""

    def __len__(self) -> int:
        """How many items wait. Any thread; a moment later it may be another number."""
        return len(self._items)

    def put(self, item: Item) -> None:
        """Append a control item."""
        with self._changed:
            self._items.append(item)
            self._is_ended = self._is_ended or isinstance(item, End)
            self._changed.notify()

    def put_frame(self, role: Role, frame: Frame) -> None:
        """Append a picture, or drop one and release it. Takes the frame over. After the `End` item
        pictures are not wanted any more, and none of them counts as dropped."""
        with self._changed:
            unwanted = frame if self._is_ended else self._make_room(role, frame)
            if unwanted is not frame:
                if role is Role.SCREEN:
                    self._heal(frame)
                self._append(role, frame)
                self._changed.notify()
        if unwanted is not None:
            unwanted.release()

    def put_audio(self, role: Role, block: AudioBlock) -> None:
        """Append a run of samples. Wakes nobody: sound is mixed in batches, and a hundred blocks a
        second that each woke the lane cost it more than mixing them."""
        with self._changed:
            if self._waiting[Role.MIC] + self._waiting[Role.SYSTEM] >= AUDIO_LIMIT:
                self.dropped[role] += 1
                return
            self._append(role, block)

    def get(self, timeout_s: float) -> Item | None:
        """Take the next item out, or None after `timeout_s`; sound that comes while it waits is
        taken out when that time is over. The lane's thread only."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            if isinstance(item, Captured):
                self._waiting[item.role] -= 1
            return item

    def drain(self) -> None:
        """Release every frame that still waits. After the lane has ended."""
        with self._changed:
            left, self._items = self._items, deque()
            self._waiting = dict.fromkeys(Role, 0)
        for item in left:
            if isinstance(item, Captured) and isinstance(item.what, Frame):
                item.what.release()

    def _append(self, role: Role, what: Frame | AudioBlock) -> None:
        self._items.append(Captured(role, what))
        self._waiting[role] += 1

    def _make_room(self, role: Role, frame: Frame) -> Frame | None:
        """Return the frame that has to go, or None when there is room."""
        if role is Role.CAMERA:
            return self._oldest_camera() if self._waiting[role] >= CAMERA_LIMIT else None
        if self._waiting[role] < SCREEN_LIMIT:
            return None
        if not frame.is_idle:
            self.dropped[role] += 1
            self._missed_damage = _united(self._missed_damage, frame.damage)
        return frame

    def _oldest_camera(self) -> Frame | None:
        for index, item in enumerate(self._items):
            if isinstance(item, Captured) and item.role is Role.CAMERA:
                del self._items[index]
                self._waiting[Role.CAMERA] -= 1
                self.dropped[Role.CAMERA] += 1
                return item.what if isinstance(item.what, Frame) else None
        return None

    def _heal(self, frame: Frame) -> None:
        """Add the damage of dropped frames to the next one that has a picture."""
        if self._missed_damage == () or frame.image is None:
            return
        frame.damage = _united(self._missed_damage, frame.damage)
        self._missed_damage = ()


def _united(
    first: tuple[Rect, ...] | None, second: tuple[Rect, ...] | None
) -> tuple[Rect, ...] | None:
    return None if first is None or second is None else first + second
