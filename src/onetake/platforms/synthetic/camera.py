"""What the synthetic camera shows: a person who sways before a wall.

Invariant: a camera keeps its own cadence. Its stamps start when it starts and lie on nobody's grid,
and each image is a new `av.VideoFrame`, so the receiver may keep it as long as it likes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import numpy as np

from onetake.model.media import Frame, PixelFormat
from onetake.model.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onetake.platforms.synthetic.options import Options

__all__ = ["camera_frames"]

_SWAY_S = 2.4
"""Once to the left and back, s: slow enough to look at, fast enough that each frame differs."""

_NOD_S = 1.3


def camera_frames(
    options: Options,
    *,
    size_px: tuple[int, int],
    start_ns: int,
    is_late: Callable[[int], bool],
) -> Iterator[tuple[int, Frame]]:
    """Yield (delivery time, frame) for ever; `is_late` as for `screen_frames`."""
    portrait = _Portrait(*size_px, options.format)
    latency_ns = round(options.latency_ms * NS_PER_MS)
    number = 0
    while True:
        pts_ns = start_ns + round(number * NS_PER_S / options.fps)
        number += 1
        if number > 1 and is_late(pts_ns + latency_ns):
            continue
        image = portrait.at(number / options.fps)
        yield pts_ns + latency_ns, Frame(pts_ns, *size_px, image, PixelFormat.AV)


@dataclass(slots=True)
class _Plane:
    """One plane of the picture (all of it for rgb24): wall, person and scratch of the same kind."""

    scale: int
    """Picture pixels to a pixel of this plane."""
    wall: NDArray[np.uint8]
    person: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    scratch: NDArray[np.uint8]

    def paint(self, left_px: int, top_px: int) -> None:
        """Lay the person over the wall; the part below the picture is cut off."""
        top, left = top_px // self.scale, left_px // self.scale
        np.copyto(self.scratch, self.wall)
        area = self.scratch[top:, left : left + self.person.shape[1]]
        shown = len(area)
        np.copyto(area, self.person[:shown], where=self.mask[:shown])


class _Portrait:
    """Draws the moments of one camera in its own pixel format. One thread."""

    def __init__(self, width_px: int, height_px: int, pixel_format: str) -> None:
        self._format = pixel_format
        self._width_px, self._height_px = width_px, height_px
        wall = _wall(width_px, height_px)
        person, mask = _person(width_px, height_px)
        self._person_px = mask.shape[1], mask.shape[0]
        self._packed, walls = _planes(wall, pixel_format)
        _, persons = _planes(person, pixel_format)
        self._planes = []
        for scratch, person_plane in zip(walls, persons, strict=True):
            scale = width_px // scratch.shape[1]
            at = mask[::scale, ::scale]
            self._planes.append(
                _Plane(
                    scale,
                    scratch.copy(),
                    person_plane,
                    at if scratch.ndim == 2 else at[..., None],
                    scratch,
                )
            )

    def at(self, time_s: float) -> av.VideoFrame:
        """Return the picture of a moment, a new frame."""
        person_width_px, person_height_px = self._person_px
        sway = math.sin(2 * math.pi * time_s / _SWAY_S)
        nod = 0.04 * self._height_px * (1 + math.sin(2 * math.pi * time_s / _NOD_S))
        left_px = int((self._width_px - person_width_px) * (0.5 + 0.4 * sway)) & ~1
        top_px = self._height_px - person_height_px + (int(nod) & ~1)
        for plane in self._planes:
            plane.paint(left_px, top_px)
        return av.VideoFrame.from_ndarray(self._packed, format=self._format)


def _planes(
    rgb: NDArray[np.uint8], pixel_format: str
) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
    """Return a picture as `VideoFrame.from_ndarray` takes it, and views of its planes."""
    if pixel_format == "rgb24":
        return rgb, [rgb]
    height_px, width_px = rgb.shape[:2]
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
    packed = np.ascontiguousarray(frame.to_ndarray(), dtype=np.uint8)
    chroma = packed[height_px:].reshape(2, height_px // 2, width_px // 2)
    return packed, [packed[:height_px], chroma[0], chroma[1]]


def _wall(width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return a warm, softly lit wall with stripes, uint8 RGB."""
    across = np.linspace(-1, 1, width_px)
    down = np.linspace(-1, 1, height_px)[:, None]
    light = 0.75 + 0.25 * np.exp(-(across**2 + down**2))
    stripes = 1 - 0.06 * (np.arange(width_px) * 12 // width_px % 2)
    return (np.array([214, 186, 150]) * (light * stripes)[..., None]).astype(np.uint8)


def _person(width_px: int, height_px: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a head and shoulders, uint8 RGB of even size, and where they are, bool."""
    person_height_px, person_width_px = height_px * 3 // 4 & ~1, width_px // 2 & ~1
    rows, columns = np.mgrid[0:person_height_px, 0:person_width_px]
    y = rows / height_px
    x = (columns - person_width_px / 2) / height_px
    head = (x / 0.16) ** 2 + ((y - 0.25) / 0.21) ** 2 < 1
    body = (x / 0.30) ** 2 + ((y - 0.80) / 0.36) ** 2 < 1
    eyes = ((np.abs(x) - 0.06) / 0.02) ** 2 + ((y - 0.22) / 0.02) ** 2 < 1
    person = np.zeros((*head.shape, 3), dtype=np.uint8)
    person[body] = (48, 74, 120)
    person[head] = (232, 176, 140)
    person[eyes] = (40, 30, 30)
    return person, head | body
