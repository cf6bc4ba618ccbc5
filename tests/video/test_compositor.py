"""Screen below, camera above."""

from __future__ import annotations

import av
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.video.making import (
    BT709,
    Lent,
    exact,
    filled,
    noise,
    planes,
    screen,
    text_like,
    uniform_camera,
    ycbcr,
)

from onetake.model.geometry import Anchor, Overlay, Rect, Shape
from onetake.model.media import Frame, PixelFormat
from onetake.video import pixels
from onetake.video.canvas import Canvas
from onetake.video.changes import Settler
from onetake.video.compositor import CpuCompositor
from onetake.video.convert import convert_rect
from onetake.video.overlay import lay_out

HIDDEN = Overlay(is_visible=False)
RED = (255, 0, 0)


def bare(picture):
    """Return what a screen picture alone must look like."""
    canvas = Canvas(picture.shape[1], picture.shape[0])
    convert_rect(picture, canvas, canvas.rect)
    return planes(canvas.frame)


def same(image, wanted):
    return all((a == b).all() for a, b in zip(planes(image), wanted, strict=True))


def test_without_a_camera_the_screen_is_bare():
    """No camera, no overlay, whatever the overlay's state says."""
    picture = noise(96, 64)
    compositor = CpuCompositor((96, 64))
    compositor.screen(screen(picture))
    assert same(compositor.compose(Overlay(is_visible=True)), bare(picture))


@settings(max_examples=40, deadline=None)
@given(
    anchor=st.sampled_from(Anchor),
    shape=st.sampled_from(Shape),
    height=st.floats(0.05, 1),
    border=st.floats(0, 0.1),
    shadow=st.floats(0, 1),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_hiding_gives_the_screens_bytes_back(anchor, shape, height, border, shadow, place, size):
    """For any look and place: only the region of interest changes, and hiding restores it."""
    size = 2 * size[0], 2 * size[1]
    picture = noise(*size)
    overlay = Overlay(
        anchor=anchor, shape=shape, height=height, border=border, shadow=shadow,
        x=place[0], y=place[1],
    )  # fmt: skip
    compositor = CpuCompositor(size)
    compositor.screen(screen(picture))
    compositor.camera(uniform_camera(RED))
    luma, chroma = planes(compositor.compose(overlay))
    roi = lay_out(overlay, size, (160, 90)).roi
    clean_luma, clean_chroma = bare(picture)
    changed = np.argwhere(luma != clean_luma)
    assert len(changed) == 0 or (
        (changed.min(axis=0) >= (roi.y_px, roi.x_px)).all()
        and (changed.max(axis=0) < (roi.bottom_px, roi.right_px)).all()
    )
    coloured = np.argwhere((chroma != clean_chroma).any(axis=-1)) * 2
    assert (coloured >= (roi.y_px, roi.x_px)).all()
    assert (coloured < (roi.bottom_px, roi.right_px)).all()
    assert same(compositor.compose(HIDDEN), (clean_luma, clean_chroma))


rects = st.builds(
    Rect, st.integers(-5, 90), st.integers(-5, 60), st.integers(1, 60), st.integers(1, 50)
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("screen"), st.lists(rects, max_size=3)),
        st.tuples(st.just("screen"), st.just(None)),
        st.tuples(st.just("many"), st.lists(rects, min_size=33, max_size=40)),
        st.tuples(st.just("camera"), st.integers(0, 255)),
        st.tuples(st.just("no camera"), st.none()),
        st.tuples(
            st.just("overlay"),
            st.builds(
                Overlay,
                is_visible=st.booleans(),
                anchor=st.sampled_from(Anchor),
                shape=st.sampled_from(Shape),
                height=st.sampled_from([0.2, 0.5]),
            ),
        ),
    ),
    max_size=12,
)


@settings(max_examples=80, deadline=None)
@given(steps)
def test_damage_by_damage_equals_drawing_everything(script):
    """After any sequence of damage, camera pictures and overlay changes the output is, byte for
    byte, what a fresh compositor makes of the last state."""
    size = 96, 64
    picture = noise(*size)
    rng = np.random.default_rng(3)
    compositor = CpuCompositor(size)
    compositor.screen(screen(picture))
    overlay, camera = Overlay(), None
    for what, value in script:
        if what in ("screen", "many"):
            for rect in [Rect(0, 0, *size)] if value is None else value:
                area = picture[
                    max(rect.y_px, 0) : max(rect.bottom_px, 0),
                    max(rect.x_px, 0) : max(rect.right_px, 0),
                ]
                area[:] = rng.integers(0, 256, area.shape)
            compositor.screen(screen(picture, damage=None if value is None else tuple(value)))
        elif what == "camera":
            camera = (value, 255 - value, 128)
            compositor.camera(uniform_camera(camera))
        elif what == "no camera":
            camera = None
            compositor.camera(None)
        else:
            overlay = value
        fresh = CpuCompositor(size, overlay)
        fresh.screen(screen(picture))
        if camera is not None:
            fresh.camera(uniform_camera(camera))
        assert same(compositor.compose(overlay), planes(fresh.compose(overlay)))


