"""Where the camera sits."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.video.making import inside

from onetake.model.geometry import Anchor, Overlay, Rect, Shape
from onetake.video.overlay import lay_out

overlays = st.builds(
    Overlay,
    anchor=st.sampled_from(Anchor),
    x=st.floats(-2, 3) | st.just(float("nan")),
    y=st.floats(-2, 3) | st.just(float("inf")),
    height=st.floats(-1, 2) | st.just(float("nan")),
    shape=st.sampled_from(Shape),
    border=st.floats(-1, 1),
    shadow=st.floats(-1, 2),
)
outputs = st.tuples(st.integers(1, 500), st.integers(1, 500)).map(lambda s: (2 * s[0], 2 * s[1]))
cameras = st.tuples(st.integers(1, 4000), st.integers(1, 4000))


@given(overlays, outputs, cameras)
def test_everything_is_even_and_on_the_output(overlay, output, camera):
    """For any overlay, output and camera, no rectangle leaves the output or has an odd edge."""
    layout = lay_out(overlay, output, camera)
    assert inside(layout.picture, *output)
    assert inside(layout.roi, *output)
    assert layout.roi.intersection(layout.picture) == layout.picture
    assert inside(layout.crop, *layout.scaled_px)
    assert layout.scaled_px[0] % 2 == layout.scaled_px[1] % 2 == 0
    size = layout.picture.width_px, layout.picture.height_px
    assert (layout.crop.width_px, layout.crop.height_px) == size
    assert (layout.look.width_px, layout.look.height_px) == size


@pytest.mark.parametrize(
    ("anchor", "corner"),
    [
        (Anchor.TOP_LEFT, (20, 20)),
        (Anchor.TOP_RIGHT, (1900, 20)),
        (Anchor.BOTTOM_LEFT, (20, 1060)),
        (Anchor.BOTTOM_RIGHT, (1900, 1060)),
    ],
)
def test_corners_keep_a_margin(anchor, corner):
    """A corner overlay stands a fiftieth of the height away from both edges."""
    picture = lay_out(Overlay(anchor=anchor), (1920, 1080), (1280, 720)).picture
    x = picture.x_px if "left" in anchor else picture.right_px
    y = picture.y_px if "top" in anchor else picture.bottom_px
    assert abs(x - corner[0]) <= 2
    assert abs(y - corner[1]) <= 2


def test_free_is_centred_on_its_point_and_clamped():
    """A free overlay is centred on x, y; dragged beyond the edge it stays whole."""
    free = Overlay(anchor=Anchor.FREE, x=0.25, y=0.5, height=0.2)
    picture = lay_out(free, (1000, 800), (400, 400)).picture
    assert (picture.x_px + picture.width_px // 2, picture.y_px + picture.height_px // 2) == (
        250,
        400,
    )
    beyond = lay_out(msgspec.structs.replace(free, x=1.0, y=0.0), (1000, 800), (400, 400)).picture
    assert (beyond.right_px, beyond.y_px) == (1000, 0)


@pytest.mark.parametrize("camera", [(1280, 720), (640, 480), (720, 1280)])
def test_rectangles_keep_the_cameras_aspect(camera):
    """A rectangle shows the whole camera picture, undistorted."""
    layout = lay_out(Overlay(shape=Shape.RECTANGLE, height=0.3), (1920, 1080), camera)
    assert layout.picture.height_px == 324
    assert layout.picture.width_px == pytest.approx(324 * camera[0] / camera[1], abs=1)
    assert layout.crop == Rect(0, 0, layout.picture.width_px, 324)


def test_circle_is_the_square_in_the_middle():
    """A circle shows the centre square of the camera."""
    layout = lay_out(Overlay(shape=Shape.CIRCLE, height=0.5), (1920, 1080), (1280, 720))
    assert (layout.picture.width_px, layout.picture.height_px) == (540, 540)
    assert layout.scaled_px == (960, 540)
    assert layout.crop == Rect(210, 0, 540, 540)


def test_a_portrait_output_shrinks_what_is_too_wide():
    """A full-height overlay on a narrow output is made narrower, not cut."""
    layout = lay_out(Overlay(shape=Shape.RECTANGLE, height=1.0), (400, 1000), (1600, 900))
    assert (layout.picture.width_px, layout.picture.height_px) == (400, 226)


def test_a_stripe_of_a_camera_is_cropped():
    """A camera of absurd aspect is cropped at the centre instead of becoming a stripe."""
    layout = lay_out(Overlay(shape=Shape.RECTANGLE, height=0.5), (1920, 1080), (4000, 100))
    assert layout.picture.width_px == pytest.approx(540 * 2.4, abs=1)
    assert layout.scaled_px[1] == 540
    assert layout.crop.x_px > 0


def test_moving_reuses_the_masks():
    """Only size and style make new masks; a drag does not."""
    looks = {
        lay_out(Overlay(anchor=Anchor.FREE, x=x / 10), (1920, 1080), (1280, 720)).look
        for x in range(11)
    }
    assert len(looks) == 1
