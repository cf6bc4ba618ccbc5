"""Quartz: displays and access, pixel buffers and pools, and a Core Image that really renders."""

from __future__ import annotations

import inspect
import math
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tests.platforms.macos.fake.runtime import Framework, Outs, Unmodelled, VarList
from tests.platforms.macos.fake.world import Mac

BGRA = 0x42475241


class CGPoint(NamedTuple):
    """A point."""

    x: float
    y: float


class CGSize(NamedTuple):
    """A size."""

    width: float
    height: float


class CGRect(NamedTuple):
    """A rectangle."""

    origin: CGPoint
    size: CGSize


def rect(x: float, y: float, width: float, height: float) -> CGRect:
    """CGRectMake."""
    return CGRect(CGPoint(x, y), CGSize(width, height))


class PixelBuffer:
    """A CVPixelBuffer of BGRA pixels, rows padded as real ones are."""

    def __init__(self, pixels: NDArray[np.uint8], *, tag: str = "") -> None:
        self.height, self.width = pixels.shape[:2]
        self.stride = (self.width * 4 + 63) // 64 * 64
        self.tag = tag
        self.locks: list[int] = []
        self._source = pixels
        self._memory: NDArray[np.uint8] | None = None

    @property
    def memory(self) -> NDArray[np.uint8]:
        """The padded rows, made when somebody looks."""
        if self._memory is None:
            self._memory = np.zeros((self.height, self.stride), np.uint8)
            self._memory[:, : self.width * 4] = self._source.reshape(self.height, -1)
        return self._memory

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The pixels, (height, width, 4)."""
        if self._memory is None:
            return self._source
        return self.memory[:, : self.width * 4].reshape(self.height, self.width, 4)

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Draw into the buffer."""
        self.memory[:, : self.width * 4] = pixels.reshape(self.height, -1)


def lend_surface(mac: Mac, pixels: NDArray[np.uint8]) -> PixelBuffer:
    """Return a buffer whose surface counts as held for as long as somebody refers to it."""
    buffer = PixelBuffer(pixels, tag="sRGB")
    with mac.lock:
        mac.surfaces += 1
        mac.most_surfaces = max(mac.most_surfaces, mac.surfaces)
    weakref.finalize(buffer, _give_back, mac)
    return buffer


def _give_back(mac: Mac) -> None:
    mac.surfaces -= 1


