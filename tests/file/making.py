"""Takes, pictures and readings for the tests of the file room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from onetake.file.mp4 import Mp4Writer
from onetake.model.settings import Settings, Tracks
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ

SIZE_PX = (160, 120)


def picture(luma: int = 60, size_px: tuple[int, int] = SIZE_PX) -> av.VideoFrame:
    """A grey NV12 picture."""
    frame = av.VideoFrame(*size_px, "nv12")
    for plane, value in zip(frame.planes, (luma, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


def luma_of(frame: av.VideoFrame) -> NDArray[np.float64]:
    """The luma of a picture."""
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width].astype(float)


def refuse_warning(code: str, message: str, hint: str) -> None:
    """A `warn` for takes that should have nothing to tell."""
    raise AssertionError(f"{code}: {message} ({hint})")


def writer(path: Path, *, size_px: tuple[int, int] = SIZE_PX, **wishes: object) -> Mp4Writer:
    """A writer that is not started."""
    settings = Settings(**wishes)  # type: ignore[arg-type]
    return Mp4Writer(path, size_px=size_px, settings=settings, warn=refuse_warning)


def noise(samples: int, seed: int = 1) -> NDArray[np.float32]:
    """Loud stereo noise, which AAC cannot make small."""
    shape = (samples, 2)
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def feed(
    target: Mp4Writer,
    end_ns: int,
    *,
    fps: int = 30,
    start_ns: int = 0,
    image: Callable[[int], av.VideoFrame] | None = None,
    sound: NDArray[np.float32] | None = None,
    tracks: Tracks = Tracks.MIX,
    has_pump: bool = True,
) -> None:
    """Hand [start_ns, end_ns) to the writer, a frame and its sound at a time."""
    grey = picture()
    track_count = 3 if tracks is Tracks.SEPARATE else 1
    number = -(-start_ns * fps // NS_PER_S)
    while number * NS_PER_S // fps < end_ns:
        position_ns = number * NS_PER_S // fps
        target.write_video(position_ns, grey if image is None else image(number))
        first = number * SAMPLE_RATE_HZ // fps
        end = min((number + 1) * SAMPLE_RATE_HZ // fps, end_ns * SAMPLE_RATE_HZ // NS_PER_S)
        block = np.zeros((end - first, 2), np.float32) if sound is None else sound[first:end]
        if len(block):
            target.write_audio([block] * track_count)
        if has_pump:
            target.pump(0)
        number += 1


def make_take(path: Path, seconds: float = 2.0, **wishes: object) -> Mp4Writer:
    """A finished take of grey pictures and silence."""
    target = writer(path, **wishes)
    target.start()
    end_ns = int(seconds * NS_PER_S)
    feed(target, end_ns, fps=target_fps(wishes), tracks=Tracks(wishes.get("tracks", "mix")))
    target.finish(end_ns)
    return target


def target_fps(wishes: dict[str, object]) -> int:
    """The frame rate among settings."""
    fps = wishes.get("fps", 30)
    assert isinstance(fps, int)
    return fps


def frame_ticks(path: Path) -> list[int]:
    """PTS of all frames that can be decoded, in 1/90000 s."""
    ticks = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            assert frame.pts is not None
            scale = stream.time_base
            assert scale is not None
            ticks.append(round(frame.pts * 90_000 * scale.numerator / scale.denominator))
    return ticks


def sound_of(path: Path, track: int = 0) -> NDArray[np.float32]:
    """All decoded samples of an audio track, shape (n, 2), from its first PTS on."""
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=track)]
    return np.concatenate(blocks, axis=1).T


def top_level(path: Path) -> list[str]:
    """The kinds of the boxes of a file, in order, torn ones included."""
    data = path.read_bytes()
    kinds, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kinds.append(data[at + 4 : at + 8].decode("latin-1"))
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        at += max(size, 8)
    return kinds
