"""A desktop that looks alive and costs little to draw: text being typed, a bar, a pointer.

Invariant: `step` returns every rectangle it painted, so that damage is exact; the picture after n
steps depends on the size and the seed only. It stays below pattern.BACKGROUND_MAX_LUMA, and out of
pattern.block_rect, which belongs to the test pattern.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onetake.model.geometry import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Desktop"]

_WINDOW_BGRA = (46, 30, 30, 255)
_TITLE_BGRA = (90, 58, 49, 255)
_TRACK_BGRA = (70, 48, 44, 255)
_BAR_BGRA = (120, 200, 90, 255)
_INKS_BGRA = np.array(
    [(205, 200, 190, 255), (160, 190, 120, 255), (210, 160, 110, 255), (120, 160, 220, 255)],
    dtype=np.uint8,
)
"""Colours of words, as an editor paints code."""

_GLYPH_COUNT = 48
_STEPS_PER_GLYPH = 2
"""A key every 2 frames is 15 a second at 30 fps: a fast typist, and a scroll every few seconds."""

_STEPS_PER_BAR = 300
_STEPS_PER_POINTER_LOOP = 240


class Desktop:
    """Draws on `canvas`, BGRA uint8 of shape (height, width, 4). One thread.

    The pointer is not on the canvas: `paint_pointer` puts it on a copy.
    """

    def __init__(self, width_px: int, height_px: int, *, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._steps = 0
        self.canvas = _wallpaper(width_px, height_px)
        self._cell_px = max(4, height_px // 45)
        self._text = self._draw_window()
        self._columns = self._text.width_px // self._cell_px * 2
        self._rows = self._text.height_px // self._cell_px
        self._column = self._row = 0
        self._line_end = 0
        self._ink = _INKS_BGRA[0]
        self._glyphs = self._make_glyphs()
        self._pointer = _pointer_sprite(max(8, height_px // 36))
        self._new_line()

    def step(self) -> list[Rect]:
        """Draw what happens until the next frame; return what changed on the canvas."""
        self._steps += 1
        damage = []
        if self._steps % _STEPS_PER_GLYPH == 0:
            typed = self._type()
            if typed is not None:
                damage.append(typed)
        bar = self._move_bar()
        if bar is not None:
            damage.append(bar)
        return damage

    def pointer_rect(self) -> Rect:
        """Return where the pointer is now, cut at the edges of the screen."""
        height_px, width_px = self.canvas.shape[:2]
        phase = 2 * math.pi * self._steps / _STEPS_PER_POINTER_LOOP
        x_px = int(width_px * (0.5 + 0.42 * math.cos(phase)))  # clear of pattern.block_rect
        y_px = int(height_px * (0.5 + 0.3 * math.sin(phase)))
        side_px = self._pointer.shape[0]
        return Rect(x_px, y_px, min(side_px, width_px - x_px), min(side_px, height_px - y_px))

    def paint_pointer(self, image: NDArray[np.uint8]) -> Rect:
        """Paint the pointer over `image`, a copy of the canvas; return where."""
        rect = self.pointer_rect()
        sprite = self._pointer[: rect.height_px, : rect.width_px]
        area = image[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px]
        np.copyto(area, sprite, where=sprite[..., 3:] > 0)
        return rect

    def _draw_window(self) -> Rect:
        """Draw the window once; return the rectangle the text goes into."""
        height_px, width_px = self.canvas.shape[:2]
        left, right = width_px * 15 // 100, width_px * 85 // 100
        top, bottom = height_px * 6 // 100, height_px * 40 // 100
        title_px = self._cell_px * 3 // 2
        self.canvas[top:bottom, left:right] = _WINDOW_BGRA
        self.canvas[top : top + title_px, left:right] = _TITLE_BGRA
        self._bar = Rect(left, height_px * 64 // 100, right - left, max(2, self._cell_px // 2))
        self._fill(self._bar, _TRACK_BGRA)
        edge_px = self._cell_px // 2
        return Rect(
            left + edge_px,
            top + title_px + edge_px,
            right - left - 2 * edge_px,
            bottom - top - title_px - 2 * edge_px,
        )

    def _make_glyphs(self) -> NDArray[np.bool_]:
        """Return bitmaps shaped like letters, bool (count, cell, cell / 2)."""
        cell_px = self._cell_px
        dots = self._random.random((_GLYPH_COUNT, 5, 3)) < 0.55
        rows = np.minimum(np.arange(cell_px) * 7 // cell_px, 6) - 1
        columns = np.minimum(np.arange(cell_px // 2) * 4 // max(1, cell_px // 2), 3)
        padded = np.zeros((_GLYPH_COUNT, 7, 4), dtype=np.bool_)
        padded[:, 1:6, :3] = dots
        return padded[:, rows + 1][:, :, columns]

    def _type(self) -> Rect | None:
        """Type one letter; return what it painted (None for a blank)."""
        if self._column >= self._line_end:
            return self._new_line()
        column, self._column = self._column, self._column + 1
        if self._random.random() < 0.18:
            self._ink = _INKS_BGRA[self._random.integers(len(_INKS_BGRA))]
            return None
        width_px = self._cell_px // 2
        rect = Rect(
            self._text.x_px + column * width_px,
            self._text.y_px + self._row * self._cell_px,
            width_px,
            self._cell_px,
        )
        glyph = self._glyphs[self._random.integers(_GLYPH_COUNT)]
        self.canvas[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px][glyph] = self._ink
        return rect

    def _new_line(self) -> Rect | None:
        """Go to the next line, scrolling when the window is full; return what that painted."""
        first = self._line_end == 0
        self._column = min(int(self._random.integers(0, 5)) * 2, self._columns // 2)
        self._line_end = int(self._random.integers(self._columns // 2, self._columns))
        if first or self._row + 1 < self._rows:
            self._row += 0 if first else 1
            return None
        text, cell_px = self._text, self._cell_px
        area = self.canvas[text.y_px : text.bottom_px, text.x_px : text.right_px]
        area[:-cell_px] = area[cell_px:].copy()
        area[self._row * cell_px :] = _WINDOW_BGRA
        return text

    def _move_bar(self) -> Rect | None:
        """Fill the progress bar a little further; return what changed, None for nothing."""
        done = self._steps % _STEPS_PER_BAR
        before_px = self._bar.width_px * max(0, done - 1) // _STEPS_PER_BAR
        after_px = self._bar.width_px * done // _STEPS_PER_BAR
        if done == 0:
            self._fill(self._bar, _TRACK_BGRA)
            return self._bar
        if after_px == before_px:
            return None
        grown = Rect(
            self._bar.x_px + before_px, self._bar.y_px, after_px - before_px, self._bar.height_px
        )
        self._fill(grown, _BAR_BGRA)
        return grown

    def _fill(self, rect: Rect, bgra: tuple[int, int, int, int]) -> None:
        self.canvas[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px] = bgra


def _wallpaper(width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return a dark gradient, uint8 (height, width, 4)."""
    down = np.linspace(0, 1, height_px)[:, None]
    across = np.linspace(0, 1, width_px)[None, :]
    canvas = np.full((height_px, width_px, 4), 255, dtype=np.uint8)
    canvas[..., 0] = 70 + 50 * down + 20 * across
    canvas[..., 1] = 35 + 30 * across
    canvas[..., 2] = 25 + 35 * (1 - down) * across
    return canvas


def _pointer_sprite(side_px: int) -> NDArray[np.uint8]:
    """Return an arrow with a dark edge, uint8 (side, side, 4); alpha 0 where nothing is painted."""
    rows, columns = np.mgrid[0:side_px, 0:side_px]
    arrow = columns <= rows * 0.7
    edge = arrow & ((columns > rows * 0.7 - 1.5) | (columns == 0) | (rows == side_px - 1))
    sprite = np.zeros((side_px, side_px, 4), dtype=np.uint8)
    sprite[arrow] = 255
    sprite[edge] = (0, 0, 0, 255)
    return sprite
