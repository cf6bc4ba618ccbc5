"""The table of contents of an ordinary MP4, made from a fragmented file's own and its samples.

Invariant: every track ends at the same instant, whatever its packets add up to: the edit list
says how much of the media is shown, so AAC priming and padding are not heard.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from onetake.file.boxes import Box, box, boxes, child, full_box, header_field, track_id, track_ids
from onetake.file.sample_index import SampleIndex, TrackSamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["build_movie", "chunk_offsets", "run_lengths"]

_MAX_32 = 0xFFFFFFFF


def build_movie(
    index: SampleIndex, *, end_ticks: int, extra_track: bytes = b"", user_data: bytes = b""
) -> bytes:
    """Return the `moov` box.

    Args:
        index: the samples and the fragmented file's `moov`.
        end_ticks: where all tracks end, in ticks of the movie's time scale.
        extra_track: a finished `trak` (chapters) that the video track refers to, or nothing.
        user_data: boxes to add to the movie's `udta`, or nothing.
    """
    source = index.movie
    movie = Box(b"moov", 0, 8, len(source))
    header = child(source, movie, b"mvhd")
    movie_scale = header_field(source, header, b"mvhd")
    next_track_id = max(track_ids(source)) + 1
    raw_header = source[header.start : header.end - 4] + struct.pack(
        ">I", next_track_id + bool(extra_track)
    )
    parts = [_retimed(raw_header, end_ticks, fields=1)]
    for inner in boxes(source, movie.body):
        if inner.kind == b"trak":
            samples = index.tracks[track_id(source, inner)]
            if not len(samples):
                continue
            chapter_track_id = next_track_id if extra_track else 0
            track = _Track(source, inner, samples, end_ticks, chapter_track_id)
            parts.append(track.build(movie_scale))
    parts.append(extra_track)
    parts.append(_user_data(source, movie, user_data))
    return box(b"moov", *parts)


@dataclass(slots=True)
class _Track:
    """One `trak` of the fragmented file on its way to an ordinary one."""

    source: bytes
    trak: Box
    samples: TrackSamples
    end_ticks: int
    chapter_track_id: int
    """Track that holds this video's chapters; 0 = none."""
    is_video: bool = False
    durations: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def build(self, movie_scale: int) -> bytes:
        """Return the `trak` box."""
        source = self.source
        media = child(source, self.trak, b"mdia")
        handler = child(source, media, b"hdlr").body
        self.is_video = source[handler + 8 : handler + 12] == b"vide"
        media_scale = header_field(source, child(source, media, b"mdhd"), b"mdhd")
        before_ticks = round(self.samples.first_dts * movie_scale / media_scale)
        edit, media_ticks = _edit_list(source, self.trak, before_ticks, self.end_ticks)
        self.durations = self.samples.durations.to_array()
        if self.is_video:
            # The last picture stays until the end, wherever that is.
            end_media = media_ticks + round(self.end_ticks * media_scale / movie_scale)
            self.durations[-1] = max(1, end_media - self.samples.last_dts)
        parts = []
        for inner in boxes(source, self.trak.body, self.trak.end):
            raw = source[inner.start : inner.end]
            if inner.kind == b"tkhd":
                parts.append(_retimed(raw, self.end_ticks, fields=2))
            elif inner.kind == b"edts":
                parts.append(edit)
                if self.is_video and self.chapter_track_id:
                    reference = struct.pack(">I", self.chapter_track_id)
                    parts.append(box(b"tref", box(b"chap", reference)))
            elif inner.kind == b"mdia":
                parts.append(self._media(inner))
            else:
                parts.append(raw)
        return box(b"trak", *parts)

    def _media(self, mdia: Box) -> bytes:
        source = self.source
        parts = []
        for inner in boxes(source, mdia.body, mdia.end):
            raw = source[inner.start : inner.end]
            if inner.kind == b"mdhd":
                parts.append(_retimed(raw, int(self.durations.sum()), fields=1))
            elif inner.kind == b"minf":
                children = [
                    self._sample_table(part)
                    if part.kind == b"stbl"
                    else source[part.start : part.end]
                    for part in boxes(source, inner.body, inner.end)
                ]
                parts.append(box(b"minf", *children))
            else:
                parts.append(raw)
        return box(b"mdia", *parts)

    def _sample_table(self, stbl: Box) -> bytes:
        samples = self.samples
        description = child(self.source, stbl, b"stsd")
        parts = [
            self.source[description.start : description.end],
            _counted(b"stts", run_lengths(self.durations)),
        ]
        sizes = samples.sizes.to_array()
        if self.is_video:
            parts.append(_counted(b"stss", samples.sync_samples.to_array().reshape(-1, 1)))
            offsets = samples.composition_offsets.to_array()
            if offsets.any():
                parts.append(_counted(b"ctts", run_lengths(offsets), version=1))
        parts.append(_sample_to_chunk(samples.run_counts.to_array()))
        header = struct.pack(">II", 0, len(sizes))
        parts.append(full_box(b"stsz", 0, 0, header, sizes.astype(">u4").tobytes()))
        parts.append(chunk_offsets(samples.run_offsets()))
        if not self.is_video:
            # AAC needs one packet before the one that is wanted, ISO/IEC 14496-12, 10.1.1.
            parts.append(full_box(b"sgpd", 1, 0, b"roll", struct.pack(">IIh", 2, 1, -1)))
            parts.append(full_box(b"sbgp", 0, 0, b"roll", struct.pack(">III", 1, len(sizes), 1)))
        return box(b"stbl", *parts)


