"""Every byte FFmpeg writes reaches the file, in order, however it comes."""

from __future__ import annotations

import errno
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.errors import OutputFailed
from onetake.file.sample_index import SampleIndex
from onetake.file.watched_stream import WatchedStream


class Disk:
    """Stands for `OutputFile`: takes at most `step` bytes at once, and `room` in all."""

    path = Path("take.mp4")

    def __init__(self, step: int, room: int) -> None:
        self.held = bytearray()
        self.step, self.room = step, room

    def append(self, data: bytes | memoryview) -> int:
        """Take what there is room for."""
        if len(self.held) >= self.room:
            raise OSError(errno.EIO, "broken")
        taken = bytes(data[: min(self.step, self.room - len(self.held))])
        self.held += taken
        return len(taken)


@st.composite
def written(draw: st.DrawFn) -> list[bytes]:
    """Boxes, cut anywhere into pieces."""
    sizes = draw(st.lists(st.integers(0, 40), max_size=6))
    boxes = b"".join(
        struct.pack(">I4s", 8 + size, kind) + bytes(range(size))
        for size, kind in zip(sizes, (b"ftyp", b"mdat", b"free") * 2, strict=False)
    )
    places = sorted(draw(st.sets(st.integers(0, len(boxes)), max_size=8)) | {0, len(boxes)})
    return [boxes[begin:end] for begin, end in pairwise(places)]


@given(written(), st.integers(1, 100), st.integers(0, 300))
def test_every_byte_arrives_in_order(pieces: list[bytes], step: int, room: int) -> None:
    """Boxes cut anywhere, a disk that takes little at once, one that is full for a while: once it
    has room, all is there."""
    disk = Disk(step, room)
    stream = WatchedStream(disk, SampleIndex(), {1: 0})  # type: ignore[arg-type]
    for piece in pieces:
        assert stream.write(piece) == len(piece)
    whole = b"".join(pieces)
    assert disk.held == whole[:room]
    if len(whole) > room:
        with pytest.raises(OutputFailed):
            stream.check()
        with pytest.raises(OutputFailed):
            stream.retry()
        disk.room = len(whole)
        stream.retry()
    stream.check()
    assert disk.held == whole
