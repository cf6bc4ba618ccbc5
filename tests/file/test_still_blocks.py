"""An encoder that is told what did not change makes the same pictures as one that looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.file.making import luma_of, writer

from onetake.file.mp4 import Mp4Writer
from onetake.model.geometry import Rect
from onetake.model.settings import Quality
from onetake.model.units import NS_PER_S
from onetake.video import changes
from onetake.video.canvas import Canvas

SIZE_PX = (322, 182)
FPS = 30
COUNT = 80
"""More than a key frame's distance."""


class Scene:
    """A desktop of noise and text-like stripes in which a part changes at each step."""

    def __init__(self) -> None:
        self.canvas = Canvas(*SIZE_PX)
        self._random = np.random.default_rng(3)
        luma, chroma = self.canvas.part(self.canvas.rect)
        luma[:] = 60 + 100 * (np.arange(SIZE_PX[0]) // 6 % 2)
        luma[50:120] = self._random.integers(40, 200, (70, SIZE_PX[0]))
        chroma[:] = self._random.integers(100, 150, (SIZE_PX[1] // 2, 1, 2))

    def step(self) -> None:
        """Draw a block somewhere, of any size."""
        x, y = (2 * int(self._random.integers(0, size // 2 - 8)) for size in SIZE_PX)
        width, height = (2 * int(n) for n in self._random.integers(1, 30, 2))
        rect = Rect(x, y, width, height).intersection(self.canvas.rect)
        assert rect is not None
        luma, chroma = self.canvas.part(rect)
        luma[:] = self._random.integers(20, 230)
        chroma[:] = self._random.integers(60, 190, 2)

    def picture(self) -> NDArray[np.float64]:
        """What the canvas shows."""
        return self.canvas.y.astype(float)


def record(
    path: Path, step: Callable[[Scene, Mp4Writer, int], None], **wishes: object
) -> list[NDArray[np.float64]]:
    """Make a take of a scene, `step` before each frame; return what was given to the writer."""
    target, scene = writer(path, size_px=SIZE_PX, fps=FPS, encoder="libx264", **wishes), Scene()
    target.start()
    given = []
    for number in range(COUNT):
        step(scene, target, number)
        target.write_video(number * NS_PER_S // FPS, scene.canvas.frame)
        given.append(scene.picture())
        target.pump(0)
    target.finish(COUNT * NS_PER_S // FPS)
    return given


def decoded(path: Path) -> list[NDArray[np.float64]]:
    """The luma of the pictures in the file."""
    with av.open(str(path)) as container:
        return [luma_of(frame) for frame in container.decode(video=0)]


def likeness_db(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """PSNR."""
    return float(10 * np.log10(255**2 / max(1e-6, np.mean((one - other) ** 2))))


def worst_db(given: list[NDArray[np.float64]], shown: list[NDArray[np.float64]]) -> float:
    """The likeness of the picture that is least like what was given."""
    return min(likeness_db(one, other) for one, other in zip(given, shown, strict=True))


def moves(scene: Scene, _target: Mp4Writer, number: int) -> None:
    """Something changes at two frames of three."""
    if number % 3:
        scene.step()


@pytest.mark.parametrize("quality", list(Quality))
def test_what_is_told_costs_no_likeness(
    quality: Quality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture is as good as that of an encoder that is told nothing, and the file as small."""
    given = record(tmp_path / "told.mp4", moves, quality=quality)
    monkeypatch.setattr(changes, "_is_layout_known", lambda: False)
    assert np.array_equal(given, record(tmp_path / "looks.mp4", moves, quality=quality))
    told, looked = decoded(tmp_path / "told.mp4"), decoded(tmp_path / "looks.mp4")
    assert len(told) == len(looked) == COUNT
    for wanted, one, other in zip(given, told, looked, strict=True):
        assert likeness_db(wanted, one) > min(50.0, likeness_db(wanted, other) - 0.5)
    sizes = [(tmp_path / f"{name}.mp4").stat().st_size for name in ("told", "looks")]
    assert sizes[0] < 1.03 * sizes[1]


@pytest.mark.parametrize("quality", list(Quality))
def test_the_encoder_believes_what_it_is_told(quality: Quality, tmp_path: Path) -> None:
    """A change that was kept from it does not show, so what is told spares it looking."""

    def cheat(scene: Scene, _target: Mp4Writer, number: int) -> None:
        if number == 10:
            scene.canvas.y[:, :96] = 235
        luma, _ = scene.canvas.part(Rect(160, 0, 160, SIZE_PX[1]))
        luma[:] = np.random.default_rng(number).integers(40, 200, (SIZE_PX[1], 1))

    given = record(tmp_path / "cheated.mp4", cheat, quality=quality)
    pictures = decoded(tmp_path / "cheated.mp4")
    left = [picture[:, :96] for picture in pictures[:FPS]]
    assert worst_db([given[0][:, :96]] * FPS, left) > 30


def test_a_frame_that_was_refused_tells_nothing_away(tmp_path: Path) -> None:
    """What changed in a frame that was not encoded shows in the next one."""

    def refused(scene: Scene, target: Mp4Writer, number: int) -> None:
        scene.step()
        if number:
            target.write_video((number - 1) * NS_PER_S // FPS, scene.canvas.frame)

    given = record(tmp_path / "refused.mp4", refused)
    pictures = decoded(tmp_path / "refused.mp4")
    assert worst_db(given, pictures) > 30


def test_encoders_in_turn_all_know_enough(tmp_path: Path) -> None:
    """An encoder that takes over in mid-take has seen nothing yet, and shows everything."""

    def relieved(scene: Scene, target: Mp4Writer, number: int) -> None:
        moves(scene, target, number)
        if number in (20, 21, 50):
            assert target.encode_cheaper(is_cheaper=number != 21)

    given = record(tmp_path / "relieved.mp4", relieved)
    pictures = decoded(tmp_path / "relieved.mp4")
    assert worst_db(given, pictures) > 25
