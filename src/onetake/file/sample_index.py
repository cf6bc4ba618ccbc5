"""Where every sample of a fragmented file is, learnt by watching its own bytes go by.

FFmpeg's own way to end a fragmented file as an ordinary one keeps 64 bytes a packet in memory
(19 MB an hour, measured); this keeps one to three.

Invariant: a sample is listed only when all its bytes have gone by, so that an index made from what
is listed is true even of a file whose tail was never written.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onetake.file.boxes import Box, boxes, child, track_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PackedInts", "Run", "SampleIndex", "TrackSamples", "runs_of_fragment"]

_PACK_COUNT = 4096
"""Numbers that are packed at once. Fewer: zlib finds little. More: more of them lie about."""

_DURATION, _SIZE, _FLAGS, _OFFSET = 0x100, 0x200, 0x400, 0x800
_DATA_OFFSET, _FIRST_FLAGS = 0x001, 0x004
"""trun flags, ISO/IEC 14496-12, 8.8.8."""

_BASE_OFFSET, _DESCRIPTION = 0x01, 0x02
_DEFAULT_DURATION, _DEFAULT_SIZE, _DEFAULT_FLAGS = 0x08, 0x10, 0x20
"""tfhd flags, 8.8.7."""

_IS_NOT_SYNC = 0x10000
"""Sample flag: not a key frame, 8.8.3.1."""


class PackedInts:
    """A list of unsigned 32-bit integers that only grows and keeps itself small in memory."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._packed_count = 0
        self._tail = array("I")

    def __len__(self) -> int:
        return self._packed_count + len(self._tail)

    def extend(self, values: list[int]) -> None:
        """Append `values`."""
        self._tail.extend(values)
        if len(self._tail) > _PACK_COUNT:
            block = np.array(self._tail[:-1], dtype="<u4")
            # One byte plane after the other: the high bytes are all but equal.
            planes = np.ascontiguousarray(block.view(np.uint8).reshape(-1, 4).T)
            self._packed.append(zlib.compress(planes.tobytes(), 6))
            self._packed_count += len(block)
            del self._tail[:-1]

    def replace_last(self, value: int) -> None:
        """Set the last number, which there must be."""
        self._tail[-1] = value

    def to_array(self) -> NDArray[np.int64]:
        """Return all numbers, int64, shape (n,)."""
        parts = [
            np.frombuffer(zlib.decompress(data), np.uint8).reshape(4, -1).T.copy().view("<u4")[:, 0]
            for data in self._packed
        ]
        parts.append(np.array(self._tail, dtype="<u4"))
        return np.concatenate(parts).astype(np.int64)


class TrackSamples:
    """The samples of one track in coding order, and the runs (chunks) they lie in."""

    def __init__(self) -> None:
        self.sizes = PackedInts()
        """Bytes of each sample."""
        self.durations = PackedInts()
        """Ticks from each sample to the next; of the last one, what the encoder said."""
        self.composition_offsets = PackedInts()
        """Presentation minus decoding time in ticks, as unsigned 32 bit; all 0 without B-frames."""
        self.sync_samples = PackedInts()
        """Numbers (from 1) of the key frames."""
        self.run_counts = PackedInts()
        """Samples in each run."""
        self._run_steps = PackedInts()
        self._last_run_offset = 0
        self.first_dts = 0
        """Decoding time of the first sample in ticks."""
        self._last_dts = 0
        self._end_dts = 0

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def last_dts(self) -> int:
        """Decoding time of the last sample in ticks."""
        return self._last_dts

    @property
    def end_dts(self) -> int:
        """Where the last sample ends, in ticks, by what the encoder said; 0 without samples."""
        return self._end_dts

    def run_offsets(self) -> NDArray[np.int64]:
        """Return where in the file each run begins, int64, shape (runs,)."""
        return np.cumsum(self._run_steps.to_array())

    def append(self, run: Run) -> None:
        """Append the samples of a run; a gap before it makes the sample before it last longer."""
        if not run.sizes:
            return
        if len(self):
            self.durations.replace_last(max(0, run.dts - self._last_dts))
        else:
            self.first_dts = run.dts
        first_number = len(self) + 1
        self.sizes.extend(run.sizes)
        self.durations.extend(run.durations)
        self.composition_offsets.extend(run.composition_offsets)
        self.sync_samples.extend(
            [first_number + i for i, is_sync in enumerate(run.is_sync) if is_sync]
        )
        self.run_counts.extend([len(run.sizes)])
        self._run_steps.extend([run.offset - self._last_run_offset])
        self._last_run_offset = run.offset
        self._last_dts = run.dts + sum(run.durations[:-1])
        self._end_dts = self._last_dts + run.durations[-1]


@dataclass(slots=True)
class Run:
    """Samples of one track that lie behind each other."""

    track_id: int
    offset: int
    dts: int
    sizes: list[int]
    durations: list[int]
    composition_offsets: list[int]
    is_sync: list[bool]

    def cut(self, end_offset: int) -> None:
        """Keep only the samples that end at or before `end_offset`."""
        count, position = 0, self.offset
        for size in self.sizes:
            position += size
            if position > end_offset:
                break
            count += 1
        for values in (self.sizes, self.durations, self.composition_offsets, self.is_sync):
            del values[count:]