def _edit_list(source: bytes, trak: Box, before_ticks: int, end_ticks: int) -> tuple[bytes, int]:
    """Return the `edts` of a track that is shown from `before_ticks` to `end_ticks`, and the tick
    of its media that comes first."""
    (media_ticks,) = struct.unpack_from(
        ">i", source, child(source, trak, b"edts", b"elst").body + 12
    )
    entries = [(before_ticks, -1)] if before_ticks else []
    entries.append((max(0, end_ticks - before_ticks), media_ticks))
    is_large = end_ticks > _MAX_32
    layout = ">Qqi" if is_large else ">Iii"
    body = b"".join(struct.pack(layout, *entry, 0x10000) for entry in entries)
    count = struct.pack(">I", len(entries))
    return box(b"edts", full_box(b"elst", int(is_large), 0, count, body)), media_ticks


def _sample_to_chunk(counts: NDArray[np.int64]) -> bytes:
    runs = run_lengths(counts)
    first_chunk = 1 + np.cumsum(runs[:, 0]) - runs[:, 0]
    rows = np.column_stack((first_chunk, runs[:, 1], np.ones(len(runs), np.int64)))
    return _counted(b"stsc", rows)


def chunk_offsets(offsets: NDArray[np.int64]) -> bytes:
    """Return `stco`, or `co64` when an offset needs more than 32 bits."""
    is_large = bool(len(offsets)) and int(offsets[-1]) > _MAX_32
    kind, dtype = (b"co64", ">u8") if is_large else (b"stco", ">u4")
    return full_box(kind, 0, 0, struct.pack(">I", len(offsets)), offsets.astype(dtype).tobytes())


def run_lengths(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (count, value) for each run of equal values, int64, shape (runs, 2)."""
    if not len(values):
        return np.empty((0, 2), np.int64)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
    counts = np.diff(np.concatenate((starts, [len(values)])))
    return np.column_stack((counts, values[starts]))


def _counted(kind: bytes, rows: NDArray[np.int64], version: int = 0) -> bytes:
    table = rows.astype(">u4").tobytes()
    return full_box(kind, version, 0, struct.pack(">I", len(rows)), table)


def _retimed(raw: bytes, duration: int, *, fields: int) -> bytes:
    """Return `mvhd`, `mdhd` (fields=1) or `tkhd` (fields=2) with another duration.

    Both begin with version, flags, creation and modification time, then `fields` words, then the
    duration; times become 64 bits wide when the duration needs them.
    """
    version = raw[8]
    word = "Q" if version == 1 else "I"
    layout = struct.Struct(f">I{word}{word}{fields}I{word}")
    first, created, modified, *middle, _ = layout.unpack_from(raw, 8)
    rest = raw[8 + layout.size :]
    if duration > _MAX_32:
        word, first = "Q", first | 1 << 24
    packed = struct.pack(
        f">I{word}{word}{fields}I{word}", first, created, modified, *middle, duration
    )
    return box(raw[4:8], packed, rest)


def _user_data(source: bytes, movie: Box, user_data: bytes) -> bytes:
    old = [source[b.body : b.end] for b in boxes(source, movie.body) if b.kind == b"udta"]
    return box(b"udta", *old, user_data) if old or user_data else b""
