"""Lays the camera over the screen on the GPU, into pixel buffers of the writer's pool.

    out = camera * show + (screen * (1 - plate alpha) + plate) * (1 - show)

Invariant: Python touches pixels only when the look changes: mask (`show`) and plate (border and
shadow) are drawn once, with the portable compositor's weights. A picture costs a handful of calls,
and with no overlay none at all: the screen's own buffer goes to the encoder.

Core Image counts rows from the bottom; everything else here counts them from the top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import objc
import Quartz

from onetake.errors import OutputFailed
from onetake.model.geometry import Overlay, Rect
from onetake.model.media import Frame, PixelFormat
from onetake.platforms.macos.samples import copied_bgra, size_of
from onetake.video.overlay import Layout, Look, lay_out
from onetake.video.plates import draw_plates

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GpuCompositor", "PixelPool", "as_pixel_buffer", "pixel_attributes"]


def pixel_attributes(size_px: tuple[int, int]) -> dict[Any, Any]:
    """Return what a pixel buffer needs to be rendered into by Metal and read by the encoder."""
    return {
        Quartz.kCVPixelBufferPixelFormatTypeKey: Quartz.kCVPixelFormatType_32BGRA,
        Quartz.kCVPixelBufferWidthKey: size_px[0],
        Quartz.kCVPixelBufferHeightKey: size_px[1],
        Quartz.kCVPixelBufferIOSurfacePropertiesKey: {},
        Quartz.kCVPixelBufferMetalCompatibilityKey: True,
    }


class PixelPool:
    """Where the compositor's pictures come from: the running writer's pool, or one of its own.

    The writer sets `adaptor` while it writes; without one (before the start, after a failure,
    between two files) the own pool serves. One thread, but for setting `adaptor`.
    """

    def __init__(self, size_px: tuple[int, int]) -> None:
        self.adaptor: Any = None
        self.size_px = size_px
        self._own: Any = None

    def take(self) -> Any:
        """Return a pixel buffer to draw into. Raises OutputFailed."""
        adaptor = self.adaptor
        pool = adaptor.pixelBufferPool() if adaptor is not None else None
        if pool is None:
            pool = self._own_pool()
        status, buffer = Quartz.CVPixelBufferPoolCreatePixelBuffer(None, pool, None)
        if status or buffer is None:
            raise OutputFailed(f"there is no memory for a picture (CoreVideo {status})")
        return buffer

    def _own_pool(self) -> Any:
        if self._own is None:
            status, self._own = Quartz.CVPixelBufferPoolCreate(
                None, {}, pixel_attributes(self.size_px), None
            )
            if status or self._own is None:
                raise OutputFailed(f"there is no memory for pictures (CoreVideo {status})")
        return self._own


class GpuCompositor:
    """`platforms.contract.Compositor` with Core Image over Metal. The video lane's thread only."""

    def __init__(self, size_px: tuple[int, int], pool: PixelPool) -> None:
        self._size_px = size_px
        self._bounds = Quartz.CGRectMake(0, 0, *size_px)
        self._pool = pool
        self._context = _context()
        self._screen: Any = None
        self._camera: Any = None
        self._plates: tuple[Look, Any, Any] | None = None
        self._composed: tuple[Overlay, Any] | None = None

    def screen(self, frame: Frame) -> None:
        """Keep the newest screen picture, one surface at most, and release the frame."""
        try:
            if frame.image is not None:
                self._screen = as_pixel_buffer(frame.image, frame.pixel_format)
                self._composed = None
        finally:
            frame.release()

    def camera(self, frame: Frame | None) -> None:
        """Keep the newest camera picture and release the frame; None = no camera any more."""
        try:
            self._composed = self._camera = None
            if frame is not None and frame.image is not None:
                self._camera = as_pixel_buffer(frame.image, frame.pixel_format)
        finally:
            if frame is not None:
                frame.release()

    def compose(self, overlay: Overlay) -> object:
        """Return the output as a CVPixelBuffer. Raises OutputFailed."""
        is_overlaid = overlay.is_visible and self._camera is not None
        if not is_overlaid and self._screen is not None and size_of(self._screen) == self._size_px:
            return self._screen
        if self._composed is None or self._composed[0] != overlay:
            with objc.autorelease_pool():
                self._composed = (overlay, self._render(overlay if is_overlaid else None))
        return self._composed[1]

    def small_copy(self, image: object, max_width_px: int) -> NDArray[np.uint8]:
        """Return a composed picture as uint8 RGB (height, width, 3), at most that wide; the
        caller's own. Any thread: a Core Image context is shared. Raises OutputFailed."""
        width_px, height_px = size_of(image)
        scale = min(1.0, max_width_px / width_px)
        small_px = max(2, round(width_px * scale)), max(2, round(height_px * scale))
        with objc.autorelease_pool():
            shrink = (small_px[0] / width_px, 0, 0, small_px[1] / height_px, 0, 0)
            full = Quartz.CIImage.imageWithCVPixelBuffer_(image)
            small = full.imageByApplyingTransform_(Quartz.CGAffineTransformMake(*shrink))
            output, area = _new_buffer(small_px), Quartz.CGRectMake(0, 0, *small_px)
            self._context.render_toCVPixelBuffer_bounds_colorSpace_(small, output, area, None)
            return np.ascontiguousarray(copied_bgra(output)[:, :, 2::-1])

    def _render(self, overlay: Overlay | None) -> Any:
        image = self._screen_image()
        if overlay is not None:
            image = self._with_camera(image, lay_out(overlay, self._size_px, size_of(self._camera)))
        output = self._pool.take()
        self._context.render_toCVPixelBuffer_bounds_colorSpace_(image, output, self._bounds, None)
        if self._screen is not None:
            # The colour tags of the screen, or the encoder would convert composed frames otherwise
            # than those that go to it directly.
            Quartz.CVBufferPropagateAttachments(self._screen, output)
        return output

    def _screen_image(self) -> Any:
        """Return the screen at the output's size, fitted into the middle of black if need be."""
        black = Quartz.CIImage.blackImage().imageByCroppingToRect_(self._bounds)
        if self._screen is None:
            return black
        image = Quartz.CIImage.imageWithCVPixelBuffer_(self._screen)
        width_px, height_px = size_of(self._screen)
        if (width_px, height_px) == self._size_px:
            return image
        scale = min(self._size_px[0] / width_px, self._size_px[1] / height_px)
        left = (self._size_px[0] - width_px * scale) / 2
        bottom = (self._size_px[1] - height_px * scale) / 2
        fit = Quartz.CGAffineTransformMake(scale, 0, 0, scale, left, bottom)
        return image.imageByApplyingTransform_(fit).imageByCompositingOverImage_(black)

    def _with_camera(self, below: Any, layout: Layout) -> Any:
        mask, plate = self._plates_of(layout.look)
        margin_px, picture = layout.look.margin_px, layout.picture
        left, bottom = picture.x_px - margin_px, self._bottom(picture) - margin_px
        place = Quartz.CGAffineTransformMake(1, 0, 0, 1, left, bottom)
        below = (
            Quartz.CIImage.imageWithCVPixelBuffer_(plate)
            .imageByApplyingTransform_(place)
            .imageByCompositingOverImage_(below)
        )
        inputs = {
            Quartz.kCIInputBackgroundImageKey: below,
            Quartz.kCIInputMaskImageKey: (
                Quartz.CIImage.imageWithCVPixelBuffer_(mask).imageByApplyingTransform_(place)
            ),
        }
        camera = self._camera_image(layout)
        return camera.imageByApplyingFilter_withInputParameters_("CIBlendWithMask", inputs)

    def _camera_image(self, layout: Layout) -> Any:
        """Return the camera mirrored, scaled and moved so that `crop` lies on `picture`."""
        width_px, height_px = size_of(self._camera)
        scale_x, scale_y = layout.scaled_px[0] / width_px, layout.scaled_px[1] / height_px
        picture, crop = layout.picture, layout.crop
        left = picture.x_px - crop.x_px
        if layout.is_mirrored:
            scale_x, left = -scale_x, picture.x_px + crop.right_px
        bottom = self._bottom(picture) + crop.bottom_px - layout.scaled_px[1]
        place = Quartz.CGAffineTransformMake(scale_x, 0, 0, scale_y, left, bottom)
        area = Quartz.CGRectMake(
            picture.x_px, self._bottom(picture), picture.width_px, picture.height_px
        )
        image = Quartz.CIImage.imageWithCVPixelBuffer_(self._camera)
        return image.imageByApplyingTransform_(place).imageByCroppingToRect_(area)

    def _bottom(self, rect: Rect) -> int:
        return self._size_px[1] - rect.bottom_px

    def _plates_of(self, look: Look) -> tuple[Any, Any]:
        if self._plates is None or self._plates[0] != look:
            self._plates = (look, *(_uploaded(pixels) for pixels in draw_plates(look)))
        return self._plates[1], self._plates[2]


