"""A network camera that speaks RTSP, through FFmpeg, over TCP.

FFmpeg can only break a read off where it may be in the middle of a packet, and then the session's
framing is lost. So a thread of its own reads without being broken off, and who waits for pictures
waits at a queue (tests/platforms/network/test_rtsp.py, docs/notes/linux-devices.md).
"""

from __future__ import annotations

import contextlib
import time
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

import av
from av.error import ExitError, FFmpegError, HTTPUnauthorizedError, InvalidDataError

from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.media import StampKind
from onetake.model.units import NS_PER_S
from onetake.platforms.network.arrival import ArrivalClock
from onetake.platforms.network.url import without_credentials
from onetake.platforms.pictures import SILENCE_LIMIT_S, SLICE_S, Picture

if TYPE_CHECKING:
    from av.container import InputContainer

    from onetake.clock import Clock

__all__ = ["RtspPictures"]

_OPTIONS = {
    "rtsp_transport": "tcp",  # UDP loses packets on wireless networks, and firewalls drop it
    "fflags": "nobuffer",
    "flags": "low_delay",
}

QUEUE_PACKETS = 8
"""Packets of pictures that wait for the source's thread, a quarter of a second at 30 a second. When
it is full the reader waits, and the network holds back the rest: smaller and a scheduling delay
reaches the camera; larger only adds delay where the take cannot keep up anyway."""


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
        self._came: Queue[list[Picture] | DeviceUnavailable] = Queue(QUEUE_PACKETS)
        self._is_closed = Event()
        self._reader: Thread | None = None
        self.size_px = (0, 0)

    def open(self, deadline_s: float) -> None:
        """Begin to play. Raises DeviceUnavailable, PermissionDenied."""
        left_s = max(0.1, deadline_s - time.monotonic())
        try:
            container = av.open(self._url, options=_OPTIONS, timeout=(left_s, SILENCE_LIMIT_S))
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
        videos = container.streams.video
        if not videos:
            container.close()
            raise DeviceUnavailable(f"{self._label} sends no pictures")
        context = videos[0].codec_context
        context.thread_count = 1  # frame threads hold pictures back, one each
        self.size_px = (context.width, context.height)
        self._reader = Thread(
            target=self._read_all, args=[container], name="camera-rtsp", daemon=True
        )
        self._reader.start()

    def read(self) -> list[Picture]:
        """Return the pictures of the next packet. Raises DeviceUnavailable at the end."""
        try:
            came = self._came.get(timeout=SLICE_S)
        except Empty:
            return []
        if isinstance(came, DeviceUnavailable):
            raise came
        return came

    def _read_all(self, container: InputContainer) -> None:
        """Hand over what comes until the end or `close`; the container is this thread's."""
        try:
            self._hand_over(container)
        except ExitError:
            self._put(DeviceUnavailable(f"the camera {self._label} fell silent"))
        except (FFmpegError, OSError) as exc:  # its text would hold the address with the password
            self._put(DeviceUnavailable(f"the camera {self._label} is gone: {exc.strerror}"))
        except Exception as exc:  # noqa: BLE001  top of a thread: who waits must hear of its end
            self._put(DeviceUnavailable(f"the camera {self._label} failed: {type(exc).__name__}"))
        finally:
            with contextlib.suppress(FFmpegError, OSError):
                container.close()

    def _hand_over(self, container: InputContainer) -> None:
        for packet in container.demux(container.streams.video[0]):
            if self._is_closed.is_set():
                return
            if not packet.size:
                break
            with contextlib.suppress(InvalidDataError):  # not shown before the next key frame
                self._put(self._decoded(packet, self._clock.now_ns()))
        self._put(DeviceUnavailable(f"the camera {self._label} ended the stream"))

    def _put(self, item: list[Picture] | DeviceUnavailable) -> None:
        while not self._is_closed.is_set():
            with contextlib.suppress(Full):
                self._came.put(item, timeout=SLICE_S)
                return

    def _decoded(self, packet: av.Packet[av.VideoStream], arrival_ns: int) -> list[Picture]:
        sent = packet.dts if packet.dts is not None else packet.pts
        base = packet.time_base
        if sent is not None and base is not None:
            self._arrival.see(_ns(sent, base.numerator, base.denominator), arrival_ns)
        pictures: list[Picture] = []
        for frame in packet.decode():
            if frame.pts is None or sent is None or frame.time_base is None:
                pictures.append((arrival_ns, frame))
            else:
                base = frame.time_base
                pts_ns = _ns(frame.pts, base.numerator, base.denominator)
                pictures.append((self._arrival.host_ns(pts_ns), frame))
        return pictures

    def close(self) -> None:
        """Hang up. Idempotent, never raises.

        The reader ends with the packet that comes next; where none comes, it lets the camera go
        after SILENCE_LIMIT_S, and nobody waits for that.
        """
        self._is_closed.set()
        if self._reader is not None:
            self._reader.join(SLICE_S)
            self._reader = None


def _ns(ticks: int, numerator: int, denominator: int) -> int:
    return ticks * numerator * NS_PER_S // denominator
