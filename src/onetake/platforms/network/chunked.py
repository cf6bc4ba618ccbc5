"""The chunked transfer coding of HTTP/1.1 (RFC 9112, section 7.1), taken apart as bytes come.

Pure. Invariant: however the network cuts the bytes, the same body comes out.
"""

from __future__ import annotations

__all__ = ["Unchunker"]

_LONGEST_SIZE_LINE = 1024
"""Bytes of a size line with its extensions; a longer one is no chunked body."""


class Unchunker:
    """Feed it what arrives, get the body."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._left = 0
        """Bytes of the current chunk that have not come yet."""
        self.is_ended = False
        """Whether the last chunk was seen."""

    def feed(self, data: bytes) -> bytes:
        """Return the part of the body that is complete now. Raises ValueError if it is not
        chunked."""
        self._bytes += data
        body = bytearray()
        while not self.is_ended:
            if self._left:
                piece = self._bytes[: self._left]
                body += piece
                del self._bytes[: len(piece)]
                self._left -= len(piece)
                if self._left:
                    break
            if not self._begin_chunk():
                break
        return bytes(body)

    def _begin_chunk(self) -> bool:
        """Read the next size line; return whether it was complete."""
        # The line end after the chunk before belongs to it.
        start = 2 if self._bytes.startswith(b"\r\n") else 0
        end = self._bytes.find(b"\r\n", start)
        if end < 0:
            if len(self._bytes) > _LONGEST_SIZE_LINE:
                raise ValueError("a chunk without a size")
            return False
        size = bytes(self._bytes[start:end]).partition(b";")[0].strip()
        if size and not all(digit in b"0123456789abcdefABCDEF" for digit in size):
            raise ValueError("a chunk's size is no number")
        del self._bytes[:end]
        self._left = int(size or b"0", 16)
        self.is_ended = not self._left
        if self._left:
            del self._bytes[:2]
        return True
