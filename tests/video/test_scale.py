"""Camera pictures of any format."""

from __future__ import annotations

import av
import numpy as np
import pytest
from tests.video.making import BT601, BT709, Lent, filled, gradient, planes, ycbcr

from onetake.model.geometry import Rect
from onetake.model.media import Frame, PixelFormat
from onetake.video.scale import Scaler

RGB = (200, 60, 30)
WANTED = ycbcr([value / 255 for value in RGB], BT709)


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


NAMES = ["yuyv422", "yuvj420p", "nv12", "rgb24"]
"""Of our own loop and of swscale."""


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_is_the_crop_of_the_whole(name):
    """Scaling only what the overlay shows gives the bytes that scaling all of it does."""
    image = av.VideoFrame.from_ndarray(gradient(160, 90), "bgra").reformat(format=name)
    frame = Frame(0, 160, 90, image, PixelFormat.AV)
    whole = Scaler().scale(frame, 72, 40)
    part = Scaler().scale(frame, 72, 40, Rect(16, 0, 40, 40))
    assert (part.y == whole.y[:, 16:56]).all()
    assert (part.uv == whole.uv[:, 8:28]).all()
    assert part.shows((72, 40), Rect(16, 0, 40, 40))
    assert not whole.shows((72, 40), Rect(16, 0, 40, 40))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scaled_px", [(72, 40), (108, 60), (36, 20), (160, 90), (320, 180)])
def test_another_layout_shows_the_same_place(name, scaled_px):
    """After a change of shape or size the picture at hand serves: everything is where it belongs,
    also what the last layout did not show."""
    image = av.VideoFrame.from_ndarray(gradient(160, 90), "bgra").reformat(format=name)
    frame = Frame(0, 160, 90, image, PixelFormat.AV)
    circle = Scaler().scale(frame, 72, 40, Rect(16, 0, 40, 40))
    width, height = scaled_px
    wanted = Scaler().scale(frame, *scaled_px)
    square = Rect((width - height) // 2 & ~1, 0, height, height)
    for crop in (Rect(0, 0, *scaled_px), square, Rect(2, 0, width - 4, height)):
        again = Scaler().rescale(circle, scaled_px, crop)
        x, right = crop.x_px, crop.right_px
        assert again.shows(scaled_px, crop)
        assert again.y.shape == (height, crop.width_px)
        assert again.uv.shape == (height // 2, crop.width_px // 2, 2)
        difference = np.abs(again.y.astype(int) - wanted.y[:, x:right])
        # A ramp over the whole picture: 8 code values are a twentieth of it at its steepest.
        assert difference.mean() < 4
        assert np.abs(again.uv.astype(int) - wanted.uv[:, x // 2 : right // 2]).mean() < 5


def test_changing_the_layout_again_and_again_loses_nothing_beyond():
    """Going from a circle to the whole and back and so on, all is there each time."""
    scaler = Scaler()
    image = av.VideoFrame.from_ndarray(gradient(160, 90), "bgra").reformat(format="yuyv422")
    frame = Frame(0, 160, 90, image, PixelFormat.AV)
    square, all_of_it = Rect(16, 0, 40, 40), Rect(0, 0, 72, 40)
    wanted = scaler.scale(frame, 72, 40).y.astype(int)
    picture = scaler.scale(frame, 72, 40, square)
    for _ in range(3):
        picture = scaler.rescale(picture, (72, 40), all_of_it)
        assert np.abs(picture.y - wanted).max() < 16
        picture = scaler.rescale(picture, (72, 40), square)
        assert np.abs(picture.y - wanted[:, 16:56]).max() < 16


def test_a_format_it_cannot_read_is_named():
    """A CoreVideo buffer given to the portable compositor is a wiring bug, said plainly."""
    with pytest.raises(TypeError, match="cvpixelbuffer"):
        Scaler().scale(Frame(0, 4, 4, object(), PixelFormat.CVPIXELBUFFER), 4, 4)
