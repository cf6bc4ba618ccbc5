"""Pictures, exact conversions and frames for the tests of `onetake.video`."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.model.media import Frame, PixelFormat

NS_PER_MS = 1_000_000

BT709 = (0.2126, 0.0722)
BT601 = (0.299, 0.114)


def exact(bgra: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return float BT.709 limited luma (h, w) and centre-sited chroma (h/2, w/2, 2) of BGRA."""
    blue, green, red = (bgra[..., index].astype(np.float64) / 255 for index in range(3))
    luma, cb, cr = ycbcr((red, green, blue), BT709)
    height, width = luma.shape
    chroma = np.stack([cb, cr], axis=-1)
    return luma, chroma.reshape(height // 2, 2, width // 2, 2, 2).mean(axis=(1, 3))


def ycbcr(rgb, matrix, *, is_full=False):
    """Return (Y, Cb, Cr) code values, unrounded, of R, G, B in 0..1."""
    red, green, blue = rgb
    kr, kb = matrix
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    if is_full:
        return 255 * luma, 128 + 255 * cb, 128 + 255 * cr
    return 16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr


def noise(width_px: int, height_px: int, seed: int = 1) -> NDArray[np.uint8]:
    """Return random BGRA pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 4), np.uint8)


def text_like(width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return coloured one-pixel strokes on light and dark grounds, as sub-pixel text has."""
    rng = np.random.default_rng(7)
    picture = np.full((height_px, width_px, 4), 250, np.uint8)
    picture[:, width_px // 2 :] = (30, 30, 30, 0)
    strokes = rng.random((height_px, width_px)) < 0.3
    colours = rng.choice(
        np.array([(0, 0, 0, 0), (255, 0, 0, 0), (0, 0, 255, 0), (40, 200, 255, 0)], np.uint8),
        (height_px, width_px),
    )
    picture[strokes] = colours[strokes]
    return picture


def gradient(width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return slow ramps of all three colours."""
    picture = np.zeros((height_px, width_px, 4), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width_px)
    picture[..., 1] = np.linspace(255, 0, height_px)[:, None]
    picture[..., 2] = np.linspace(0, 255, height_px)[:, None]
    return picture


def planes(image: av.VideoFrame) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return copies of an NV12 frame's luma (h, w) and chroma (h/2, w/2, 2), padding cut off."""
    assert image.format.name == "nv12"
    luma, chroma = (
        np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size) for plane in image.planes
    )
    luma, chroma = luma[: image.height, : image.width], chroma[: image.height // 2, : image.width]
    return luma.copy(), chroma.reshape(image.height // 2, image.width // 2, 2).copy()


def filled(name, values, width=64, height=48):
    """Return a frame of one colour, (Y, Cb, Cr) or (R, G, B), in the given format."""
    frame = av.VideoFrame(width, height, name)
    arrays = [np.frombuffer(p, np.uint8).reshape(-1, p.line_size) for p in frame.planes]
    luma, cb, cr = (round(value) for value in values)
    if name == "yuyv422":
        arrays[0][:, 0::2], arrays[0][:, 1::4], arrays[0][:, 3::4] = luma, cb, cr
    elif name == "uyvy422":
        arrays[0][:, 1::2], arrays[0][:, 0::4], arrays[0][:, 2::4] = luma, cb, cr
    elif name == "nv12":
        arrays[0][:], arrays[1][:, 0::2], arrays[1][:, 1::2] = luma, cb, cr
    elif name in ("rgb24", "bgr24"):
        for index, value in enumerate(values if name == "rgb24" else values[::-1]):
            arrays[0][:, index::3] = value
    else:
        for array, value in zip(arrays, (luma, cb, cr), strict=True):
            array[:] = value
    return frame


class Lent:
    """A frame whose release is counted and after which its pixels are destroyed, as a source
    that reuses its buffers would."""

    def __init__(self, picture, pts_ns=0, damage=None, size_px=None) -> None:
        self.released = 0
        self._picture = picture
        is_av = isinstance(picture, av.VideoFrame)
        if size_px is None:
            size_px = (picture.width, picture.height) if is_av else picture.shape[1::-1]
        self.frame = Frame(
            pts_ns,
            *size_px,
            picture,
            PixelFormat.AV if is_av else PixelFormat.BGRA,
            damage,
            self._release,
        )

    def _release(self) -> None:
        self.released += 1
        if isinstance(self._picture, av.VideoFrame):
            for plane in self._picture.planes:
                plane.update(bytes([77]) * plane.buffer_size)
        elif self._picture is not None:
            self._picture[:] = 77


def screen(picture, pts_ns=0, damage=None) -> Frame:
    """Return a screen frame of BGRA pixels (copied, so that releasing may spoil them)."""
    return Lent(picture.copy(), pts_ns, damage).frame


def uniform_camera(rgb, width_px=160, height_px=90) -> Frame:
    """Return an RGB camera frame of one colour."""
    pixels = np.empty((height_px, width_px, 3), np.uint8)
    pixels[:] = rgb
    return Lent(av.VideoFrame.from_ndarray(pixels, "rgb24")).frame


def inside(rect: Rect, width_px: int, height_px: int) -> bool:
    """Whether `rect` has even edges and lies within a picture of this size."""
    edges = (rect.x_px, rect.y_px, rect.width_px, rect.height_px)
    return (
        all(edge % 2 == 0 for edge in edges)
        and min(rect.x_px, rect.y_px) >= 0
        and min(rect.width_px, rect.height_px) >= 2
        and rect.right_px <= width_px
        and rect.bottom_px <= height_px
    )
