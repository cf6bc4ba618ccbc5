"""Read any recording piece by piece, as a player would show and play it.

Invariant: memory does not grow with the length of the file, and a damaged file ends in facts
(`ReadTrouble`) or in `InvalidRecording`, never in another exception.

Edit lists, encoder priming and pre-skip are honoured, because the decoded stamps are used and the
decoder drops what the container tells it to drop. Single thread; FFmpeg's own decoding threads
are used inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import av
import av.container
import av.error
import numpy as np
from numpy.typing import NDArray

from onetake.errors import InvalidRecording
from onetake.model.units import NS_PER_S

if TYPE_CHECKING:
    from av.stream import Stream

__all__ = ["Picture", "ReadTrouble", "Recording", "Sound", "Track"]

_Stream = av.VideoStream | av.AudioStream

_PYAV = int(av.__version__.partition(".")[0])

_MAX_PIXELS = 16_384 * 8_640
"""Pixels of the largest picture that is decoded. A mangled header may claim more, which would take
gigabytes; smaller would refuse an 8K wall of screens."""

_MAX_BAD_PACKETS = 200
"""Undecodable packets after which a track is given up: a mangled file can hold millions."""

_MAX_STAMP_NS = 10 * 366 * 86_400 * NS_PER_S
"""Ten years. A later stamp comes from a mangled file, counts as none, and must not overflow."""

_RATES_HZ = range(1_000, 1_000_000)
"""Sample rates that exist. A mangled header may claim more, and buffers grow with the rate."""

_LUMA_FIRST = frozenset(
    f"yuv{jpeg}{sampling}p"
    for jpeg in ("", "j")
    for sampling in ("410", "411", "420", "422", "440", "444")
) | {"nv12", "nv21", "nv16", "nv24", "gray"}
"""Pixel formats whose first plane is 8-bit luma: read in place, without a conversion."""

_ANY_METADATA: dict[str, Any] = {"metadata_errors": "replace"} if _PYAV < 19 else {}
"""Before version 19 PyAV refuses a file with metadata that is no UTF-8, unless told not to; later
ones know no such option and hand over surrogates, see `_text`."""


@dataclass(frozen=True, slots=True)
class Track:
    """What the headers say about one track."""

    index: int
    kind: Literal["video", "audio"]
    codec: str
    time_base: Fraction
    width_px: int = 0
    height_px: int = 0
    rate_hz: int = 0
    channels: int = 0
    header_duration_s: float | None = None
    header_frames: int = 0
    """Number of frames the header promises, 0 = it does not say."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture. `luma` is borrowed: valid until the next piece is asked for."""

    track: Track
    pts_ns: int | None
    """Position in the file; None = the file gives this picture no stamp."""
    duration_ns: int
    """How long the container wants it shown, 0 = it does not say."""
    luma: NDArray[np.uint8]
    """uint8, shape (height, width), rows may be strided, read only."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One decoded run of samples, owned by the receiver."""

    track: Track
    pts_ns: int | None
    samples: NDArray[np.float32]
    """float32, shape (channels, frames), full scale 1."""
    rate_hz: int


@dataclass(slots=True)
class ReadTrouble:
    """What went wrong while reading. Grows while `Recording.pieces` runs."""

    bad_packets: dict[int, int] = field(default_factory=dict)
    """Packets that could not be decoded, by track index."""
    stopped_by: str = ""
    """Why reading ended before the end of the file; empty = it did not."""


class Recording:
    """An open file. A context manager; `pieces` may be walked once.

    Args:
        path: the file.
        kinds: which tracks to decode.

    Raises:
        InvalidRecording: the file cannot be opened or has neither picture nor sound.
    """

    def __init__(self, path: Path, *, kinds: tuple[str, ...] = ("video", "audio")) -> None:
        self.path = path
        self.trouble = ReadTrouble()
        self._container = _open(path)
        streams = self._container.streams
        self._streams: list[_Stream] = []
        if "video" in kinds:
            self._streams += [stream for stream in streams.video if _prepare_video(stream)]
        if "audio" in kinds:
            self._streams += [stream for stream in streams.audio if _has_decoder(stream)]
        if not self._streams:
            self._container.close()
            msg = f"{path.name} holds neither picture nor sound"
            raise InvalidRecording(msg, hint="it may be cut off; try: onetake repair")
        known = {stream.index for stream in self._streams}
        self.unknown_tracks = [
            stream.index
            for stream in self._container.streams
            if stream.type in kinds and stream.index not in known
        ]
        """Indices of video and audio tracks that cannot be decoded here."""
        self.format_name = self._container.format.name
        self.tracks = [_track(stream) for stream in self._streams]
        self.chapter_count = len(self._container.chapters())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def pieces(self) -> Iterator[Picture | Sound]:
        """Yield everything in the order of the file; per track in decoding order."""
        tracks = {
            stream.index: track for stream, track in zip(self._streams, self.tracks, strict=True)
        }
        packets = self._container.demux(self._streams)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError, ValueError) as error:
                self.trouble.stopped_by = str(error)
                return
            track = tracks.get(packet.stream_index)
            if track is None:
                continue  # A flush packet of a stream that was not asked for.
            if self.trouble.bad_packets.get(track.index, 0) > _MAX_BAD_PACKETS:
                continue
            yield from self._decode(packet, track)

    def _decode(self, packet: av.Packet[Stream], track: Track) -> Iterator[Picture | Sound]:
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, OSError, ValueError):
            bad = self.trouble.bad_packets
            bad[track.index] = bad.get(track.index, 0) + 1
            return
        for frame in frames:
            if isinstance(frame, av.VideoFrame):
                yield Picture(track, _pts_ns(frame), _duration_ns(frame), _luma(frame))
            elif isinstance(frame, av.AudioFrame) and frame.sample_rate in _RATES_HZ:
                yield Sound(track, _pts_ns(frame), _samples(frame), frame.sample_rate)


