"""A writer that keeps the take in memory and tolerates nothing: for fast tests of everything above.

Invariant: whatever the contract of `Writer` forbids (a step back, a gap, a call after the end, a
second thread on one track) raises ContractBroken at the call that does it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from onetake.model.settings import Settings, Tracks
from onetake.model.units import CHANNELS, first_sample_at_or_after

__all__ = ["ContractBroken", "MemoryFrame", "MemoryWriter"]


class ContractBroken(AssertionError):
    """Somebody did what a contract forbids."""


@dataclass(frozen=True, slots=True)
class MemoryFrame:
    """One frame of the take."""

    position_ns: int
    luma: NDArray[np.uint8]
    """Every n-th pixel of the luma, uint8, (height / n, width / n); owned by this frame."""


class MemoryWriter:
    """A `Writer`.

    Args:
        settings: say how many audio tracks there are.
        luma_step: of the luma, every so many-th row and column is kept.
        is_ready: asked by `is_ready_for_video` with the number of frames so far; None = always.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        luma_step: int = 8,
        is_ready: Sequence[bool] | None = None,
    ) -> None:
        settings = settings or Settings()
        self._track_count = 1 if settings.tracks is Tracks.MIX else 3
        self._luma_step = luma_step
        self._is_ready = list(is_ready or ())
        self._asked = 0
        self._chunks: list[list[NDArray[np.float32]]] = [[] for _ in range(self._track_count)]
        self._threads: dict[str, int] = {}
        self._is_started = False
        self.frames: list[MemoryFrame] = []
        self.chapters: list[tuple[int, str]] = []
        self.sample_count = 0
        self.end_ns: int | None = None
        """Where the take ended; None = it has not."""

    def start(self) -> None:
        """Begin; once."""
        self._require(not self._is_started, "started twice")
        self._is_started = True

    def is_ready_for_video(self) -> bool:
        """Answer what was planned, then always True."""
        answer = self._asked >= len(self._is_ready) or self._is_ready[self._asked]
        self._asked += 1
        return answer

    def write_video(self, position_ns: int, image: object) -> None:
        """Keep a frame. `image` is an `av.VideoFrame` whose first plane is luma."""
        self._require_running("write_video")
        self._require(isinstance(image, av.VideoFrame), f"{type(image)} is no av.VideoFrame")
        self._require(position_ns >= 0, f"a frame at {position_ns} ns, before the start")
        last_ns = self.frames[-1].position_ns if self.frames else -1
        self._require(position_ns > last_ns, f"a frame at {position_ns} ns after {last_ns} ns")
        assert isinstance(image, av.VideoFrame)
        self.frames.append(MemoryFrame(position_ns, self._luma(image)))

    def write_audio(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Keep the next samples of every track."""
        self._require_running("write_audio")
        self._require(len(samples) == self._track_count, f"{len(samples)} tracks")
        for track, chunks in zip(samples, self._chunks, strict=True):
            self._require(track.dtype == np.float32, f"samples are {track.dtype}")
            self._require(track.ndim == 2 and track.shape[1] == CHANNELS, f"shape {track.shape}")
            self._require(len(track) == len(samples[0]), "tracks of different length")
            self._require(bool(np.isfinite(track).all()), "samples that are no numbers")
            chunks.append(track.copy())
        self.sample_count += len(samples[0])

    def pump(self, wait_s: float) -> bool:
        """Do nothing: memory needs no disk."""
        del wait_s
        self._require(self._is_started, "pump before start")
        return False

    def add_chapter(self, position_ns: int, label: str) -> None:
        """Keep a chapter."""
        self._require(self.end_ns is None, "add_chapter after finish")
        self.chapters.append((position_ns, label))

    def finish(self, end_ns: int) -> None:
        """End the take; once. The sound may end before `end_ns` (it is padded), never after it."""
        self._require(self._is_started and self.end_ns is None, "finish twice or before start")
        wanted = first_sample_at_or_after(end_ns)
        self._require(self.sample_count <= wanted, f"{self.sample_count} samples, end at {wanted}")
        last_ns = self.frames[-1].position_ns if self.frames else -1
        self._require(last_ns < max(end_ns, 1), f"a frame at {last_ns} ns, the end is {end_ns} ns")
        self.end_ns = end_ns

    @property
    def size_bytes(self) -> int:
        """Bytes of the sound so far."""
        return self.sample_count * CHANNELS * 4 * self._track_count

    @property
    def positions_ns(self) -> list[int]:
        """Positions of the frames, in order."""
        return [frame.position_ns for frame in self.frames]

    def audio(self, track: int = 0) -> NDArray[np.float32]:
        """Return a whole track, float32, (samples, 2)."""
        chunks = self._chunks[track]
        return np.concatenate(chunks) if chunks else np.zeros((0, CHANNELS), np.float32)

    def _luma(self, image: av.VideoFrame) -> NDArray[np.uint8]:
        plane = image.planes[0]
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), dtype=np.uint8)
        step = self._luma_step
        return rows.reshape(-1, plane.line_size)[: image.height : step, : image.width : step].copy()

    def _require_running(self, call: str) -> None:
        self._require(self._is_started, f"{call} before start")
        self._require(self.end_ns is None, f"{call} after finish")
        thread = threading.get_ident()
        self._require(
            self._threads.setdefault(call, thread) == thread, f"{call} from a second thread"
        )

    @staticmethod
    def _require(fact: bool, otherwise: str) -> None:
        if not fact:
            raise ContractBroken(otherwise)
