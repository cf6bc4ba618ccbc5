"""Camera pictures of any format."""

from __future__ import annotations

import av
import numpy as np
import pytest
from tests.video.making import BT601, BT709, Lent, planes, ycbcr

from onetake.model.media import Frame, PixelFormat
from onetake.video.scale import Scaler

RGB = (200, 60, 30)
WANTED = ycbcr([value / 255 for value in RGB], BT709)


def filled(name, values, width=64, height=48):
    """Return a frame of one colour in the given format."""
    frame = av.VideoFrame(width, height, name)
    arrays = [np.frombuffer(p, np.uint8).reshape(-1, p.line_size) for p in frame.planes]
    luma, cb, cr = (round(value) for value in values)
    if name == "yuyv422":
        arrays[0][:, 0::2], arrays[0][:, 1::4], arrays[0][:, 3::4] = luma, cb, cr
    elif name == "nv12":
        arrays[0][:], arrays[1][:, 0::2], arrays[1][:, 1::2] = luma, cb, cr
    elif name in ("rgb24", "bgr24"):
        for index, value in enumerate(values if name == "rgb24" else values[::-1]):
            arrays[0][:, index::3] = value
    else:
        for array, value in zip(arrays, (luma, cb, cr), strict=True):
            array[:] = value
    return frame


@pytest.mark.parametrize("size", [(64, 48), (32, 24), (128, 96)])
@pytest.mark.parametrize(
    ("name", "matrix", "is_full", "tags"),
    [
        ("yuyv422", BT601, False, (None, None)),
        ("yuyv422", BT601, True, (None, 2)),
        ("yuyv422", BT709, False, (1, 1)),
        ("yuv420p", BT601, False, (5, 1)),
        ("yuvj420p", BT601, True, (None, None)),
        ("yuvj422p", BT601, True, (5, 2)),
        ("nv12", BT601, False, (None, None)),
        ("nv12", BT709, False, (1, 1)),
        ("rgb24", None, True, (None, None)),
        ("bgr24", None, True, (None, None)),
    ],
)
def test_every_camera_format_becomes_bt709(name, matrix, is_full, tags, size):
    """Whatever a camera delivers, its colour arrives as BT.709 limited, to 1.5 code values."""
    values = RGB if matrix is None else ycbcr([v / 255 for v in RGB], matrix, is_full=is_full)
    image = filled(name, values)
    if tags[0] is not None:
        image.colorspace = tags[0]
    if tags[1] is not None:
        image.color_range = tags[1]
    picture = Scaler().scale(Frame(0, 64, 48, image, PixelFormat.AV), *size)
    assert picture.y.shape == size[::-1]
    assert picture.uv.shape == (size[1] // 2, size[0] // 2, 2)
    got = np.array([picture.y.mean(), *picture.uv.mean(axis=(0, 1))])
    # Half a code value is the rounding of the source, up to one what is made of it.
    assert np.abs(got - WANTED).max() <= 1.5


def test_bgra_arrays_are_read_as_pictures():
    """A camera may deliver BGRA arrays as a screen does."""
    pixels = np.empty((48, 64, 4), np.uint8)
    pixels[:] = (*RGB[::-1], 0)
    picture = Scaler().scale(Lent(pixels).frame, 32, 24)
    got = np.array([picture.y.mean(), *picture.uv.mean(axis=(0, 1))])
    assert np.abs(got - WANTED).max() <= 1


@pytest.mark.parametrize("size", [(64, 48), (32, 24)])
def test_nothing_is_shared_with_what_was_lent(size):
    """After its release the source may overwrite the picture; ours stays."""
    image = filled("nv12", WANTED)
    image.colorspace, image.color_range = 1, 1
    lent = Lent(image)
    picture = Scaler().scale(lent.frame, *size)
    before = planes(picture.frame)
    lent.frame.release()
    for kept, now in zip(before, planes(picture.frame), strict=True):
        assert (kept == now).all()


def test_shrinking_averages_every_pixel():
    """One-pixel stripes become an even grey, not a pattern: nothing is skipped."""
    pixels = np.zeros((96, 128, 3), np.uint8)
    pixels[:, ::2] = 255
    image = av.VideoFrame.from_ndarray(pixels, "rgb24")
    picture = Scaler().scale(Frame(0, 128, 96, image, PixelFormat.AV), 32, 24)
    assert np.ptp(picture.y[:, 1:-1].astype(int)) <= 2
    assert picture.y.mean() == pytest.approx((16 + 235) / 2, abs=1.5)


def test_a_format_it_cannot_read_is_named():
    """A CoreVideo buffer given to the portable compositor is a wiring bug, said plainly."""
    with pytest.raises(TypeError, match="cvpixelbuffer"):
        Scaler().scale(Frame(0, 4, 4, object(), PixelFormat.CVPIXELBUFFER), 4, 4)
