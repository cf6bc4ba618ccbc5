"""The GPU compositor, on a Core Image stand-in that really renders."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.quartz import PixelBuffer, Pool
from tests.platforms.macos.making import back_end

from onetake.errors import OutputFailed
from onetake.model.geometry import Anchor, Overlay, Shape
from onetake.model.media import Frame, PixelFormat
from onetake.video.compositor import CpuCompositor

SIZE = (320, 180)


def _frame(pixels: np.ndarray) -> Frame:
    height, width = pixels.shape[:2]
    return Frame(0, width, height, PixelBuffer(pixels, tag="sRGB"), PixelFormat.CVPIXELBUFFER)


def _even(size: tuple[int, int], value: int) -> np.ndarray:
    return np.full((size[1], size[0], 4), value, np.uint8)


def _sides(size: tuple[int, int]) -> np.ndarray:
    """A camera picture that is red on the left, green on the right and bright at the top."""
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    pixels[:, : size[0] // 2, 2] = 200
    pixels[:, size[0] // 2 :, 1] = 200
    pixels[: size[1] // 2, :, 0] = 100
    return pixels


def _compositor(size: tuple[int, int] = SIZE) -> tuple[Any, Any]:
    module = back_end("compositor")
    pool = module.PixelPool(size)
    return module.GpuCompositor(size, pool), pool


def _gray(bgra: np.ndarray) -> np.ndarray:
    weights = np.array([0.0722, 0.7152, 0.2126])
    return bgra[..., :3] @ weights


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("anchor", [Anchor.TOP_LEFT, Anchor.BOTTOM_RIGHT])
@pytest.mark.parametrize("is_mirrored", [True, False])
def test_looks_like_the_portable_compositor(
    mac: Mac, shape: Shape, anchor: Anchor, is_mirrored: bool
) -> None:
    """Camera, border, shadow and mask lie where the portable compositor puts them."""
    overlay = Overlay(anchor=anchor, shape=shape, is_mirrored=is_mirrored, height=0.5, border=0.02)
    screen, camera = _even(SIZE, 120), _sides((160, 90))
    gpu, _ = _compositor()
    gpu.screen(_frame(screen))
    gpu.camera(_frame(camera))
    mine = gpu.compose(overlay).pixels
    cpu = CpuCompositor(SIZE)
    cpu.screen(Frame(0, *SIZE, screen, PixelFormat.BGRA))
    cpu.camera(Frame(0, 160, 90, camera, PixelFormat.BGRA))
    other = cpu.compose(overlay).to_ndarray(format="bgra")  # type: ignore[attr-defined]
    difference = np.abs(_gray(mine.astype(float)) - _gray(other.astype(float)))
    # Chroma at half the size and another scaler differ along edges, and nowhere else.
    assert np.percentile(difference, 95) < 3
    assert difference.mean() < 2


def test_no_overlay_means_no_copy(mac: Mac) -> None:
    """Without a visible overlay the screen's own buffer goes to the encoder, untouched."""
    gpu, _ = _compositor()
    frame = _frame(_even(SIZE, 99))
    buffer = frame.image
    gpu.screen(frame)
    assert gpu.compose(Overlay()) is buffer
    gpu.camera(_frame(_sides((160, 90))))
    assert gpu.compose(Overlay(is_visible=False)) is buffer
    assert gpu.compose(Overlay()) is not buffer
    gpu.camera(None)
    assert gpu.compose(Overlay()) is buffer


def test_frames_are_released_and_one_surface_is_kept(mac: Mac) -> None:
    """Every frame is released once; of the screen's surfaces only the newest is held."""
    gpu, _ = _compositor()
    released = []
    for number in range(3):
        frame = _frame(_even(SIZE, number))
        frame.release = lambda n=number: released.append(n)  # type: ignore[misc]
        gpu.screen(frame)
    beat = Frame(0, 0, 0, None, PixelFormat.CVPIXELBUFFER, damage=())
    beat.release = lambda: released.append("beat")
    gpu.screen(beat)
    camera = _frame(_sides((16, 16)))
    camera.release = lambda: released.append("camera")
    gpu.camera(camera)
    assert released == [0, 1, 2, "beat", "camera"]
    assert gpu.compose(Overlay(is_visible=False)).pixels[0, 0, 0] == 2


def test_unchanged_picture_is_not_drawn_again(mac: Mac) -> None:
    """A repeat of the same look gives the same buffer: no GPU work for a still picture."""
    gpu, _ = _compositor()
    gpu.screen(_frame(_even(SIZE, 50)))
    gpu.camera(_frame(_sides((160, 90))))
    first = gpu.compose(Overlay())
    assert gpu.compose(Overlay()) is first
    assert gpu.compose(Overlay(height=0.4)) is not first


