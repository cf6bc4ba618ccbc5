"""The encoder of the one video track, which another may relieve in mid-take.

    usual ─── frames ───┐ drained         ┌── key frame, frames ───▶ the same track
                        └─ cheaper opened ┘

x264 takes no new preset while it runs, but a second one may take over at a key frame if it writes
the same parameter sets: the file has one set for the whole track. Invariant: every frame of the
track can be decoded with the parameter sets of the first encoder.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import av.error
from av.codec.context import Flags
from av.video.frame import PictureType

from onetake.file.encoders import video_context
from onetake.file.presets import EncoderPlan, cheaper_plans
from onetake.video.changes import Settler

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["VideoEncoder", "parameter_sets"]

_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_PARAMETER_SETS = {7, 8}
"""NAL unit types of sequence and picture parameter sets (ISO/IEC 14496-10, table 7-1)."""


class VideoEncoder:
    """Encodes the pictures of `stream`. One thread: the video lane's; `encode(None)` after it.

    Args:
        stream: the track, its container's header written.
        plan: what `stream` encodes with.
        fps: nominal frame rate.
        size_px: even size of the pictures.
    """

    def __init__(
        self, stream: VideoStream, plan: EncoderPlan, fps: int, size_px: tuple[int, int]
    ) -> None:
        self._stream = stream
        self._plan = plan
        self._fps = fps
        self._size_px = size_px
        self._context: VideoCodecContext = stream.codec_context
        self.is_cheaper = False
        """Whether the encoder at work is the one that does less."""
        self._settler = Settler()
        self._is_last_key = False
        self._key_frames = 0
        """How many the encoder at work has made."""
        self._must_alternate = False
        self._unwanted_ticks: int | None = None

    def encode(self, image: VideoFrame | None) -> list[Packet[Stream]]:
        """Return the packets that are ready, in order; None = all there are, at the end."""
        if image is None:
            return self._taken(self._context.encode(None))
        if self._must_alternate:
            self._must_alternate = False
            packets = self._encode_as_second(image)
        else:
            packets = self._taken(self._context.encode(image))
        self._settler.settle(image)
        return packets

    def change(self, *, is_cheaper: bool) -> list[Packet[Stream]] | None:
        """From the next frame on encode with less work, or as at first again.

        Returns the packets of the encoder that ends; None = no encoder can take over, and nothing
        has changed.
        """
        if is_cheaper is self.is_cheaper:
            return []
        context = self._successor(cheaper_plans(self._plan) if is_cheaper else [self._plan])
        if context is None:
            return None
        packets = self._taken(self._context.encode(None))
        # Two key frames in a row must differ in `idr_pic_id` (14496-10, 7.4.3), or a decoder takes
        # them for one picture. x264 counts 0, 1, 0, ... from its first one.
        self._must_alternate = self._is_last_key and self._key_frames % 2 == 1
        self._context, self.is_cheaper = context, is_cheaper
        self._key_frames = 0
        return packets

    def _successor(self, plans: list[EncoderPlan]) -> VideoCodecContext | None:
        """Return an opened encoder that writes what the file's header says, or None."""
        wanted = parameter_sets(self._stream.codec_context.extradata)
        for plan in plans:
            with contextlib.suppress(av.error.FFmpegError, ValueError, OSError):
                context = video_context(plan, self._fps, self._size_px)
                context.flags |= Flags.global_header
                context.open()
                if wanted and parameter_sets(context.extradata) == wanted:
                    return context
        return None

    def _encode_as_second(self, image: VideoFrame) -> list[Packet[Stream]]:
        """Encode a picture as its encoder's second key frame; the first one is thrown away."""
        assert image.pts is not None
        wanted_ticks = image.pts
        image.pts = self._unwanted_ticks = wanted_ticks - 1
        packets = list(self._context.encode(image))
        image.pts, image.pict_type = wanted_ticks, PictureType.I
        try:
            packets += self._context.encode(image)
        finally:
            image.pict_type = PictureType.NONE
        return self._taken(packets)

    def _taken(self, packets: Iterable[Packet[VideoStream]]) -> list[Packet[Stream]]:
        """Return the packets that belong to the track, as its own."""
        wanted: list[Packet[Stream]] = []
        for packet in packets:
            self._key_frames += packet.is_keyframe
            self._is_last_key = packet.is_keyframe
            packet.stream = self._stream
            if packet.pts != self._unwanted_ticks:
                wanted.append(packet)  # type: ignore[arg-type]
        return wanted


def parameter_sets(extradata: bytes | None) -> list[bytes]:
    """Return the sequence and picture parameter sets in `extradata` (H.264 with start codes),
    without what else is there: x264 says its version and options in it."""
    units = [unit.rstrip(b"\0") for unit in _START_CODE.split(extradata or b"")]
    return [unit for unit in units if unit and unit[0] & 31 in _PARAMETER_SETS]
