"""A sink that keeps everything, and a way to run a source for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from onetake.errors import OnetakeError
from onetake.model.media import AudioBlock, Frame, PixelFormat
from onetake.platforms.contract import Source

__all__ = ["Collected", "Running", "run_for"]


class Collected:
    """A sink. Images of arrays are copied before they are released."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, object]] = []
        self.stamps_ns: list[int] = []
        self.arrivals_ns: list[int] = []
        self.damages: list[object] = []
        self.idle = 0
        self.formats: set[PixelFormat] = set()
        self.blocks: list[AudioBlock] = []
        self.warnings: list[str] = []
        self.size_px = (0, 0)
        self.on_frame: Callable[[Frame], None] | None = None

    def frame(self, frame: Frame) -> None:
        self.stamps_ns.append(frame.pts_ns)
        self.arrivals_ns.append(time.monotonic_ns())
        self.damages.append(frame.damage)
        self.formats.add(frame.pixel_format)
        if self.on_frame is not None:
            self.on_frame(frame)
            return
        if frame.image is None:
            self.idle += 1
        else:
            image = frame.image.copy() if isinstance(frame.image, np.ndarray) else frame.image
            self.frames.append((frame.pts_ns, image))
        frame.release()

    def audio(self, block: AudioBlock) -> None:
        self.blocks.append(block)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        self.warnings.append(code)


class Running:
    """A source that runs on a thread, until `stop`. Use as a context manager."""

    def __init__(self, source: Source, collected: Collected | None = None) -> None:
        self.source = source
        self.found = Collected() if collected is None else collected
        self.error: OnetakeError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.source.run(self.found, self._stop)
        except OnetakeError as error:
            self.error = error

    def __enter__(self) -> Running:
        try:
            self.source.open()
        except BaseException:
            self.source.close()
            raise
        self.found.size_px = self.source.size_px()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.source.close()

    def stop(self) -> float:
        """Stop the source; return how long `run` took to return, in s."""
        begun_s = time.monotonic()
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive(), "the source does not stop"
        return time.monotonic() - begun_s

    def wait_for_end(self, timeout_s: float) -> OnetakeError | None:
        """Wait until the source ends by itself; return its error."""
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the source goes on"
        return self.error


def run_for(source: Source, seconds: float) -> Collected:
    """Open a source, run it for a while, close it; return what it delivered."""
    with Running(source) as running:
        time.sleep(seconds)
        running.stop()
    assert running.error is None, running.error
    return running.found
