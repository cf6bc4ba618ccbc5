"""The picture of the self-test on a real screen: the pattern, drawn at its true time.

Run as a program:  python -m onetake.platforms.linux.pattern_window START_NS SCHEDULE [TICK_MS]

The block is drawn off-screen and copied in one request, so that no grab sees half of it. A tick is
how often the block is drawn anew: the drawn position is at most one tick old.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import xcffib
import xcffib.xproto as xp

from onetake.model.geometry import Rect
from onetake.model.pattern import (
    BACKGROUND_GREY,
    FLASH_NS,
    EventSchedule,
    block_rect,
    cell_rects,
    code_bits,
)

__all__ = ["PatternWindow", "main"]

GREY = BACKGROUND_GREY * 0x010101
WHITE = 0xFFFFFF

TICK_MS = 5.0
"""How often the block is drawn anew, ms. Longer: the picture is older than it says by up to that
much. Shorter: the X server is kept busy by the test instead of the recording."""


def _connect() -> Any:
    connect: Any = xcffib.connect  # xcffib has no type information
    return connect()


def _rectangle(x_px: int, y_px: int, width_px: int, height_px: int) -> Any:
    make: Any = xp.RECTANGLE.synthetic  # xcffib has no type information
    return make(x_px, y_px, width_px, height_px)


class PatternWindow:
    """A full-screen window and an off-screen block. One thread."""

    def __init__(self) -> None:
        self.connection: Any = _connect()
        screen = self.connection.setup.roots[self.connection.pref_screen]
        self.size = (screen.width_in_pixels, screen.height_in_pixels)
        self.core = self.connection.core
        self.window = self.connection.generate_id()
        self.core.CreateWindow(
            screen.root_depth,
            self.window,
            screen.root,
            *(0, 0, *self.size, 0),
            xp.WindowClass.InputOutput,
            screen.root_visual,
            xp.CW.BackPixel | xp.CW.OverrideRedirect,
            [GREY, 1],
        )
        self.core.MapWindow(self.window)
        self.block = block_rect(*self.size)
        self.pixmap = self.connection.generate_id()
        self.core.CreatePixmap(
            screen.root_depth, self.pixmap, screen.root, self.block.width_px, self.block.height_px
        )
        self.contexts = {colour: self._context(colour) for colour in (0, GREY, WHITE)}
        self.cells = [
            tuple(self._in_block(rect) for rect in pair) for pair in cell_rects(*self.size)
        ]

    def _context(self, colour: int) -> int:
        context: int = self.connection.generate_id()
        # No GraphicsExposures: CopyArea would answer each copy with an event nobody reads.
        mask = xp.GC.Foreground | xp.GC.GraphicsExposures
        self.core.CreateGC(context, self.window, mask, [colour, 0])
        return context

    def _in_block(self, rect: Rect) -> Any:
        return _rectangle(
            rect.x_px - self.block.x_px, rect.y_px - self.block.y_px, rect.width_px, rect.height_px
        )

    def fill(self, colour: int) -> None:
        """Fill all of the screen but the block."""
        width, height = self.size
        block = self.block
        bars = [
            (0, 0, width, block.y_px),
            (0, block.bottom_px, width, height - block.bottom_px),
            (0, block.y_px, block.x_px, block.height_px),
            (block.right_px, block.y_px, width - block.right_px, block.height_px),
        ]
        rects = [_rectangle(*bar) for bar in bars]
        self.core.PolyFillRectangle(self.window, self.contexts[colour], len(rects), rects)

    def write(self, position_ns: int, schedule_id: int) -> None:
        """Draw the block of a position."""
        whole = [_rectangle(0, 0, self.block.width_px, self.block.height_px)]
        self.core.PolyFillRectangle(self.pixmap, self.contexts[0], 1, whole)
        bits = code_bits(position_ns, schedule_id)
        white = [
            upper if bit else lower for bit, (upper, lower) in zip(bits, self.cells, strict=True)
        ]
        self.core.PolyFillRectangle(self.pixmap, self.contexts[WHITE], len(white), white)
        block = self.block
        self.core.CopyArea(
            self.pixmap,
            self.window,
            self.contexts[0],
            *(0, 0, block.x_px, block.y_px, block.width_px, block.height_px),
        )

    def sync(self) -> None:
        """Wait until the server has drawn everything."""
        self.core.GetInputFocus().reply()


def main() -> None:
    """Show the pattern until terminated."""
    start_ns, schedule = int(sys.argv[1]), EventSchedule(int(sys.argv[2]))
    tick_ns = int(float(sys.argv[3] if len(sys.argv) > 3 else TICK_MS) * 1e6)
    canvas = PatternWindow()
    canvas.fill(GREY)
    is_white = False
    canvas.sync()
    while True:
        position_ns = time.monotonic_ns() - start_ns
        is_flash = position_ns >= 0 and schedule.is_flash(position_ns)
        if is_flash != is_white:
            canvas.fill(WHITE if is_flash else GREY)
            is_white = is_flash
        if position_ns >= 0:
            canvas.write(position_ns, schedule.schedule_id)
        canvas.sync()
        near = schedule.times_ns(position_ns - 2 * FLASH_NS, position_ns + 2 * 10**9)
        edges = [edge for event_ns in near for edge in (event_ns, event_ns + FLASH_NS)]
        due_ns = min([position_ns + tick_ns, *(e for e in edges if e > position_ns)])
        time.sleep(max(0, start_ns + due_ns - time.monotonic_ns()) / 1e9)


if __name__ == "__main__":
    main()
