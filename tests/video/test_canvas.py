"""The canvas that lives for the whole take."""

from __future__ import annotations

import av
import pytest
from av.video.reformatter import ColorRange, Colorspace
from tests.video.making import planes

from onetake.model.geometry import Rect
from onetake.video.canvas import Canvas


@pytest.mark.parametrize("size", [(2, 2), (34, 18), (1920, 1082), (1366, 768)])
def test_views_show_the_frame_itself(size):
    """What is written to the views is what the encoder sees, whatever the height's remainder."""
    canvas = Canvas(*size)
    canvas.y[-1, -1] = 200
    canvas.uv[-1, -1] = (90, 160)
    luma, chroma = planes(canvas.frame)
    assert luma.shape == (size[1], size[0])
    assert luma[-1, -1] == 200
    assert tuple(chroma[-1, -1]) == (90, 160)
    assert (luma.sum(), chroma.sum()) == (canvas.y.sum(), canvas.uv.sum())


def test_begins_black_and_says_what_it_is():
    """Before the first picture the canvas is black, tagged BT.709 limited."""
    canvas = Canvas(16, 8)
    assert (canvas.y == 16).all()
    assert (canvas.uv == 128).all()
    assert isinstance(canvas.frame, av.VideoFrame)
    assert canvas.frame.format.name == "nv12"
    assert canvas.frame.colorspace == Colorspace.ITU709
    assert canvas.frame.color_range == ColorRange.MPEG


@pytest.mark.parametrize("size", [(0, 2), (3, 2), (2, 5)])
def test_refuses_sizes_that_420_cannot_have(size):
    """Odd or empty sizes are a bug of the caller."""
    with pytest.raises(ValueError, match="even sizes"):
        Canvas(*size)


def test_a_part_is_the_same_area_in_both_planes():
    """The chroma of a part covers exactly its luma."""
    canvas = Canvas(16, 8)
    luma, chroma = canvas.part(Rect(4, 2, 6, 4))
    assert luma.shape == (4, 6)
    assert chroma.shape == (2, 3, 2)
    chroma[:] = 1
    assert (canvas.uv[1:3, 2:5] == 1).all()
    assert (canvas.uv == 1).sum() == 12
