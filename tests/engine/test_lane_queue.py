"""The queue in front of a lane: ordered, bounded, and honest about what it throws away."""

from __future__ import annotations

import threading

import numpy as np

from onetake.engine.lane_queue import (
    AUDIO_LIMIT,
    CAMERA_LIMIT,
    SCREEN_LIMIT,
    Captured,
    End,
    LaneQueue,
)
from onetake.model.commands import Pause, TimedCommand
from onetake.model.devices import Role
from onetake.model.geometry import Rect
from onetake.model.media import AudioBlock, Frame, PixelFormat

IMAGE = np.zeros((2, 2, 4), np.uint8)


class Lent:
    """Frames that remember whether they were given back."""

    def __init__(self) -> None:
        self.released: list[int] = []

    def frame(self, pts_ns: int, damage: tuple[Rect, ...] | None = None) -> Frame:
        image = None if damage == () else IMAGE
        return Frame(
            pts_ns, 2, 2, image, PixelFormat.BGRA, damage, lambda: self.released.append(pts_ns)
        )


def block(stamp_ns: int) -> AudioBlock:
    return AudioBlock(stamp_ns, np.zeros((4, 2), np.float32), 48_000, stamp_ns)


def taken(queue: LaneQueue) -> list[object]:
    items: list[object] = []
    while (item := queue.get(0.0)) is not None:
        items.append(item.what if isinstance(item, Captured) else item)
    return items


def test_order_is_kept_across_kinds() -> None:
    """A command lies between the frames before and after it: that is what makes it exact."""
    queue, lent = LaneQueue(), Lent()
    first, second = lent.frame(1), lent.frame(3)
    pause = TimedCommand(2, Pause())
    queue.put_frame(Role.SCREEN, first)
    queue.put(pause)
    queue.put_frame(Role.SCREEN, second)
    queue.put(End(4))
    assert taken(queue) == [first, pause, second, End(4)]


def test_a_full_queue_drops_the_newest_screen_frame_and_heals_the_next() -> None:
    """A dropped frame is released and counted, and the next one carries its damage too."""
    queue, lent = LaneQueue(), Lent()
    for number in range(SCREEN_LIMIT):
        queue.put_frame(Role.SCREEN, lent.frame(number, (Rect(0, 0, 1, 1),)))
    queue.put_frame(Role.SCREEN, lent.frame(100, (Rect(1, 1, 1, 1),)))
    assert lent.released == [100]
    assert queue.dropped[Role.SCREEN] == 1
    queue.get(0.0)
    next_frame = lent.frame(101, (Rect(0, 1, 1, 1),))
    queue.put_frame(Role.SCREEN, next_frame)
    assert next_frame.damage == (Rect(1, 1, 1, 1), Rect(0, 1, 1, 1))


def test_a_dropped_frame_of_unknown_damage_makes_the_next_whole() -> None:
    """Unknown damage stays unknown: the next frame is taken in whole."""
    queue, lent = LaneQueue(), Lent()
    for number in range(SCREEN_LIMIT + 1):
        queue.put_frame(Role.SCREEN, lent.frame(number, None))
    queue.get(0.0)
    next_frame = lent.frame(101, (Rect(0, 1, 1, 1),))
    queue.put_frame(Role.SCREEN, next_frame)
    assert next_frame.damage is None


def test_a_dropped_idle_beat_is_no_dropped_frame() -> None:
    """A beat without a picture shows nothing new, so losing it loses nothing."""
    queue, lent = LaneQueue(), Lent()
    for number in range(SCREEN_LIMIT + 1):
        queue.put_frame(Role.SCREEN, lent.frame(number, ()))
    assert queue.dropped[Role.SCREEN] == 0
    assert lent.released == [SCREEN_LIMIT]


def test_a_full_queue_drops_the_oldest_camera_picture() -> None:
    """Of camera pictures the newest matter; the dropped one goes back to its source."""
    queue, lent = LaneQueue(), Lent()
    for number in range(CAMERA_LIMIT + 1):
        queue.put_frame(Role.CAMERA, lent.frame(number))
    assert lent.released == [0]
    assert len(queue) == CAMERA_LIMIT


def test_audio_is_kept_up_to_its_bound() -> None:
    """A minute of sound fits; past it memory stays bounded and the loss is counted."""
    queue = LaneQueue()
    for number in range(AUDIO_LIMIT + 5):
        queue.put_audio(Role.MIC, block(number))
    assert len(queue) == AUDIO_LIMIT
    assert queue.dropped[Role.MIC] == 5


def test_sound_wakes_nobody() -> None:
    """The lane wakes for pictures and commands, not for each block of sound."""
    queue, lent, waker = LaneQueue(), Lent(), Waker()
    queue._changed = waker
    queue.put_audio(Role.MIC, block(1))
    assert waker.calls == 0
    queue.put_frame(Role.SCREEN, lent.frame(1))
    queue.put(End(0))
    assert waker.calls == 2


class Waker(threading.Condition):
    """Counts how often somebody is woken."""

    calls = 0

    def notify(self, n: int = 1) -> None:
        self.calls += 1
        super().notify(n)


def test_draining_gives_every_picture_back() -> None:
    """At the end nothing stays lent."""
    queue, lent = LaneQueue(), Lent()
    queue.put_frame(Role.SCREEN, lent.frame(1))
    queue.put_frame(Role.CAMERA, lent.frame(2))
    queue.drain()
    assert sorted(lent.released) == [1, 2]
    assert len(queue) == 0
