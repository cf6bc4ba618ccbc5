"""A constant quantiser against x264's constant rate factor: work, bytes and sharpness.

    python bench/rate.py [--size 1080p] [--frames 60] [--rounds 3] [--qualities small standard high]

The same pictures, ready-made, by turns through the encoder as a take opens it and as `--crf` with
the quality's usual factor would; CPU time of all threads in ms a picture, the median of the rounds.
PSNR of the luma against what was given: the mean over the take, and its worst picture. `pan` is a
picture with the statistics of a photograph that moves as a whole, the hardest that a screen shows.
"""

from __future__ import annotations

import argparse
import os
import statistics

import av
import numpy as np
from clips import CONTENTS, SIZES, scratch
from rungs import FPS, LOOPS, db_of, encoded, errors_of, pictures_of

from onetake.file.encoders import VIDEO_TIME_BASE
from onetake.file.presets import encoder_plans
from onetake.model.settings import Quality, Settings

CONSTANT_FACTORS = {Quality.SMALL: 26, Quality.STANDARD: 23, Quality.HIGH: 18}
"""What the qualities were before the quantiser was constant."""

ROOM_PX = 320
"""How far the pan may move."""


def pan(size_px: tuple[int, int], count: int) -> list[av.VideoFrame]:
    """Return pictures of one big photograph-like picture (amplitudes fall with frequency), a
    little noise on top, that moves by 5 pixels a picture."""
    random = np.random.default_rng(1)
    width, height = size_px[0] + ROOM_PX, size_px[1] + ROOM_PX
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    spectrum = np.fft.fft2(random.standard_normal((height, width)))
    whole = np.fft.ifft2(spectrum / np.maximum(frequency, 1e-3)).real
    whole = 120 + 45 * (whole - whole.mean()) / whole.std()
    pictures = []
    for number in range(count):
        x, y = 5 * number % ROOM_PX, int(ROOM_PX / 2 * (1 + np.sin(number / 9)))
        part = whole[y : y + size_px[1], x : x + size_px[0]]
        frame = av.VideoFrame(*size_px, "nv12")
        rows = np.zeros((size_px[1], frame.planes[0].line_size), np.uint8)
        rows[:, : size_px[0]] = np.clip(part + random.standard_normal(part.shape), 16, 235)
        frame.planes[0].update(rows.tobytes())
        frame.planes[1].update(bytes([128]) * frame.planes[1].buffer_size)
        frame.time_base = VIDEO_TIME_BASE
        pictures.append(frame)
    return pictures


def sharpness_db(packets: list[av.Packet], pictures: list[av.VideoFrame]) -> tuple[float, float]:
    """Compare every third picture with what was given; mean and worst PSNR."""
    errors = errors_of(packets, pictures, slice(None, None, 3))
    return db_of(statistics.mean(errors)), db_of(max(errors))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="1080p")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--qualities", nargs="+", default=list(Quality))
    wish = parser.parse_args()
    size_px = SIZES[wish.size]
    print("quality   content    work   bytes   PSNR mean, worst: quantiser   factor   ms quantiser")
    for content in (*CONTENTS, "pan"):
        if content == "pan":
            pictures = pan(size_px, wish.frames)
        else:
            with scratch() as folder:
                pictures = pictures_of(folder, content, size_px, wish.frames)
        for quality in map(Quality, wish.qualities):
            plans = [
                encoder_plans(
                    Settings(fps=FPS, quality=quality, encoder="libx264", crf=crf),
                    size_px,
                    os.cpu_count() or 1,
                )[0]
                for crf in (None, CONSTANT_FACTORS[quality])
            ]
            spent: tuple[list[float], list[float]] = ([], [])
            packets: list[list[av.Packet]] = [[], []]
            for _ in range(wish.rounds):
                for index, plan in enumerate(plans):
                    seconds, packets[index] = encoded(plan, pictures)
                    spent[index].append(seconds)
            ratios = [one / other for one, other in zip(*spent, strict=True)]
            sizes = [sum(packet.size for packet in each) for each in packets]
            (mean, worst), (factor_mean, factor_worst) = (
                sharpness_db(each, pictures) for each in packets
            )
            print(
                f"{quality.value:9} {content:9} {statistics.median(ratios):5.2f} x"
                f" {sizes[0] / sizes[1]:5.2f} x  {mean:11.1f}, {worst:.1f} dB"
                f"  {factor_mean:10.1f}, {factor_worst:.1f} dB"
                f"  {1e3 * statistics.median(spent[0]) / LOOPS / wish.frames:6.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
