"""Lent images show the canvas and stay untouched; nothing is allocated for ever."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onetake.model.geometry import Rect
from onetake.platforms.synthetic.ring import ImageRing


def no_overdraw(image: np.ndarray) -> None:
    """Paint nothing over the picture."""


@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.integers(0, 11), st.integers(0, 254), st.integers(0, 3)),
        max_size=150,
    )
)
def test_every_lent_image_shows_the_canvas_of_its_time(
    draws: list[tuple[int, int, int, int]],
) -> None:
    """Whatever is drawn and however many images are out, each shows the canvas as it was when it
    was lent (and the pointer), until it is released."""
    canvas = np.zeros((12, 16, 4), np.uint8)
    ring = ImageRing(canvas, slot_count=3)
    pointer = Rect(0, 0, 2, 2)

    def overdraw(image: np.ndarray) -> Rect:
        image[pointer.y_px : pointer.bottom_px, pointer.x_px : pointer.right_px] = 255
        return pointer

    out: list[tuple[np.ndarray, np.ndarray, object]] = []
    for x_px, y_px, value, released in draws:
        canvas[y_px:, x_px] = value
        pointer = Rect(value % 14, value % 9, 2, 2)
        ring.mark([Rect(x_px, y_px, 1, 12 - y_px)])
        lent = ring.lend(overdraw)
        if lent is None:
            assert len(out) == 3
        else:
            expected = canvas.copy()
            overdraw(expected)
            out.append((lent[0], expected, lent[1]))
        for image, expected, _ in out:
            assert np.array_equal(image, expected)
        while len(out) > released:
            out.pop(0)[2]()


def test_images_are_used_again() -> None:
    """A released image is lent again rather than another one made."""
    ring = ImageRing(np.zeros((4, 4, 4), np.uint8), slot_count=8)
    first = ring.lend(no_overdraw)
    assert first is not None
    first[1]()
    second = ring.lend(no_overdraw)
    assert second is not None
    assert second[0] is first[0]


def test_no_image_is_left_when_all_are_lent() -> None:
    """With every slot lent there is None, not an image somebody still reads."""
    ring = ImageRing(np.zeros((4, 4, 4), np.uint8), slot_count=2)
    lent = [ring.lend(no_overdraw) for _ in range(3)]
    assert lent[2] is None
    assert lent[0][0] is not lent[1][0]