class Pool:
    """A CVPixelBufferPool."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.width = attributes["kCVPixelBufferWidthKey"]
        self.height = attributes["kCVPixelBufferHeightKey"]
        if attributes.get("kCVPixelBufferIOSurfacePropertiesKey") != {}:
            raise Unmodelled("a pool without IOSurfaces: the encoder would copy every frame")
        if attributes.get("kCVPixelBufferMetalCompatibilityKey") is not True:
            raise Unmodelled("a pool that Metal cannot render into")

    def take(self) -> PixelBuffer:
        """Return a buffer with whatever an earlier user left in it."""
        rubbish = np.full((self.height, self.width, 4), 77, np.uint8)
        return PixelBuffer(rubbish)


Window = tuple[int, int, int, int]
"""Left, bottom, width and height of a part of the plane, in whole pixels, y up."""


class CIImage(Framework):
    """A recipe: `_draw` returns premultiplied BGRA (0..1) of a window, rows from the top."""

    _draw: Callable[[Window], NDArray[np.float32]]
    _extent: Window | None
    """Outside of it the image is transparent; None = it has no end."""
    _pixels: NDArray[np.uint8] | None = None

    @classmethod
    def _made(cls, draw: Callable[[Window], Any], extent: Window | None) -> CIImage:
        image = cls()
        image._draw, image._extent = draw, extent
        return image

    @classmethod
    def blackImage(cls) -> CIImage:
        """Black without end."""

        def draw(window: Window) -> Any:
            colour = np.zeros((window[3], window[2], 4), np.float32)
            colour[..., 3] = 1
            return colour

        return cls._made(draw, None)

    @classmethod
    def imageWithCVPixelBuffer_(cls, buffer: PixelBuffer) -> CIImage:
        """An image of a pixel buffer, its last row at y = 0."""
        return cls._placed(buffer.pixels, 1, 1, 0, 0)

    @classmethod
    def _placed(
        cls, pixels: NDArray[np.uint8], a: float, d: float, left: float, bottom: float
    ) -> CIImage:
        height, width = pixels.shape[:2]

        def draw(window: Window) -> Any:
            x0, y0, w, h = window
            column = np.floor((x0 + 0.5 + np.arange(w) - left) / a).astype(int)
            row = height - 1 - np.floor((y0 + h - 0.5 - np.arange(h) - bottom) / d).astype(int)
            inside_x, inside_y = (column >= 0) & (column < width), (row >= 0) & (row < height)
            found = pixels[np.ix_(np.clip(row, 0, height - 1), np.clip(column, 0, width - 1))]
            colour = found.astype(np.float32) / np.float32(255)
            colour[~inside_y] = 0
            colour[:, ~inside_x] = 0
            return colour

        x0, x1 = sorted((left, left + a * width))
        low, high = math.floor(bottom), math.ceil(bottom + d * height)
        extent = (math.floor(x0), low, math.ceil(x1) - math.floor(x0), high - low)
        image = cls._made(draw, extent)
        image._pixels = pixels
        return image

    def imageByApplyingTransform_(self, transform: Any) -> CIImage:
        """Move, scale, mirror."""
        a, b, c, d, left, bottom = transform
        if b or c or self._pixels is None or d <= 0:
            raise Unmodelled("rotation, or a transform of something composed")
        return self._placed(self._pixels, a, d, left, bottom)

    def imageByCroppingToRect_(self, area: CGRect) -> CIImage:
        """Cut at whole pixels."""
        cut = (*(round(v) for v in area.origin), *(round(v) for v in area.size))

        def draw(window: Window) -> Any:
            colour = np.zeros((window[3], window[2], 4), np.float32)
            _within(colour, window, cut, self._draw)
            return colour

        return self._made(draw, cut)

    def imageByCompositingOverImage_(self, below: CIImage) -> CIImage:
        """Source over, premultiplied."""

        def over(part: Window, under: Any) -> Any:
            above = self._draw(part)
            return above + under * (1 - above[..., 3:])

        def draw(window: Window) -> Any:
            colour = below._draw(window)
            _within(colour, window, self._extent, over)
            return colour

        return self._made(draw, None)

    def imageByApplyingFilter_withInputParameters_(self, name: str, inputs: Any) -> CIImage:
        """CIBlendWithMask: the image where the mask is white, the background where it is black."""
        if name != "CIBlendWithMask":
            raise Unmodelled(f"filter {name}")
        if set(inputs) != {"kCIInputBackgroundImageKey", "kCIInputMaskImageKey"}:
            raise Unmodelled(f"inputs {sorted(inputs)}")
        below = inputs["kCIInputBackgroundImageKey"]
        mask = inputs["kCIInputMaskImageKey"]

        def blend(part: Window, under: Any) -> Any:
            share = mask._draw(part)[..., 1:2]
            return self._draw(part) * share + under * (1 - share)

        def draw(window: Window) -> Any:
            colour = below._draw(window)
            _within(colour, window, mask._extent, blend)
            return colour

        return self._made(draw, None)


def _within(
    colour: NDArray[np.float32], window: Window, extent: Window | None, draw: Callable[..., Any]
) -> None:
    """Replace the part of `colour` inside `extent` by `draw(part[, what is there])`."""
    x0, y0, w, h = window
    ex, ey, ew, eh = extent if extent is not None else window
    left, right = max(x0, ex), min(x0 + w, ex + ew)
    low, high = max(y0, ey), min(y0 + h, ey + eh)
    if left >= right or low >= high:
        return
    rows = slice(y0 + h - high, y0 + h - low)
    columns = slice(left - x0, right - x0)
    part = (left, low, right - left, high - low)
    if len(inspect.signature(draw).parameters) == 1:
        colour[rows, columns] = draw(part)
    else:
        colour[rows, columns] = draw(part, colour[rows, columns])


class CIContext(Framework):
    """A context without colour management."""

    _count = 0

    @classmethod
    def contextWithOptions_(cls, options: Any) -> CIContext:
        """One context; making one for each frame would be slow."""
        if options != {"kCIContextWorkingColorSpace": "NSNull"}:
            raise Unmodelled("a colour-managed context")
        return cls()

    @classmethod
    def contextWithMTLDevice_options_(cls, device: Any, options: Any) -> CIContext:
        """The same on a Metal device."""
        if device != "MTLDevice":
            raise Unmodelled("no Metal device")
        return cls.contextWithOptions_(options)

    def render_toCVPixelBuffer_bounds_colorSpace_(
        self, image: CIImage, buffer: PixelBuffer, bounds: CGRect, space: Any
    ) -> None:
        """Draw."""
        if space is not None or bounds.origin != (0, 0):
            raise Unmodelled("render arguments")
        colour = image._draw((0, 0, buffer.width, buffer.height))
        buffer.write(np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8))


def make(mac: Mac) -> dict[str, Any]:
    """Return what the `Quartz` module exports."""

    def create_buffer(
        allocator: Any, width: int, height: int, kind: int, attributes: Any, out: Any
    ) -> Outs:
        if kind != BGRA or out is not None:
            raise Unmodelled("pixel buffer arguments")
        return Outs((0, PixelBuffer(np.zeros((height, width, 4), np.uint8))))

    def create_pool(allocator: Any, pool_attributes: Any, attributes: Any, out: Any) -> Outs:
        return Outs((0, Pool(attributes)))

    def take_from_pool(allocator: Any, pool: Any, out: Any) -> Outs:
        if not isinstance(pool, Pool):
            raise Unmodelled("a pool that is none: the writer has not started, or failed")
        return Outs((0, pool.take()))

    def lock(buffer: PixelBuffer, flags: int) -> int:
        buffer.locks.append(flags)
        return 0

    def unlock(buffer: PixelBuffer, flags: int) -> int:
        if not buffer.locks or buffer.locks.pop() != flags:
            raise Unmodelled("unlocked with other flags than locked")
        return 0

    def base_address(buffer: PixelBuffer) -> VarList:
        if not buffer.locks:
            raise Unmodelled("the address of a buffer that is not locked")
        return VarList(memoryview(buffer.memory.reshape(-1)))

    def propagate(source: PixelBuffer, target: PixelBuffer) -> None:
        target.tag = source.tag

    def active(most: int, ids: Any, count: Any) -> Outs:
        if ids is not None or count is not None:
            raise Unmodelled("out arguments are None")
        found = tuple(d.number for d in mac.displays)
        return Outs((0, found, len(found)))

    def asleep(number: int) -> int:
        return int(any(d.is_asleep for d in mac.displays if d.number == number))

    def preflight() -> bool:
        return mac.has_screen_grant if mac.has_preflight is None else mac.has_preflight

    def request() -> bool:
        mac.asked.append("screen")
        return preflight()

    def display(number: int) -> Any:
        return next((d for d in mac.displays if d.number == number), None)

    def main_display() -> int:
        mac.is_connected = True
        return mac.displays[0].number if mac.displays else 0

    def bounds(number: int) -> CGRect:
        spec = display(number)
        return rect(0, 0, spec.width_pt, spec.height_pt)

    return {
        "CGRectMake": rect,
        "CGColorCreateSRGB": lambda red, green, blue, alpha: (blue, green, red, alpha),
        "CGDisplayBounds": bounds,
        "CGAffineTransformMake": lambda a, b, c, d, tx, ty: (a, b, c, d, tx, ty),
        "CGMainDisplayID": main_display,
        "CGGetActiveDisplayList": active,
        "CGDisplayIsAsleep": asleep,
        "CGDisplayCopyDisplayMode": display,
        "CGDisplayModeGetPixelWidth": lambda mode: round(mode.width_pt * mode.scale),
        "CGPreflightScreenCaptureAccess": preflight,
        "CGRequestScreenCaptureAccess": request,
        "CVPixelBufferGetWidth": lambda buffer: buffer.width,
        "CVPixelBufferGetHeight": lambda buffer: buffer.height,
        "CVPixelBufferGetBytesPerRow": lambda buffer: buffer.stride,
        "CVPixelBufferCreate": create_buffer,
        "CVPixelBufferLockBaseAddress": lock,
        "CVPixelBufferUnlockBaseAddress": unlock,
        "CVPixelBufferGetBaseAddress": base_address,
        "CVPixelBufferPoolCreate": create_pool,
        "CVPixelBufferPoolCreatePixelBuffer": take_from_pool,
        "CVBufferPropagateAttachments": propagate,
        "CIImage": CIImage,
        "CIContext": CIContext,
    }
