"""What the synthetic screen shows.

Invariant: a screen frame's damage covers every pixel that differs from the screen frame before it,
and its pattern block names the frame's own stamp; screen stamps lie on a grid through the whole
seconds of the pattern, so that a flash begins exactly with a frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from onetake.model import pattern
from onetake.model.geometry import Rect
from onetake.model.media import Frame, PixelFormat
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.contract import region_within
from onetake.platforms.synthetic.desktop import Desktop
from onetake.platforms.synthetic.ring import ImageRing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onetake.platforms.synthetic.options import Options

__all__ = ["ScreenPainter", "screen_frames"]

_SLOT_COUNT = 8
"""Screen images that may be lent at once: the engine's queue and the one being encoded. Fewer =
frames are skipped while the queue is half empty; more = 3.7 MB each at 1280x720."""

_BLACK = np.frombuffer(b"\0\0\0\xff", dtype=np.uint32)[0]
_WHITE = np.frombuffer(b"\xff\xff\xff\xff", dtype=np.uint32)[0]
"""Whole BGRA pixels, in this machine's byte order."""

_MAX_DAMAGE = 16
"""Rectangles a frame may name before they are replaced by the whole picture."""


class ScreenPainter:
    """Draws the desktop and the pattern, and lends the pictures. One thread; releases from any."""

    def __init__(
        self,
        size_px: tuple[int, int],
        *,
        seed: int = 0,
        has_events: bool = True,
        has_cursor: bool = True,
        region: Rect | None = None,
    ) -> None:
        width_px, height_px = size_px
        self._desktop = Desktop(width_px, height_px, seed=seed)
        self._schedule = pattern.EventSchedule()
        self._block = pattern.block_rect(width_px, height_px)
        self._cells = [
            (
                np.s_[up.y_px : up.bottom_px, up.x_px : up.right_px],
                np.s_[low.y_px : low.bottom_px, low.x_px : low.right_px],
            )
            for up, low in pattern.cell_rects(width_px, height_px)
        ]
        self._has_events = has_events
        self._has_cursor = has_cursor
        whole = region_within(region, width_px, height_px)
        self._region = Rect(0, 0, width_px, height_px) if whole is None else whole
        self._white = np.full((height_px, width_px, 4), 255, dtype=np.uint8)
        self._desk_ring = ImageRing(self._desktop.canvas, slot_count=_SLOT_COUNT)
        self._flash_ring = ImageRing(self._white, slot_count=_SLOT_COUNT)
        self._pending: list[Rect] | None = None
        self._was_flash = False
        self._pointer: Rect | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """Return (width, height) of the frames: those of the region."""
        return self._region.width_px, self._region.height_px

    @property
    def is_white(self) -> bool:
        """Whether the picture drawn last was a flash."""
        return self._was_flash

    def frame(self, pts_ns: int, position_ns: int, *, can_flash: bool = True) -> Frame | None:
        """Return the frame captured at host time `pts_ns`, which shows `position_ns` of the
        pattern; None when all images are lent (its damage joins the next frame's)."""
        is_flash = can_flash and self._has_events and self._schedule.is_flash(position_ns)
        self._advance(position_ns, is_flash=is_flash)
        ring = self._flash_ring if is_flash else self._desk_ring
        lent = ring.lend(self._paint_pointer)
        if lent is None:
            return None
        image, release = lent
        damage, self._pending = self._pending, []
        region = self._region
        view = image[region.y_px : region.bottom_px, region.x_px : region.right_px]
        return Frame(
            pts_ns=pts_ns,
            width_px=region.width_px,
            height_px=region.height_px,
            image=view,
            pixel_format=PixelFormat.BGRA,
            damage=None if damage is None else self._within_region(damage),
            release=release,
        )

    def idle_frame(self, pts_ns: int) -> Frame:
        """Return the beat that says that nothing changed."""
        width_px, height_px = self.size_px
        return Frame(pts_ns, width_px, height_px, None, PixelFormat.BGRA, damage=())

    def _advance(self, position_ns: int, *, is_flash: bool) -> None:
        """Draw what is new at `position_ns` on the canvases, and note the damage."""
        drawn = self._desktop.step()
        self._desk_ring.mark(drawn)
        if self._has_events:
            schedule_id = self._schedule.schedule_id
            ring = self._flash_ring if is_flash else self._desk_ring
            canvas = self._white if is_flash else self._desktop.canvas
            self._draw_block(canvas, pattern.code_bits(position_ns, schedule_id))
            ring.mark([self._block])
            drawn.append(self._block)
        if self._pointer is not None:
            drawn.append(self._pointer)
        if self._has_cursor:
            self._pointer = self._desktop.pointer_rect()
            drawn.append(self._pointer)
        if is_flash != self._was_flash:
            self._was_flash = is_flash
            drawn = [Rect(0, 0, self._white.shape[1], self._white.shape[0])]
        if self._pending is not None:
            self._pending.extend(drawn)

    def _draw_block(self, canvas: NDArray[np.uint8], bits: Sequence[bool]) -> None:
        """Draw what `pattern.draw_block` draws, at a tenth of its cost: whole pixels at once, and
        the place of the cells worked out once."""
        pixels = canvas.view(np.uint32)[..., 0]
        block = self._block
        pixels[block.y_px : block.bottom_px, block.x_px : block.right_px] = _BLACK
        for bit, cells in zip(bits, self._cells, strict=True):
            pixels[cells[0 if bit else 1]] = _WHITE

    def _paint_pointer(self, image: NDArray[np.uint8]) -> Rect | None:
        return self._desktop.paint_pointer(image) if self._has_cursor else None

    def _within_region(self, damage: list[Rect]) -> tuple[Rect, ...]:
        """Return the damage in coordinates of the region; all of it when there is a lot."""
        left, top = self._region.x_px, self._region.y_px
        parts = [part for rect in damage if (part := rect.intersection(self._region)) is not None]
        if len(parts) > _MAX_DAMAGE:
            parts = [self._region]
        return tuple(
            Rect(part.x_px - left, part.y_px - top, part.width_px, part.height_px) for part in parts
        )


