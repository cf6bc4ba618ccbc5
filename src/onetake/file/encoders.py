"""Which encoder really works here: hardware is believed only after it has encoded something.

Invariant: an encoder that is chosen has produced packets of the wanted size, or is software.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from onetake.errors import EncoderUnavailable, OutputFailed
from onetake.file.presets import GOP_S, EncoderPlan, encoder_plans
from onetake.model.units import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from av.container import OutputContainer
    from numpy.typing import NDArray

    from onetake.model.settings import Settings

__all__ = [
    "VIDEO_TIME_BASE",
    "Warn",
    "aac_priming",
    "add_audio_stream",
    "add_video_stream",
    "audio_context",
    "audio_frame",
    "choose_encoder",
    "encoder_errors",
    "video_context",
]

Warn = Callable[[str, str, str], None]
"""Tells the user something: (code, message, hint)."""

VIDEO_TIME_BASE = Fraction(1, 90_000)
"""Seconds in a video tick: hits 24, 25, 30, 50 and 60 fps exactly, host stamps to 6 µs, and MP4
keeps it as it is. Coarser (1/1000) is changed by the muxer; finer needs 64-bit fragments sooner."""

_TRIAL_FRAMES = 4
"""Enough for an encoder with a delay of up to three frames to show its first packet."""

_AAC_OPTIONS = {"aac_coder": "fast"}
"""The fast coder costs a third of FFmpeg's default: 0.17 against 0.58 ms for 21 ms of sound."""

_BT709 = 1
_LIMITED_RANGE = 1
"""FFmpeg's numbers: AVCOL_PRI_BT709 = AVCOL_TRC_BT709 = AVCOL_SPC_BT709 = AVCOL_RANGE_MPEG = 1."""


def choose_encoder(settings: Settings, size_px: tuple[int, int], warn: Warn) -> EncoderPlan:
    """Return the first encoder that works, telling `warn` when that is not the one asked for.

    Takes a few ms without hardware and some 100 ms with it. Raises EncoderUnavailable.
    """
    # SVT-AV1 writes banners to the terminal unless told not to before it is first used.
    os.environ.setdefault("SVT_LOG", "1")
    plans = encoder_plans(settings, size_px, os.cpu_count() or 1)
    reason = ""
    for plan in plans:
        problem = _problem(plan, settings.fps, size_px)
        if problem is None:
            if reason:
                warn("encoder-fallback", f"{reason}; using {plan.name}", "see onetake doctor")
            return plan
        is_expected = settings.encoder == "auto" and plan.is_hardware
        if not (is_expected and problem.is_absent):
            reason = f"the encoder {plan.name} does not work here ({problem.text})"
    raise EncoderUnavailable(
        reason or f"no encoder for {settings.codec.value}",
        hint="use --codec h264, or check the encoder's name and preset",
    )


class _Problem:
    """Why an encoder cannot be used."""

    def __init__(self, text: str, *, is_absent: bool) -> None:
        self.text = text
        self.is_absent = is_absent
        """True: not in this build or no such hardware, which is nothing to talk about."""


def _problem(plan: EncoderPlan, fps: int, size_px: tuple[int, int]) -> _Problem | None:
    try:
        context = video_context(plan, fps, size_px)
    except (av.error.FFmpegError, ValueError) as error:
        return _Problem(f"not in this build: {error}", is_absent=True)
    except TypeError as error:
        return _Problem(str(error), is_absent=False)
    try:
        context.open()
    except (av.error.FFmpegError, ValueError, OSError) as error:
        return _Problem(_one_line(error), is_absent=True)
    if not plan.is_hardware:
        return None
    try:
        packet_count = _encode_trial(context, size_px)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        return _Problem(_one_line(error), is_absent=False)
    if packet_count == 0:
        return _Problem("it returned nothing", is_absent=False)
    return None


def video_context(plan: EncoderPlan, fps: int, size_px: tuple[int, int]) -> VideoCodecContext:
    """Return an encoder of its own, set up as those of `add_video_stream`, not opened yet. Raises
    FFmpegError or ValueError where the build has none of the name, TypeError for one of sound."""
    context = CodecContext.create(plan.name, "w")
    if not isinstance(context, VideoCodecContext):
        raise TypeError("not a video encoder")
    _configure(context, plan, fps, size_px)
    return context


