"""What the tests of the macOS back-end share: running a source, and finding flashes and beeps."""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import AudioBlock, Frame

RATE = 48_000


def back_end(name: str) -> Any:
    """Return a module of the back-end, imported on the simulated Mac."""
    return importlib.import_module(f"onetake.platforms.macos.{name}")


def app_module(name: str) -> Any:
    """Return a module of the menu-bar application, imported on the simulated Mac."""
    return importlib.import_module(f"onetake.ui.macos.{name}")


def until(is_true: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    """Wait for something that happens on another thread; whether it did."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@dataclass
class Collector:
    """A sink that keeps what it is given; frames are released at once unless `is_holding`."""

    is_holding: bool = False
    frames: list[Frame] = field(default_factory=list)
    blocks: list[AudioBlock] = field(default_factory=list)
    warnings: list[tuple[str, str, str]] = field(default_factory=list)
    pictures: list[tuple[int, float]] = field(default_factory=list)
    """(pts_ns, brightness) of every picture."""

    def frame(self, frame: Frame) -> None:
        """Take a frame."""
        self.frames.append(frame)
        if frame.image is not None:
            pixels = frame.image if isinstance(frame.image, np.ndarray) else frame.image.pixels
            self.pictures.append((frame.pts_ns, float(pixels[2, 2, :3].mean())))
        if not self.is_holding:
            frame.release()

    def audio(self, block: AudioBlock) -> None:
        """Take a block."""
        self.blocks.append(block)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Take a warning."""
        self.warnings.append((code, message, hint))


@dataclass
class Running:
    """A source that runs on a thread of its own, as the engine lets it."""

    source: Any
    sink: Collector
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    returned_s: float = 0.0

    def _run(self) -> None:
        try:
            self.source.run(self.sink, self.stop)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.error = error
        self.returned_s = time.monotonic()


@contextlib.contextmanager
def running(source: Any, sink: Collector | None = None) -> Iterator[Running]:
    """Open a source, run it, and stop and close it at the end."""
    source.open()
    made = Running(source, sink or Collector())
    thread = threading.Thread(target=made._run, name="source")
    thread.start()
    try:
        yield made
    finally:
        made.stop.set()
        thread.join(5)
        source.close()
    assert not thread.is_alive(), "the source did not return"


def onsets_of_sound(
    samples: NDArray[np.float32], tone_hz: float, rate_hz: float = RATE
) -> list[float]:
    """Return the seconds at which a tone of `tone_hz` begins in mono `samples`."""
    times = np.arange(len(samples)) / rate_hz
    mixed = samples * np.exp(-2j * np.pi * tone_hz * times)
    window = round(rate_hz * 0.004)
    summed = np.cumsum(np.concatenate([np.zeros(window), mixed]))
    level = np.abs(summed[window:] - summed[:-window]) / window
    top = level.max(initial=0.0)
    if top < 0.02:
        return []
    is_on = level > top / 2  # half of the window is inside: 2 ms late
    starts = np.flatnonzero(is_on[1:] & ~is_on[:-1]) + 1
    return [float(start / rate_hz) - 0.002 for start in starts]


def onsets_of_light(pictures: list[tuple[float, float]]) -> list[float]:
    """Return the seconds at which (seconds, brightness) pictures turn bright."""
    found, was_bright = [], True
    for moment, value in pictures:
        is_bright = value > 130
        if is_bright and not was_bright:
            found.append(moment)
        was_bright = is_bright
    return found


def laid(blocks: list[AudioBlock]) -> tuple[int, NDArray[np.float32]]:
    """Return blocks of one rate as (host time of the first sample, mono samples end to end)."""
    return blocks[0].stamp_ns, np.concatenate([b.samples[:, 0] for b in blocks])
