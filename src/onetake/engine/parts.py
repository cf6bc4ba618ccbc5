"""The files of a take: usually one, more after a split or when a writer failed.

    positions  0───────────────P2──────────────P3────────▶
    files      [ talk.mp4      ][ talk part 2   ][ talk part 3 …

To the lanes a chain looks like one writer that never ends; each file begins at 0 again. Invariant:
every sample and every frame goes into exactly one file, by its position alone: the video lane is
up to two seconds ahead of the audio lane, so for that time both files are open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from onetake.errors import DiskFull, OutputFailed
from onetake.model.units import SAMPLE_RATE_HZ, first_sample_at_or_after, ns_from_sample
from onetake.platforms.contract import Adaptable, ProvisionalWriter, Writer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Part", "PartChain"]

_ONE_SAMPLE_NS = 1_000_000_000 // SAMPLE_RATE_HZ


@dataclass(slots=True)
class Part:
    """One file of a take."""

    number: int
    """1, 2, …"""
    path: str
    writer: Writer
    start_sample: int = 0
    """Output sample of the take that is sample 0 of this file."""
    is_cut: bool = False
    """Whether its beginning is fixed; the first one's always is."""
    failure: OutputFailed | None = None
    frames: int = field(default=0)
    """Frames given to the writer. Written by the video lane's thread."""

    @property
    def start_ns(self) -> int:
        """Position of the take at which the file begins."""
        return ns_from_sample(self.start_sample)


