"""Camera pictures waiting for their moment."""

from __future__ import annotations

from onetake.model.media import Frame, PixelFormat
from onetake.video.camera_queue import MAX_WAITING, CameraQueue


class Camera:
    def __init__(self, offset_ns=0):
        self.queue = CameraQueue(offset_ns)
        self.released = []

    def put(self, *stamps):
        for stamp in stamps:
            release = lambda stamp=stamp: self.released.append(stamp)  # noqa: E731
            self.queue.put(Frame(stamp, 2, 2, stamp, PixelFormat.AV, None, release))


def test_the_newest_that_is_not_later_is_taken():
    """A frame shows the picture of its own time, not a later one that is already there."""
    camera = Camera()
    camera.put(10, 20, 30)
    assert camera.queue.take_for(25).pts_ns == 20
    assert camera.released == [10]
    assert camera.queue.next_ns == 30
    assert camera.queue.take_for(25) is None


def test_the_offset_moves_the_moment():
    """A positive offset shows a picture later, a negative one earlier."""
    late, early = Camera(5), Camera(-5)
    for camera in (late, early):
        camera.put(10)
    assert not late.queue.has_for(14)
    assert late.queue.has_for(15)
    assert early.queue.has_for(5)


def test_stamps_that_do_not_advance_are_dropped():
    """A picture that is not newer than the last one is given back."""
    camera = Camera()
    camera.put(10, 10, 9, 11)
    assert camera.released == [10, 9]
    assert camera.queue.take_for(100).pts_ns == 11


def test_a_full_queue_keeps_the_old_and_replaces_the_newest():
    """However many pictures come, few are held, and those that are due first still come."""
    camera = Camera(1_000_000)
    camera.put(*range(100))
    assert len(camera.released) == 100 - MAX_WAITING
    assert camera.queue.take_for(1_000_000).pts_ns == 0


def test_everything_is_released_exactly_once():
    """Superseded, replaced or cleared: no picture is kept and none given back twice."""
    camera = Camera()
    camera.put(*range(50))
    camera.queue.drop_superseded(20)
    taken = camera.queue.take_for(25)
    camera.queue.clear()
    assert sorted([*camera.released, taken.pts_ns]) == list(range(50))
    assert camera.queue.next_ns is None
