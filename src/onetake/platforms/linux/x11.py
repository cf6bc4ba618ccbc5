"""A screen of an X server as a source: shared memory, damage, own clock.

    tick ──▶ what changed? nothing ──▶ idle beat, no grab; after a while, a rest
                   │
                   ▼
      rows marked stale in every segment ──▶ a free segment? no: skip, damage waits
                   │
                   ▼
      its stale rows grabbed, the pointer drawn ──▶ Frame lent to the sink

Invariant: an image handed on shows the complete screen as of its stamp; a stamp is taken around the
grab of that very image, on the monotonic clock, and never computed from a frame counter.
"""

from __future__ import annotations

import ctypes
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.geometry import Rect
from onetake.model.media import Frame, PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Sink, region_within
from onetake.platforms.linux.cadence import Cadence
from onetake.platforms.linux.x11_changes import ScreenChanges
from onetake.platforms.linux.x11_damage import simplified
from onetake.platforms.linux.x11_devices import screen_name, split_screen_id
from onetake.platforms.linux.x11_grabber import Grabber
from onetake.platforms.linux.x11_rest import Rest
from onetake.platforms.linux.x11_segments import Segment, SegmentRing
from onetake.platforms.linux.x11_server import XServer, mapped_errors

if TYPE_CHECKING:
    from onetake.clock import Clock

__all__ = ["AUDIT_NS", "ScreenSource"]

AUDIT_NS = 2 * NS_PER_S
"""How often a still screen is grabbed in secret and compared, in ns: some drivers draw without
telling DAMAGE, and a frozen recording would be the result. One look costs 5 ms at 1080p; rarer
looks make the frozen piece longer."""

