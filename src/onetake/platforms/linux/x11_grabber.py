"""Brings images up to date with an X screen, only the rows that are stale.

Invariant: after `update` an image shows the whole area as of the returned time, pointer included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xcffib.xproto

from onetake.platforms.linux.x11_cursor import Cursor, draw_cursor
from onetake.platforms.linux.x11_damage import row_bands
from onetake.platforms.linux.x11_server import REPLY_HEADER_BYTES, XServer

if TYPE_CHECKING:
    from onetake.clock import Clock
    from onetake.model.geometry import Rect
    from onetake.platforms.linux.x11_segments import Segment

__all__ = ["Grabber"]

COPIED_BYTES_PER_NS = 7
"""What an X server copies in a ns (8.3 MB in 1.1 ms). Larger: the stamp moves to the beginning of
the copying, half a ms; smaller: stamps get late when the machine is loaded."""

_ALL_PLANES = 0xFFFFFFFF


class Grabber:
    """Copies one area of a display. On the source's thread.

    Args:
        server: connected.
        area: in pixels of the display.
        clock: the host clock.
    """

    def __init__(self, server: XServer, area: Rect, clock: Clock) -> None:
        self._server = server
        self._area = area
        self._clock = clock

    def update(self, segment: Segment, cursor: Cursor | None) -> int:
        """Fetch the stale rows; return the host time in the middle of the copying, in ns.

        On a loaded machine the answer may be noticed tens of ms after the copying: no more than
        what copying usually takes is believed.
        """
        cursor_rows = self._rows_of(cursor)
        is_cursor_hit = 1 in segment.stale_rows[cursor_rows]
        if is_cursor_hit:
            # Half-fetched it would be blended over itself.
            segment.stale_rows[cursor_rows] = b"\1" * (cursor_rows.stop - cursor_rows.start)
        bands = row_bands(segment.stale_rows)
        cookies = [self._request(segment, first, end) for first, end in bands]
        # The server copies as soon as it is asked; whoever keeps us from running does it after.
        before_ns = self._clock.now_ns()
        self._server.flush()
        for (first, end), cookie in zip(bands, cookies, strict=True):
            reply = self._server.raw_reply(cookie)
            if not segment.xid:
                rows = segment.image[first:end]
                pixels = np.frombuffer(reply, np.uint8, rows.size, REPLY_HEADER_BYTES)
                rows[...] = pixels.reshape(rows.shape)
        after_ns = self._clock.now_ns()
        segment.stale_rows[:] = bytes(len(segment.stale_rows))
        if is_cursor_hit and cursor is not None:
            draw_cursor(segment.image, cursor, (self._area.x_px, self._area.y_px))
        row_bytes = 4 * self._area.width_px
        usual_ns = sum(end - first for first, end in bands) * row_bytes // COPIED_BYTES_PER_NS
        return before_ns + min(after_ns - before_ns, usual_ns) // 2

    def _rows_of(self, cursor: Cursor | None) -> slice:
        """Return the rows of the area where the pointer is; an empty slice when it is not there."""
        seen = None if cursor is None else cursor.area.intersection(self._area)
        if seen is None:
            return slice(0, 0)
        return slice(seen.y_px - self._area.y_px, seen.bottom_px - self._area.y_px)

    def _request(self, segment: Segment, first: int, end: int) -> Any:
        """Ask for rows [first, end) of the area."""
        server, area = self._server, self._area
        rect = (area.x_px, area.y_px + first, area.width_px, end - first)
        zpixmap = xcffib.xproto.ImageFormat.ZPixmap
        if segment.xid:
            place = (segment.xid, first * area.width_px * 4)
            return server.shm.GetImage(server.root, *rect, _ALL_PLANES, zpixmap, *place)
        return server.core.GetImage(zpixmap, server.root, *rect, _ALL_PLANES)