class SampleIndex:
    """Reads a fragmented file's bytes in the order in which they are written."""

    def __init__(self) -> None:
        self.tracks: dict[int, TrackSamples] = {}
        """By track id, in the order of the tracks."""
        self.movie = b""
        """The `moov` box at the beginning: codecs, names, edit lists, but no samples."""
        self.movie_offset = 0
        """Where it begins."""
        self.size_bytes = 0
        """Bytes seen."""
        self.fragment_count = 0
        """Fragments whose header was seen."""
        self._gathered = bytearray()
        self._to_skip = 0
        self._pending: list[Run] = []

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the file. Raises ValueError for what is not a fragmented MP4."""
        view = memoryview(data)
        while view:
            if self._to_skip:
                step = min(self._to_skip, len(view))
                self._to_skip -= step
                self.size_bytes += step
                view = view[step:]
                if not self._to_skip:
                    self._commit()
                continue
            view = self._gather(view)

    def settle(self) -> None:
        """Nothing more comes: list what is complete of a fragment whose end is missing."""
        for run in self._pending:
            run.cut(self.size_bytes)
        self._commit()

    def _gather(self, view: memoryview) -> memoryview:
        """Collect a whole box that is not `mdat`; of `mdat`, its header."""
        wanted = 8 if len(self._gathered) < 8 else self._box_size()
        step = min(wanted - len(self._gathered), len(view))
        self._gathered += view[:step]
        self.size_bytes += step
        if len(self._gathered) < 8:
            return view[step:]
        size = self._box_size()
        if size < 8:
            raise ValueError("box of no size")
        kind = bytes(self._gathered[4:8])
        if kind == b"mdat":
            self._to_skip = size - 8
            self._gathered.clear()
            if not self._to_skip:
                self._commit()
        elif len(self._gathered) == size:
            self._take_box(kind, bytes(self._gathered))
            self._gathered.clear()
        return view[step:]

    def _box_size(self) -> int:
        return int.from_bytes(self._gathered[:4], "big")

    def _take_box(self, kind: bytes, data: bytes) -> None:
        if kind == b"moov":
            self.movie = data
            self.movie_offset = self.size_bytes - len(data)
            for track_id in track_ids(data):
                self.tracks[track_id] = TrackSamples()
        elif kind == b"moof":
            self.fragment_count += 1
            self._pending += runs_of_fragment(data, self.size_bytes - len(data))

    def _commit(self) -> None:
        for run in self._pending:
            self.tracks[run.track_id].append(run)
        self._pending.clear()


def runs_of_fragment(data: bytes, moof_offset: int) -> list[Run]:
    """Return the runs a `moof` box describes; `moof_offset` is where it lies in the file."""
    runs = []
    for traf in boxes(data, 8):
        if traf.kind != b"traf":
            continue
        header = _TrackFragmentHeader.read(data, child(data, traf, b"tfhd"), moof_offset)
        tfdt = child(data, traf, b"tfdt").body
        size = 8 if data[tfdt] == 1 else 4
        dts = int.from_bytes(data[tfdt + 4 : tfdt + 4 + size], "big")
        for trun in boxes(data, traf.body, traf.end):
            if trun.kind == b"trun":
                run = _read_run(data, trun.body, header, dts)
                dts += sum(run.durations)
                runs.append(run)
    return runs


@dataclass(frozen=True, slots=True)
class _TrackFragmentHeader:
    """What a fragment says of all its samples of one track."""

    track_id: int
    base_offset: int
    duration: int
    size: int
    flags: int

    @classmethod
    def read(cls, data: bytes, tfhd: Box, moof_offset: int) -> _TrackFragmentHeader:
        word, track_id = struct.unpack_from(">II", data, tfhd.body)
        at = tfhd.body + 8
        base_offset = moof_offset
        if word & _BASE_OFFSET:
            (base_offset,) = struct.unpack_from(">Q", data, at)
            at += 8
        values = []
        for flag in (_DESCRIPTION, _DEFAULT_DURATION, _DEFAULT_SIZE, _DEFAULT_FLAGS):
            value = 0
            if word & flag:
                (value,) = struct.unpack_from(">I", data, at)
                at += 4
            values.append(value)
        _, duration, size, flags = values
        return cls(track_id, base_offset, duration, size, flags)


def _read_run(data: bytes, body: int, header: _TrackFragmentHeader, dts: int) -> Run:
    word, count = struct.unpack_from(">II", data, body)
    at = body + 8
    offset, first_flags = header.base_offset, None
    if word & _DATA_OFFSET:
        offset += int.from_bytes(data[at : at + 4], "big", signed=True)
        at += 4
    if word & _FIRST_FLAGS:
        first_flags = int.from_bytes(data[at : at + 4], "big")
        at += 4
    present = [flag for flag in (_DURATION, _SIZE, _FLAGS, _OFFSET) if word & flag]
    table = np.frombuffer(data, ">u4", count * len(present), at).reshape(count, len(present))
    columns = {flag: table[:, i].tolist() for i, flag in enumerate(present)}
    flags = columns.get(_FLAGS, [header.flags] * count)
    if first_flags is not None and count:
        flags = [first_flags, *flags[1:]]
    return Run(
        header.track_id,
        offset,
        dts,
        columns.get(_SIZE, [header.size] * count),
        columns.get(_DURATION, [header.duration] * count),
        columns.get(_OFFSET, [0] * count),
        [not flag & _IS_NOT_SYNC for flag in flags],
    )
