"""What PyAV writes to: the file, with the sample index looking on.

Invariant: FFmpeg never sees a failed write, because after one it drops everything silently. What
the disk refuses is kept in memory, so that a disk that has room again gets every byte in order.
"""

from __future__ import annotations

from onetake.errors import OutputFailed
from onetake.file.output_file import OutputFile, output_errors
from onetake.file.sample_index import SampleIndex

__all__ = ["WatchedStream"]


class WatchedStream:
    """A write-only, append-only file object. One thread at a time."""

    def __init__(self, file: OutputFile, index: SampleIndex) -> None:
        self._file = file
        self._index = index
        self._refused = bytearray()
        self._failure: OutputFailed | None = None
        self.name = str(file.path)
        self.closed = False
        """PyAV writes no trailer to a closed file."""

    def write(self, data: bytes) -> int:
        """Append all of `data`, to the file or to what it has refused. Never raises."""
        self._refused += data
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

    def _push(self) -> None:
        view = memoryview(bytes(self._refused))
        self._refused.clear()
        try:
            with output_errors(self._file.path):
                while view:
                    done = self._file.append(view)
                    self._index.feed(view[:done])
                    view = view[done:]
        except OutputFailed as failure:
            self._failure = failure
            self._refused += view
