"""Pictures that are lent come back, and never too many are out."""

from __future__ import annotations

import weakref

import numpy as np

from onetake.model.media import PixelFormat
from onetake.platforms.callbacks.lender import MOST_LENT, Lender

SIZE = (64, 36)


class Surface:
    """A picture of the system's."""


def test_no_more_than_so_many_are_out() -> None:
    """One more is dropped and counted; a released one makes room, however often it is released."""
    lender = Lender(PixelFormat.CVPIXELBUFFER, None)
    frames = [lender.frame(number, Surface(), SIZE) for number in range(MOST_LENT + 1)]
    assert frames[-1] is None
    assert lender.dropped == 1
    first = frames[0]
    assert first is not None
    first.release()
    first.release()
    assert lender.frame(10, Surface(), SIZE) is not None
    assert lender.frame(11, Surface(), SIZE) is None


def test_release_lets_the_picture_go() -> None:
    """The frame holds the last reference, and only until its release."""
    lender = Lender(PixelFormat.CVPIXELBUFFER, None)
    surface = Surface()
    gone = weakref.ref(surface)
    frame = lender.frame(0, surface, SIZE)
    del surface
    assert frame is not None
    assert gone() is not None
    frame.release()
    assert gone() is None


def test_stamps_increase() -> None:
    """A stamp that steps back is moved to just after the one before; a beat that does is none."""
    lender = Lender(PixelFormat.CVPIXELBUFFER, None)
    stamps = []
    for pts_ns in (100, 98, 105):
        frame = lender.frame(pts_ns, Surface(), SIZE)
        assert frame is not None
        stamps.append(frame.pts_ns)
    assert stamps == [100, 101, 105]
    assert lender.frame(105, None, (0, 0)) is None
    beat = lender.frame(106, None, (0, 0))
    assert beat is not None
    assert beat.damage == ()


def test_copies_are_not_lent() -> None:
    """A copied picture is the frame's own: any number may be out."""
    lender = Lender(PixelFormat.CVPIXELBUFFER, lambda _: np.zeros((36, 64, 4), np.uint8))
    frames = [lender.frame(number, Surface(), SIZE) for number in range(10)]
    assert all(f is not None and f.pixel_format is PixelFormat.BGRA for f in frames)
    assert lender.dropped == 0
