"""Puts true times into a fragmented file's headers, which FFmpeg has partly guessed.

FFmpeg begins a fragment where it thinks that the last packet of the fragment before has ended.
When sound runs ahead of the picture that is a guess from the nominal frame rate. And it writes its
`moov` at once only without edit lists, which shifts the sound by the encoder's priming; waiting
for one packet of each track instead would leave nothing on the disk until sound comes.

Invariant: every sample has the times its packet had, from the first byte on.
"""

from __future__ import annotations

import itertools
import struct
from collections import deque
from collections.abc import Mapping, Sequence

from onetake.file.boxes import Box, box, boxes, child, full_box, track_id
from onetake.file.sample_index import Run, runs_of_fragment

__all__ = ["Times", "sound_fragment", "with_edit_lists", "with_true_times"]

Times = deque[tuple[int, int]]
"""(dts, pts) of the packets of a track that are on their way, in the track's ticks."""

_BASE_IS_MOOF = 0x20000
"""tfhd flag: offsets count from the start of the `moof`."""

_RUN_FLAGS = 0x001 | 0x100 | 0x200 | 0x400
"""trun flags: a run says where its data is, and of each sample duration, size and flags."""

_HAS_OFFSETS = 0x800
_SYNC, _NOT_SYNC = 0x02000000, 0x01010000
"""Sample flags: depends on no other; depends on others and is no key frame."""


def with_edit_lists(movie: bytes, first_ticks: Mapping[int, int]) -> bytes:
    """Return `moov` with an edit list in each track: what is shown begins at `first_ticks`.

    Args:
        movie: the whole box, as FFmpeg writes it before there are samples.
        first_ticks: for each track id the media tick that is heard or seen first.
    """
    parts = []
    for inner in boxes(movie, 8):
        raw = movie[inner.start : inner.end]
        if inner.kind == b"trak":
            entry = struct.pack(">IIiI", 1, 0, first_ticks[track_id(movie, inner)], 0x10000)
            edit = box(b"edts", full_box(b"elst", 0, 0, entry))
            header_end = child(movie, inner, b"tkhd").end - inner.start
            raw = box(b"trak", raw[8:header_end], edit, raw[header_end:])
        parts.append(raw)
    return box(b"moov", *parts)


def with_true_times(moof: bytes, times: Mapping[int, Times]) -> bytes:
    """Return `moof` with all samples at their times.

    Args:
        moof: the whole box, offsets relative to it, one run in each track.
        times: for each track id the times of its packets from the first of this fragment on;
            those of the fragment are taken away.
    """
    header = child(moof, Box(b"moof", 0, 8, len(moof)), b"mfhd")
    trafs = [
        _track_fragment(run, [times[run.track_id].popleft() for _ in run.sizes])
        for run in runs_of_fragment(moof, 0)
    ]
    growth = (header.end - header.start) + 8 + sum(map(len, trafs)) - len(moof)
    moved = [_with_data_further(traf, growth) for traf in trafs]
    return box(b"moof", moof[header.start : header.end], *moved)


def sound_fragment(
    sequence: int, tracks: Mapping[int, Sequence[tuple[int, bytes]]], duration: int
) -> bytes:
    """Return a whole fragment, `moof` and `mdat`, of packets that each last `duration` ticks.

    Args:
        sequence: number of the fragment in the file, from 1.
        tracks: for each track id its packets in order, each with its tick.
        duration: ticks of the track.
    """
    trafs: list[bytes] = []
    data: list[bytes] = []
    for track, packets in tracks.items():
        sizes = [len(packet) for _, packet in packets]
        count = len(packets)
        offset = sum(map(len, data))
        run = Run(track, offset, 0, sizes, [duration] * count, [0] * count, [True] * count)
        trafs.append(_track_fragment(run, [(tick, tick) for tick, _ in packets]))
        data.append(b"".join(packet for _, packet in packets))
    header = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence))
    growth = 8 + len(header) + sum(map(len, trafs)) + 8
    moof = box(b"moof", header, *(_with_data_further(traf, growth) for traf in trafs))
    return moof + box(b"mdat", *data)


def _track_fragment(run: Run, times: list[tuple[int, int]]) -> bytes:
    starts = [dts for dts, _ in times]
    durations = [end - start for start, end in itertools.pairwise(starts)]
    durations.append(run.durations[-1])
    offsets = [pts - dts for dts, pts in times]
    table = []
    for duration, size, is_sync, offset in zip(
        durations, run.sizes, run.is_sync, offsets, strict=True
    ):
        table.append(struct.pack(">III", duration, size, _SYNC if is_sync else _NOT_SYNC))
        if any(offsets):
            table.append(struct.pack(">i", offset))
    flags = _RUN_FLAGS | (_HAS_OFFSETS if any(offsets) else 0)
    head = struct.pack(">Ii", len(times), run.offset)
    return box(
        b"traf",
        full_box(b"tfhd", 0, _BASE_IS_MOOF, struct.pack(">I", run.track_id)),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", starts[0])),
        full_box(b"trun", 1, flags, head, *table),
    )


def _with_data_further(traf: bytes, growth: int) -> bytes:
    """Return the track fragment with its data `growth` bytes further away."""
    run = child(traf, Box(b"traf", 0, 8, len(traf)), b"trun").body
    (offset,) = struct.unpack_from(">i", traf, run + 8)
    return traf[: run + 8] + struct.pack(">i", offset + growth) + traf[run + 12 :]