def test_all_of_the_output_is_drawn(mac: Mac) -> None:
    """Pool buffers come with an older picture in them; none of it is left."""
    gpu, _ = _compositor()
    gpu.screen(_frame(_even((160, 180), 200)))  # narrower than the output
    out = gpu.compose(Overlay()).pixels
    assert set(np.unique(out[:, :79, :3])) == {0}
    assert set(np.unique(out[:, 81:239, :3])) == {200}
    assert set(np.unique(out[:, 241:, :3])) == {0}


def test_a_larger_screen_is_fitted(mac: Mac) -> None:
    """A display mode that changed in mid-take is scaled down into the output."""
    gpu, _ = _compositor()
    big = _even((640, 360), 10)
    big[:180] = 250
    gpu.screen(_frame(big))
    out = gpu.compose(Overlay()).pixels
    assert out[10, 160, 0] == 250
    assert out[170, 160, 0] == 10


def test_before_the_first_picture_it_is_black(mac: Mac) -> None:
    """Composing without a screen gives black, not rubbish."""
    gpu, _ = _compositor()
    assert not gpu.compose(Overlay()).pixels[..., :3].any()


def test_colour_tags_follow_the_screen(mac: Mac) -> None:
    """Composed frames carry the screen's colour attachments, as frames without an overlay do."""
    gpu, _ = _compositor()
    gpu.screen(_frame(_even(SIZE, 50)))
    gpu.camera(_frame(_sides((160, 90))))
    assert gpu.compose(Overlay()).tag == "sRGB"


@pytest.mark.parametrize("kind", [PixelFormat.BGRA, PixelFormat.AV])
def test_pictures_of_other_platforms(mac: Mac, kind: PixelFormat) -> None:
    """A network or synthetic camera is copied into a pixel buffer."""
    pixels = _even((64, 48), 90)
    image: Any = pixels
    if kind is PixelFormat.AV:
        image = av.VideoFrame.from_ndarray(pixels, format="bgra")
    gpu, _ = _compositor()
    gpu.screen(_frame(_even(SIZE, 0)))
    gpu.camera(Frame(0, 64, 48, image, kind))
    overlay = Overlay(anchor=Anchor.TOP_LEFT, border=0, shadow=0, shape=Shape.RECTANGLE)
    out = gpu.compose(overlay).pixels
    assert 90 in out[8:40, 8:40, 0]


def test_the_writers_pool_is_used_while_there_is_one(mac: Mac) -> None:
    """Output buffers come from the writer's pool; without it, after a failure, from an own one."""
    taken = []

    class Adaptor:
        pool: Any = None

        def pixelBufferPool(self) -> Any:
            return self.pool

    class Spy(Pool):
        def take(self) -> PixelBuffer:
            taken.append(self)
            return super().take()

    gpu, pool = _compositor()
    gpu.screen(_frame(_even(SIZE, 0)))
    gpu.camera(_frame(_sides((160, 90))))
    pool.adaptor = Adaptor()
    gpu.compose(Overlay())
    assert taken == []
    attributes = back_end("compositor").pixel_attributes(SIZE)
    pool.adaptor.pool = Spy(attributes)
    gpu.compose(Overlay(height=0.3))
    assert len(taken) == 1


def test_no_memory_is_an_output_error(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that gives nothing is told as OutputFailed, not as a crash later on."""
    module = back_end("compositor")

    class Empty:
        def CVPixelBufferPoolCreate(self, *_: Any) -> Any:
            return (-6689, None)

    monkeypatch.setattr(module, "pixel_attributes", lambda size: {})
    monkeypatch.setattr(module, "Quartz", Empty())
    with pytest.raises(OutputFailed, match="6689"):
        module.PixelPool(SIZE).take()


def test_without_the_metal_package_core_image_chooses(mac: Mac) -> None:
    """The Metal bindings are optional."""
    import sys

    sys.modules["Metal"] = None  # type: ignore[assignment]  # what an absent package looks like
    gpu, _ = _compositor()
    gpu.screen(_frame(_even(SIZE, 7)))
    assert gpu.compose(Overlay()) is not None


@pytest.mark.parametrize("is_overlaid", [True, False])
def test_small_copy(mac: Mac, is_overlaid: bool) -> None:
    """A preview is what goes to the encoder, smaller, right side up and with its colours, and the
    picture itself stays as it is."""
    gpu, _ = _compositor()
    gpu.screen(_frame(_sides(SIZE)))
    gpu.camera(_frame(_even((160, 90), 250)))
    image = gpu.compose(Overlay(is_visible=is_overlaid))
    before = image.pixels.copy()
    small = gpu.small_copy(image, 80)
    assert (small.shape, small.dtype) == ((45, 80, 3), np.uint8)
    expected = before[2::4, 2::4, 2::-1].astype(int)
    assert np.median(np.abs(small.astype(int) - expected)) <= 1
    assert np.array_equal(image.pixels, before)
    assert gpu.small_copy(image, 5000).shape == (180, 320, 3)