def _open(path: Path) -> av.container.InputContainer:
    try:
        if not path.is_file():
            msg = f"no such file: {path}"
            raise InvalidRecording(msg, hint="give the path of a recording")
        container: av.container.InputContainer = av.open(str(path), **_ANY_METADATA)
        return container
    except (av.error.FFmpegError, OSError, ValueError) as error:
        msg = f"{path.name} cannot be read as a recording: {_reason(error)}"
        raise InvalidRecording(msg, hint="if a recorder was killed, try: onetake repair") from error


def _text(metadata: object) -> str:
    """Return metadata that can be printed, whatever bytes the file holds."""
    return str(metadata).encode(errors="surrogateescape").decode(errors="replace")


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _prepare_video(stream: av.VideoStream) -> bool:
    """Set the decoder up; False when there is none or the header claims an absurd size."""
    context = stream.codec_context
    if not _has_decoder(stream) or context.width * context.height > _MAX_PIXELS:
        return False
    context.options = {"max_pixels": str(_MAX_PIXELS)}
    stream.thread_type = "AUTO"
    return True


def _has_decoder(stream: _Stream) -> bool:
    """Whether the codec is known; PyAV's type says always, a file of an unknown codec says no."""
    context: object = stream.codec_context
    return context is not None


def _track(stream: _Stream) -> Track:
    told = stream.time_base  # A Fraction, or since PyAV 19 a number of its own.
    time_base = Fraction(told.numerator, told.denominator) if told else Fraction(1, 1000)
    is_video = isinstance(stream, av.VideoStream)
    return Track(
        index=stream.index,
        kind="video" if is_video else "audio",
        codec=stream.codec_context.name,
        time_base=time_base,
        width_px=stream.codec_context.width if isinstance(stream, av.VideoStream) else 0,
        height_px=stream.codec_context.height if isinstance(stream, av.VideoStream) else 0,
        rate_hz=0 if isinstance(stream, av.VideoStream) else stream.codec_context.sample_rate,
        channels=0 if isinstance(stream, av.VideoStream) else stream.codec_context.channels,
        header_duration_s=None if stream.duration is None else float(stream.duration * time_base),
        header_frames=stream.frames,
        title=_text(stream.metadata.get("handler_name", stream.metadata.get("title", ""))),
    )


def _pts_ns(frame: av.VideoFrame | av.AudioFrame) -> int | None:
    time_base = frame.time_base
    if frame.pts is None or not time_base:
        return None
    # Integers: the product of two Fractions costs 30 times as much, for every frame.
    denominator = time_base.denominator
    pts_ns = (2 * frame.pts * time_base.numerator * NS_PER_S + denominator) // (2 * denominator)
    return pts_ns if abs(pts_ns) < _MAX_STAMP_NS else None


def _duration_ns(frame: av.VideoFrame) -> int:
    if not frame.duration or frame.time_base is None:
        return 0
    return min(round(frame.duration * frame.time_base * NS_PER_S), _MAX_STAMP_NS)


def _luma(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return the luma plane, in place where the format allows."""
    if frame.format.name not in _LUMA_FIRST:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), dtype=np.uint8)
    return rows[: plane.line_size * frame.height].reshape(frame.height, -1)[:, : frame.width]


_MANY_CHANNELS = 8
"""From here on PyAV 18.1 reads beyond the list of a planar frame's planes, and crashes."""


def _packed(frame: av.AudioFrame) -> av.AudioFrame:
    """Return the same samples in one plane, channels interleaved."""
    packer = av.AudioResampler(format=frame.format.packed, layout=frame.layout)
    (packed,) = packer.resample(frame)
    return packed


_INTEGER_SCALES = {"i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


def _samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Return the samples as float32, shape (channels, frames)."""
    if frame.format.is_planar and frame.layout.nb_channels >= _MANY_CHANNELS:
        frame = _packed(frame)
    raw = frame.to_ndarray()
    if raw.dtype == np.uint8:
        values = (raw.astype(np.float32) - 128) / 128
    elif raw.dtype.kind == "i":
        values = (raw / _INTEGER_SCALES[raw.dtype.str[1:]]).astype(np.float32)
    else:
        values = raw.astype(np.float32)
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    return np.ascontiguousarray(np.nan_to_num(values, copy=False, nan=0.0, posinf=1.0, neginf=-1.0))
