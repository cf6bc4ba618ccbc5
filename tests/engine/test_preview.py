"""Previews are made only when somebody looks, the newest wins, and the lane is not kept waiting."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

from onetake.clock import VirtualClock
from onetake.engine.preview import PREVIEWS_PER_S, PreviewTap
from onetake.errors import OutputFailed
from onetake.model.units import NS_PER_S


class Native:
    """A compositor whose images are numbers only it can read."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, int]] = []
        self.has_memory = True

    def small_copy(self, image: object, max_width_px: int) -> NDArray[np.uint8]:
        """Return an even picture of the number."""
        self.asked.append((image, max_width_px))
        if not self.has_memory:
            raise OutputFailed("there is no memory for a picture")
        return np.full((4, max_width_px, 3), image, np.uint8)


def test_nothing_is_made_unless_asked() -> None:
    """Without a request neither kind of image costs anything."""
    tap, native = PreviewTap(VirtualClock()), Native()
    tap.offer(1, native)
    tap.offer(av.VideoFrame(64, 36, "nv12"))
    assert tap.latest() is None
    assert native.asked == []


def test_native_images_are_shrunk_by_who_looks() -> None:
    """The lane only leaves the image behind; the copy is made once, when somebody looks."""
    tap, native = PreviewTap(VirtualClock()), Native()
    tap.request(16)
    tap.offer(7, native)
    assert native.asked == []
    picture = tap.latest()
    assert picture is not None
    assert picture.shape == (4, 16, 3)
    assert picture[0, 0, 0] == 7
    assert tap.latest() is picture
    assert native.asked == [(7, 16)]


def test_latest_native_image_wins() -> None:
    """Of two that nobody looked at, only the newer one is copied; the older is let go."""
    clock = VirtualClock()
    tap, native = PreviewTap(clock), Native()
    for number in (1, 2):
        tap.request(8)
        tap.offer(number, native)
        clock.advance_to(number * NS_PER_S)
    tap.latest()
    assert native.asked == [(2, 8)]


def test_not_more_than_so_many_a_second() -> None:
    """Requests in a row wait for their turn."""
    clock = VirtualClock()
    tap, native = PreviewTap(clock), Native()
    for number in range(100):
        tap.request(8)
        tap.offer(number, native)
        tap.latest()
        clock.advance_to((number + 1) * NS_PER_S // 100)
    assert len(native.asked) <= PREVIEWS_PER_S + 1


def test_a_preview_without_memory_is_none() -> None:
    """A copy that cannot be made costs the preview and nothing else."""
    tap, native = PreviewTap(VirtualClock()), Native()
    native.has_memory = False
    tap.request(8)
    tap.offer(1, native)
    assert tap.latest() is None


def test_portable_images_are_shrunk_at_once() -> None:
    """A picture of the portable compositor holds still only while it is offered."""
    tap = PreviewTap(VirtualClock())
    frame = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 200, np.uint8), format="rgb24")
    tap.request(32)
    tap.offer(frame)
    picture = tap.latest()
    assert picture is not None
    assert picture.shape == (18, 32, 3)
    assert abs(int(picture[9, 16, 0]) - 200) <= 3
