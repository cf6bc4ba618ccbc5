"""Chapters, written twice: as the list most players read, and as the text track Apple's read."""

from __future__ import annotations

import struct

import numpy as np

from onetake.file.boxes import box, full_box
from onetake.file.movie_box import chunk_offsets, run_lengths
from onetake.model.chapters import Chapter
from onetake.model.units import SAMPLE_RATE_HZ

__all__ = ["chapter_list", "chapter_samples", "chapter_track"]

_MAX_LISTED = 255
"""The list counts in one byte; the text track knows no such limit."""

_UTF8_MARK = box(b"encd", struct.pack(">I", 0x0100))
"""Says that a text sample is UTF-8 (QuickTime file format, text sample extensions)."""

_UNDEFINED_LANGUAGE = 0x55C4
_IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def chapter_list(chapters: list[Chapter]) -> bytes:
    """Return the `chpl` box (in 100 ns units), as most players read it; at most 255 chapters."""
    entries = []
    for chapter in chapters[:_MAX_LISTED]:
        title = _cut_utf8(chapter.title, 255)
        start = chapter.start_sample * 10_000_000 // SAMPLE_RATE_HZ
        entries.append(struct.pack(">QB", start, len(title)) + title)
    return full_box(b"chpl", 1, 0, struct.pack(">IB", 0, len(entries)), *entries)


def chapter_samples(chapters: list[Chapter]) -> list[bytes]:
    """Return the text samples of the chapter track, one for each chapter."""
    titles = [_cut_utf8(chapter.title, 0xFFFF) for chapter in chapters]
    return [struct.pack(">H", len(title)) + title + _UTF8_MARK for title in titles]


def chapter_track(
    chapters: list[Chapter],
    track_id: int,
    samples_offset: int,
    *,
    movie_scale: int = SAMPLE_RATE_HZ,
) -> bytes:
    """Return the `trak` of the chapter track, whose samples begin at `samples_offset`, in a movie
    of `movie_scale` ticks a second."""
    durations = np.array([c.end_sample - c.start_sample for c in chapters], np.int64)
    total = int(durations.sum())
    # Not enabled (flag 1 missing): a chapter track is looked up, never shown.
    header = struct.pack(">IIIII", 0, 0, track_id, 0, total * movie_scale // SAMPLE_RATE_HZ)
    tkhd = full_box(
        b"tkhd", 0, 2, header, bytes(8), struct.pack(">HHHH", 0, 0, 0, 0), _IDENTITY, bytes(8)
    )
    mdhd = full_box(
        b"mdhd",
        0,
        0,
        struct.pack(">IIIIHH", 0, 0, SAMPLE_RATE_HZ, total, _UNDEFINED_LANGUAGE, 0),
    )
    hdlr = full_box(b"hdlr", 0, 0, bytes(4), b"text", bytes(12), b"Chapters\0")
    return box(
        b"trak",
        tkhd,
        box(b"mdia", mdhd, hdlr, _media_information(chapters, durations, samples_offset)),
    )


def _media_information(
    chapters: list[Chapter], durations: np.ndarray[tuple[int], np.dtype[np.int64]], offset: int
) -> bytes:
    gmin = full_box(b"gmin", 0, 0, struct.pack(">HHHHHH", 0x40, 0x8000, 0x8000, 0x8000, 0, 0))
    dref = full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))
    sizes = [len(sample) for sample in chapter_samples(chapters)]
    count = len(sizes)
    times = run_lengths(durations)
    stbl = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), _text_description()),
        full_box(b"stts", 0, 0, struct.pack(">I", len(times)), times.astype(">u4").tobytes()),
        full_box(b"stsc", 0, 0, struct.pack(">IIII", 1, 1, count, 1)),
        full_box(b"stsz", 0, 0, struct.pack(f">II{count}I", 0, count, *sizes)),
        chunk_offsets(np.array([offset], np.int64)),
    )
    return box(b"minf", box(b"gmhd", gmin, box(b"text", _IDENTITY)), box(b"dinf", dref), stbl)


def _text_description() -> bytes:
    """Return the sample description of QuickTime text: no colours, no font, never drawn."""
    entry = bytes(6) + struct.pack(">H", 1)
    look = struct.pack(">II", 0, 0) + bytes(6) + bytes(8) + bytes(8)
    font = struct.pack(">HHBH", 0, 0, 0, 0) + bytes(6) + b"\0"
    return box(b"text", entry, look, font)


def _cut_utf8(text: str, max_bytes: int) -> bytes:
    data = text.encode("utf-8", "replace")[:max_bytes]
    return data.decode("utf-8", "ignore").encode("utf-8")
