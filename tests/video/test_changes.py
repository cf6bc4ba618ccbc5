"""A picture names at least what was written to it since it was last encoded."""

from __future__ import annotations

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.model.geometry import Rect
from onetake.video import changes
from onetake.video.canvas import Canvas
from onetake.video.changes import BLOCK_PX, Changes, Settler

SIZE_PX = (330, 202)
WHOLE = Rect(0, 0, *SIZE_PX)


@st.composite
def rects(draw: st.DrawFn) -> Rect:
    """A rectangle of even edges within the picture."""
    left, right = sorted(draw(st.tuples(*[st.integers(0, SIZE_PX[0] // 2)] * 2)))
    top, bottom = sorted(draw(st.tuples(*[st.integers(0, SIZE_PX[1] // 2)] * 2)))
    return Rect(2 * left, 2 * top, 2 * (right - left) + 2, 2 * (bottom - top) + 2).intersection(
        WHOLE
    ) or Rect(0, 0, 2, 2)


def in_blocks(named: list[Rect]) -> set[tuple[int, int]]:
    """The blocks the rectangles cover."""
    return {
        (column, row)
        for rect in named
        for column in range(rect.x_px // BLOCK_PX, rect.right_px // BLOCK_PX)
        for row in range(rect.y_px // BLOCK_PX, rect.bottom_px // BLOCK_PX)
    }


def test_a_new_picture_has_changed_everywhere() -> None:
    """Before it was encoded nobody may take anything of a picture for known."""
    assert in_blocks(Changes(av.VideoFrame(*SIZE_PX, "nv12")).rects()) == {
        (column, row) for column in range(21) for row in range(13)
    }


def test_what_was_encoded_has_not_changed() -> None:
    """Encoding settles the changes of the very picture, of no other."""
    one, other = (av.VideoFrame(*SIZE_PX, "nv12") for _ in range(2))
    of_one, of_other = Changes(one), Changes(other)
    Settler().settle(one)
    assert of_one.rects() == []
    assert of_other.rects() != []


@given(st.lists(st.one_of(rects(), st.just(None)), max_size=200))
def test_every_write_is_named(steps: list[Rect | None]) -> None:
    """Whatever is written, and however often the picture is encoded in between (None), all blocks
    that were touched since are named, and few others while there is room."""
    frame = av.VideoFrame(*SIZE_PX, "nv12")
    named = Changes(frame)
    Settler().settle(frame)
    written: list[Rect] = []
    for rect in steps:
        if rect is None:
            Settler().settle(frame)
            written.clear()
        else:
            named.add(rect)
            written.append(rect)
        wanted = {
            (column, row)
            for each in written
            for column in range(each.x_px // BLOCK_PX, (each.right_px - 1) // BLOCK_PX + 1)
            for row in range(each.y_px // BLOCK_PX, (each.bottom_px - 1) // BLOCK_PX + 1)
        }
        assert wanted <= in_blocks(named.rects())
        if len(written) <= 64:
            assert wanted == in_blocks(named.rects())


def test_named_blocks_are_blocks_of_the_picture() -> None:
    """x264 has a block for each begun one, and none beyond: sizes need not be multiples."""
    named = in_blocks(Changes(av.VideoFrame(*SIZE_PX, "nv12")).rects())
    assert max(named) == ((SIZE_PX[0] - 1) // BLOCK_PX, (SIZE_PX[1] - 1) // BLOCK_PX)


def test_a_canvas_names_what_is_written_through_it() -> None:
    """Blackening changes all, taking a part to write to it that part."""
    canvas = Canvas(*SIZE_PX)
    Settler().settle(canvas.frame)
    canvas.part(Rect(40, 20, 10, 10))
    assert in_blocks(canvas.changed) == {(2, 1), (3, 1)}
    canvas.blacken()
    assert len(in_blocks(canvas.changed)) == 21 * 13


def test_where_memory_looks_different_everything_counts_as_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is written to memory that is not known, and settling is harmless."""
    monkeypatch.setattr(changes, "_is_layout_known", lambda: False)
    frame = av.VideoFrame(*SIZE_PX, "nv12")
    named = Changes(frame)
    named.add(Rect(0, 0, 2, 2))
    Settler().settle(frame)
    assert named.rects() == [WHOLE]
    assert not frame.side_data


def test_pyav_looks_in_memory_as_it_is_expected_to() -> None:
    """With the PyAV the project is locked to, changes are told; a new one may need a look."""
    frame = av.VideoFrame(*SIZE_PX, "nv12")
    Changes(frame)
    assert frame.side_data[0].type.name == "VIDEO_HINT"


def test_a_settled_picture_without_changes_of_its_own_stays_as_it_is() -> None:
    """Pictures of anybody else are encoded as ever."""
    frame = av.VideoFrame(*SIZE_PX, "nv12")
    Settler().settle(frame)
    assert len(frame.side_data) == 0
