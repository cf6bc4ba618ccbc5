"""A network camera that sends JPEGs over HTTP: what phones and cheap IP cameras do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
from av.error import FFmpegError

from onetake.errors import DeviceUnavailable
from onetake.model.media import StampKind
from onetake.platforms.network.http import HttpStream
from onetake.platforms.network.multipart import MultipartReader, boundary_of
from onetake.platforms.network.url import without_credentials
from onetake.platforms.pictures import SLICE_S, Picture

if TYPE_CHECKING:
    from onetake.clock import Clock

__all__ = ["MjpegPictures"]

MOST_BROKEN = 30
"""Pictures in a row that cannot be decoded before the camera counts as gone: a second of them."""


class MjpegPictures:
    """See `onetake.platforms.pictures.Pictures`. Stamps are the arrival of a picture's first byte.

    Args:
        url: http:// or https://.
        clock: the host clock.
    """

    stamp_kind = StampKind.ARRIVAL
    size_px = (0, 0)

    def __init__(self, url: str, clock: Clock) -> None:
        self._label = without_credentials(url)
        self._stream = HttpStream(url, self._label)
        self._clock = clock
        self._reader: MultipartReader | None = None
        self._decoder = av.CodecContext.create("mjpeg", "r")
        self._broken = 0

    def open(self, deadline_s: float) -> None:
        """Ask for the stream. Raises DeviceUnavailable, PermissionDenied."""
        self._stream.open(deadline_s)
        kind = self._stream.content_type.partition(";")[0].strip()
        if kind.startswith(("text/", "application/json")):
            raise DeviceUnavailable(
                f"{self._label} is no camera stream but {kind}",
                hint="phone apps show the stream's address, often http://PHONE:8080/video",
            )
        boundary = boundary_of(self._stream.content_type)
        self._reader = MultipartReader(boundary)

    def read(self) -> list[Picture]:
        """Return the newest picture that came; older ones would only make it late."""
        assert self._reader is not None
        data = self._stream.read_some(SLICE_S)
        if data is None:
            return []
        try:
            arrived = self._reader.feed(data, self._clock.now_ns())
        except ValueError as exc:
            raise DeviceUnavailable(f"{self._label} sends no pictures: {exc}") from exc
        if not arrived:
            return []
        stamp_ns, jpeg = arrived[-1]
        return [(stamp_ns, picture) for picture in self._decoded(jpeg)]

    def _decoded(self, jpeg: bytes) -> list[av.VideoFrame]:
        try:
            pictures = [f for f in self._decoder.decode(av.Packet(jpeg)) if f.width]
        except FFmpegError as exc:
            self._broken += 1
            if self._broken > MOST_BROKEN:
                raise DeviceUnavailable(f"{self._label} sends broken pictures") from exc
            return []
        self._broken = 0
        return pictures

    def close(self) -> None:
        """Hang up. Idempotent, never raises."""
        self._stream.close()