_libc = ctypes.CDLL(None)
_libc.memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


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
        self._changes: ScreenChanges | None = None
        self._grabber: Grabber | None = None
        self._ring: SegmentRing | None = None
        self._pending: list[Rect] = []
        self._last: Segment | None = None
        self._audited_ns = 0
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
            self._area = self._find_area()
            self._changes = ScreenChanges(server, self._area, has_cursor=self._settings.has_cursor)
            self._changes.start()
            self._grabber = Grabber(server, self._area, self._clock)
            self._ring = SegmentRing(server, *self.size_px())
        name = screen_name(server.name, self._monitor_name)
        size = f"{self._area.width_px}x{self._area.height_px}"
        self._device = Device(self._device.id, name, Role.SCREEN, self._device.is_default, size)

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

    def _find_area(self) -> Rect:
        """Return what is recorded, in pixels of the display."""
        base = self._base
        local = region_within(self._settings.region, base.width_px, base.height_px)
        if local is None:
            raise DeviceUnavailable(
                "the region lies outside the screen",
                hint=f"the screen is {base.width_px}x{base.height_px}",
            )
        x_px, y_px = local.x_px + base.x_px, local.y_px + base.y_px
        return Rect(x_px, y_px, local.width_px, local.height_px)

    def close(self) -> None:
        """Disconnect. Images that are still lent stay readable."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        self._server.close()

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver a picture or an idle beat at each tick until `stop` is set; of a screen that
        rests, a beat every 100 ms."""
        self._stop = stop
        changes, fps = self._changes, self._settings.fps
        assert changes is not None
        self._warn_at_start(sink)
        rest = Rest(self._server, changes, fps, self._clock)
        cadence = Cadence(self._clock.now_ns(), fps)
        self._pending = [Rect(0, 0, *self.size_px())]
        while not stop.is_set():
            try:
                with mapped_errors(self._server.name):
                    is_still = self._tick(sink, changes)
                    due_ns = self._due_ns(cadence, rest, is_still, stop)
            except DeviceUnavailable:
                if stop.is_set():
                    return
                raise
            self.late_ticks = cadence.skipped
            stop.wait(max(0, due_ns - self._clock.now_ns()) / NS_PER_S)

    def _due_ns(self, cadence: Cadence, rest: Rest, is_still: bool, stop: Event) -> int:
        """Return when to look again; of a screen that rests, only when that time has come."""
        ticks = rest.ticks(is_still=is_still)
        due_ns = cadence.next_due_ns(self._clock.now_ns(), ticks)
        if ticks > 1 and rest.is_disturbed(due_ns, stop):
            return cadence.sooner_ns(self._clock.now_ns())
        return due_ns

    def _warn_at_start(self, sink: Sink) -> None:
        if not self._server.has_damage:
            self._warn_of_costs(sink)
        if self._server.is_xwayland:
            sink.warn(
                "screen-of-xwayland",
                "this display belongs to a Wayland session: only X programs can be seen, if any",
                hint="log in to an X11 session to record everything",
            )

    def _warn_of_costs(self, sink: Sink) -> None:
        sink.warn(
            "screen-without-damage",
            f"the X server {self._server.name} does not tell what changed; recording costs more",
        )

    def _tick(self, sink: Sink, changes: ScreenChanges) -> bool:
        """Deliver what there is; return whether nothing has changed."""
        stamp_ns = self._clock.now_ns()
        self._look(changes)
        if not self._pending and stamp_ns - self._audited_ns > AUDIT_NS:
            self._audited_ns = stamp_ns
            self._audit(sink, changes)
        if not self._pending:
            sink.frame(Frame(stamp_ns, *self.size_px(), None, PixelFormat.BGRA, ()))
            return True
        grabbed = self._grab(changes)
        if grabbed is None:
            self.skipped_frames += 1
            return False
        segment, stamp_ns = grabbed
        damage = simplified(self._pending) if changes.knows_damage else None
        self._pending = []
        self._last, self._audited_ns = segment, stamp_ns
        sink.frame(self._lent(segment, stamp_ns, damage))
        return False

    def _look(self, changes: ScreenChanges) -> None:
        """Add what changed to what is pending. Raises DeviceUnavailable for a new display mode."""
        assert self._ring is not None
        for rect in changes.look():
            self._pending.append(rect)
            self._ring.mark_stale(rect.y_px, rect.bottom_px)
        if not changes.has_new_mode:
            return
        changes.has_new_mode = False
        base = self._find_base()
        if base != self._base:
            raise DeviceUnavailable(
                f"the screen is {base.width_px}x{base.height_px} now,"
                f" it was {self._base.width_px}x{self._base.height_px}",
                hint="recording goes on in the new size",
            )

    def _grab(self, changes: ScreenChanges) -> tuple[Segment, int] | None:
        """Return an up-to-date image and its stamp; None when every segment is lent."""
        assert self._ring is not None
        assert self._grabber is not None
        segment = self._ring.take()
        if segment is None:
            return None
        try:
            return segment, self._grabber.update(segment, changes.cursor)
        except BaseException:
            self._ring.give_back(segment)
            raise

    def _lent(self, segment: Segment, stamp_ns: int, damage: tuple[Rect, ...] | None) -> Frame:
        ring = self._ring
        assert ring is not None
        return Frame(
            stamp_ns,
            *self.size_px(),
            segment.image,
            PixelFormat.BGRA,
            damage,
            release=lambda: ring.give_back(segment),
        )

    def _audit(self, sink: Sink, changes: ScreenChanges) -> None:
        """See whether a screen that is said to be still is; if not, do without damage."""
        ring, last = self._ring, self._last
        assert ring is not None
        segment = ring.take_other_than(last)
        if segment is None or last is None:
            return
        segment.stale_rows[:] = b"\1" * len(segment.stale_rows)
        try:
            assert self._grabber is not None
            self._grabber.update(segment, changes.cursor)
            is_same = _look_alike(segment.image, last.image)
        finally:
            ring.give_back(segment)
        self._look(changes)
        if not is_same and not self._pending:
            changes.knows_damage = False
            self._pending = [Rect(0, 0, *self.size_px())]
            ring.mark_stale(0, self._area.height_px)
            self._warn_of_costs(sink)


def _look_alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two contiguous BGRX images show the same; the fourth byte may be anything."""
    # All bytes compare many times as fast, without a mask to fill, and are nearly always enough.
    if _libc.memcmp(one.ctypes.data, other.ctypes.data, one.nbytes) == 0:
        return True
    return np.array_equal(one[..., :3], other[..., :3])