@settings(max_examples=80, deadline=None)
@given(steps)
def test_whatever_changes_is_named(script):
    """After any sequence, what differs from the picture encoded last lies within what the canvas
    tells the encoder."""
    size = 96, 64
    picture, rng = noise(*size), np.random.default_rng(3)
    compositor, overlay = CpuCompositor(size), Overlay()
    before = None
    for what, value in [("screen", None), *script]:
        if what in ("screen", "many"):
            for rect in [Rect(0, 0, *size)] if value is None else value:
                rows = slice(max(rect.y_px, 0), max(rect.bottom_px, 0))
                columns = slice(max(rect.x_px, 0), max(rect.right_px, 0))
                picture[rows, columns] = rng.integers(0, 256, picture[rows, columns].shape)
            compositor.screen(screen(picture, damage=None if value is None else tuple(value)))
        elif what == "overlay":
            overlay = value
        else:
            colour = None if value is None else uniform_camera((value, 255 - value, 128))
            compositor.camera(colour)
        image = compositor.compose(overlay)
        after = [plane.copy() for plane in planes(image)]
        if before is not None:
            differs = (after[0] != before[0]).reshape(4, 16, 6, 16).any(axis=(1, 3))
            differs |= (after[1] != before[1]).reshape(4, 8, 6, 16).any(axis=(1, 3))
            for rect in compositor.changed:
                x, y, right, bottom = (
                    number // 16 for number in (rect.x_px, rect.y_px, rect.right_px, rect.bottom_px)
                )
                differs[y:bottom, x:right] = False
            assert not differs.any()
        Settler().settle(image)
        before = after


