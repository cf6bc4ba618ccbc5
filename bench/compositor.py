"""What composing a frame costs: CPU ms of this thread per frame, median over interleaved rounds.

    python bench/compositor.py [ROUNDS]

Rows: size x what changes on the screen, overlay off and on (a 720p30 YUYV camera under a 60 Hz
screen: every second frame has a new camera picture). `swscale` is the peer: FFmpeg's own BGRA to
NV12 conversion (AREA, one thread) of the whole frame, without any overlay.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from onetake.model.geometry import Overlay, Rect, Shape
from onetake.model.media import Frame, PixelFormat
from onetake.video import pixels
from onetake.video.compositor import CpuCompositor
from onetake.video.masks import make_masks
from onetake.video.overlay import lay_out

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
FRAMES = 8
"""Frames a round; the camera delivers every second one."""


def desktop(width_px: int, height_px: int) -> np.ndarray:
    """Return light windows with text-like strokes."""
    rng = np.random.default_rng(1)
    picture = np.full((height_px, width_px, 4), 245, np.uint8)
    picture[rng.random((height_px, width_px)) < 0.15] = (60, 40, 30, 0)
    return picture


def camera_pictures() -> list[av.VideoFrame]:
    """Return two 720p YUYV pictures with noise."""
    rng = np.random.default_rng(2)
    frames = []
    for _ in range(2):
        frame = av.VideoFrame(1280, 720, "yuyv422")
        frame.planes[0].update(rng.integers(16, 236, frame.planes[0].buffer_size, np.uint8))
        frames.append(frame)
    return frames


def damages(width_px: int, height_px: int) -> dict[str, list[tuple[Rect, ...] | None]]:
    """Return what changes in each frame, by kind of content."""

    def part(x: float, y: float, width: float, height: float) -> Rect:
        return Rect(
            int(x * width_px), int(y * height_px), int(width * width_px), int(height * height_px)
        )

    return {
        "whole frame": [None],
        "scroll 43 %": [(part(0.1, 0.1, 0.6, 0.72),)],
        "video 8 %": [(part(0.5, 0.4, 0.3, 0.27),)],
        "typing 0.1 %": [(part(0.2, y / 20, 0.02, 0.03), part(0.3, 0.5, 0.01, 0.02))
                         for y in range(10)],
        "static": [()],
    }  # fmt: skip


def cpu_ms(work: Callable[[], object], times: int) -> float:
    """Return CPU ms of this thread per call."""
    start = time.thread_time_ns()
    for _ in range(times):
        work()
    return (time.thread_time_ns() - start) / 1e6 / times


def frame_maker(size, picture, damage, overlay) -> Callable[[], object]:
    """Return a function that composes the next frame of one kind of content."""
    compositor = CpuCompositor(size, overlay)
    compositor.screen(Frame(0, *size, picture, PixelFormat.BGRA))
    pictures = cycle([None, *camera_pictures()[:1], None, *camera_pictures()[1:]])
    rects = cycle(damage)

    def compose() -> object:
        compositor.screen(Frame(0, *size, picture, PixelFormat.BGRA, next(rects)))
        image = next(pictures)
        if overlay.is_visible and image is not None:
            compositor.camera(Frame(0, 1280, 720, image, PixelFormat.AV))
        return compositor.compose(overlay)

    for _ in range(4):
        compose()
    return compose


def swscale(picture: np.ndarray) -> Callable[[], object]:
    """Return FFmpeg's own conversion of the whole picture."""
    reformatter = VideoReformatter()
    frame = av.VideoFrame.from_numpy_buffer(picture, "bgra")
    return lambda: reformatter.reformat(
        frame,
        format="nv12",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA,
        threads=1,
    )


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    off, on = Overlay(is_visible=False), Overlay(height=0.3, shape=Shape.CIRCLE)
    print(f"pixel loops: {pixels.IMPLEMENTATION}; av {av.__version__}; numpy {np.__version__}")
    print(f"{'size':6} {'changes':13} {'off ms':>8} {'on ms':>8} {'swscale':>8} {'off/sws':>8}")
    for name, size in SIZES.items():
        picture = desktop(*size)
        peer = swscale(picture)
        works = {
            content: (
                frame_maker(size, picture, damage, off),
                frame_maker(size, picture, damage, on),
            )
            for content, damage in damages(*size).items()
        }
        costs: dict[str, list[tuple[float, float, float]]] = {content: [] for content in works}
        for _ in range(rounds):
            for content, (without, with_camera) in works.items():
                costs[content].append(
                    (cpu_ms(without, FRAMES), cpu_ms(with_camera, FRAMES), cpu_ms(peer, 1))
                )
        for content, rows in costs.items():
            without, with_camera, sws = (
                statistics.median(column) for column in zip(*rows, strict=True)
            )
            ratios = sorted(row[0] / row[2] for row in rows)
            print(
                f"{name:6} {content:13} {without:8.3f} {with_camera:8.3f} {sws:8.2f} "
                f"{statistics.median(ratios):8.3f} ({ratios[0]:.3f}..{ratios[-1]:.3f})"
            )
        look = lay_out(on, size, (1280, 720)).look
        print(f"{name:6} {'new masks':13} {cpu_ms(partial(make_masks, look), 5):8.3f}")


if __name__ == "__main__":
    main()
