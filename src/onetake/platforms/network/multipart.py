"""Pictures out of a `multipart/x-mixed-replace` stream, each with the time it began to arrive.

Pure: bytes and times go in, JPEGs come out. Invariant: however the network cuts the bytes, the same
pictures come out; at most MOST_BYTES are kept.

A camera begins to send a picture when it has it, so the arrival of the picture's first byte is the
best stamp there is: its last byte is later by its size over the speed of the network, and the
boundary before it is often sent with the picture before (FFmpeg does).
"""

from __future__ import annotations

__all__ = ["MOST_BYTES", "MultipartReader", "boundary_of"]

MOST_BYTES = 16 << 20
"""Largest picture in bytes. A 4K JPEG of a camera has 2-4 MB; more than this is no picture, and
without a limit a broken camera would fill the memory."""

_HEADERS_END = b"\r\n\r\n"
_LONGEST_BOUNDARY = 2 + 70 + 4
"""Dashes, the 70 characters RFC 2046 allows, and line ends."""
_JPEG_START = b"\xff\xd8"


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary a content type tells, with its dashes; None when it tells none."""
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    for parameter in parameters if kind.lower().startswith("multipart/") else []:
        name, _, value = parameter.partition("=")
        told = value.strip().strip('"').lstrip("-")
        if name.strip().lower() == "boundary" and told:
            # Many cameras put the leading dashes into the parameter, too.
            return b"--" + told.encode("latin1", "replace")
    return None


class MultipartReader:
    """Collects bytes and yields the pictures in them.

    Args:
        boundary: what separates the parts, with its two dashes; None = the first line of the
            stream is it (FFmpeg serves its multipart stream as application/octet-stream).
    """

    def __init__(self, boundary: bytes | None) -> None:
        self._boundary = boundary
        self._bytes = bytearray()
        self._begun_ns: int | None = None

    def feed(self, data: bytes, arrival_ns: int) -> list[tuple[int, bytes]]:
        """Take bytes that arrived at `arrival_ns` (host time); return (stamp, JPEG) of the
        pictures that are complete now, in order. Raises ValueError when it is no such stream."""
        self._bytes += data
        if self._boundary is None:
            self._boundary = self._learnt_boundary()
        pictures = []
        while (
            self._boundary is not None
            and (part := self._next_part(self._boundary, arrival_ns)) is not None
        ):
            if part[1].startswith(_JPEG_START):
                pictures.append(part)
        if len(self._bytes) > MOST_BYTES:
            raise ValueError("a part without an end")
        return pictures

    def _learnt_boundary(self) -> bytes | None:
        """Return the first line, once it is complete. Raises ValueError when it is no boundary."""
        start = bytes(self._bytes[:_LONGEST_BOUNDARY]).lstrip(b"\r\n")
        if not b"--".startswith(start[:2]):
            raise ValueError("neither a boundary nor a picture")
        line, end, _ = start.partition(b"\r\n")
        if not end and len(start) >= _LONGEST_BOUNDARY - 2:
            raise ValueError("a boundary without an end")
        return line if end and len(line) > len(b"--") else None

    def _next_part(self, boundary: bytes, arrival_ns: int) -> tuple[int, bytes] | None:
        """Cut the next complete part off; None when there is none yet."""
        start = self._bytes.find(boundary)
        if start < 0:
            return None
        headers_end = self._bytes.find(_HEADERS_END, start)
        if headers_end < 0:
            return None
        body = headers_end + len(_HEADERS_END)
        if self._begun_ns is None and len(self._bytes) > body:
            self._begun_ns = arrival_ns
        length = _content_length(bytes(self._bytes[start:headers_end]))
        end = body + length if length is not None else self._bytes.find(boundary, body)
        if end < body or end > len(self._bytes):
            return None
        picture = bytes(self._bytes[body:end])
        del self._bytes[:end]
        begun_ns, self._begun_ns = self._begun_ns, None
        return arrival_ns if begun_ns is None else begun_ns, picture


def _content_length(headers: bytes) -> int | None:
    """Return the length a part's headers tell; None when they do not."""
    for line in headers.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
            return length if 0 < length <= MOST_BYTES else None
    return None
