"""The last act: a fragmented file becomes an ordinary, seekable MP4, in place and safely.

    while it runs   ftyp | moov (no samples) | moof mdat | moof mdat | ...
    appended        ... | mdat (chapter titles) | moov (all samples)
    one write       ftyp | mdat = everything up to here                | moov

Invariant: at every instant the file is either the playable fragmented one or the finished one.
What is appended is on the disk before 44 bytes in the first sector, in one write, turn the old
`moov` and all fragments into the inside of one `mdat`; no byte of sound or picture is moved.
"""

from __future__ import annotations

import struct

from onetake.file.boxes import box, boxes, track_ids
from onetake.file.chapters import chapter_list, chapter_samples, chapter_track
from onetake.file.movie_box import build_movie
from onetake.file.output_file import OutputFile
from onetake.file.sample_index import SampleIndex
from onetake.model.chapters import Chapter

__all__ = ["finalise"]


def finalise(
    file: OutputFile, index: SampleIndex, *, end_ticks: int, chapters: list[Chapter]
) -> None:
    """Make `file` an ordinary MP4 that ends at `end_ticks` (of its movie time scale).

    `index` must have seen every byte of the file. When there is no room for the table of contents
    the file is left as it was, fragmented and playable. Raises OSError.
    """
    fragments_end = file.size_bytes
    try:
        _append_contents(file, index, end_ticks, chapters)
        file.sync()
    except OSError:
        file.cut(fragments_end)
        raise
    media_bytes = fragments_end - index.movie_offset
    if chapters:
        media_bytes += _chapter_box_bytes(chapters)
    brands = _ordinary_brands(file.read_at(0, index.movie_offset))
    file.patch(0, brands + struct.pack(">I4sQ", 1, b"mdat", media_bytes))


def _append_contents(
    file: OutputFile, index: SampleIndex, end_ticks: int, chapters: list[Chapter]
) -> None:
    track, user_data = b"", b""
    if chapters:
        titles = box(b"mdat", *chapter_samples(chapters))
        track_id = max(track_ids(index.movie)) + 1
        track = chapter_track(chapters, track_id, file.size_bytes + 8)
        user_data = chapter_list(chapters)
        file.write(titles)
    file.write(build_movie(index, end_ticks=end_ticks, extra_track=track, user_data=user_data))


def _ordinary_brands(head: bytes) -> bytes:
    """Return `ftyp` of the same length, naming what every reader of ordinary files knows."""
    file_type = next(boxes(head))
    count = (file_type.end - file_type.body - 8) // 4
    brands = [b"isom", b"iso2", b"mp41"] + [b"isom"] * max(0, count - 3)
    body = b"isom" + struct.pack(">I", 0x200) + b"".join(brands[:count])
    return box(b"ftyp", body) + head[file_type.end :]


def _chapter_box_bytes(chapters: list[Chapter]) -> int:
    return 8 + sum(len(sample) for sample in chapter_samples(chapters))
