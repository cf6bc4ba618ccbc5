"""What changed on an X screen since one last looked: damage, the pointer, the display's mode.

Invariant: no change is ever forgotten. The server tells once when damage begins; until it is asked
for, it only collects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xcffib
import xcffib.damage
import xcffib.randr
import xcffib.xfixes

from onetake.model.geometry import Rect
from onetake.platforms.linux.x11_cursor import Cursor, parse_cursor
from onetake.platforms.linux.x11_motion import PointerMotion
from onetake.platforms.linux.x11_server import REPLY_HEADER_BYTES, XServer

__all__ = ["ScreenChanges"]

_RECT_DTYPE = np.dtype([("x", "<i2"), ("y", "<i2"), ("width", "<u2"), ("height", "<u2")])


class ScreenChanges:
    """Watches one area of a display. On the source's thread.

    Args:
        server: connected.
        area: in pixels of the display.
        has_cursor: whether the pointer is of interest.
    """

    def __init__(self, server: XServer, area: Rect, *, has_cursor: bool) -> None:
        self._server = server
        self._area = area
        self._has_cursor = has_cursor and server.has_xfixes
        self._damage_id = self._parts_id = 0
        self._has_news = False
        """Whether the server told of damage since it was last asked for."""
        self._motion: PointerMotion | None = None
        self._has_moved = False
        """Whether there was damage at the last look."""
        self.knows_damage = server.has_damage
        """Whether changes are known; if not, everything changes at each look."""
        self.cursor: Cursor | None = None
        """The pointer at the last look."""
        self.has_new_mode = False
        """Set when a monitor or the display may have changed; whoever reads it resets it."""

    def start(self) -> None:
        """Ask the server to tell what changes: pixels by DAMAGE, sizes by RandR."""
        server = self._server
        if server.has_damage:
            self._damage_id = server.connection.generate_id()
            self._parts_id = server.connection.generate_id()
            server.damage.Create(self._damage_id, server.root, xcffib.damage.ReportLevel.NonEmpty)
            server.xfixes.CreateRegion(self._parts_id, 0, [])
        if server.has_randr:
            mask = xcffib.randr.NotifyMask.ScreenChange | xcffib.randr.NotifyMask.CrtcChange
            server.randr.SelectInput(server.root, mask)
        if self._has_cursor:
            # Told when it looks different, not when it is moved.
            mask = xcffib.xfixes.CursorNotifyMask.DisplayCursor
            server.xfixes.SelectCursorInput(server.root, mask)
            self._motion = PointerMotion(server)

    @property
    def tells_all(self) -> bool:
        """Whether whatever changes is told unasked, while one listens. After `start`."""
        motion = self._motion
        hears_pointer = not self._has_cursor or (motion is not None and motion.can_be_heard)
        return self.knows_damage and hears_pointer

    def listen(self, is_listening: bool) -> None:
        """Let the server tell of the pointer's motion, too, until told otherwise."""
        if self._motion is not None and self._motion.can_be_heard:
            self._motion.listen(is_listening)

    def has_news(self) -> bool:
        """Take in what has arrived, without asking; whether there was anything."""
        events = list(self._server.events())
        for event in events:
            self._take_event(event)
        return bool(events)

    def look(self) -> list[Rect]:
        """Return what changed since the last look, in pixels of the area; empty = nothing."""
        server = self._server
        # Any round trip also brings all events that happened before it.
        question = server.xfixes.GetCursorImage() if self._has_cursor else None
        question = question or server.core.GetInputFocus()
        # Where something moves it goes on moving: one round trip for both questions then.
        damage = self._ask_for_damage() if self._has_moved else None
        reply = server.raw_reply(question)
        for event in server.events():
            self._take_event(event)
        changed = self._moved_cursor(parse_cursor(reply)) if self._has_cursor else []
        if not self.knows_damage:
            return [Rect(0, 0, self._area.width_px, self._area.height_px)]
        if damage is None and self._has_news:
            damage = self._ask_for_damage()
        damaged = self._damaged(damage) if damage is not None else []
        self._has_moved = bool(damaged)
        return self._in_area([*changed, *damaged])

    def _take_event(self, event: Any) -> None:
        if isinstance(event, xcffib.damage.NotifyEvent):
            self._has_news = True
        elif isinstance(event, xcffib.randr.ScreenChangeNotifyEvent | xcffib.randr.NotifyEvent):
            self.has_new_mode = True

    def _ask_for_damage(self) -> Any:
        """Start to collect damage anew and ask for what there was."""
        server = self._server
        # The server tells once when there is damage again. Forgetting news that came after this
        # question would leave the picture frozen; news from before only costs a question in vain.
        self._has_news = False
        server.damage.Subtract(self._damage_id, xcffib.XCB_NONE, self._parts_id)
        return server.xfixes.FetchRegion(self._parts_id)

    def _damaged(self, cookie: Any) -> list[Rect]:
        """Return the damaged rectangles of the display."""
        reply = self._server.raw_reply(cookie)
        rects = np.frombuffer(reply, dtype=_RECT_DTYPE, offset=REPLY_HEADER_BYTES)
        return [Rect(*rect) for rect in rects.tolist()]

    def _moved_cursor(self, cursor: Cursor) -> list[Rect]:
        """Take the pointer in; return the places that look different for it."""
        before = self.cursor
        if cursor.is_same_as(before):
            return []
        self.cursor = cursor
        return [cursor.area] if before is None else [before.area, cursor.area]

    def _in_area(self, rects: list[Rect]) -> list[Rect]:
        """Return the parts of rectangles of the display that lie in the area, in its pixels."""
        area = self._area
        seen = [part for rect in rects if (part := rect.intersection(area)) is not None]
        return [Rect(p.x_px - area.x_px, p.y_px - area.y_px, p.width_px, p.height_px) for p in seen]
