"""The material of the benchmarks: the same frames and sounds for everybody, as raw files.

A clip is a loop of BGRA pictures in one file: we map it (as a screen's shared memory is mapped),
FFmpeg reads it as rawvideo. What changes from each picture to the next is known exactly.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect

__all__ = [
    "CAMERA_PX",
    "CONTENTS",
    "SIZES",
    "Clip",
    "Sounds",
    "camera_loop",
    "make_clip",
    "scratch",
]

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "1440p": (2560, 1440), "4K": (3840, 2160)}
CONTENTS = ("typing", "scrolling", "video", "static")
CAMERA_PX = (1280, 720)
CAMERA_LOOP = 15
SCROLL_PX = 8
RATE_HZ = 48_000


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder in memory where there is one: no disk in the figures."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Clip:
    """A loop of pictures: `pictures` maps `path`, uint8 (n, height, width, 4)."""

    path: Path
    pictures: NDArray[np.uint8]
    damages: tuple[tuple[Rect, ...], ...]
    """What changes from picture n - 1 to picture n; the first follows the last."""

    @property
    def size_px(self) -> tuple[int, int]:
        return self.pictures.shape[2], self.pictures.shape[1]


def make_clip(folder: Path, content: str, size_px: tuple[int, int], length: int) -> Clip:
    """Draw `length` pictures of one kind of content and write them to a file."""
    width_px, height_px = size_px
    picture = _desktop(width_px, height_px)
    draw = {"typing": _typing, "scrolling": _scrolling, "video": _video, "static": _static}[content]
    damages: list[tuple[Rect, ...]] = []
    path = folder / "clip.bgra"
    with path.open("wb") as file:
        for damage in draw(picture, length):
            damages.append(damage)
            file.write(picture.data)
    mapped = np.memmap(path, np.uint8, "r", shape=(length, height_px, width_px, 4))
    # Plain arrays, as sources hand them over: to take one of a `memmap` costs ten times as much.
    pictures = np.asarray(mapped)
    return Clip(path, pictures, tuple(damages))


def _desktop(width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Draw light windows with rows of text-like strokes."""
    rng = np.random.default_rng(1)
    picture = np.full((height_px, width_px, 4), 245, np.uint8)
    for top in range(8, height_px - 20, 24):
        end_px = int(width_px * rng.uniform(0.3, 0.95))
        ink = rng.random((14, end_px)) < 0.3
        picture[top : top + 14, :end_px][ink] = (*rng.integers(20, 120, 3), 255)
    return picture


def _static(_picture: NDArray[np.uint8], length: int) -> Iterator[tuple[Rect, ...]]:
    yield from [()] * length


def _typing(picture: NDArray[np.uint8], length: int) -> Iterator[tuple[Rect, ...]]:
    """A glyph every second frame and a pointer that moves in every one."""
    rng = np.random.default_rng(2)
    clean = picture.copy()
    height_px, width_px = picture.shape[:2]
    top, before = height_px // 3, Rect(0, 0, 2, 2)
    line = Rect(100, top, 14 * (length // 2 + 1), 22)
    picture[top : top + 22, 100 : line.right_px] = clean[top : top + 22, 100 : line.right_px] = 245
    for number in range(length):
        damage = [line if number == 0 else before]
        picture[before.y_px : before.bottom_px, before.x_px : before.right_px] = clean[
            before.y_px : before.bottom_px, before.x_px : before.right_px
        ]
        if number % 2 == 0 and number:
            x_px = 100 + 7 * number
            glyph = rng.integers(0, 2, (18, 10, 1), np.uint8) * 200
            clean[top : top + 18, x_px : x_px + 10] = glyph
            picture[top : top + 18, x_px : x_px + 10] = glyph
            damage.append(Rect(x_px, top, 10, 18))
        before = Rect(width_px // 2 + 3 * number, height_px // 2 + number, 16, 24)
        picture[before.y_px : before.bottom_px, before.x_px : before.right_px] = 0
        damage.append(before)
        yield tuple(damage)


def _scrolling(picture: NDArray[np.uint8], length: int) -> Iterator[tuple[Rect, ...]]:
    """A window of 43 % of the screen scrolls in every frame."""
    height_px, width_px = picture.shape[:2]
    area = _part(width_px, height_px, (0.1, 0.1, 0.6, 0.72))
    window = picture[area.y_px : area.bottom_px, area.x_px : area.right_px]
    for _ in range(length):
        window[:] = np.roll(window, -SCROLL_PX, axis=0)
        yield (area,)


def _video(picture: NDArray[np.uint8], length: int) -> Iterator[tuple[Rect, ...]]:
    """A window of 8 % of the screen shows something soft with noise, new in every frame."""
    rng = np.random.default_rng(3)
    height_px, width_px = picture.shape[:2]
    area = _part(width_px, height_px, (0.5, 0.4, 0.3, 0.27))
    window = picture[area.y_px : area.bottom_px, area.x_px : area.right_px]
    rows, columns = np.mgrid[: area.height_px, : area.width_px]
    for number in range(length):
        wave_ = 110 + 60 * np.sin(columns / 60 + number / 5) + 50 * np.cos(rows / 45 - number / 7)
        noise = rng.normal(0, 4, wave_.shape)
        window[..., :3] = np.clip(wave_ + noise, 0, 255)[..., None] * (1.0, 0.8, 0.9)
        yield (area,)


def _part(width_px: int, height_px: int, share: tuple[float, float, float, float]) -> Rect:
    x, y, width, height = share
    return Rect(
        int(x * width_px), int(y * height_px), int(width * width_px), int(height * height_px)
    )


def camera_loop(folder: Path) -> tuple[Path, NDArray[np.uint8]]:
    """Write half a second of a noisy 720p30 YUYV camera; uint8 (n, height, width, 2)."""
    rng = np.random.default_rng(4)
    width_px, height_px = CAMERA_PX
    rows, columns = np.mgrid[:height_px, :width_px]
    pictures = np.empty((CAMERA_LOOP, height_px, width_px, 2), np.uint8)
    for number, picture in enumerate(pictures):
        luma = 120 + 70 * np.sin((rows + columns) / 150 + number * 2 * np.pi / CAMERA_LOOP)
        picture[..., 0] = np.clip(luma + rng.normal(0, 3, luma.shape), 16, 235)
        picture[..., 1] = 128 + 20 * np.cos(rows / 90)
    path = folder / "camera.yuyv"
    pictures.tofile(path)
    return path, pictures


class Sounds:
    """A mono microphone and stereo system sound, float32, of `length_s` seconds."""

    def __init__(self, folder: Path, length_s: float) -> None:
        rng = np.random.default_rng(5)
        count = round(length_s * RATE_HZ)
        tone = 0.2 * np.sin(np.arange(count) * (2 * np.pi * 440 / RATE_HZ))
        self.mic = (tone + rng.normal(0, 0.02, count)).astype(np.float32)[:, None]
        self.system = np.stack([tone, -0.5 * tone], axis=1).astype(np.float32)
        self.mic_path = self._write(folder / "mic.wav", self.mic)
        self.system_path = self._write(folder / "system.wav", self.system)

    @staticmethod
    def _write(path: Path, samples: NDArray[np.float32]) -> Path:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        return path
