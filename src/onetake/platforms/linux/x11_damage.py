"""Which rows of which buffer are out of date: the arithmetic of partial grabs.

The server copies full-width bands of rows, because XShmGetImage knows no stride. Each buffer of the
ring remembers its own stale rows, so a band is fetched once into every buffer that is used again.
"""

from __future__ import annotations

from collections.abc import Iterable

from onetake.model.geometry import Rect, union

__all__ = ["MAX_RECTS", "MERGE_GAP_ROWS", "row_bands", "simplified"]

MERGE_GAP_ROWS = 32
"""Bands closer than this many rows are fetched as one: a request costs about as much as 32 rows of
a 1080p screen (0.03 ms). Too small: many requests for text; too large: rows fetched in vain."""

MAX_RECTS = 16
"""Most rectangles handed on with a frame. More make every consumer slower than a larger area."""


def row_bands(stale_rows: bytearray) -> list[tuple[int, int]]:
    """Return the (first, end) runs of stale rows in order, runs with a small gap joined.

    Args:
        stale_rows: one byte a row, 1 = stale. A bytearray, since its searches are 20 times faster
            than numpy's for the few thousand rows of a screen.
    """
    bands: list[tuple[int, int]] = []
    first = stale_rows.find(1)
    while first >= 0:
        end = stale_rows.find(0, first)
        end = len(stale_rows) if end < 0 else end
        if bands and first - bands[-1][1] < MERGE_GAP_ROWS:
            bands[-1] = (bands[-1][0], end)
        else:
            bands.append((first, end))
        first = stale_rows.find(1, end)
    return bands


def simplified(rects: Iterable[Rect]) -> tuple[Rect, ...]:
    """Return at most MAX_RECTS rectangles that cover all of `rects`."""
    found = tuple(dict.fromkeys(rects))
    while len(found) > MAX_RECTS:
        found = _halved(sorted(found, key=lambda r: (r.y_px, r.x_px)))
    return found


def _halved(rects: list[Rect]) -> tuple[Rect, ...]:
    """Return the union boxes of neighbouring pairs."""
    return tuple(union(rects[i : i + 2]) for i in range(0, len(rects), 2))
