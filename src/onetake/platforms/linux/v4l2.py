"""A V4L2 camera through FFmpeg, with the kernel's own capture times.

The device is opened non-blocking, for a camera that delivers nothing would else hold its thread in
the kernel for ever; so it is looked at every POLL_S, which costs no accuracy: the stamps were taken
by the driver. Invariant: a stamp is on CLOCK_MONOTONIC; a driver that stamps with another clock is
noticed and its pictures are stamped on arrival instead.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import av
from av.error import ArgumentError, ExitError, FFmpegError, InvalidDataError
from av.error import BlockingIOError as AvBlockingIOError
from av.error import PermissionError as AvPermissionError

from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.media import StampKind
from onetake.model.units import NS_PER_S
from onetake.platforms.pictures import SLICE_S, Picture

if TYPE_CHECKING:
    from av.container import InputContainer

    from onetake.clock import Clock

__all__ = ["V4l2Pictures"]

POLL_S = 0.004
"""Seconds between looks at the camera: a picture is at most this late, at 250 short looks a second
(below 1 % of a core)."""

STRANGE_NS = 2 * NS_PER_S
"""A stamp further than this from now is of another clock. Real ones are 5 to 100 ms old."""

_NONBLOCK_NOBUFFER = str(0x0004 | 0x0040)
"""AVFMT_FLAG_NONBLOCK | AVFMT_FLAG_NOBUFFER (libavformat/avformat.h); the first has no name among
FFmpeg's options."""

_WISHES: tuple[dict[str, str], ...] = (
    # USB 2 carries 720p at 30 frames a second only as JPEGs.
    {"input_format": "mjpeg", "video_size": "1280x720", "framerate": "30"},
    {"video_size": "640x480", "framerate": "30"},
    {},
)
"""What is asked for, until the driver agrees. It may still choose the nearest thing it can."""


class V4l2Pictures:
    """See `onetake.platforms.pictures.Pictures`.

    Args:
        path: the device file, such as /dev/video0.
        clock: the host clock.
    """

    stamp_kind = StampKind.CAPTURE

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._container: InputContainer | None = None
        self.size_px = (0, 0)

    def open(self, deadline_s: float) -> None:
        """Open the device. Raises DeviceUnavailable, PermissionDenied."""
        for index, wish in enumerate(_WISHES):
            left_s = max(0.1, deadline_s - time.monotonic())
            try:
                self._container = self._opened(wish, left_s)
            except AvPermissionError as exc:
                raise PermissionDenied(
                    f"no right to use the camera {self._path}",
                    hint="add your user to the group `video` and log in again",
                ) from exc
            except (FFmpegError, OSError) as exc:
                is_refused = isinstance(exc, ValueError | OSError) and exc.errno == 22
                if is_refused and index + 1 < len(_WISHES) and time.monotonic() < deadline_s:
                    continue
                reason = "no picture comes" if isinstance(exc, ExitError) else exc.strerror
                raise DeviceUnavailable(
                    f"the camera {self._path} cannot be opened: {reason}",
                    hint="check that it is plugged in and no other program uses it",
                ) from exc
            break
        assert self._container is not None
        context = self._container.streams.video[0].codec_context
        context.thread_count = 1
        self.size_px = (context.width, context.height)

    def _opened(self, wish: dict[str, str], left_s: float) -> InputContainer:
        # As `options` the size would reach the decoder too, also when the driver chose another.
        wishes = {"fflags": _NONBLOCK_NOBUFFER, **wish}
        return av.open(
            self._path, format="v4l2", container_options=wishes, timeout=(left_s, left_s)
        )

    def read(self) -> list[Picture]:
        """Return the next picture. Raises DeviceUnavailable when the camera is gone."""
        assert self._container is not None
        deadline_s = time.monotonic() + SLICE_S
        while True:
            try:
                packet = next(self._container.demux(self._container.streams.video[0]))
                break
            except AvBlockingIOError:
                if time.monotonic() > deadline_s:
                    return []
                time.sleep(POLL_S)
            except (FFmpegError, OSError, StopIteration) as exc:
                raise DeviceUnavailable(f"the camera {self._path} is gone") from exc
        return self._decoded(packet)

    def _decoded(self, packet: av.Packet[av.VideoStream]) -> list[Picture]:
        if not packet.size:
            raise DeviceUnavailable(f"the camera {self._path} is gone")
        stamp_ns = self._stamp_ns(packet)
        try:
            frames = packet.decode()
        except (InvalidDataError, ArgumentError):
            return []  # a torn picture; the next one comes in a moment
        return [(stamp_ns, frame) for frame in frames]

    def _stamp_ns(self, packet: av.Packet[av.VideoStream]) -> int:
        now_ns = self._clock.now_ns()
        if packet.pts is None or packet.time_base is None:
            return now_ns
        base = packet.time_base
        stamp_ns = packet.pts * base.numerator * NS_PER_S // base.denominator
        return stamp_ns if abs(now_ns - stamp_ns) < STRANGE_NS else now_ns

    def close(self) -> None:
        """Close the device. Idempotent, never raises."""
        if self._container is not None:
            with contextlib.suppress(FFmpegError, OSError):
                self._container.close()
            self._container = None
