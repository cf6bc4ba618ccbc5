"""What is sound of a torn recording: its head, and the fragments that are what they say.

A recording is `ftyp moov (moof mdat)*` while it is made; finishing it hides all that inside one
`mdat` and appends another `moov`. Both are found here, as is what a crash, a lost page or a bad
disk left of them.

Invariant: everything that is handed on has been checked against the file's size: no count, size
or time in it can make a reader allocate, loop or wait for more than the file holds.
"""

from __future__ import annotations

import io
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from onetake.errors import InvalidRecording

__all__ = ["FragmentView", "Scan", "scan"]

MAX_HEAD_BYTES = 4 << 20
"""Largest head that is believed; real ones have 2 kB."""

MAX_FRAGMENT_HEADER_BYTES = 4 << 20
"""Largest `moof` that is believed; real ones have some hundred bytes."""

MAX_GAP_S = 24 * 3600
"""Longest time a sample or a hole may last: longer is a damaged number, and as a timestamp would
make every later sample unreachable."""

_SEARCH_BYTES = 1 << 20

_HEADER = struct.Struct(">I4s")


@dataclass(slots=True)
class Scan:
    """What was found in a file."""

    head: bytes = b""
    """`ftyp` and the `moov` without samples, as they were while the recording was made."""
    fragments: list[tuple[int, int]] = field(default_factory=list)
    """(start, end) in the file of each sound `moof` with its `mdat`; the last may be cut short."""
    lost_bytes: int = 0
    """Bytes that belong to nothing sound."""
    is_finished: bool = False
    """Whether the file has a table of contents: it is an ordinary MP4."""


@dataclass(slots=True)
class _Track:
    """What checking needs to know of a track."""

    time_scale: int
    next_dts: int = 0


