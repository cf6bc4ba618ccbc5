"""The bricks of an MP4 file (ISO/IEC 14496-12): read a box, build a box.

box:  size (4) | type (4) | [largesize (8) when size = 1] | body
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Box", "box", "boxes", "child", "full_box", "header_field", "track_id", "track_ids"]

_HEADER = struct.Struct(">I4s")
_LARGE_SIZE = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Box:
    """A box inside a buffer: `data[start:end]` is all of it, `data[body:end]` what it holds."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes of `data[start:end]` in order. Raises ValueError for a torn one."""
    stop = len(data) if end is None else end
    while start + _HEADER.size <= stop:
        size, kind = _HEADER.unpack_from(data, start)
        body = start + _HEADER.size
        if size == 1:
            (size,) = _LARGE_SIZE.unpack_from(data, body)
            body += _LARGE_SIZE.size
        if size < body - start or start + size > stop:
            raise ValueError(f"box {kind!r} at {start} does not fit")
        yield Box(kind, start, body, start + size)
        start += size


def child(data: bytes, parent: Box, *kinds: bytes) -> Box:
    """Return the first box found by walking down `kinds`. Raises ValueError when there is none."""
    found = parent
    for kind in kinds:
        inner = boxes(data, found.body, found.end)
        try:
            found = next(candidate for candidate in inner if candidate.kind == kind)
        except StopIteration:
            raise ValueError(f"no {kind!r} in {found.kind!r}") from None
    return found


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box holding `parts`. Raises ValueError when it needs 4 GiB or more."""
    body = b"".join(parts)
    size = _HEADER.size + len(body)
    if size > 0xFFFFFFFF:
        raise ValueError(f"box {kind!r} is too large")
    return _HEADER.pack(size, kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box whose body begins with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def header_field(source: bytes, header: Box, kind: bytes) -> int:
    """Return the word after the two times: of `mvhd` and `mdhd` the time scale, of `tkhd` the
    track id. Raises ValueError when `header` is another box."""
    if header.kind != kind:
        raise ValueError(f"{header.kind!r} is not {kind!r}")
    at = header.body + (20 if source[header.body] == 1 else 12)
    return int.from_bytes(source[at : at + 4], "big")


def track_id(source: bytes, trak: Box) -> int:
    """Return the id of a `trak` box."""
    return header_field(source, child(source, trak, b"tkhd"), b"tkhd")


def track_ids(movie: bytes) -> list[int]:
    """Return the ids of the tracks of a `moov` box, in order."""
    return [track_id(movie, inner) for inner in boxes(movie, 8) if inner.kind == b"trak"]
