"""What encoding more cheaply in mid-take saves, and what it costs: x264 as a take runs it.

    python bench/rungs.py [--size 1080p] [--frames 45] [--rounds 3] [--add "subme=1"]

The same pictures, ready-made, through the usual encoder and its cheaper substitute by turns; CPU
time of all threads in ms a picture, the median of the rounds, and the ratio of each round's pair
(median and range). Bytes and PSNR (luma, against what was given) say what the saving costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from clips import CONTENTS, SIZES, make_clip, scratch
from numpy.typing import NDArray

from onetake.file.encoders import VIDEO_TIME_BASE, video_context
from onetake.file.presets import EncoderPlan, cheaper_plans, encoder_plans
from onetake.model.geometry import Overlay
from onetake.model.media import Frame, PixelFormat
from onetake.model.settings import Quality, Settings
from onetake.video.compositor import CpuCompositor

FPS = 30
LOOPS = 3
"""How often the pictures are shown: the encoder's first key frame is finer than those after it."""
MOVING = tuple(content for content in CONTENTS if content != "static")


def pictures_of(
    folder: Path, content: str, size_px: tuple[int, int], count: int
) -> list[av.VideoFrame]:
    """Return the pictures a take would encode, NV12, each its own."""
    clip = make_clip(folder, content, size_px, count)
    compositor = CpuCompositor(size_px, Overlay(is_visible=False))
    pictures = []
    for number, (image, damage) in enumerate(zip(clip.pictures, clip.damages, strict=True)):
        known = damage if number else None
        compositor.screen(Frame(number, *size_px, image, PixelFormat.BGRA, known))
        composed = compositor.compose(Overlay(is_visible=False))
        assert isinstance(composed, av.VideoFrame)
        copy = av.VideoFrame(*size_px, composed.format.name)
        for to, plane in zip(copy.planes, composed.planes, strict=True):
            to.update(bytes(plane))
        copy.time_base = VIDEO_TIME_BASE
        pictures.append(copy)
    clip.path.unlink()
    return pictures


def encoded(plan: EncoderPlan, pictures: list[av.VideoFrame]) -> tuple[float, list[av.Packet]]:
    """Encode the pictures; return CPU seconds of the process and the packets."""
    context = video_context(plan, FPS, (pictures[0].width, pictures[0].height))
    context.open()
    start_s = time.process_time()
    packets = []
    for number in range(LOOPS * len(pictures)):
        picture = pictures[number % len(pictures)]
        picture.pts = number * 90_000 // FPS
        packets += context.encode(picture)
    packets += context.encode(None)
    return time.process_time() - start_s, packets


def luma(picture: av.VideoFrame) -> NDArray[np.float32]:
    """Return a picture's luma."""
    plane = picture.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: picture.height, : picture.width].astype(np.float32)


def errors_of(
    packets: list[av.Packet], pictures: list[av.VideoFrame], chosen: slice
) -> list[float]:
    """Decode, and return the mean squared error of the luma of each chosen picture."""
    decoder = av.CodecContext.create("h264", "r")
    decoded = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    assert len(decoded) == LOOPS * len(pictures)
    pairs = list(zip(decoded, LOOPS * pictures, strict=True))[chosen]
    return [float(np.mean((luma(a) - luma(b)) ** 2)) for a, b in pairs]


def db_of(error: float) -> float:
    """Return a mean squared error of 8 bit values as PSNR."""
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def psnr_db(packets: list[av.Packet], pictures: list[av.VideoFrame]) -> float:
    """Compare every fourth picture after the first loop with what was given."""
    return db_of(statistics.mean(errors_of(packets, pictures, slice(len(pictures), None, 4))))


def with_more(plan: EncoderPlan, words: str) -> EncoderPlan:
    """Return the plan with further x264 options."""
    known = plan.options.get("x264-params", "")
    return replace(plan, options={**plan.options, "x264-params": f"{known}:{words}".strip(":")})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="1080p")
    parser.add_argument("--frames", type=int, default=45)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--qualities", nargs="+", default=["small", "standard"])
    parser.add_argument("--preset", default="", help="as --encoder-preset")
    parser.add_argument("--add", default="", help="x264 options on top of the cheaper ones")
    wish = parser.parse_args()
    print(
        "quality  content    usual ms  cheaper ms  cheaper/usual       bytes  PSNR usual, cheaper"
    )
    for content in MOVING:
        with scratch() as folder:
            pictures = pictures_of(folder, content, SIZES[wish.size], wish.frames)
        for quality in map(Quality, wish.qualities):
            settings = Settings(
                fps=FPS, quality=quality, encoder="libx264", encoder_preset=wish.preset
            )
            [usual] = encoder_plans(settings, SIZES[wish.size], os.cpu_count() or 1)
            cheaper = with_more(cheaper_plans(usual)[0], wish.add)
            pairs = []
            for _ in range(wish.rounds):
                (usual_s, first), (cheaper_s, second) = (
                    encoded(usual, pictures),
                    encoded(cheaper, pictures),
                )
                pairs.append((usual_s, cheaper_s))
            ratios = [cheaper_s / usual_s for usual_s, cheaper_s in pairs]
            ms = [
                1000 * statistics.median(column) / LOOPS / wish.frames
                for column in zip(*pairs, strict=True)
            ]
            sizes = [sum(packet.size for packet in packets) for packets in (first, second)]
            print(
                f"{quality:8} {content:10} {ms[0]:8.2f}  {ms[1]:10.2f}"
                f"  {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
                f"  {sizes[1] / sizes[0]:7.2f}x"
                f"  {psnr_db(first, pictures):.1f}, {psnr_db(second, pictures):.1f} dB",
                flush=True,
            )


if __name__ == "__main__":
    main()
