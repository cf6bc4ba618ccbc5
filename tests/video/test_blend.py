"""The fixed-point blend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.video.making import Lent, noise

from onetake.model.geometry import Anchor, Overlay, Shape
from onetake.video.blend import make_patch
from onetake.video.masks import make_masks
from onetake.video.overlay import lay_out
from onetake.video.pixels import blend as blend_plane
from onetake.video.scale import Scaler


def test_weight_256_keeps_every_code_value():
    """Where the overlay is not, all 256 code values come through unchanged."""
    under = np.arange(256, dtype=np.uint8).reshape(1, 256)
    out = np.zeros_like(under)
    blend_plane(under, np.full((1, 256), 256, np.uint16), np.full((1, 256), 128, np.uint16), out)
    assert (out == under).all()


def test_blend_is_within_one_of_the_exact_mix():
    """Screen and camera mix as real numbers would, to one code value, at every weight."""
    overlay = Overlay(shape=Shape.CIRCLE, height=0.9, border=0.03, shadow=0.7)
    layout = lay_out(overlay, (200, 120), (160, 90))
    masks = make_masks(layout.look)
    picture = Scaler().scale(Lent(noise(160, 90)).frame, *layout.scaled_px, layout.crop)
    patch = make_patch(layout, masks, picture)
    under = noise(layout.roi.width_px, layout.roi.height_px)[..., 0].copy()
    out = np.zeros_like(under)
    blend_plane(under, patch.luma.keep, patch.luma.add, out)
    exact = (under.astype(float) * patch.luma.keep + patch.luma.add - 128) / 256
    assert np.abs(out - exact).max() <= 0.5


def test_a_uniform_picture_stays_uniform():
    """Camera and screen of one colour, no border, no shadow: the edge cannot be seen."""
    layout = lay_out(Overlay(shape=Shape.CIRCLE, border=0, shadow=0), (200, 120), (160, 90))
    pixels = np.full((90, 160, 4), 128, np.uint8)
    picture = Scaler().scale(Lent(pixels).frame, *layout.scaled_px, layout.crop)
    patch = make_patch(layout, make_masks(layout.look), picture)
    value = picture.y[0, 0]
    under = np.full((layout.roi.height_px, layout.roi.width_px), value, np.uint8)
    blend_plane(under, patch.luma.keep, patch.luma.add, under)
    assert (under == value).all()


@pytest.mark.parametrize("place", [{}, {"x": -0.2, "y": 0.9, "anchor": Anchor.FREE}])
def test_a_former_patch_is_written_over_completely(place: dict[str, Any]):
    """What a patch was before cannot be seen in it: borders, shadow and picture are the new one's,
    also where the overlay reaches beyond the canvas."""
    overlay = Overlay(shape=Shape.ROUNDED, height=0.6, border=0.03, shadow=0.7, **place)
    layout = lay_out(overlay, (200, 120), (160, 90))
    masks = make_masks(layout.look)
    pixels = noise(160, 90)
    first, second = (
        Scaler().scale(Lent(each).frame, *layout.scaled_px, layout.crop)
        for each in (255 - pixels, pixels)
    )
    anew = make_patch(layout, masks, second)
    again = make_patch(layout, masks, second, make_patch(layout, masks, first))
    for one, other in zip(anew, again, strict=True):
        assert (one.keep == other.keep).all()
        assert (one.add == other.add).all()
