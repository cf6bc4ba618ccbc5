"""What the self-test's stage needs of AppKit: one window whose layers can be looked at, and display
links that are called before a refresh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.platforms.macos.fake.quartz import CGRect, rect
from tests.platforms.macos.fake.runtime import Framework, Unmodelled, check_block
from tests.platforms.macos.fake.world import Mac

SCREEN_SAVER = 1000


def make_screens(mac: Mac) -> dict[str, Any]:
    """Return the screens part of what the `AppKit` module exports."""

    class NSScreen(Framework):
        """A screen."""

        @classmethod
        def screens(cls) -> list[Any]:
            """All of them, the one with the menu bar first."""
            return [cls() for _ in mac.displays]

        def frame(self) -> CGRect:
            """Its place in points, counted from the bottom."""
            return rect(0, 0, mac.displays[0].width_pt, mac.displays[0].height_pt)

        def displayLinkWithTarget_selector_(self, target: Any, selector: str) -> Any:
            """A link to its refreshes; silent before it is on a run loop."""
            if mac.version < (14, 0):
                raise Unmodelled("a display link before macOS 14")
            return CADisplayLink(check_block(getattr(target, selector.replace(":", "_")), 1))

    class CADisplayLink(Framework, outside=True):
        """A link to a display's refreshes."""

        def __init__(self, call: Any) -> None:
            self._call = call
            self._seen_s = 0.0

        def addToRunLoop_forMode_(self, loop: Any, mode: str) -> None:
            """From now on."""
            if loop != "main run loop" or mode != "NSRunLoopCommonModes":
                raise Unmodelled("a display link on another run loop")
            mac.display_links.append(self)

        def targetTimestamp(self) -> float:
            """When what is drawn now will be seen, in seconds of the host clock."""
            return self._seen_s

    mac.classes["CADisplayLink"] = CADisplayLink
    return {"NSScreen": NSScreen}


def make_layers(mac: Mac) -> dict[str, Any]:
    """Return the classes of windows and layers, which are found by name."""

    class CALayer(Framework, outside=True):
        """A rectangle of one colour, and what lies on it."""

        @classmethod
        def layer(cls) -> Any:
            """A new one."""
            made = cls()
            made._frame, made._colour, made._inside = rect(0, 0, 0, 0), (0.0,) * 4, []
            return made

        def setFrame_(self, frame: CGRect) -> None:
            """Its place, counted from the bottom."""
            _changed()
            self._frame = frame

        def setBackgroundColor_(self, colour: Any) -> None:
            """Its colour."""
            _changed()
            self._colour = colour

        def addSublayer_(self, layer: Any) -> None:
            """Something on it."""
            self._inside.append(layer)

    def _changed() -> None:
        if mac.window is not None and not mac.is_in_transaction:
            raise Unmodelled("a change outside of a transaction: it would be a slow fade")

    class CATransaction(Framework, outside=True):
        """Changes that are seen together."""

        @classmethod
        def begin(cls) -> None:
            """Begin."""

        @classmethod
        def setDisableActions_(cls, value: bool) -> None:
            """Change at once, without a fade."""
            mac.is_in_transaction = value

        @classmethod
        def commit(cls) -> None:
            """All of it now."""
            mac.is_in_transaction = False

    class NSView(Framework, outside=True):
        """What a window shows."""

        _layer: Any = None
        _is_shown = False

        def setLayer_(self, layer: Any) -> None:
            """Host a layer."""
            if self._is_shown:
                raise Unmodelled("setWantsLayer comes after setLayer, or AppKit owns the layer")
            self._layer = layer

        def setWantsLayer_(self, value: bool) -> None:
            """Show layers."""
            self._is_shown = value

    class NSWindow(Framework, outside=True):
        """A window."""

        def initWithContentRect_styleMask_backing_defer_(
            self, frame: CGRect, style: int, backing: int, is_deferred: bool
        ) -> Any:
            """Initialise."""
            if (style, backing, is_deferred) != (0, 2, False):
                raise Unmodelled("a window with a frame, or without a buffer")
            self._frame, self._view, self._level = frame, NSView(), 0
            return self

        def contentView(self) -> Any:
            """What it shows."""
            return self._view

        def setLevel_(self, level: int) -> None:
            """Above what it lies."""
            self._level = level

        def orderFrontRegardless(self) -> None:
            """Show it."""
            if self._level != SCREEN_SAVER or not self._view._is_shown:
                raise Unmodelled("a window under the menu bar, or without its layers")
            mac.window = self

    return {made.__name__: made for made in (CALayer, CATransaction, NSView, NSWindow)}


def refresh(mac: Mac, seen_ns: int) -> NDArray[np.uint8]:
    """Let every display link draw for host time `seen_ns`, and return what the screen shows then:
    BGRA in points, rows from the top."""
    for link in mac.display_links:
        link._seen_s = seen_ns / 1e9
        mac.call_back(lambda link=link: link._call(link), "display link")
    size = mac.window._frame.size
    shown = np.zeros((round(size.height), round(size.width), 4), np.uint8)
    _paint(shown, mac.window._view._layer)
    return shown


def _paint(shown: NDArray[np.uint8], layer: Any) -> None:
    left, width = round(layer._frame.origin.x), round(layer._frame.size.width)
    top = round(shown.shape[0] - layer._frame.origin.y - layer._frame.size.height)
    area = shown[top : top + round(layer._frame.size.height), left : left + width]
    area[...] = [round(255 * share) for share in layer._colour]
    for inner in layer._inside:
        _paint(shown, inner)
