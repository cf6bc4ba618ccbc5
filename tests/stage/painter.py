"""An X client that paints what a test wants, and reads the screen back for comparison."""

from __future__ import annotations

import numpy as np
import xcffib
import xcffib.randr
import xcffib.xproto as xp
from numpy.typing import NDArray

__all__ = ["Painter"]


class Painter:
    """Paints straight on the root window. Not for more than one thread."""

    def __init__(self, display: str) -> None:
        self._connection = xcffib.connect(display=display)
        screen = self._connection.setup.roots[0]
        self._root, self._core = screen.root, self._connection.core
        self._context = self._connection.generate_id()
        # IncludeInferiors: also over the windows that are there.
        mask = xp.GC.SubwindowMode
        self._core.CreateGC(self._context, self._root, mask, [xp.SubwindowMode.IncludeInferiors])

    def fill(self, x_px: int, y_px: int, width_px: int, height_px: int, colour: int) -> None:
        """Fill a rectangle with 0xRRGGBB, and wait until it is done."""
        self._core.ChangeGC(self._context, xp.GC.Foreground, [colour])
        rect = xp.RECTANGLE.synthetic(x_px, y_px, width_px, height_px)
        self._core.PolyFillRectangle(self._root, self._context, 1, [rect])
        self._core.GetInputFocus().reply()

    def move_pointer(self, x_px: int, y_px: int) -> None:
        """Put the mouse pointer somewhere, and wait until it is there."""
        self._core.WarpPointer(0, self._root, 0, 0, 0, 0, x_px, y_px)
        self._core.GetInputFocus().reply()

    def resize(self, width_px: int, height_px: int) -> None:
        """Give the whole display another, smaller size, as a changed display mode does."""
        randr = self._connection(xcffib.randr.key)
        randr.QueryVersion(1, 5).reply()
        found = randr.GetScreenResources(self._root).reply()
        for crtc in found.crtcs:
            config = (crtc, 0, found.config_timestamp, 0, 0, 0, 1, 0, [])
            randr.SetCrtcConfig(*config).reply()
        # Xvfb's monitor has no size in millimetres, which xrandr would hand on and be refused.
        millimetres = (width_px // 4, height_px // 4)
        cookie = randr.SetScreenSize(self._root, width_px, height_px, *millimetres, is_checked=True)
        cookie.check()

    def picture(self, width_px: int, height_px: int) -> NDArray[np.uint8]:
        """Return what the screen shows (without the pointer), BGRX."""
        everything = 0xFFFFFFFF
        zpixmap = xp.ImageFormat.ZPixmap
        cookie = self._core.GetImage(zpixmap, self._root, 0, 0, width_px, height_px, everything)
        raw = cookie.reply().data.raw
        return np.frombuffer(raw, dtype=np.uint8).reshape(height_px, width_px, 4)

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()
