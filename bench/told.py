"""What x264 is spared by being told what did not change, and what that costs.

    python bench/told.py [--size 1080p] [--fps 60] [--seconds 4] [--rounds 4]

The pictures a take of `bench/pipeline.py` writes, ready-made, through the encoder by turns: with
what the canvas says of their changes (`video/changes.py`), and without. CPU ms a picture of all
threads (medians), the ratio of each round's pair (median and range), the bytes, and the share of
the picture that is named as changed.
"""

from __future__ import annotations

import argparse
import statistics

import av
from clips import CONTENTS, SIZES, scratch
from pipeline import (
    Material,
    Meter,
    Take,
    camera_frames,
    copied,
    encoder,
    make_material,
    spread,
)

from onetake.video.changes import Changes, Settler


def pictures_of(material: Material) -> tuple[list[av.VideoFrame], list[av.VideoFrame], float]:
    """Return what a take writes, twice: telling nothing, and telling its changes; and the share of
    the picture that is told to have changed, from the second picture on."""
    plain: list[av.VideoFrame] = []
    telling: list[av.VideoFrame] = []
    shares: list[float] = []

    def keep(position_ns: int, image: object) -> bool:
        assert isinstance(image, av.VideoFrame)
        rects = take.compositor.inner.changed
        Settler().settle(image)
        for copies in (plain, telling):
            copies.append(copied(position_ns, image))
        told = Changes(telling[-1])
        Settler().settle(telling[-1])
        for rect in rects:
            told.add(rect)
        area_px = sum(rect.width_px * rect.height_px for rect in rects)
        shares.append(min(1.0, area_px / (image.width * image.height)))
        return True

    with scratch() as folder:
        take = Take(material, camera_frames(material.camera), Meter(), folder / "dry.mp4", keep)
        take.run()
    return plain, telling, statistics.mean(shares[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="1080p")
    parser.add_argument("--fps", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=4)
    wish = parser.parse_args()
    print("content    changed   ms told nothing, told   told / nothing      bytes")
    for content in CONTENTS:
        with scratch() as folder:
            material = make_material(folder, content, SIZES[wish.size], wish.fps, wish.seconds)
            plain, telling, share = pictures_of(material)
            pairs = [
                (encoder(material, plain), encoder(material, telling)) for _ in range(wish.rounds)
            ]
        ms = [
            1e3 * statistics.median(run[0] for run in column) / len(plain)
            for column in zip(*pairs, strict=True)
        ]
        ratios = [told[0] / nothing[0] for nothing, told in pairs]
        nothing, told = pairs[0]
        print(
            f"{content:10} {share:6.1%}   {ms[0]:12.2f}, {ms[1]:.2f}      {spread(ratios)}"
            f"  {told[1] / nothing[1]:.3f} x",
            flush=True,
        )


if __name__ == "__main__":
    main()
