"""Make small files that hold the sync pattern, good ones and spoilt ones, without the recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from onetake.model import pattern
from onetake.model.units import NS_PER_S

RATE_HZ = 48_000
Image = NDArray[np.uint8]
Samples = NDArray[np.float32]


def frame_times(fps: float, seconds: float) -> list[int]:
    """Return the PTS of a constant frame rate, in ns."""
    return [round(index * NS_PER_S / fps) for index in range(round(fps * seconds))]


def pattern_sound(
    seconds: float, *, schedule_id: int = 3, mic_ppm: float = 0.0, rate_hz: int = RATE_HZ
) -> Samples:
    """Return both chirps, float32, shape (frames, 2). `mic_ppm` lets the mic's chirps run late."""
    schedule = pattern.EventSchedule(schedule_id)
    count = round(seconds * rate_hz)
    mono = pattern.system_sound(schedule, 0, count, rate_hz)
    mono = mono + pattern.mic_sound(schedule, 0, count, rate_hz * (1 + mic_ppm * 1e-6))
    return np.repeat(mono[:, None], 2, axis=1)


@dataclass
class Recipe:
    """What to make. The defaults are a good file."""

    seconds: float = 7.0
    size: tuple[int, int] = (384, 216)
    schedule_id: int = 3
    times_ns: Sequence[int] | None = None
    """PTS of the frames; None = 30 fps."""
    drawn_ns: Sequence[int] | None = None
    """Position each frame shows; None = its PTS."""
    sound: Samples | None = None
    """float32, shape (frames, 2); None = both chirps in time."""
    paint: Callable[[int, Image], None] | None = None
    """Change picture `index` after it was drawn (BGR)."""
    video_codec: str = "libx264"
    video_options: dict[str, str] = field(
        default_factory=lambda: {"preset": "ultrafast", "crf": "23", "bf": "0"}
    )
    pix_fmt: str = "yuv420p"
    audio_codec: str = "aac"
    audio_rate_hz: int = RATE_HZ
    audio_start_s: float = 0.0
    """Shift of the audio's PTS."""
    container_options: dict[str, str] = field(default_factory=dict)
    video_time_base: Fraction = Fraction(1, 90_000)


def pictures(recipe: Recipe) -> Iterator[tuple[int, Image]]:
    """Yield (PTS in ns, BGR picture) of the recipe."""
    times_ns = recipe.times_ns or frame_times(30, recipe.seconds)
    drawn_ns = recipe.drawn_ns or times_ns
    schedule = pattern.EventSchedule(recipe.schedule_id)
    width_px, height_px = recipe.size
    for index, (pts_ns, position_ns) in enumerate(zip(times_ns, drawn_ns, strict=True)):
        image = np.zeros((height_px, width_px, 3), dtype=np.uint8)
        pattern.draw(image, position_ns, schedule)
        if recipe.paint is not None:
            recipe.paint(index, image)
        yield pts_ns, image


def make(path: Path, recipe: Recipe | None = None) -> Path:
    """Write the file and return its path."""
    recipe = recipe or Recipe()
    with av.open(str(path), "w", options=recipe.container_options) as output:
        video = output.add_stream(recipe.video_codec, rate=30, options=recipe.video_options)
        video.width, video.height = recipe.size
        video.pix_fmt = recipe.pix_fmt
        video.codec_context.time_base = recipe.video_time_base
        audio = output.add_stream(recipe.audio_codec, rate=recipe.audio_rate_hz, layout="stereo")
        sound = recipe.sound
        if sound is None:
            sound = pattern_sound(recipe.seconds, schedule_id=recipe.schedule_id)
        blocks = iter(_audio_frames(sound, recipe))
        block = next(blocks, None)
        for pts_ns, image in pictures(recipe):
            while block is not None and block.pts / recipe.audio_rate_hz < pts_ns / NS_PER_S:
                output.mux(audio.encode(block))
                block = next(blocks, None)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = round(pts_ns * recipe.video_time_base.denominator / NS_PER_S)
            frame.time_base = recipe.video_time_base
            output.mux(video.encode(frame))
        while block is not None:
            output.mux(audio.encode(block))
            block = next(blocks, None)
        output.mux(video.encode(None))
        output.mux(audio.encode(None))
    return path


def _audio_frames(sound: Samples, recipe: Recipe) -> Iterator[av.AudioFrame]:
    first = round(recipe.audio_start_s * recipe.audio_rate_hz)
    for start in range(0, len(sound), 1024):
        part = np.ascontiguousarray(sound[start : start + 1024].T)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate = recipe.audio_rate_hz
        frame.pts = first + start
        frame.time_base = Fraction(1, recipe.audio_rate_hz)
        yield frame


def remux(source: Path, target: Path, change: Callable[[list[av.Packet]], list[av.Packet]]) -> Path:
    """Copy the packets of a file through `change` (all packets, in order, of both streams)."""
    with av.open(str(source)) as opened, av.open(str(target), "w") as output:
        streams = {
            stream.index: output.add_stream_from_template(stream) for stream in opened.streams
        }
        packets = [packet for packet in opened.demux() if packet.dts is not None]
        kinds = {packet.stream_index: packet.stream.type for packet in packets}
        for packet in change(packets):
            packet.stream = streams[packet.stream_index]
            output.mux(packet)
        assert set(kinds.values()) == {"video", "audio"}
    return target


def tone(seconds: float, hz: float = 440.0, amplitude: float = 0.1) -> Samples:
    """Return a steady tone, float32, shape (frames, 2)."""
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    mono = (amplitude * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)
    return np.repeat(mono[:, None], 2, axis=1)
