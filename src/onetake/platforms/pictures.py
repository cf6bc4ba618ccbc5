"""Cameras that are read picture by picture: the part of a source that all of them share.

A `Pictures` knows one way to get pictures (V4L2, HTTP, RTSP); `CameraSource` makes the contract's
source of it: it bounds silence, keeps stamps increasing and hands the frames on.
"""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Protocol

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.media import Frame, PixelFormat, StampKind
from onetake.model.units import NS_PER_S

if TYPE_CHECKING:
    import av

    from onetake.clock import Clock
    from onetake.platforms.contract import Sink

__all__ = ["OPEN_LIMIT_S", "SILENCE_LIMIT_S", "SLICE_S", "CameraSource", "Picture", "Pictures"]

OPEN_LIMIT_S = 2.9
"""Seconds until the first picture must be there. The contract promises 3 s for `open`."""

SILENCE_LIMIT_S = 5.0
"""Seconds without a picture after which a camera counts as gone. Wireless networks stall for 1-2 s
now and then; longer than 5 s people look at a frozen face."""

SLICE_S = 0.1
"""Longest wait inside `Pictures.read`: bounds how late a stop is noticed."""

Picture = tuple[int, "av.VideoFrame"]
"""Host time in ns at which it was captured, as far as can be known, and the picture."""


class Pictures(Protocol):
    """One way to get pictures. One thread."""

    stamp_kind: StampKind

    size_px: tuple[int, int]
    """Known after `open`, or (0, 0) until there is a picture."""

    def open(self, deadline_s: float) -> None:
        """Reach the camera; `deadline_s` on time.monotonic. Raises DeviceUnavailable,
        PermissionDenied."""
        ...

    def read(self) -> list[Picture]:
        """Return the pictures that came, none after SLICE_S without any. Raises
        DeviceUnavailable when the camera is gone."""
        ...

    def close(self) -> None:
        """Let the camera go. Idempotent, never raises."""
        ...


class CameraSource:
    """A camera. See `onetake.platforms.contract.Source`.

    Args:
        device: what was chosen; id and name are shown, so they hold no password.
        pictures: how its pictures are had.
        clock: the host clock.
    """

    def __init__(self, device: Device, pictures: Pictures, clock: Clock) -> None:
        self._device = device
        self._pictures = pictures
        self._clock = clock
        self._first: list[Picture] = []
        self._size_px = (0, 0)
        self._last_ns = 0

    @property
    def device(self) -> Device:
        """The camera; `format` says its size after `open`."""
        return self._device

    @property
    def stamp_kind(self) -> StampKind:
        """Whether the camera itself says when it captured."""
        return self._pictures.stamp_kind

    def size_px(self) -> tuple[int, int]:
        """Return (width, height) of the first picture."""
        return self._size_px

    def open(self) -> None:
        """Reach the camera and wait until the size of its pictures is known.

        Raises DeviceUnavailable, PermissionDenied.
        """
        deadline_s = time.monotonic() + OPEN_LIMIT_S
        self._pictures.open(deadline_s)
        self._size_px = self._pictures.size_px
        while not all(self._size_px):
            if time.monotonic() > deadline_s:
                raise DeviceUnavailable(
                    f"the camera {self._device.name} delivers no picture",
                    hint="check that nothing else uses it",
                )
            self._first = self._pictures.read()
            if self._first:
                picture = self._first[-1][1]
                self._size_px = (picture.width, picture.height)
        text = f"{self._size_px[0]}x{self._size_px[1]}"
        self._device = Device(
            self._device.id, self._device.name, Role.CAMERA, self._device.is_default, text
        )

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver pictures until `stop` is set. Raises DeviceUnavailable when there are none."""
        pictures, self._first = self._first, []
        last_ns = self._clock.now_ns()
        while not stop.is_set():
            for stamp_ns, picture in pictures:
                self._last_ns = max(stamp_ns, self._last_ns + 1)
                sink.frame(
                    Frame(self._last_ns, picture.width, picture.height, picture, PixelFormat.AV)
                )
            now_ns = self._clock.now_ns()
            if pictures:
                last_ns = now_ns
            elif now_ns - last_ns > SILENCE_LIMIT_S * NS_PER_S:
                raise DeviceUnavailable(f"the camera {self._device.name} fell silent")
            pictures = self._pictures.read()

    def close(self) -> None:
        """Let the camera go. Idempotent, never raises."""
        self._pictures.close()
        self._first = []
