"""What PyAV writes to: the file, with the sample index looking on and the clock put right.

    FFmpeg ─▶ whole boxes ─▶ true times into `moov` and `moof` ─▶ file ─▶ index

Invariants: FFmpeg never sees a failed write, because after one it drops everything silently; what
the disk refuses is kept in memory, so that a disk that has room again gets every byte in order.
And every sample in a fragment has the time its packet had.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Mapping

from onetake.errors import OutputFailed
from onetake.file.fragment_times import Times, with_edit_lists, with_true_times
from onetake.file.output_file import OutputFile, output_errors
from onetake.file.sample_index import SampleIndex

__all__ = ["WatchedStream"]


class WatchedStream:
    """A write-only, append-only file object. One thread at a time.

    `first_ticks` says for each track id which tick of its media is at position 0: what an encoder
    puts before the first sample it was given.
    """

    def __init__(
        self, file: OutputFile, index: SampleIndex, first_ticks: Mapping[int, int]
    ) -> None:
        self._file = file
        self._index = index
        self._first_ticks = first_ticks
        self._incoming = b""
        """The beginning of a header that is not all here."""
        self._to_pass = 0
        """Bytes of the box that is going by which are not here yet."""
        self._refused = bytearray()
        self._failure: OutputFailed | None = None
        self._times: dict[int, Times] = {}
        self.name = str(file.path)
        self.closed = False
        """PyAV writes no trailer to a closed file."""

    def expect(self, track_id: int, dts: int, pts: int) -> None:
        """Tell the times of a track's next packet, in its ticks, before it is muxed."""
        shift = self._first_ticks[track_id]
        self._times[track_id].append((dts + shift, pts + shift))

    def write(self, data: bytes) -> int:
        """Append all of `data`, to the file or to what it has refused. Never raises OSError."""
        view = memoryview(self._incoming + data if self._incoming else data)
        self._incoming = bytes(self._pass_boxes(view))
        if self._failure is None:
            self._push()
        return len(data)

    def check(self) -> None:
        """Raise OutputFailed or DiskFull when the file has refused something."""
        if self._failure is not None:
            raise self._failure

    def retry(self) -> None:
        """Write what was refused, now that there may be room. Raises OutputFailed, DiskFull."""
        self._failure = None
        self._push()
        self.check()

    def _pass_boxes(self, view: memoryview) -> memoryview:
        """Copy what is complete to `_refused`, from where it goes to the file; return the rest."""
        while view:
            if not self._to_pass:
                if len(view) < 8:
                    return view
                size, kind = struct.unpack_from(">I4s", view)
                if kind in (b"moov", b"moof"):
                    if len(view) < size:
                        return view
                    self._refused += self._timed(kind, bytes(view[:size]))
                    view = view[size:]
                    continue
                self._to_pass = size
            step = min(self._to_pass, len(view))
            self._refused += view[:step]
            view = view[step:]
            self._to_pass -= step
        return view

    def _timed(self, kind: bytes, header: bytes) -> bytes:
        if kind == b"moof":
            return with_true_times(header, self._times)
        self._times = {track_id: deque() for track_id in self._first_ticks}
        return with_edit_lists(header, self._first_ticks)

    def _push(self) -> None:
        view = memoryview(self._refused)
        self._refused = bytearray()
        try:
            with output_errors(self._file.path):
                while view:
                    done = self._file.append(view)
                    self._index.feed(view[:done])
                    view = view[done:]
        except OutputFailed as failure:
            self._failure = failure
            self._refused += view