def _context() -> Any:
    """Return the one Core Image context of a take, on the GPU and without colour management: what
    comes in as sRGB bytes goes out as the same bytes."""
    options = {Quartz.kCIContextWorkingColorSpace: objc.lookUpClass("NSNull").null()}
    try:
        import Metal
    except ImportError:  # Core Image then chooses its Metal device by itself
        return Quartz.CIContext.contextWithOptions_(options)
    device = Metal.MTLCreateSystemDefaultDevice()
    return Quartz.CIContext.contextWithMTLDevice_options_(device, options)


def as_pixel_buffer(image: Any, pixel_format: PixelFormat | None = None) -> Any:
    """Return a picture as a pixel buffer; what is none (other devices' frames, the portable
    compositor's canvas) is copied into one. None for `pixel_format`: look at the picture."""
    if pixel_format is PixelFormat.BGRA:
        return _uploaded(image)
    if pixel_format is PixelFormat.AV or hasattr(image, "to_ndarray"):
        return _uploaded(image.to_ndarray(format="bgra"))
    return image


def _new_buffer(size_px: tuple[int, int]) -> Any:
    status, buffer = Quartz.CVPixelBufferCreate(
        None,
        size_px[0],
        size_px[1],
        Quartz.kCVPixelFormatType_32BGRA,
        pixel_attributes(size_px),
        None,
    )
    if status or buffer is None:
        raise OutputFailed(f"there is no memory for a picture (CoreVideo {status})")
    return buffer


def _uploaded(pixels: NDArray[np.uint8]) -> Any:
    """Return a new pixel buffer with a copy of `pixels`, BGRA (height, width, 4)."""
    height_px, width_px = pixels.shape[:2]
    buffer = _new_buffer((width_px, height_px))
    Quartz.CVPixelBufferLockBaseAddress(buffer, 0)
    try:
        stride = Quartz.CVPixelBufferGetBytesPerRow(buffer)
        memory = Quartz.CVPixelBufferGetBaseAddress(buffer).as_buffer(stride * height_px)
        rows = np.frombuffer(memory, np.uint8).reshape(height_px, stride)
        rows[:, : width_px * 4] = pixels.reshape(height_px, width_px * 4)
    finally:
        Quartz.CVPixelBufferUnlockBaseAddress(buffer, 0)
    return buffer
