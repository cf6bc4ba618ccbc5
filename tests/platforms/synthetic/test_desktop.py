"""The desktop paints what it says it paints, stays dark, and leaves the pattern's block alone."""

import numpy as np
import pytest

from onetake.model import pattern
from onetake.model.geometry import Rect
from onetake.platforms.synthetic.desktop import Desktop

SIZES = [(640, 360), (321, 201), (48, 32)]


def outside(rects: list[Rect], shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels lie in none of the rectangles."""
    mask = np.ones(shape[:2], bool)
    for rect in rects:
        mask[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px] = False
    return mask


@pytest.mark.parametrize(("width_px", "height_px"), SIZES)
def test_damage_covers_every_change(width_px: int, height_px: int) -> None:
    """No pixel outside the rectangles a step returns is different after it, scrolling included."""
    desktop = Desktop(width_px, height_px, seed=1)
    has_changed = False
    before = desktop.canvas.copy()
    for _ in range(1200):
        damage = desktop.step()
        changed = desktop.canvas.view(np.uint32)[..., 0] != before.view(np.uint32)[..., 0]
        assert not (changed & outside(damage, before.shape)).any()
        has_changed = has_changed or bool(changed.any())
        before[:] = desktop.canvas
    assert has_changed


@pytest.mark.parametrize(("width_px", "height_px"), SIZES)
def test_it_stays_dark_and_out_of_the_block(width_px: int, height_px: int) -> None:
    """The desktop's luma stays far below a flash's, and neither text nor pointer enters the
    pattern's block."""
    desktop = Desktop(width_px, height_px, seed=2)
    block = pattern.block_rect(width_px, height_px)
    area = np.s_[block.y_px : block.bottom_px, block.x_px : block.right_px]
    bare = desktop.canvas[area].copy()
    for _ in range(600):
        desktop.step()
        if width_px >= 320:
            assert desktop.pointer_rect().intersection(block) is None
    assert np.array_equal(desktop.canvas[area], bare)
    blue, green, red = (desktop.canvas[..., i].astype(float) for i in range(3))
    luma = 16 + (0.2126 * red + 0.7152 * green + 0.0722 * blue) * 219 / 255
    assert np.median(luma) < pattern.BACKGROUND_MAX_LUMA


def test_pointer_is_painted_where_it_is_said_to_be() -> None:
    """Painting the pointer changes a copy of the canvas inside its rectangle only, and moves."""
    desktop = Desktop(640, 480, seed=0)
    places = set()
    for _ in range(60):
        desktop.step()
        image = desktop.canvas.copy()
        rect = desktop.paint_pointer(image)
        changed = (image != desktop.canvas).any(axis=2)
        assert changed.any()
        assert not (changed & outside([rect], image.shape)).any()
        places.add((rect.x_px, rect.y_px))
    assert len(places) > 50


def test_same_seed_same_desktop() -> None:
    """Two desktops of one seed look alike, of another not."""
    desktops = [Desktop(320, 240, seed=seed) for seed in (5, 5, 6)]
    for desktop in desktops:
        for _ in range(200):
            desktop.step()
    assert np.array_equal(desktops[0].canvas, desktops[1].canvas)
    assert not np.array_equal(desktops[0].canvas, desktops[2].canvas)
