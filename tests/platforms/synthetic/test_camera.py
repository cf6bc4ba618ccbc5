"""The camera: its own cadence, a moving picture, images of one's own."""

from itertools import islice, pairwise

import av
import numpy as np
import pytest

from onetake.model.media import Frame, PixelFormat
from onetake.model.units import NS_PER_S
from onetake.platforms.synthetic.camera import camera_frames
from onetake.platforms.synthetic.options import Options

START_NS = 12_345_678_901


def frames(options: Options, count: int, size_px: tuple[int, int] = (320, 240)) -> list[Frame]:
    """Return the first frames."""
    played = camera_frames(options, size_px=size_px, start_ns=START_NS, is_late=lambda _: False)
    return [frame for _, frame in islice(played, count)]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "rgb24"])
def test_each_picture_differs_and_is_its_own(pixel_format: str) -> None:
    """Pictures move, are in the format asked for, and stay as they were when later ones come."""
    seen = frames(Options(format=pixel_format), 40)
    pictures = [frame.image.to_ndarray() for frame in seen]
    for frame in seen:
        assert isinstance(frame.image, av.VideoFrame)
        assert frame.image.format.name == pixel_format
        assert frame.pixel_format is PixelFormat.AV
        assert (frame.image.width, frame.image.height) == (320, 240)
    for before, after in pairwise(pictures):
        assert not np.array_equal(before, after)


def test_both_formats_show_the_same() -> None:
    """Drawing in YUV is the same picture as drawing in RGB, but for what 4:2:0 loses at edges."""
    for yuv, rgb in zip(frames(Options(), 20), frames(Options(format="rgb24"), 20), strict=True):
        a = yuv.image.reformat(format="rgb24").to_ndarray().astype(int)
        b = rgb.image.to_ndarray().astype(int)
        assert np.abs(a - b).mean() < 3


def test_stamps_start_with_the_camera() -> None:
    """Stamps are the start and whole frame intervals after it, without accumulated rounding."""
    for number, frame in enumerate(frames(Options(fps=29.97), 100)):
        assert abs(frame.pts_ns - START_NS - number * NS_PER_S / 29.97) <= 0.5


def test_tiny_cameras_work() -> None:
    """The smallest size an id may ask for can be drawn."""
    assert len(frames(Options(), 10, (16, 16))) == 10
