"""Quartz: displays and access, pixel buffers and pools, and a Core Image that really renders."""

from __future__ import annotations

import weakref
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


class Plane:
    """The colour of every pixel in the plane: evaluated at pixel centres, None = transparent."""

    def at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return premultiplied BGRA (0..1) at the points, y up; shape (..., 4)."""
        raise NotImplementedError


class CIImage(Framework):
    """A recipe for an image."""

    _at: Any

    @staticmethod
    def _made(at: Any) -> CIImage:
        image = CIImage()
        image._at = at
        return image

    @classmethod
    def blackImage(cls) -> CIImage:
        """Black without end."""

        def at(x: Any, y: Any) -> Any:
            colour = np.zeros((*x.shape, 4))
            colour[..., 3] = 1
            return colour

        return cls._made(at)

    @classmethod
    def imageWithCVPixelBuffer_(cls, buffer: PixelBuffer) -> CIImage:
        """An image of a pixel buffer, its last row at y = 0."""
        pixels = buffer.pixels

        def at(x: Any, y: Any) -> Any:
            column = np.floor(x).astype(int)
            row = buffer.height - 1 - np.floor(y).astype(int)
            inside = (column >= 0) & (column < buffer.width) & (row >= 0) & (row < buffer.height)
            colour = np.zeros((*x.shape, 4))
            colour[inside] = pixels[row[inside], column[inside]] / 255
            return colour

        return cls._made(at)

    def imageByApplyingTransform_(self, transform: Any) -> CIImage:
        """Move, scale, mirror."""
        a, b, c, d, left, bottom = transform
        if b or c:
            raise Unmodelled("rotation")
        return self._made(lambda x, y: self._at((x - left) / a, (y - bottom) / d))

    def imageByCroppingToRect_(self, area: CGRect) -> CIImage:
        """Cut."""

        def at(x: Any, y: Any) -> Any:
            colour = self._at(x, y)
            inside = (
                (x >= area.origin.x)
                & (x < area.origin.x + area.size.width)
                & (y >= area.origin.y)
                & (y < area.origin.y + area.size.height)
            )
            return np.where(inside[..., None], colour, 0)

        return self._made(at)

    def imageByCompositingOverImage_(self, below: CIImage) -> CIImage:
        """Source over, premultiplied."""

        def at(x: Any, y: Any) -> Any:
            above = self._at(x, y)
            return above + below._at(x, y) * (1 - above[..., 3:])

        return self._made(at)

    def imageByApplyingFilter_withInputParameters_(self, name: str, inputs: Any) -> CIImage:
        """CIBlendWithMask: the image where the mask is white, the background where it is black."""
        if name != "CIBlendWithMask":
            raise Unmodelled(f"filter {name}")
        if set(inputs) != {"kCIInputBackgroundImageKey", "kCIInputMaskImageKey"}:
            raise Unmodelled(f"inputs {sorted(inputs)}")
        below = inputs["kCIInputBackgroundImageKey"]
        mask = inputs["kCIInputMaskImageKey"]

        def at(x: Any, y: Any) -> Any:
            share = mask._at(x, y)[..., 1:2]
            return self._at(x, y) * share + below._at(x, y) * (1 - share)

        return self._made(at)


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
        x = np.arange(buffer.width)[None, :] + 0.5 + np.zeros((buffer.height, 1))
        y = buffer.height - np.arange(buffer.height)[:, None] - 0.5 + np.zeros((1, buffer.width))
        colour = image._at(x, y)
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

    return {
        "CGRectMake": rect,
        "CGAffineTransformMake": lambda a, b, c, d, tx, ty: (a, b, c, d, tx, ty),
        "CGMainDisplayID": lambda: mac.displays[0].number if mac.displays else 0,
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
