"""A few screen images that are lent out, each brought up to date by copying only what changed.

Invariant: a lent image is not written to before it is released, and when it is lent it shows
exactly the canvas (plus the pointer); nothing is allocated once every slot has been used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from onetake.model.geometry import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ImageRing"]

_MAX_STALE = 64
"""Rectangles a slot may be behind before it is copied whole: more cost more than the one copy."""


@dataclass(slots=True)
class _Slot:
    """One image and where it differs from the canvas."""

    image: NDArray[np.uint8]
    stale: list[Rect] = field(default_factory=list)


class ImageRing:
    """Lends copies of `canvas` (uint8, (height, width, 4)).

    One thread draws and lends; a release may come from any thread.
    """

    def __init__(self, canvas: NDArray[np.uint8], *, slot_count: int) -> None:
        self._canvas = canvas
        self._whole = Rect(0, 0, canvas.shape[1], canvas.shape[0])
        self._slots: list[_Slot] = []
        self._slot_count = slot_count
        self._free: deque[_Slot] = deque()

    def mark(self, damage: Sequence[Rect]) -> None:
        """Say what was drawn on the canvas since the last call."""
        for slot in self._slots:
            slot.stale.extend(damage)
            if len(slot.stale) > _MAX_STALE:
                slot.stale[:] = [self._whole]

    def lend(
        self, overdraw: Callable[[NDArray[np.uint8]], Rect | None]
    ) -> tuple[NDArray[np.uint8], Callable[[], None]] | None:
        """Return an image that shows the canvas and its release; None when all are lent.

        `overdraw` paints over the image (the pointer) and returns where.
        """
        slot = self._take()
        if slot is None:
            return None
        for rect in slot.stale:
            area = np.s_[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px]
            slot.image[area] = self._canvas[area]
        painted = overdraw(slot.image)
        slot.stale[:] = [painted] if painted is not None else []
        return slot.image, partial(self._free.append, slot)

    def _take(self) -> _Slot | None:
        """Return a free slot, the most recently used first: it has the least to catch up with."""
        try:
            return self._free.pop()
        except IndexError:
            if len(self._slots) == self._slot_count:
                return None
        slot = _Slot(np.empty_like(self._canvas), [self._whole])
        self._slots.append(slot)
        return slot
