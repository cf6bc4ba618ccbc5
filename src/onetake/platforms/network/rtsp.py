"""A network camera that speaks RTSP, through FFmpeg, over TCP.

FFmpeg's reads are cut into slices by its interrupt callback: after an empty slice the session is
whole and the next read goes on (tests/platforms/network/test_rtsp.py holds that).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.error import EOFError as AvEofError
from av.error import ExitError, FFmpegError, HTTPUnauthorizedError, InvalidDataError

from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.media import StampKind
from onetake.model.units import NS_PER_S
from onetake.platforms.network.arrival import ArrivalClock
from onetake.platforms.network.url import without_credentials
from onetake.platforms.pictures import SLICE_S, Picture

if TYPE_CHECKING:
    from av.container import InputContainer

    from onetake.clock import Clock

__all__ = ["RtspPictures"]

_OPTIONS = {
    "rtsp_transport": "tcp",  # UDP loses packets on wireless networks, and firewalls drop it
    "fflags": "nobuffer",
    "flags": "low_delay",
}


class RtspPictures:
    """See `onetake.platforms.pictures.Pictures`. Stamps are the sender's, tied to the earliest
    arrivals.

    Args:
        url: rtsp:// or rtsps://.
        clock: the host clock.
    """

    stamp_kind = StampKind.ARRIVAL

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._label = without_credentials(url)
        self._clock = clock
        self._arrival = ArrivalClock()
        self._container: InputContainer | None = None
        self._packets: Iterator[av.Packet[av.VideoStream]] | None = None
        self.size_px = (0, 0)

    def open(self, deadline_s: float) -> None:
        """Begin to play. Raises DeviceUnavailable, PermissionDenied."""
        left_s = max(0.1, deadline_s - time.monotonic())
        try:
            self._container = av.open(self._url, options=_OPTIONS, timeout=(left_s, SLICE_S))
        except HTTPUnauthorizedError as exc:
            raise PermissionDenied(
                f"the camera {self._label} wants a user and a password",
                hint="give them in the address: rtsp://USER:PASSWORD@HOST/",
            ) from exc
        except (FFmpegError, OSError) as exc:
            reason = "no answer" if isinstance(exc, ExitError) else exc.strerror
            raise DeviceUnavailable(
                f"the camera {self._label} cannot be reached: {reason}",
                hint="check that it is on, and the address's path",
            ) from exc
        videos = self._container.streams.video
        if not videos:
            raise DeviceUnavailable(f"{self._label} sends no pictures")
        context = videos[0].codec_context
        context.thread_count = 1  # frame threads hold pictures back, one each
        self.size_px = (context.width, context.height)

    def read(self) -> list[Picture]:
        """Return the pictures of the next packet. Raises DeviceUnavailable at the end."""
        assert self._container is not None
        if self._packets is None:
            self._packets = self._container.demux(self._container.streams.video[0])
        try:
            packet = next(self._packets, None)
            if packet is None or not packet.size:
                raise DeviceUnavailable(f"the camera {self._label} ended the stream")
            return self._decoded(packet, self._clock.now_ns())
        except (ExitError, InvalidDataError):
            # Nothing came in this slice, or nothing that can be shown before the next key frame.
            self._packets = None
            return []
        except (AvEofError, FFmpegError, OSError) as exc:
            raise DeviceUnavailable(f"the camera {self._label} is gone: {exc.strerror}") from exc

    def _decoded(self, packet: av.Packet[av.VideoStream], arrival_ns: int) -> list[Picture]:
        sent = packet.dts if packet.dts is not None else packet.pts
        base = packet.time_base
        if sent is not None and base is not None:
            self._arrival.see(_ns(sent, base), arrival_ns)
        pictures: list[Picture] = []
        for frame in packet.decode():
            if frame.pts is None or sent is None or frame.time_base is None:
                pictures.append((arrival_ns, frame))
            else:
                pictures.append((self._arrival.host_ns(_ns(frame.pts, frame.time_base)), frame))
        return pictures

    def close(self) -> None:
        """Hang up. Idempotent, never raises."""
        self._packets = None
        if self._container is not None:
            with contextlib.suppress(FFmpegError, OSError):
                self._container.close()
            self._container = None


def _ns(ticks: int, base: Fraction) -> int:
    return ticks * base.numerator * NS_PER_S // base.denominator
