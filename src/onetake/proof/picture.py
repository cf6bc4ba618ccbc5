"""What one decoded picture shows: how bright it is, whether it moved, what the code block says.

Invariant: only a fixed number of pixels of each picture is looked at, whatever its size, so the
cost is the decoder's and not ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.model.pattern import PictureCode, cell_rects, code_from_bits

__all__ = ["Look", "PictureReader"]

_GRID_ROWS, _GRID_COLUMNS = 72, 128
"""Sampled points. Coarser, a cursor-sized change goes unnoticed more often; finer costs time."""

_POINTS_PER_CELL = 16
"""Sampled pixels in a cell of the code block (4 x 4, in its inner half)."""

_MIN_CONTRAST = 60
"""Luma between a cell and its complement. Black on white is 219; a torn, blended or covered cell
has less. Lower, noise is read as code; higher, strongly compressed files are not read."""

_BLACK_MAX_LUMA = 26
"""Brightest sampled point of a black picture, 8-bit: 16 is black in limited range, 10 for noise.
Higher, a dark desktop with grey text counts as black."""

_MOVED_LUMA = 6
"""Change of a sampled point that counts as movement. Lower, the encoder's own breathing at a key
frame counts; higher, a faint change is missed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows."""

    level: float
    """Median luma, 0..255: bright during the flash, even under an overlay."""
    code: PictureCode | None
    """What the code block says, None = there is none that can be read."""
    is_black: bool
    is_moved: bool
    """Whether it differs from the picture before; the first one does."""


class PictureReader:
    """Looks at the pictures of one track. Not to be shared between threads."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._rows: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._columns: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._cell_rows: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._cell_columns: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._last: NDArray[np.int16] | None = None

    def look(self, luma: NDArray[np.uint8]) -> Look:
        """Return what the picture shows; `luma` (height, width) is not kept."""
        if luma.shape != self._size:
            self._prepare(luma.shape[0], luma.shape[1])
        points = luma[self._rows[:, None], self._columns].astype(np.int16)
        is_moved = self._last is None or bool(np.abs(points - self._last).max() > _MOVED_LUMA)
        self._last = points
        return Look(
            level=float(np.median(points[::3, ::3])),
            code=self._read_code(luma),
            is_black=bool(points.max() <= _BLACK_MAX_LUMA),
            is_moved=is_moved,
        )

    def _prepare(self, height_px: int, width_px: int) -> None:
        self._size = (height_px, width_px)
        self._last = None
        rows, columns = min(_GRID_ROWS, height_px), min(_GRID_COLUMNS, width_px)
        self._rows = ((np.arange(rows) + 0.5) * height_px / rows).astype(np.intp)
        self._columns = ((np.arange(columns) + 0.5) * width_px / columns).astype(np.intp)
        rects = [rect for pair in cell_rects(width_px, height_px) for rect in pair]
        points = [_cell_points(rect) for rect in rects]
        self._cell_rows = np.array([rows for rows, _ in points]).clip(0, height_px - 1)
        self._cell_columns = np.array([columns for _, columns in points]).clip(0, width_px - 1)

    def _read_code(self, luma: NDArray[np.uint8]) -> PictureCode | None:
        cells = luma[self._cell_rows, self._cell_columns].mean(axis=1)
        difference = cells[0::2] - cells[1::2]
        if np.abs(difference).min() < _MIN_CONTRAST:
            return None
        return code_from_bits((difference > 0).tolist())


def _cell_points(rect: Rect) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of _POINTS_PER_CELL pixels in the inner half of a cell."""
    side = int(_POINTS_PER_CELL**0.5)
    shares = 0.25 + 0.5 * (np.arange(side) + 0.5) / side
    rows = (rect.y_px + shares * rect.height_px).astype(np.intp)
    columns = (rect.x_px + shares * rect.width_px).astype(np.intp)
    return np.repeat(rows, side), np.tile(columns, side)
