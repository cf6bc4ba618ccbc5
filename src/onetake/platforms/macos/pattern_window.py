"""The picture of the self-test on a Mac's main display: the pattern, drawn for the instant at which
it will be seen.

Run as a program:  python -m onetake.platforms.macos.pattern_window START_NS SCHEDULE

A display link calls before every refresh and says when that refresh is due. Layers are moved in one
transaction, so that no refresh shows half of a picture. Needs macOS 14; `send` serves the classes
that the API data does not have.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import AppKit
import Foundation
import objc
import Quartz
from Foundation import NSObject

from onetake.model.geometry import Rect
from onetake.model.pattern import BACKGROUND_GREY, EventSchedule, block_rect, cell_rects, code_bits
from onetake.model.units import NS_PER_S
from onetake.platforms.macos.bridge import guarded, send

__all__ = ["PatternWindow", "main"]


class RefreshTarget(NSObject):  # type: ignore[misc]  # PyObjC has no types
    """Called by the display link on the main thread."""

    def refreshDue_(self, link: Any) -> None:
        """Draw what the coming refresh is to show."""
        with guarded(self.owner):
            self.owner.draw(round(send(link, "targetTimestamp") * NS_PER_S))


class PatternWindow:
    """A window over the whole main display, its picture made of layers. Main thread only.

    Args:
        start_ns: host time of the pattern's position 0.
        schedule: when the flashes are.
    """

    def __init__(self, start_ns: int, schedule: EventSchedule) -> None:
        self._start_ns = start_ns
        self._schedule = schedule
        self._parent = os.getppid()
        self._app = AppKit.NSApplication.sharedApplication()
        self._app.setActivationPolicy_(AppKit.NSApplicationActivationPolicyAccessory)
        screen = AppKit.NSScreen.screens()[0]  # the one with the menu bar
        frame = screen.frame()
        size = (round(frame.size.width), round(frame.size.height))
        self._height = size[1]
        self._white, self._grey, black = (
            Quartz.CGColorCreateSRGB(value, value, value, 1.0)
            for value in (1.0, BACKGROUND_GREY / 255, 0.0)
        )
        self._background = self._layer(Rect(0, 0, *size), self._grey)
        self._places = cell_rects(*size)
        inside = [self._layer(block_rect(*size), black)]
        self._cells = [self._layer(lower, self._white) for _, lower in self._places]
        for layer in inside + self._cells:
            send(self._background, "addSublayer:", layer)
        self._window = self._opened(frame)
        self._target = RefreshTarget.alloc().init()
        self._target.owner = self
        target, selector = self._target, "refreshDue:"
        self._link = screen.displayLinkWithTarget_selector_(target, selector)  # macos: 14.0
        loop, modes = Foundation.NSRunLoop.mainRunLoop(), Foundation.NSRunLoopCommonModes
        send(self._link, "addToRunLoop:forMode:", loop, modes)

    def run(self) -> None:
        """Show the pattern until terminated."""
        self._app.run()

    def draw(self, seen_ns: int) -> None:
        """Make the picture of host time `seen_ns`. Ends with the program that started this one:
        nobody else takes the window away."""
        if os.getppid() != self._parent:
            self._app.terminate_(None)
        position_ns = seen_ns - self._start_ns
        if position_ns < 0:
            return
        is_flash = self._schedule.is_flash(position_ns)
        bits = code_bits(position_ns, self._schedule.schedule_id)
        transaction = objc.lookUpClass("CATransaction")
        send(transaction, "begin")
        send(transaction, "setDisableActions:", True)  # or each change would be a slow fade
        send(self._background, "setBackgroundColor:", self._white if is_flash else self._grey)
        for bit, cell, (upper, lower) in zip(bits, self._cells, self._places, strict=True):
            send(cell, "setFrame:", self._flipped(upper if bit else lower))
        send(transaction, "commit")

    def fail(self, failure: BaseException) -> None:
        """Say what went wrong in a callback, and end."""
        sys.stderr.write(f"onetake: the pattern cannot be shown: {failure}\n")
        self._app.terminate_(None)

    def _opened(self, frame: Any) -> Any:
        window = send(
            objc.lookUpClass("NSWindow").alloc(),
            "initWithContentRect:styleMask:backing:defer:",
            *(frame, AppKit.NSWindowStyleMaskBorderless, AppKit.NSBackingStoreBuffered, False),
        )
        view = send(window, "contentView")
        send(view, "setLayer:", self._background)  # before the next line: then the view hosts it
        send(view, "setWantsLayer:", True)
        send(window, "setLevel:", AppKit.NSScreenSaverWindowLevel)  # over menu bar and Dock
        send(window, "orderFrontRegardless")
        return window

    def _layer(self, rect: Rect, colour: Any) -> Any:
        layer = send(objc.lookUpClass("CALayer"), "layer")
        send(layer, "setFrame:", self._flipped(rect))
        send(layer, "setBackgroundColor:", colour)
        return layer

    def _flipped(self, rect: Rect) -> Any:
        """Return a rectangle counted from the top as AppKit counts, from the bottom."""
        bottom = self._height - rect.bottom_px
        return Quartz.CGRectMake(rect.x_px, bottom, rect.width_px, rect.height_px)


def main() -> None:
    """Show the pattern until terminated; an older macOS is told in one line."""
    if not hasattr(AppKit.NSScreen, "displayLinkWithTarget_selector_"):
        sys.exit("onetake: the pattern on the screen needs macOS 14")
    PatternWindow(int(sys.argv[1]), EventSchedule(int(sys.argv[2]))).run()


if __name__ == "__main__":
    main()
