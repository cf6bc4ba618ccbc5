"""Shapes, edges, border and shadow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.model.geometry import Overlay, Shape
from onetake.video.masks import make_masks
from onetake.video.overlay import lay_out


def masks_of(output=(640, 360), camera=(1280, 720), **overlay):
    layout = lay_out(Overlay(**overlay), output, camera)
    return layout.look, make_masks(layout.look)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from(Shape),
    height=st.floats(0.05, 1),
    border=st.floats(0, 0.1),
    shadow=st.floats(0, 1),
    size=st.tuples(st.integers(1, 200), st.integers(1, 150)),
)
def test_no_pixel_can_overflow_and_uniform_stays_uniform(shape, height, border, shadow, size):
    """The weights of a pixel never exceed 256, nor does what is filled in exceed what is left."""
    output = 2 * size[0], 2 * size[1]
    look, masks = masks_of(output, shape=shape, height=height, border=border, shadow=shadow)
    for plane in (masks.luma, masks.chroma):
        rest = 256 - plane.keep.astype(int) - plane.show
        assert rest.min() >= 0
        assert (plane.fill <= rest * 255 + 128).all()
    # Neither border nor shadow has a colour of its own.
    rest = 256 - masks.chroma.keep.astype(int) - masks.chroma.show
    assert (masks.chroma.fill == rest * 128 + 128).all()
    assert masks.luma.keep.shape == (
        look.height_px + 2 * look.margin_px,
        look.width_px + 2 * look.margin_px,
    )
    height, width = masks.luma.keep.shape
    assert masks.chroma.keep.shape == (height // 2, width)
    assert (masks.chroma.keep[:, ::2] == masks.chroma.keep[:, 1::2]).all()


@pytest.mark.parametrize("shape", [Shape.CIRCLE, Shape.ROUNDED])
def test_edges_are_anti_aliased(shape):
    """Along a curved edge the coverage takes many values and equals the area that is covered."""
    look, masks = masks_of(shape=shape, height=0.5, border=0, shadow=0)
    assert len(np.unique(masks.luma.show)) >= 16
    covered_px = masks.luma.show.sum() / 256
    corners_px = (4 - np.pi) * look.radius_px**2
    assert covered_px == pytest.approx(look.width_px * look.height_px - corners_px, rel=2e-3)


def test_coverage_matches_supersampling():
    """The analytic coverage of a circle agrees with 16x16 samples a pixel to a few hundredths."""
    look, masks = masks_of((200, 100), shape=Shape.CIRCLE, height=0.6, border=0, shadow=0)
    side = look.height_px
    samples = (np.arange(side * 16) + 0.5) / 16 - side / 2
    is_in = samples[None, :] ** 2 + samples[:, None] ** 2 <= (side / 2) ** 2
    area = is_in.reshape(side, 16, side, 16).mean(axis=(1, 3))
    # Where the circle runs diagonally the linear ramp deviates by up to 0.06 from the true area.
    assert np.abs(masks.luma.show / 256 - area).max() < 0.08
    assert np.abs(masks.luma.show / 256 - area).mean() < 0.003


def test_plain_rectangle_covers_exactly_its_pixels():
    """Without border and shadow a rectangle is all camera and nothing beside it changes."""
    _, masks = masks_of(shape=Shape.RECTANGLE, border=0, shadow=0)
    for plane in (masks.luma, masks.chroma):
        assert (plane.show == 256).all()
        assert (plane.keep == 0).all()
        assert (plane.fill == 128).all()


def test_border_is_a_white_ring_inside_the_picture():
    """From the edge inwards there is first white, as wide as asked, then camera."""
    look, masks = masks_of((1000, 500), shape=Shape.RECTANGLE, height=0.5, border=0.02, shadow=0)
    assert look.border_px == 10
    row = masks.luma.show[look.height_px // 2]
    assert (row[:10] == 0).all()
    assert (row[10:-10] == 256).all()
    assert (masks.luma.fill[look.height_px // 2][:10] == 256 * 235 + 128).all()


def test_shadow_is_soft_and_fades_to_nothing():
    """Outside the picture the screen is dimmed, less and less, and not at all at the rim."""
    look, masks = masks_of((1000, 500), shape=Shape.RECTANGLE, height=0.5, shadow=0.5)
    below = masks.luma.keep[look.margin_px + look.height_px :, look.width_px // 2].astype(int)
    assert below[0] < 200
    assert below[-1] == 256
    assert (np.diff(below) >= 0).all()
    assert np.diff(below).max() < 40
    rim = (masks.luma.keep[0], masks.luma.keep[-1], masks.luma.keep[:, 0], masks.luma.keep[:, -1])
    assert all((line == 256).all() for line in rim)