def scan(path: Path) -> Scan:
    """Return what is sound in `path`, reading only its box headers.

    Raises InvalidRecording for what never was a recording, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        return _Scanner(file, path).scan()


class _Scanner:
    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._name = path.name
        self._size = path.stat().st_size

    def scan(self) -> Scan:
        first = self._box(0)
        if first is None or first[0] != b"ftyp" or first[1] > MAX_HEAD_BYTES:
            raise InvalidRecording(f"{self._name} is not an MP4 file")
        second = self._box(first[1])
        if second is None:
            raise InvalidRecording(f"{self._name} holds nothing yet: it was interrupted at once")
        kind, end = second
        found = Scan(is_finished=self._has_contents(first[1]))
        if kind == b"moov" and end <= MAX_HEAD_BYTES:
            found.head = self._read(0, end)
            start = end
        elif kind == b"mdat":
            found.head, start = self._hidden_head(first[1])
        else:
            start = self._size
        if found.head:
            tracks = _tracks_of(found.head, first[1])
            self._collect(found, tracks, start)
        if not found.fragments and not found.is_finished:
            raise InvalidRecording(f"nothing in {self._name} can be recovered")
        return found

    def _read(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)

    def _box(self, at: int) -> tuple[bytes, int] | None:
        """Return (kind, end) of the box at `at`, None where there is none. `end` is what the box
        says, which may be past the end of the file."""
        header = self._read(at, 16)
        if len(header) < 8:
            return None
        size, kind = _HEADER.unpack_from(header)
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack_from(">Q", header, 8)
            return (kind, at + size) if size >= 16 else None
        return (kind, at + size) if size >= 8 else None

    def _has_contents(self, at: int) -> bool:
        """Whether a `moov` that is all there follows, and nothing of a recording in progress."""
        found = False
        while (box := self._box(at)) is not None and box[1] <= self._size:
            if box[0] == b"moof":
                return False
            if box[0] == b"moov":
                found = True
            at = box[1]
        return found and at == self._size

    def _hidden_head(self, at: int) -> tuple[bytes, int]:
        """Return the head that finishing has overwritten 16 bytes of, and where it ends.

        These were the headers of `moov` and of the `mvhd` in it, whose sizes follow from the rest.
        """
        version = self._read(at + 16, 1)
        movie_header_size = 120 if version == b"\x01" else 108
        end = at + 8 + movie_header_size
        while (box := self._box(end)) is not None and box[0] != b"moof":
            if box[0] not in (b"trak", b"mvex", b"udta") or box[1] - at > MAX_HEAD_BYTES:
                return b"", self._size
            end = box[1]
        if box is None:
            return b"", self._size
        headers = _HEADER.pack(end - at, b"moov") + _HEADER.pack(movie_header_size, b"mvhd")
        return self._read(0, at) + headers + self._read(at + 16, end - at - 16), end

    def _collect(self, found: Scan, tracks: dict[int, _Track], at: int) -> None:
        while at < self._size:
            box = self._box(at)
            kind, end = box if box is not None else (b"", self._size)
            fragment_end = self._fragment_end(tracks, at, end) if kind == b"moof" else None
            if fragment_end is not None:
                found.fragments.append((at, min(fragment_end, self._size)))
                at = fragment_end
            elif kind in (b"mdat", b"moov", b"free", b"mfra") and end <= self._size:
                # What finishing appended, whole or not yet in use.
                at = end
            else:
                found_at = self._next_fragment(at + 1)
                found.lost_bytes += found_at - at
                at = found_at

    def _next_fragment(self, at: int) -> int:
        """Return where the next `moof` might begin, or the end of the file."""
        while at < self._size:
            data = self._read(at, _SEARCH_BYTES)
            place = data.find(b"moof", 4)
            if place >= 0:
                return at + place - 4
            if len(data) < _SEARCH_BYTES:
                break
            at += len(data) - 7
        return self._size

    def _fragment_end(self, tracks: dict[int, _Track], at: int, header_end: int) -> int | None:
        """Return where the `mdat` of the fragment at `at` ends, None when it is not sound."""
        size = header_end - at
        data_box = self._box(header_end) if size <= MAX_FRAGMENT_HEADER_BYTES else None
        if data_box is None or data_box[0] != b"mdat":
            return None
        try:
            runs = _runs(self._read(at, size), tracks)
        except (struct.error, ValueError, KeyError, IndexError):
            return None
        place = size + 8
        for run in runs:
            if run.offset != place:
                return None
            place += run.data_bytes
        if data_box[1] != at + place:
            return None
        for run in runs:
            tracks[run.track_id].next_dts = run.end_dts
        return at + place


@dataclass(frozen=True, slots=True)
class _Run:
    track_id: int
    offset: int
    """Where its data begins, counted from the start of the `moof`."""
    data_bytes: int
    end_dts: int


def _children(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, body, end) of the boxes in `data[start:end]`. Raises ValueError."""
    while start < end:
        size, kind = _HEADER.unpack_from(data, start)
        if size < 8 or start + size > end:
            raise ValueError("a box does not fit")
        yield kind, start + 8, start + size
        start += size


def _tracks_of(head: bytes, movie_at: int) -> dict[int, _Track]:
    """Return the tracks of the head. Raises InvalidRecording when they make no sense."""
    tracks: dict[int, _Track] = {}
    try:
        for kind, body, end in _children(head, movie_at + 8, len(head)):
            if kind != b"trak":
                continue
            track_id = time_scale = 0
            for inner, inner_body, inner_end in _children(head, body, end):
                if inner == b"tkhd":
                    track_id = _word_after_times(head, inner_body)
                elif inner == b"mdia":
                    for leaf, leaf_body, _ in _children(head, inner_body, inner_end):
                        if leaf == b"mdhd":
                            time_scale = _word_after_times(head, leaf_body)
            if not 0 < time_scale <= 10_000_000 or track_id in tracks:
                raise ValueError("a track is damaged")
            tracks[track_id] = _Track(time_scale)
    except (struct.error, ValueError, IndexError) as error:
        raise InvalidRecording(f"the head of the recording is damaged: {error}") from error
    return tracks


