"""AVAssetWriter: its states, and the traps that are known of it.

Modelled: raises for an append before the session or while not ready; a time that does not increase
is taken and the *next* append fails the writer; a failed writer is never ready again; sound is laid
end to end whatever its times say; on demand (`Mac.most_ahead_s`) an input that runs ahead of
another is made to wait; fragments and frame reordering exclude each other; pools exist between
start and failure only.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from tests.platforms.macos.fake.coremedia import CMTime, Sample
from tests.platforms.macos.fake.foundation import NSURL, NSError
from tests.platforms.macos.fake.mp4 import write_file
from tests.platforms.macos.fake.quartz import PixelBuffer, Pool
from tests.platforms.macos.fake.runtime import Framework, Outs, Unmodelled, check_block
from tests.platforms.macos.fake.world import Mac

UNKNOWN, WRITING, COMPLETED, FAILED = 0, 1, 2, 3


def _seconds(moment: CMTime) -> float:
    return moment.value / moment.timescale


class AVAssetWriterInput(Framework):
    """A track."""

    def initWithMediaType_outputSettings_(self, kind: str, settings: dict[str, Any]) -> Any:
        """Initialise."""
        self._kind, self._settings = kind, settings
        self._owner: Any = None
        self._timescale = 0
        self._is_realtime = False
        self._is_finished = False
        self._end_s = 0.0
        self._last: CMTime | None = None
        self._is_poisoned = False
        self._frames: list[Frame] = []
        self._sound: list[np.ndarray] = []
        self._times: list[tuple[int, int]] = []
        return self

    def setExpectsMediaDataInRealTime_(self, value: bool) -> None:
        """Real time."""
        self._is_realtime = value

    def setMediaTimeScale_(self, value: int) -> None:
        """Ticks a second; pictures only."""
        if self._owner is not None and self._owner._status != UNKNOWN:
            raise ValueError("NSInternalInconsistencyException: after startWriting")
        if self._kind != "AVMediaTypeVideo":
            raise ValueError("NSInvalidArgumentException: mediaTimeScale of a sound track")
        self._timescale = value

    def isReadyForMoreMediaData(self) -> bool:
        """Whether an append would be taken."""
        return self._owner._is_ready(self)

    def appendSampleBuffer_(self, sample: Sample) -> bool:
        """Append sound."""
        with self._owner._append():
            return self._appended(sample)

    def _appended(self, sample: Sample) -> bool:
        self._owner._refuse_unless_ready(self)
        if not self._owner._goes_on(self):
            return False
        rate = sample.pts.timescale
        if rate != 48_000:
            raise Unmodelled("sound stamped in another scale than its samples")
        if self._last is not None and sample.pts.value <= self._last.value:
            return self._owner._break((-11800, -16122))
        self._last = sample.pts
        self._times.append((sample.pts.value, sample.count))
        asbd = sample.format.asbd
        shape = (sample.count, asbd[6])
        self._sound.append(np.frombuffer(bytes(sample.block.data), np.float32).reshape(shape))
        self._end_s += sample.count / rate
        self._owner._grow(sample.count // 8)
        return True

    def markAsFinished(self) -> None:
        """No more is coming."""
        if self._owner._status != WRITING:
            raise ValueError("NSInternalInconsistencyException: markAsFinished")
        self._is_finished = True


class Frame:
    """An appended picture."""

    def __init__(self, ticks: int, scale: int, buffer: PixelBuffer) -> None:
        self.ticks, self.scale = ticks, scale
        self.time_s = ticks / scale
        self.luma = float(buffer.pixels[2, 2, :3].mean())
        """Of the top left corner, which no overlay covers."""
        self.image = buffer.pixels.copy()
        self.tag = buffer.tag


class AVAssetWriterInputPixelBufferAdaptor(Framework):
    """Appends pictures."""

    def initWithAssetWriterInput_sourcePixelBufferAttributes_(
        self, owner: AVAssetWriterInput, attributes: dict[str, Any]
    ) -> Any:
        """Initialise, before the writer starts."""
        if owner._owner is None or owner._owner._status != UNKNOWN:
            raise ValueError("NSInvalidArgumentException: the adaptor comes too late")
        self._input, self._attributes = owner, attributes
        self._pool = Pool(attributes)
        return self

    def pixelBufferPool(self) -> Any:
        """The pool; None before the start and after a failure."""
        return self._pool if self._input._owner._status == WRITING else None

    def appendPixelBuffer_withPresentationTime_(self, buffer: Any, moment: CMTime) -> bool:
        """Append a picture."""
        with self._input._owner._append():
            return self._appended(buffer, moment)

    def _appended(self, buffer: Any, moment: CMTime) -> bool:
        track = self._input
        if not isinstance(buffer, PixelBuffer):
            raise Unmodelled(f"a picture that is a {type(buffer).__name__}")
        if buffer.locks:
            raise Unmodelled("a picture that is still locked")
        if moment.timescale != track._timescale:
            raise Unmodelled("a time in another scale than the track's: it would be rounded")
        track._owner._refuse_unless_ready(track)
        if not track._owner._goes_on(track):
            return False
        expected = (self._pool.width, self._pool.height)
        if (buffer.width, buffer.height) != expected:
            return track._owner._break((-11800, -12905))
        if track._last is not None and moment.value <= track._last.value:
            track._is_poisoned = True  # taken now, failing later
        track._last = moment
        track._frames.append(Frame(moment.value, moment.timescale, buffer))
        track._end_s = _seconds(moment)
        track._owner._grow(400)
        return True


def _writer(mac: Mac) -> type:
    class AVAssetWriter(Framework):
        """A file being written."""

        def initWithURL_fileType_error_(self, url: NSURL, kind: str, error: Any) -> Outs:
            """Initialise."""
            if kind != "AVFileTypeMPEG4" or not url._text.endswith(".mp4"):
                raise Unmodelled("a file that is no MP4")
            self._path = url._text
            self._status = UNKNOWN
            self._error: NSError | None = None
            self._inputs: list[AVAssetWriterInput] = []
            self._fragment_s: float | None = None
            self._session_s: float | None = None
            self._end_s: float | None = None
            self._appends = 0
            self._lock = threading.Lock()
            mac.writers.append(self)
            return Outs((self, error))

        def canApplyOutputSettings_forMediaType_(self, settings: Any, kind: str) -> bool:
            """Whether the settings make sense."""
            if kind == "AVMediaTypeAudio":
                return settings["AVFormatIDKey"] == 0x61616320
            size = (settings["AVVideoWidthKey"], settings["AVVideoHeightKey"])
            if any(side % 2 for side in size):
                return False
            return settings["AVVideoCodecKey"] in mac.codecs

        def canAddInput_(self, track: AVAssetWriterInput) -> bool:
            """Whether it can be added."""
            return self._status == UNKNOWN

        def addInput_(self, track: AVAssetWriterInput) -> None:
            """Add a track."""
            if not track._is_realtime:
                raise Unmodelled("an input that does not expect real time")
            track._owner = self
            self._inputs.append(track)

        def setMovieFragmentInterval_(self, interval: CMTime) -> None:
            """Fragments, before the start."""
            if self._status != UNKNOWN:
                raise ValueError("NSInternalInconsistencyException: after startWriting")
            self._fragment_s = _seconds(interval)

        def startWriting(self) -> bool:
            """Create the file."""
            if self._status != UNKNOWN:
                raise ValueError("NSInternalInconsistencyException: started twice")
            if os.path.exists(self._path):  # noqa: PTH110
                return self._break((-11823, -12101))
            try:
                with open(self._path, "xb") as file:  # noqa: PTH123
                    file.write(b"\0" * 32)
            except OSError:
                return self._break((-11800, -17913))
            self._status = WRITING
            return True

        def startSessionAtSourceTime_(self, moment: CMTime) -> None:
            """Begin at a time."""
            if self._status != WRITING or self._session_s is not None:
                raise ValueError("NSInternalInconsistencyException: startSession")
            self._session_s = _seconds(moment)

        def endSessionAtSourceTime_(self, moment: CMTime) -> None:
            """End at a time."""
            if self._status != WRITING:
                raise ValueError("NSInternalInconsistencyException: endSession")
            self._end_s = _seconds(moment)

        def finishWritingWithCompletionHandler_(self, handler: Any) -> None:
            """Finish; the answer comes on a private queue."""
            check_block(handler, 0)
            if self._status != WRITING:
                raise ValueError("NSInternalInconsistencyException: finishWriting")
            if not all(track._is_finished for track in self._inputs):
                raise Unmodelled("finished while an input still takes samples")
            if self._appends:
                mac.crashes.append("finishWriting during an append")
            if mac.finish_error is not None:
                self._break(mac.finish_error)
            else:
                self._status = COMPLETED
                self._save(self._end_s)
            mac.answer(handler, "finish")

        def status(self) -> int:
            """Where it stands."""
            return self._status

        def error(self) -> NSError | None:
            """Why it failed."""
            return self._error

        @contextlib.contextmanager
        def _append(self) -> Iterator[None]:
            """Count an append that is going on; each input may have one."""
            with self._lock:
                self._appends += 1
            try:
                yield
            finally:
                with self._lock:
                    self._appends -= 1

        def _video(self) -> AVAssetWriterInput:
            return self._inputs[0]

        def _is_ready(self, track: AVAssetWriterInput) -> bool:
            if self._status != WRITING or track._is_finished:
                return False
            if time.monotonic_ns() < mac.unready_until_ns:
                return False
            if mac.most_ahead_s is None:
                return True
            others = [t for t in self._inputs if t is not track and not t._is_finished]
            return all(track._end_s - other._end_s < mac.most_ahead_s for other in others)

        def _refuse_unless_ready(self, track: AVAssetWriterInput) -> None:
            if self._status == FAILED:
                return  # the append then says False
            if self._status != WRITING or self._session_s is None:
                raise ValueError("NSInternalInconsistencyException: append before the session")
            # The samples appended since the question was asked do not count: one thread per input.
            if track._is_finished or time.monotonic_ns() < mac.unready_until_ns - 50_000_000:
                raise ValueError("NSInternalInconsistencyException: append while not ready")

        def _goes_on(self, track: AVAssetWriterInput) -> bool:
            if self._status == FAILED:
                return False
            video = self._video()
            compression = video._settings["AVVideoCompressionPropertiesKey"]
            if self._fragment_s and compression.get("AVVideoAllowFrameReorderingKey") is not False:
                return self._break((-11800, -16341))
            if video._is_poisoned:
                return self._break((-11800, -16364))
            if mac.fails_at_frame is not None and len(video._frames) >= mac.fails_at_frame:
                mac.fails_at_frame = None
                return self._break(mac.writer_error)
            return True

        def _break(self, codes: tuple[int, int]) -> bool:
            under = NSError("NSOSStatusErrorDomain", codes[1], "an OSStatus")
            self._error = NSError("AVFoundationErrorDomain", codes[0], "it failed", under)
            self._status = FAILED
            if self._fragment_s and self._session_s is not None:
                shortest_s = min(track._end_s for track in self._inputs)
                self._save(shortest_s // self._fragment_s * self._fragment_s)
            return False

        def _save(self, end_s: float | None) -> None:
            longest_s = max(track._end_s for track in self._inputs)
            write_file(self._path, self._video(), self._inputs[1:], end_s or longest_s)

        def _grow(self, size: int) -> None:
            with open(self._path, "ab") as file:  # noqa: PTH123
                file.write(b"\0" * size)

    return AVAssetWriter


def make(mac: Mac) -> dict[str, Any]:
    """Return the writing part of what the `AVFoundation` module exports."""
    return {
        "AVAssetWriter": _writer(mac),
        "AVAssetWriterInput": AVAssetWriterInput,
        "AVAssetWriterInputPixelBufferAdaptor": AVAssetWriterInputPixelBufferAdaptor,
    }
