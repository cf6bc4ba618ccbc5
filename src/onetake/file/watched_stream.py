"""What PyAV writes to: the file, with the sample index looking on and the clock put right.

    FFmpeg ─▶ whole boxes ─▶ true times into `moof` ─▶ file ─▶ index

Invariants: FFmpeg never sees a failed write, because after one it drops everything silently; what
the disk refuses is kept in memory, so that a disk that has room again gets every byte in order.
And each fragment begins at the time of its first packet: FFmpeg writes where it guesses that the
fragment before has ended, which is wrong by a frame's jitter whenever frames come irregularly.
"""

from __future__ import annotations

import struct
from collections import deque

from onetake.errors import OutputFailed
from onetake.file.boxes import Box, boxes, child
from onetake.file.output_file import OutputFile, output_errors
from onetake.file.sample_index import SampleIndex

__all__ = ["WatchedStream"]

VIDEO_TRACK_ID = 1
"""FFmpeg numbers the tracks of an MP4 from 1 in the order in which they are added."""


class WatchedStream:
    """A write-only, append-only file object. One thread at a time."""

    def __init__(self, file: OutputFile, index: SampleIndex) -> None:
        self._file = file
        self._index = index
        self._incoming = bytearray()
        self._to_pass = 0
        """Bytes of the box that is going by which are not here yet."""
        self._refused = bytearray()
        self._failure: OutputFailed | None = None
        self._video_dts: deque[int] = deque()
        self._shift: int | None = None
        """What FFmpeg takes off all times of the video track: the time of its first packet."""
        self.name = str(file.path)
        self.closed = False
        """PyAV writes no trailer to a closed file."""

    def expect(self, dts: int) -> None:
        """Tell the time of the next packet of the video track, in its own ticks."""
        self._video_dts.append(dts)

    def write(self, data: bytes) -> int:
        """Append all of `data`, to the file or to what it has refused. Never raises OSError."""
        self._incoming += data
        self._pass_boxes()
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

    def _pass_boxes(self) -> None:
        """Move what is complete from `_incoming` to `_refused`, from where it goes to the file."""
        while self._incoming:
            if not self._to_pass:
                if len(self._incoming) < 8:
                    return
                size, kind = struct.unpack_from(">I4s", self._incoming)
                if kind == b"moof":
                    if len(self._incoming) < size:
                        return
                    self._put_times(size)
                self._to_pass = size
            step = min(self._to_pass, len(self._incoming))
            self._refused += self._incoming[:step]
            del self._incoming[:step]
            self._to_pass -= step

    def _put_times(self, size: int) -> None:
        """Write the true time of the video track's first packet into the `moof` at hand."""
        moof = bytes(self._incoming[:size])
        whole = Box(b"moof", 0, 8, size)
        for traf in boxes(moof, whole.body):
            if traf.kind != b"traf" or not self._is_video(moof, traf):
                continue
            time = child(moof, traf, b"tfdt").body
            layout, at = (">Q", time + 4) if moof[time] == 1 else (">I", time + 4)
            (guess,) = struct.unpack_from(layout, moof, at)
            if self._shift is None:
                self._shift = self._video_dts[0] - guess
            struct.pack_into(layout, self._incoming, at, self._video_dts[0] - self._shift)
            for trun in boxes(moof, traf.body, traf.end):
                if trun.kind == b"trun":
                    (count,) = struct.unpack_from(">I", moof, trun.body + 4)
                    for _ in range(count):
                        self._video_dts.popleft()

    def _is_video(self, moof: bytes, traf: Box) -> bool:
        header = child(moof, traf, b"tfhd").body
        return int.from_bytes(moof[header + 4 : header + 8], "big") == VIDEO_TRACK_ID

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