def _word_after_times(data: bytes, body: int) -> int:
    at = body + (20 if data[body] == 1 else 12)
    (word,) = struct.unpack_from(">I", data, at)
    return int(word)


def _runs(moof: bytes, tracks: dict[int, _Track]) -> list[_Run]:
    """Return the runs of a fragment. Raises ValueError, KeyError or struct.error."""
    runs: list[_Run] = []
    for kind, body, end in _children(moof, 8, len(moof)):
        if kind != b"traf":
            continue
        boxes = {inner: (at, stop) for inner, at, stop in _children(moof, body, end)}
        at, _ = boxes[b"tfhd"]
        flags, track_id = struct.unpack_from(">II", moof, at)
        if flags & 0x01 or not flags & 0x20000:
            raise ValueError("not a fragment of ours: offsets are not relative")
        wanted = [bit for bit in (0x02, 0x08, 0x10, 0x20) if flags & bit]
        values = struct.unpack_from(f">{len(wanted)}I", moof, at + 8)
        defaults = dict(zip(wanted, values, strict=True))
        track = tracks[track_id]
        time_at, _ = boxes[b"tfdt"]
        layout = ">Q" if moof[time_at] == 1 else ">I"
        (dts,) = struct.unpack_from(layout, moof, time_at + 4)
        if not 0 <= dts - track.next_dts <= MAX_GAP_S * track.time_scale:
            raise ValueError("time runs backwards or away")
        for inner, run_at, run_end in _children(moof, body, end):
            if inner == b"trun":
                run = _run(moof[run_at:run_end], track_id, dts, defaults, track.time_scale)
                dts = run.end_dts
                runs.append(run)
    if not runs:
        raise ValueError("an empty fragment")
    return runs


def _run(trun: bytes, track_id: int, dts: int, defaults: dict[int, int], time_scale: int) -> _Run:
    flags, count, offset = struct.unpack_from(">IIi", trun, 0)
    if not flags & 0x01:
        raise ValueError("a run without a place")
    at = 16 if flags & 0x04 else 12
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    table = struct.unpack_from(f">{count * len(columns)}I", trun, at) if columns else ()
    if at + 4 * len(table) != len(trun):
        raise ValueError("a run of another length than it says")

    def total(bit: int, default_bit: int) -> tuple[int, int]:
        if bit in columns:
            values = table[columns.index(bit) :: len(columns)]
            return sum(values), max(values, default=0)
        value = defaults.get(default_bit, 0)
        return value * count, value

    data_bytes, _ = total(0x200, 0x10)
    duration, longest = total(0x100, 0x08)
    if data_bytes < count or longest > MAX_GAP_S * time_scale:
        raise ValueError("samples of no size or without end")
    return _Run(track_id, offset, data_bytes, dts + duration)


class FragmentView(io.RawIOBase):
    """The sound parts of a file, one after the other: what a reader may safely be shown."""

    def __init__(self, path: Path, found: Scan) -> None:
        super().__init__()
        self.name = str(path)
        self._file = path.open("rb")
        self._head = found.head
        self._starts = [0]
        self._parts = found.fragments
        for start, end in found.fragments:
            self._starts.append(self._starts[-1] + end - start)
        self._size = len(self._head) + self._starts[-1]
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the view."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` and return the new position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; a short read means the end of a part, none the end."""
        if size < 0:
            size = self._size
        at = self._position
        if at < len(self._head):
            data = self._head[at : at + size]
        else:
            data = self._read_part(at - len(self._head), size)
        self._position += len(data)
        return data

    def _read_part(self, at: int, size: int) -> bytes:
        number = bisect_right(self._starts, at) - 1
        if number >= len(self._parts):
            return b""
        start, end = self._parts[number]
        inside = at - self._starts[number]
        self._file.seek(start + inside)
        return self._file.read(min(size, end - start - inside))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
