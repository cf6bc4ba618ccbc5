"""Puts the true times into a fragment's header, which FFmpeg has partly guessed.

FFmpeg begins a fragment where it thinks that the last packet of the fragment before has ended.
When sound runs ahead of the picture that is a guess from the nominal frame rate, and the first
frame of the fragment is shown too early or too late by a frame's jitter.

Invariant: every sample of the rewritten track has the times its packet had.
"""

from __future__ import annotations

import itertools
import struct
from collections import deque

from onetake.file.boxes import Box, box, boxes, child, full_box
from onetake.file.sample_index import Run, runs_of_fragment

__all__ = ["with_true_times"]

_BASE_IS_MOOF = 0x20000
"""tfhd flag: offsets count from the start of the `moof`."""

_RUN_FLAGS = 0x001 | 0x100 | 0x200 | 0x400
"""trun flags: a run says where its data is, and of each sample duration, size and flags."""

_HAS_OFFSETS = 0x800
_SYNC, _NOT_SYNC = 0x02000000, 0x01010000
"""Sample flags: depends on no other; depends on others and is no key frame."""


def with_true_times(moof: bytes, track_id: int, times: deque[tuple[int, int]]) -> bytes:
    """Return `moof` with the samples of `track_id` at `times`.

    Args:
        moof: the whole box, offsets relative to it, one run in each track.
        track_id: the track to rewrite.
        times: (dts, pts) in the track's ticks of all packets from the first of this fragment on;
            those of the fragment are taken away.
    """
    header = child(moof, Box(b"moof", 0, 8, len(moof)), b"mfhd")
    trafs = [moof[b.start : b.end] for b in boxes(moof, 8) if b.kind == b"traf"]
    runs = runs_of_fragment(moof, 0)
    growth = 0
    for number, run in enumerate(runs):
        if run.track_id == track_id:
            timed = _track_fragment(run, [times.popleft() for _ in run.sizes])
            growth = len(timed) - len(trafs[number])
            trafs[number] = timed
    moved = [_with_data_further(traf, growth) for traf in trafs]
    return box(b"moof", moof[header.start : header.end], *moved)


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