class PartChain:
    """Hands frames and samples to the file they belong to.

    `write_video` on the video lane's thread, `write_audio` on the audio lane's, `pump` on the
    writer's, the rest on the take's.

    Args:
        make_writer: makes a writer, not yet started, for a path.
        on_failed: told when a file cannot go on; on the thread that noticed.
    """

    def __init__(
        self, make_writer: Callable[[str], Writer], on_failed: Callable[[OutputFailed], None]
    ) -> None:
        self._make_writer = make_writer
        self._on_failed = on_failed
        self._lock = threading.Lock()
        self._parts: tuple[Part, ...] = ()
        self._next_sample = 0
        self._video_part = 1
        self._audio_part = 1
        self._is_cheaper = False
        self._done = 0
        self._done_bytes = 0

    @property
    def newest(self) -> Part:
        """The part that was opened last."""
        return self._parts[-1]

    @property
    def count(self) -> int:
        """How many parts there have been."""
        return len(self._parts)

    @property
    def size_bytes(self) -> int:
        """Bytes of all parts. Any thread."""
        return self._done_bytes + sum(part.writer.size_bytes for part in self._parts[self._done :])

    def open(self, path: str) -> Part:
        """Create the next file; nothing goes into it before `cut` (the first one: at once).

        Raises OutputFailed, DiskFull, EncoderUnavailable.
        """
        writer = self._make_writer(path)
        writer.start()
        part = Part(len(self._parts) + 1, path, writer, is_cut=not self._parts)
        with self._lock:
            self._parts = (*self._parts, part)
        return part

    def cut(self, position_ns: int) -> Part:
        """Let everything from `position_ns` on go into the part opened last. The position lies
        ahead of both lanes, or neither can be cut exactly."""
        part = self.newest
        with self._lock:
            part.start_sample = first_sample_at_or_after(position_ns)
            part.is_cut = True
        return part

    def is_ready_for_video(self) -> bool:
        """Whether the file takes another frame now."""
        part = self._parts[self._video_part - 1]
        following = self._following(part)
        if part.failure is not None:
            return following is not None
        return part.writer.is_ready_for_video()

    def write_video(self, position_ns: int, image: object) -> None:
        """Write a frame into the file its position belongs to. Raises DiskFull."""
        part = self._parts[self._video_part - 1]
        following = self._following(part)
        if following is not None and position_ns + _ONE_SAMPLE_NS > following.start_ns:
            part, self._video_part = following, following.number
            if self._is_cheaper:
                self._adapt(part)
        own_ns = max(0, position_ns - part.start_ns)
        if part.failure is None and self._attempt(
            part, partial(part.writer.write_video, own_ns, image)
        ):
            part.frames += 1

    def encode_cheaper(self, is_cheaper: bool) -> bool:
        """Encode with less work from the next frame on, in further files too, or as at first again;
        whether the file's writer can. On the video lane's thread. Raises DiskFull."""
        before, self._is_cheaper = self._is_cheaper, is_cheaper
        can_adapt = self._adapt(self._parts[self._video_part - 1])
        if not can_adapt:
            self._is_cheaper = before
        return can_adapt

    def _adapt(self, part: Part) -> bool:
        writer = part.writer
        if not isinstance(writer, Adaptable) or part.failure is not None:
            return False
        return bool(self._attempt(part, partial(writer.encode_cheaper, self._is_cheaper)))

    def write_audio(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Write the next samples, each into the file it belongs to. Raises DiskFull."""
        count = len(samples[0])
        offset = 0
        while offset < count:
            part = self._parts[self._audio_part - 1]
            following = self._following(part)
            end = count
            if following is not None:
                end = min(count, following.start_sample - self._next_sample + offset)
            if end > offset:
                run = [track[offset:end] for track in samples]
                # Also into a file that has failed: the sound of its last moments comes only
                # now, and most failures are the disk's, which keep no encoder from encoding.
                self._attempt(part, partial(part.writer.write_audio, run))
                self._next_sample += end - offset
                offset = end
            if following is not None and self._next_sample >= following.start_sample:
                self._audio_part = following.number

    @property
    def wants_provisional(self) -> bool:
        """Whether the file that is heard now can end with sound that is replaced later."""
        parts = self._parts[self._audio_part - 1 :]
        return bool(parts) and isinstance(parts[0].writer, ProvisionalWriter)

    def write_provisional(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Tell the file that is heard now what would follow if the take ended now."""
        part = self._parts[self._audio_part - 1]
        following = self._following(part)
        end = None if following is None else max(0, following.start_sample - self._next_sample)
        if part.failure is None and isinstance(part.writer, ProvisionalWriter):
            run = [track[:end] for track in samples]
            self._attempt(part, partial(part.writer.write_provisional, run))

    def pump(self, wait_s: float) -> bool:
        """Let the open writers write what is encoded. Raises DiskFull."""
        has_written = False
        for part in self._parts[self._done :]:
            if part.failure is None:
                wait_here_s = wait_s if part is self._parts[-1] else 0.0
                has_written |= bool(self._attempt(part, partial(part.writer.pump, wait_here_s)))
        return has_written

    def take_completed(self) -> Part | None:
        """Return the oldest part into which nothing goes any more, once; None when all are live."""
        first_live = min(self._video_part, self._audio_part)
        if self._done + 1 >= first_live:
            return None
        return self._take_oldest()

    def take_remaining(self) -> Part | None:
        """Return the oldest part that was not taken yet, for the end of the take; None = all were.

        A part that was opened but never cut is not among them: it is empty.
        """
        if self._done >= len(self._parts) or not self._parts[self._done].is_cut:
            return None
        return self._take_oldest()

    def end_ns(self, part: Part, take_end_ns: int) -> int:
        """Return where a part ends, as a position of the take."""
        following = self._following(part)
        return take_end_ns if following is None else min(following.start_ns, take_end_ns)

    def _take_oldest(self) -> Part:
        part = self._parts[self._done]
        self._done_bytes += part.writer.size_bytes
        self._done += 1
        return part

    def _following(self, part: Part) -> Part | None:
        """Return the part after this one, once it is known where it begins."""
        parts = self._parts
        if part.number >= len(parts):
            return None
        following = parts[part.number]
        return following if following.is_cut else None

    def _attempt(self, part: Part, act: Callable[[], object]) -> object:
        """Do something with a part's writer; a failure is that part's alone, except a full disk,
        which no other file escapes."""
        try:
            done = act()
        except DiskFull:
            raise
        except OutputFailed as error:
            with self._lock:
                is_first = part.failure is None
                part.failure = part.failure or error
            if is_first:
                self._on_failed(error)
            return None
        return True if done is None else done