def screen_frames(
    options: Options,
    painter: ScreenPainter,
    *,
    fps: float,
    epoch_ns: int,
    opened_ns: int,
    start_ns: int,
    is_late: Callable[[int], bool],
) -> Iterator[tuple[int, Frame]]:
    """Yield (delivery time, frame) from `start_ns` on; it ends only where the screen stands still
    for good and says nothing.

    `is_late` says whether a frame to be delivered at a time would come too late to be worth
    drawing; it is then skipped, as a busy screen skips it.
    """
    still_until_ns = opened_ns + round(options.static_head_s * NS_PER_S)
    still_from_ns = None
    if options.static_from_s is not None:
        still_from_ns = opened_ns + round(options.static_from_s * NS_PER_S)
    latency_ns = round(options.latency_ms * NS_PER_MS)
    tick = math.ceil((start_ns - epoch_ns) * fps / NS_PER_S)
    has_shown = False
    while True:
        position_ns = math.ceil(tick * NS_PER_S / fps)
        pts_ns = epoch_ns + position_ns
        tick += 1
        is_for_good = still_from_ns is not None and pts_ns >= still_from_ns
        is_still = is_for_good or pts_ns < still_until_ns
        if is_still and has_shown and not painter.is_white:
            if options.beats:
                yield pts_ns + latency_ns, painter.idle_frame(pts_ns)
            elif is_for_good:
                return
            continue
        if has_shown and is_late(pts_ns + latency_ns):
            continue
        frame = painter.frame(pts_ns, position_ns, can_flash=not is_still)
        if frame is not None:
            has_shown = True
            yield pts_ns + latency_ns, frame
