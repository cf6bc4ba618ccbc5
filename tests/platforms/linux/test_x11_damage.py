"""Partial grabs: bands of rows and simplified damage."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onetake.model.geometry import Rect
from onetake.platforms.linux.x11_damage import MAX_RECTS, MERGE_GAP_ROWS, row_bands, simplified

rects = st.builds(
    Rect, st.integers(0, 600), st.integers(0, 400), st.integers(1, 80), st.integers(1, 80)
)


@given(st.lists(st.booleans(), min_size=1, max_size=400))
def test_bands_cover_all_stale_rows_and_are_apart(stale: list[bool]) -> None:
    """Every stale row is in a band, bands begin and end with a stale row, gaps are wide."""
    rows = np.array(stale)
    bands = row_bands(bytearray(stale))
    covered = np.zeros(len(rows), dtype=bool)
    for first, end in bands:
        assert rows[first]
        assert rows[end - 1]
        covered[first:end] = True
    assert not np.any(rows & ~covered)
    for (_, end), (first, _) in pairwise(bands):
        assert first - end >= MERGE_GAP_ROWS


def test_nothing_stale_needs_no_band() -> None:
    """An up-to-date segment is not grabbed at all."""
    assert row_bands(bytearray(10)) == []


@given(st.lists(rects, max_size=120))
def test_simplified_damage_covers_everything_with_few_rects(damage: list[Rect]) -> None:
    """At most MAX_RECTS rectangles, and no damaged pixel outside of them."""
    found = simplified(damage)
    assert len(found) <= MAX_RECTS
    for rect in damage:
        pixels = np.zeros((480, 680), dtype=bool)
        for cover in found:
            pixels[cover.y_px : cover.bottom_px, cover.x_px : cover.right_px] = True
        assert pixels[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px].all()


def test_few_rects_stay_as_they_are() -> None:
    """Exact damage is kept where it is short; doubles go."""
    one, two = Rect(0, 0, 2, 2), Rect(5, 5, 2, 2)
    assert simplified([one, two, one]) == (one, two)
