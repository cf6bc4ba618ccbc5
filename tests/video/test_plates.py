"""A GPU's mask and plate say what the portable compositor's weights say."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.model.geometry import Overlay, Shape
from onetake.video.overlay import lay_out
from onetake.video.plates import draw_plates


@pytest.mark.parametrize("shape", list(Shape))
def test_camera_inside_screen_outside(shape: Shape) -> None:
    """In the middle only the camera shows, in the farthest corner only the screen; the plate is
    premultiplied: no colour exceeds its alpha."""
    layout = lay_out(Overlay(shape=shape, border=0.02), (640, 360), (320, 180))
    mask, plate = draw_plates(layout.look)
    margin_px = layout.look.margin_px
    size = (layout.look.height_px + 2 * margin_px, layout.look.width_px + 2 * margin_px, 4)
    assert mask.shape == plate.shape == size
    middle = (size[0] // 2, size[1] // 2)
    assert set(mask[middle]) == {255}
    assert set(mask[0, 0]) == {0}
    assert plate[0, 0, 3] < 20
    assert (plate[..., :3].max(axis=2).astype(int) <= plate[..., 3].astype(int) + 1).all()
    assert np.array_equal(plate[..., 0], plate[..., 2])