def _encode_trial(context: VideoCodecContext, size_px: tuple[int, int]) -> int:
    width_px, height_px = size_px
    count = 0
    for number in range(_TRIAL_FRAMES):
        frame = av.VideoFrame(width_px, height_px, "nv12")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts = number * 3000
        frame.time_base = VIDEO_TIME_BASE
        count += sum(packet.size > 0 for packet in context.encode(frame))
    return count + sum(packet.size > 0 for packet in context.encode(None))


def add_video_stream(
    container: OutputContainer, plan: EncoderPlan, fps: int, size_px: tuple[int, int]
) -> VideoStream:
    """Add the video track to `container`. Raises EncoderUnavailable."""
    try:
        stream = container.add_stream(plan.name, rate=fps)
    except (av.error.FFmpegError, ValueError) as error:
        raise EncoderUnavailable(
            f"the encoder {plan.name} cannot be used for MP4: {_one_line(error)}"
        ) from error
    if not isinstance(stream, VideoStream):
        raise EncoderUnavailable(f"{plan.name} is not a video encoder")
    stream.time_base = VIDEO_TIME_BASE
    _configure(stream.codec_context, plan, fps, size_px)
    return stream


def add_audio_stream(container: OutputContainer, kbps: int) -> AudioStream:
    """Add a stereo AAC track of `kbps` kilobits a second to `container`."""
    stream = container.add_stream("aac", rate=SAMPLE_RATE_HZ, options=dict(_AAC_OPTIONS))
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = "stereo"
    stream.codec_context.bit_rate = kbps * 1000
    return stream


def audio_context(
    kbps: int, options: Mapping[str, str] = MappingProxyType({})
) -> AudioCodecContext:
    """Return an AAC encoder of its own, set up as those of `add_audio_stream`, and with `options`
    besides."""
    context = CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = SAMPLE_RATE_HZ
    context.layout = "stereo"
    context.format = "fltp"
    context.time_base = Fraction(1, SAMPLE_RATE_HZ)
    context.options = {**_AAC_OPTIONS, **options}
    context.bit_rate = kbps * 1000
    return context


def audio_frame(samples: NDArray[np.float32], pts: int) -> av.AudioFrame:
    """Return samples, float32 of shape (n, 2), from sample `pts` on as AAC encoders take them."""
    planes = np.ascontiguousarray(samples.T, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
    frame.sample_rate = SAMPLE_RATE_HZ
    frame.pts = pts
    return frame


def aac_priming() -> int:
    """Return how many samples the AAC encoder puts before the first one it is given; measured, by
    encoding a moment of silence, because PyAV does not tell."""
    context = audio_context(kbps=128)
    frame = audio_frame(np.zeros((4096, 2), np.float32), 0)
    first = next(iter([*context.encode(frame), *context.encode(None)]))
    return -(first.pts or 0)


class encoder_errors:  # noqa: N801 - used like a function
    """Let what an encoder raises come out as OutputFailed. A class, because a generator costs
    several times as much, cold as it is at every frame."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, av.error.FFmpegError | ValueError):
            raise OutputFailed(f"the encoder failed: {error}") from error


def _configure(
    context: VideoCodecContext, plan: EncoderPlan, fps: int, size_px: tuple[int, int]
) -> None:
    context.width, context.height = size_px
    context.pix_fmt = plan.pixel_format
    context.framerate = Fraction(fps)
    context.time_base = VIDEO_TIME_BASE
    context.gop_size = GOP_S * fps
    context.max_b_frames = 0
    context.color_range = _LIMITED_RANGE
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    if plan.bit_rate:
        context.bit_rate = plan.bit_rate
    if not plan.is_hardware:
        # SLICE, PyAV's default, would turn x264's threads into slices: larger files, more CPU.
        context.thread_type = "FRAME"
        context.thread_count = plan.thread_count
    # Chroma is averaged over 2x2 blocks, so it sits in their centre.
    options = {**plan.options, "chroma_sample_location": "center"}
    if plan.name == "libx264":
        # Believe pictures that say what of them has changed (`video/changes.py`).
        options["mb_info"] = "1"
    context.options = options


def _one_line(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.split())
