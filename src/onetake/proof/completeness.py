"""Whether a file ends where its container says, from the outermost boxes alone.

Invariant: reads a few bytes per box and never trusts a size: at most _MOST_BOXES steps, each
forward.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

__all__ = ["missing_bytes"]

_MOST_BOXES = 2_000_000
"""A fragmented take of 8 h has about 60 000 boxes; more than this is a mangled file."""

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"

_MP4_BOXES = frozenset(
    b"ftyp moov mdat free skip wide moof mfra styp sidx uuid meta pnot udta emsg prft".split()
)


def missing_bytes(path: Path) -> int | None:
    """Return how many bytes the last box lacks; 0 = complete, None = this kind cannot tell.

    Understands MP4/QuickTime (ISO/IEC 14496-12) and Matroska/WebM (RFC 8794, 9559).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if head[4:8] in _MP4_BOXES:
            return _missing_in_mp4(file, size)
        if head[:4] == _EBML:
            return _missing_in_matroska(file, size)
    return None


def _missing_in_mp4(file: BinaryIO, size: int) -> int | None:
    position = 0
    for _ in range(_MOST_BOXES):
        if position == size:
            return 0
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return 8 - len(head)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            if len(head) < 16:
                return 16 - len(head)
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            return 0  # Reaches to the end of the file, by definition.
        if length < 8 or not head[4:8].isascii():
            return None
        if position + length > size:
            return position + length - size
        position += length
    return None


def _missing_in_matroska(file: BinaryIO, size: int) -> int | None:
    position = 0
    for _ in range(16):  # The header, perhaps a void element, then the segment.
        if position >= size:
            return None
        file.seek(position)
        head = file.read(12)
        if len(head) < 5:
            return None
        id_length = _vint_length(head[0])
        size_length = _vint_length(head[id_length]) if id_length < len(head) else 0
        if not id_length or not size_length or id_length + size_length > len(head):
            return None
        coded = int.from_bytes(head[id_length : id_length + size_length], "big")
        length = coded & ((1 << 7 * size_length) - 1)
        end = position + id_length + size_length + length
        if head[:id_length] == _SEGMENT:
            is_unknown = length == (1 << 7 * size_length) - 1
            return None if is_unknown else max(0, end - size)
        position = end
    return None


def _vint_length(first: int) -> int:
    """Return the length in bytes of an EBML variable-size integer, 0 when it is none."""
    return 9 - first.bit_length() if first else 0