def test_colours_of_camera_border_and_screen():
    """Inside the ring the camera's colour, in the ring white, outside the screen's own."""
    picture = text_like(640, 360)
    overlay = Overlay(shape=Shape.CIRCLE, height=0.5, border=0.02, shadow=0)
    compositor = CpuCompositor((640, 360))
    compositor.screen(screen(picture))
    compositor.camera(uniform_camera(RED))
    luma, chroma = planes(compositor.compose(overlay))
    where = lay_out(overlay, (640, 360), (160, 90)).picture
    x, y = where.x_px + where.width_px // 2, where.y_px + where.height_px // 2
    red = ycbcr((1, 0, 0), BT709)
    assert luma[y, x] == pytest.approx(red[0], abs=1)
    assert chroma[y // 2, x // 2] == pytest.approx(red[1:], abs=1)
    assert luma[where.y_px + 3, x] == 235
    assert tuple(chroma[where.y_px // 2 + 1, x // 2]) == (128, 128)
    wanted, _ = exact(picture)
    assert np.abs(luma[:, : where.x_px] - wanted[:, : where.x_px]).max() <= 1


def test_shadow_dims_the_screen_without_tinting_it():
    """Under the shadow white becomes a grey without colour."""
    picture = np.full((360, 640, 4), 255, np.uint8)
    overlay = Overlay(shape=Shape.RECTANGLE, shadow=0.5, anchor=Anchor.FREE, border=0)
    compositor = CpuCompositor((640, 360))
    compositor.screen(screen(picture))
    compositor.camera(uniform_camera(RED))
    luma, chroma = planes(compositor.compose(overlay))
    where = lay_out(overlay, (640, 360), (160, 90)).picture
    x = where.x_px + where.width_px // 2
    assert 100 < luma[where.bottom_px, x] < 200
    assert tuple(chroma[where.bottom_px // 2, x // 2]) == (128, 128)


def test_mirroring_turns_left_and_right():
    """People see themselves as in a mirror, unless they do not want to."""
    pixels = np.zeros((90, 160, 3), np.uint8)
    pixels[:, :80] = 255
    overlay = Overlay(shape=Shape.RECTANGLE, height=1.0, border=0, shadow=0, is_mirrored=True)
    compositor = CpuCompositor((160, 90), overlay)
    compositor.camera(Lent(av.VideoFrame.from_ndarray(pixels, "rgb24")).frame)
    mirrored, _ = planes(compositor.compose(overlay))
    plain, _ = planes(compositor.compose(msgspec.structs.replace(overlay, is_mirrored=False)))
    assert (mirrored[:, :70] == 16).all()
    assert (mirrored[:, 90:] == 235).all()
    assert (plain == mirrored[:, ::-1]).all()


def test_nothing_new_costs_nothing(monkeypatch):
    """Composing again without a change draws nothing, and hidden returns the same canvas."""
    drawn = []

    real = pixels.blend

    def counting(*arguments):
        drawn.append(1)
        real(*arguments)

    monkeypatch.setattr(pixels, "blend", counting)
    compositor = CpuCompositor((96, 64))
    picture = noise(96, 64)
    compositor.screen(screen(picture))
    compositor.camera(uniform_camera(RED))
    first = compositor.compose(Overlay())
    assert len(drawn) == 2
    compositor.screen(Frame(1, 96, 64, None, PixelFormat.BGRA, ()))
    compositor.screen(screen(picture, damage=(Rect(0, 0, 4, 4),)))
    assert compositor.compose(Overlay()) is first
    assert len(drawn) == 2
    assert compositor.compose(HIDDEN) is first


def test_only_damage_is_read():
    """What the source says did not change is not looked at."""
    picture = noise(96, 64)
    compositor = CpuCompositor((96, 64))
    compositor.screen(screen(picture))
    changed = picture.copy()
    changed[:] = 0
    compositor.screen(screen(changed, damage=(Rect(11, 7, 3, 2),)))
    mixed = picture.copy()
    mixed[6:10, 10:14] = 0
    assert same(compositor.compose(HIDDEN), bare(mixed))


@pytest.mark.parametrize("damage", [None, (), (Rect(0, 0, 2, 2),)])
def test_every_frame_is_released_exactly_once(damage):
    """A frame goes back to its source at once, changed or not, shown or not."""
    compositor = CpuCompositor((96, 64))
    lent = Lent(noise(96, 64), damage=damage)
    compositor.screen(lent.frame)
    assert lent.released == 1
    lent = Lent(noise(96, 64), damage=damage)
    compositor.camera(lent.frame)
    assert lent.released == 1
    broken = Frame(0, 4, 4, object(), PixelFormat.CVPIXELBUFFER, None, lambda: done.append(1))
    done: list[int] = []
    with pytest.raises(TypeError):
        compositor.screen(broken)
    assert done == [1]


def test_a_screen_of_another_size_is_fitted_on_black():
    """After a change of the display mode the picture is scaled, centred, the rest black; and the
    old size drawn again is exact again, although only a corner is said to be damaged."""
    compositor = CpuCompositor((160, 90))
    picture = noise(160, 90)
    compositor.screen(screen(picture))
    white = np.full((120, 120, 4), 255, np.uint8)
    compositor.screen(screen(white))
    luma, chroma = planes(compositor.compose(HIDDEN))
    assert (luma[:, :34] == 16).all()
    assert (luma[:, 126:] == 16).all()
    assert (luma[:, 34:124] >= 234).all()
    assert (chroma == 128).all()
    compositor.screen(screen(picture, damage=(Rect(0, 0, 2, 2),)))
    assert same(compositor.compose(HIDDEN), bare(picture))


def test_an_odd_screen_loses_its_last_line_only():
    """4:2:0 has no half pixels: 97x65 is recorded as 96x64, not scaled."""
    picture = noise(97, 65)
    compositor = CpuCompositor((96, 64))
    compositor.screen(screen(picture))
    assert same(compositor.compose(HIDDEN), bare(picture[:64, :96]))


def test_a_larger_overlay_shows_the_same_picture_until_a_new_one_comes():
    """Enlarging without a new camera picture scales the one there is."""
    compositor = CpuCompositor((320, 180), Overlay(height=0.2))
    compositor.camera(uniform_camera(RED))
    large = Overlay(height=0.9, shape=Shape.RECTANGLE, anchor=Anchor.FREE)
    luma, _ = planes(compositor.compose(large))
    assert luma[90, 160] == pytest.approx(ycbcr((1, 0, 0), BT709)[0], abs=1)


def test_another_shape_shows_the_sides_at_once():
    """From circle to rectangle without a new camera picture: what the circle did not show is there
    in the same frame, in its place, although the camera has overwritten its picture since."""
    camera = filled("yuyv422", (100, 128, 128), 320, 180)
    row = np.frombuffer(camera.planes[0], np.uint8).reshape(180, -1)
    row[:, 0:120:2], row[:, 520:640:2] = 40, 200
    circle = Overlay(shape=Shape.CIRCLE, height=0.5, border=0, shadow=0, is_mirrored=False)
    compositor = CpuCompositor((320, 180), circle)
    compositor.camera(Lent(camera).frame)
    compositor.compose(circle)
    rectangle = msgspec.structs.replace(circle, shape=Shape.RECTANGLE)
    luma, _ = planes(compositor.compose(rectangle))
    where = lay_out(rectangle, (320, 180), (320, 180)).picture
    middle = luma[where.y_px + where.height_px // 2, where.x_px : where.right_px].astype(int)
    assert np.abs(middle[:20] - 40).max() <= 2
    assert np.abs(middle[44:-44] - 100).max() <= 2
    assert np.abs(middle[-20:] - 200).max() <= 2


def test_a_camera_that_goes_leaves_the_bare_screen():
    """None means no camera any more: its last picture does not stay."""
    picture = noise(96, 64)
    compositor = CpuCompositor((96, 64))
    compositor.screen(screen(picture))
    compositor.camera(uniform_camera(RED))
    assert not same(compositor.compose(Overlay()), bare(picture))
    compositor.camera(None)
    assert same(compositor.compose(Overlay()), bare(picture))
