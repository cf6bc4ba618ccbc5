"""Chapters and names of tracks for an ordinary MP4 that something else has written.

    as it was       ftyp | mdat | moov
    appended        ftyp | mdat | moov | mdat (chapter titles) | moov (with chapters and names)
    one write       ftyp | mdat | free | mdat                  | moov

Invariant: at every instant the file plays: what is appended is on the disk before four bytes make
the old table of contents free space, and until then readers take the first one they find. No byte
of sound or picture is moved.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from onetake.errors import OutputFailed
from onetake.file.boxes import Box, box, boxes, child, header_field, track_ids
from onetake.file.chapters import chapter_list, chapter_samples, chapter_track
from onetake.file.output_file import output_errors
from onetake.model.chapters import Chapter

__all__ = ["annotate"]


def annotate(path: Path, *, chapters: list[Chapter], sound_titles: Sequence[str]) -> None:
    """Add `chapters`, and name the sound tracks in their order.

    Raises OutputFailed, DiskFull; the file is then as it was, and plays.
    """
    try:
        with output_errors(path), path.open("r+b") as file:
            at, movie = _movie(file)
            end = file.seek(0, os.SEEK_END)
            titles = box(b"mdat", *chapter_samples(chapters)) if chapters else b""
            try:
                file.write(titles + _annotated(movie, chapters, sound_titles, end + 8))
                _sync(file)
            except OSError:
                file.truncate(end)
                raise
            file.seek(at + 4)
            file.write(b"free")
            _sync(file)
    except (ValueError, struct.error) as error:
        raise OutputFailed(f"{path.name} has no chapters: it is built unlike any known") from error


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _movie(file: IO[bytes]) -> tuple[int, bytes]:
    """Return where the table of contents is, and the table. Raises ValueError."""
    at = 0
    while len(head := file.read(16)) >= 8:
        size, kind = struct.unpack_from(">I4s", head)
        if size == 1:
            (size,) = struct.unpack_from(">Q", head, 8)
        if kind == b"moov":
            file.seek(at)
            return at, file.read(size)
        if size < 8:
            break
        at = file.seek(at + size)
    raise ValueError("no table of contents")


def _annotated(
    movie: bytes, chapters: list[Chapter], sound_titles: Sequence[str], samples_offset: int
) -> bytes:
    """Return the table of contents with chapters, whose titles are at `samples_offset`, and with
    the names of its sound tracks."""
    if any(inner.kind == b"mvex" for inner in boxes(movie, 8)):
        raise ValueError("a fragmented file: its table of contents has to stay in front")
    names = iter(sound_titles)
    new_id = max(track_ids(movie)) + 1
    parts, user_data, movie_scale = [], b"", 0
    for inner in boxes(movie, 8):
        raw = movie[inner.start : inner.end]
        if inner.kind == b"mvhd":
            movie_scale = header_field(movie, inner, b"mvhd")
            raw = raw[:-4] + struct.pack(">I", new_id + bool(chapters))
        elif inner.kind == b"udta":
            user_data, raw = raw[8:], b""
        elif inner.kind == b"trak":
            handler = child(movie, inner, b"mdia", b"hdlr").body + 8
            kind = movie[handler : handler + 4]
            if kind == b"vide" and chapters:
                raw = _with(movie, inner, b"tref", box(b"chap", struct.pack(">I", new_id)))
            elif kind == b"soun" and (name := next(names, "")):
                raw = _named(movie, inner, name.encode())
        parts.append(raw)
    if chapters:
        parts.append(chapter_track(chapters, new_id, samples_offset, movie_scale=movie_scale))
        user_data += chapter_list(chapters)
    return box(b"moov", *parts, box(b"udta", user_data) if user_data else b"")


def _named(movie: bytes, trak: Box, name: bytes) -> bytes:
    """Return a `trak` that is called `name`: in its user data, where QuickTime looks, and in its
    handler, where everybody else does."""
    track = _with(movie, trak, b"udta", box(b"name", name))
    whole = Box(trak.kind, 0, 8, len(track))
    media = child(track, whole, b"mdia")
    handler = child(track, media, b"hdlr")
    called = box(b"hdlr", track[handler.body : handler.body + 24], name, b"\0")
    inside = track[media.body : handler.start] + called + track[handler.end : media.end]
    return box(trak.kind, track[8 : media.start], box(b"mdia", inside), track[media.end :])


def _with(movie: bytes, parent: Box, kind: bytes, addition: bytes) -> bytes:
    """Return a box with `addition` inside its inner box `kind`, which is made where missing."""
    inner = list(boxes(movie, parent.body, parent.end))
    old = b"".join(movie[b.body : b.end] for b in inner if b.kind == kind)
    kept = [movie[b.start : b.end] for b in inner if b.kind != kind]
    return box(parent.kind, *kept, box(kind, old, addition))
