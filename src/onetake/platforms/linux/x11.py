"""A screen of an X server as a source: shared memory, damage, own clock.

    tick ──▶ cursor + damage asked ──▶ nothing? idle beat, no grab
                    │
                    ▼
      rows marked stale in every segment ──▶ a free segment? no: skip, damage waits
                    │
                    ▼
      its stale bands grabbed ──▶ cursor drawn ──▶ Frame lent to the sink

Invariant: an image handed on shows the complete screen as of its stamp; a stamp is taken around the
grab of that very image, on the monotonic clock, and never computed from a frame counter.
"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import xcffib
import xcffib.damage
import xcffib.randr
import xcffib.xproto

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.geometry import Rect
from onetake.model.media import Frame, PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Sink, region_within
from onetake.platforms.linux.cadence import Cadence
from onetake.platforms.linux.x11_cursor import Cursor, draw_cursor, parse_cursor
from onetake.platforms.linux.x11_damage import row_bands, simplified
from onetake.platforms.linux.x11_devices import split_screen_id
from onetake.platforms.linux.x11_segments import Segment, SegmentRing
from onetake.platforms.linux.x11_server import REPLY_HEADER_BYTES, XServer, mapped_errors

if TYPE_CHECKING:
    from onetake.clock import Clock

__all__ = ["ScreenSource"]

COPIED_BYTES_PER_NS = 7
"""What an X server copies in a ns (8.3 MB in 1.1 ms). Larger: the stamp moves to the beginning of
the copying, half a ms; smaller: stamps get late when the machine is loaded."""

_ALL_PLANES = 0xFFFFFFFF
_RECT_DTYPE = np.dtype([("x", "<i2"), ("y", "<i2"), ("width", "<u2"), ("height", "<u2")])


class ScreenSource:
    """One X screen, monitor or region. See `onetake.platforms.contract.Source`.

    Args:
        device: what was chosen; its id is `x11:DISPLAY` or `x11:DISPLAY/MONITOR`.
        settings: `region`, `fps` and `has_cursor` are used.
        clock: the host clock.
    """

    def __init__(self, device: Device, settings: Settings, clock: Clock) -> None:
        self._device = device
        display_name, self._monitor_name = split_screen_id(device.id)
        self._settings = settings
        self._clock = clock
        self._stop: Event | None = None
        self._server = XServer(display_name, lambda: self._stop is not None and self._stop.is_set())
        self._base = self._area = Rect(0, 0, 0, 0)
        self._ring: SegmentRing | None = None
        self._damage_id = self._parts_id = 0
        self._has_news = False
        """Whether the server told of damage since it was last asked for."""
        self._has_moved = False
        """Whether there was damage at the last look."""
        self._cursor: Cursor | None = None
        self._pending: list[Rect] = []
        self.skipped_frames = 0
        """Pictures not taken because every segment was lent; their damage is in the next."""
        self.late_ticks = 0
        """Ticks of the grid that passed while an earlier picture was still being taken."""

    @property
    def device(self) -> Device:
        """The screen; `format` says its size after `open`."""
        return self._device

    @property
    def stamp_kind(self) -> StampKind:
        """Screen stamps are taken around the grab."""
        return StampKind.CAPTURE

    def size_px(self) -> tuple[int, int]:
        """Return (width, height) of the pictures after `open`."""
        return self._area.width_px, self._area.height_px

    def open(self) -> None:
        """Connect, find the monitor, share memory. Raises DeviceUnavailable, PermissionDenied."""
        server = self._server
        server.open()
        with mapped_errors(server.name):
            if not server.has_usual_pixels():
                raise DeviceUnavailable(
                    f"the X server {server.name} does not have 24 bit colour",
                    hint="run it with a depth of 24",
                )
            self._base = self._find_base()
            local = region_within(self._settings.region, self._base.width_px, self._base.height_px)
            if local is None:
                raise DeviceUnavailable(
                    "the region lies outside the screen",
                    hint=f"the screen is {self._base.width_px}x{self._base.height_px}",
                )
            x_px, y_px = local.x_px + self._base.x_px, local.y_px + self._base.y_px
            self._area = Rect(x_px, y_px, local.width_px, local.height_px)
            self._watch()
            self._ring = SegmentRing(server, *self.size_px())
        size = f"{self._area.width_px}x{self._area.height_px}"
        self._device = Device(
            self._device.id, self._device.name, Role.SCREEN, self._device.is_default, size
        )

    def _find_base(self) -> Rect:
        """Return the area of the monitor, or of the whole display."""
        if not self._monitor_name:
            return Rect(0, 0, *self._server.size_px())
        monitors = self._server.monitors()
        for monitor in monitors:
            if monitor.name == self._monitor_name:
                return monitor.area
        raise DeviceUnavailable(
            f"display {self._server.name} has no monitor {self._monitor_name}",
            hint="it has " + (", ".join(m.name for m in monitors) or "none"),
        )

    def _watch(self) -> None:
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

    def close(self) -> None:
        """Disconnect. Images that are still lent stay readable."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        self._server.close()

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver a picture or an idle beat at each tick until `stop` is set."""
        self._stop = stop
        if not self._server.has_damage:
            sink.warn(
                "screen-without-damage",
                f"the X server {self._server.name} cannot tell what changed; recording costs more",
            )
        cadence = Cadence(self._clock.now_ns(), self._settings.fps)
        self._pending = [Rect(0, 0, *self.size_px())]
        while not stop.is_set():
            try:
                with mapped_errors(self._server.name):
                    self._tick(sink)
            except DeviceUnavailable:
                if stop.is_set():
                    return
                raise
            due_ns = cadence.next_due_ns(self._clock.now_ns())
            self.late_ticks = cadence.skipped
            stop.wait(max(0, due_ns - self._clock.now_ns()) / NS_PER_S)

    def _tick(self, sink: Sink) -> None:
        stamp_ns = self._clock.now_ns()
        self._look()
        if not self._pending:
            sink.frame(Frame(stamp_ns, *self.size_px(), None, PixelFormat.BGRA, ()))
            return
        assert self._ring is not None
        segment = self._ring.take()
        if segment is None:
            self.skipped_frames += 1
            return
        try:
            stamp_ns = self._grab(segment)
        except BaseException:
            self._ring.give_back(segment)
            raise
        sink.frame(self._lend(self._ring, segment, stamp_ns))

    def _lend(self, ring: SegmentRing, segment: Segment, stamp_ns: int) -> Frame:
        damage = simplified(self._pending) if self._server.has_damage else None
        self._pending = []
        return Frame(
            stamp_ns,
            *self.size_px(),
            segment.image,
            PixelFormat.BGRA,
            damage,
            release=lambda: ring.give_back(segment),
        )

    def _look(self) -> None:
        """Find out what changed since the last look; it is added to what is pending."""
        server = self._server
        has_cursor = server.has_xfixes and self._settings.has_cursor
        # Any round trip also brings all events that happened before it.
        cursor = server.xfixes.GetCursorImage() if has_cursor else server.core.GetInputFocus()
        # Where something moves it goes on moving: one round trip for both questions then.
        damage = self._ask_for_damage() if self._has_moved else None
        cursor_reply = server.raw_reply(cursor)
        for event in server.events():
            self._take_event(event)
        if has_cursor:
            self._see_cursor(parse_cursor(cursor_reply))
        if not server.has_damage:
            self._changed(self._area)
            return
        if damage is None and self._has_news:
            damage = self._ask_for_damage()
        rects = self._damaged(damage) if damage is not None else []
        self._has_moved = bool(rects)
        for rect in rects:
            self._changed(rect)

    def _take_event(self, event: Any) -> None:
        if isinstance(event, xcffib.damage.NotifyEvent):
            self._has_news = True
        elif isinstance(event, xcffib.randr.ScreenChangeNotifyEvent | xcffib.randr.NotifyEvent):
            base = self._find_base()
            if base != self._base:
                raise DeviceUnavailable(
                    f"the screen is {base.width_px}x{base.height_px} now,"
                    f" it was {self._base.width_px}x{self._base.height_px}",
                    hint="recording goes on in the new size",
                )

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

    def _see_cursor(self, cursor: Cursor) -> None:
        if cursor.is_same_as(self._cursor):
            return
        if self._cursor is not None:
            self._changed(self._cursor.area)
        self._changed(cursor.area)
        self._cursor = cursor

    def _changed(self, rect: Rect) -> None:
        """Remember that `rect` of the display looks different now."""
        seen = rect.intersection(self._area)
        if seen is None:
            return
        x_px, y_px = seen.x_px - self._area.x_px, seen.y_px - self._area.y_px
        self._pending.append(Rect(x_px, y_px, seen.width_px, seen.height_px))
        assert self._ring is not None
        self._ring.mark_stale(y_px, y_px + seen.height_px)

    def _grab(self, segment: Segment) -> int:
        """Bring `segment` up to date; return the host time in the middle of the copying, in ns.

        On a loaded machine the answer may be noticed tens of ms after the copying: no more than
        what copying usually takes is believed.
        """
        cursor_rows = self._cursor_rows()
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
        if is_cursor_hit and self._cursor is not None:
            draw_cursor(segment.image, self._cursor, (self._area.x_px, self._area.y_px))
        row_bytes = 4 * self._area.width_px
        usual_ns = sum(end - first for first, end in bands) * row_bytes // COPIED_BYTES_PER_NS
        return before_ns + min(after_ns - before_ns, usual_ns) // 2

    def _cursor_rows(self) -> slice:
        """Return the rows of the area where the pointer is; an empty slice when it is not there."""
        if self._cursor is None:
            return slice(0, 0)
        seen = self._cursor.area.intersection(self._area)
        if seen is None:
            return slice(0, 0)
        return slice(seen.y_px - self._area.y_px, seen.bottom_px - self._area.y_px)

    def _request(self, segment: Segment, first: int, end: int) -> Any:
        """Ask for rows [first, end) of the area."""
        server, area = self._server, self._area
        place = (server.root, area.x_px, area.y_px + first, area.width_px, end - first)
        zpixmap = xcffib.xproto.ImageFormat.ZPixmap
        if segment.xid:
            offset = first * area.width_px * 4
            return server.shm.GetImage(*place, _ALL_PLANES, zpixmap, segment.xid, offset)
        x, y, width, height = place[1:]
        return server.core.GetImage(zpixmap, server.root, x, y, width, height, _ALL_PLANES)
