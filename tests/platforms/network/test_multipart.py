"""Pictures come out of a multipart stream however the network cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.platforms.network.multipart import MOST_BYTES, MultipartReader, boundary_of

JPEG = b"\xff\xd8"
pictures = st.lists(st.binary(max_size=60).map(lambda body: JPEG + body), min_size=1, max_size=6)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return `data` in pieces."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@given(pictures, st.lists(st.integers(0, 10_000), max_size=30), st.booleans(), st.booleans())
def test_the_same_pictures_whatever_the_pieces(
    jpegs: list[bytes], places: list[int], has_type: bool, is_told: bool
) -> None:
    """With lengths, any bytes may be in a picture and any cut in the stream."""
    stream = b"".join(
        b"--cut\r\n"
        + (b"Content-Type: image/jpeg\r\n" if has_type else b"")
        + f"Content-Length: {len(jpeg)}\r\n\r\n".encode()
        + jpeg
        + b"\r\n"
        for jpeg in jpegs
    )
    reader = MultipartReader(b"--cut" if is_told else None)
    found = [p for n, piece in enumerate(cut(stream, places)) for p in reader.feed(piece, n)]
    assert [jpeg for _, jpeg in found] == jpegs
    assert [stamp for stamp, _ in found] == sorted(stamp for stamp, _ in found)


@given(pictures, st.lists(st.integers(0, 10_000), max_size=30))
def test_without_lengths_the_boundary_ends_a_picture(jpegs: list[bytes], places: list[int]) -> None:
    """A stream that tells no lengths is cut at its boundary; the last picture waits for it."""
    boundary = b"--a-boundary-that-is-in-no-picture"
    stream = b"".join(boundary + b"\r\nX: 1\r\n\r\n" + jpeg for jpeg in jpegs) + boundary
    reader = MultipartReader(None if len(jpegs) % 2 else boundary)
    found = [jpeg for piece in cut(stream, places) for _, jpeg in reader.feed(piece, 0)]
    assert found == jpegs


def test_the_stamp_is_the_first_byte_of_the_picture() -> None:
    """Not of the boundary, which may come with the picture before, and not of the last byte."""
    reader = MultipartReader(b"--cut")
    assert reader.feed(b"--cut\r\nContent-Length: 4\r\n", 10) == []
    assert reader.feed(b"\r\n", 20) == []
    assert reader.feed(JPEG, 30) == []
    assert reader.feed(b"ab\r\n--cut\r\n", 40) == [(30, JPEG + b"ab")]


def test_parts_that_are_no_jpeg_are_left_out() -> None:
    """Some cameras send text parts between the pictures."""
    stream = b"--c\r\nContent-Length: 2\r\n\r\nhi--c\r\nContent-Length: 3\r\n\r\n" + JPEG + b"x"
    assert MultipartReader(b"--c").feed(stream, 1) == [(1, JPEG + b"x")]


@pytest.mark.parametrize("data", [b"<html>", b"\x00\x01\x02", b"-x", b"--" + b"y" * 200])
def test_something_else_is_noticed(data: bytes) -> None:
    """A stream that does not begin with a boundary is an error, not an endless wait."""
    with pytest.raises(ValueError, match="boundary"):
        MultipartReader(None).feed(data, 0)


def test_a_part_without_an_end_does_not_fill_the_memory() -> None:
    """At most MOST_BYTES are kept."""
    reader = MultipartReader(b"--cut")
    assert reader.feed(b"--cut\r\n\r\n" + bytes(MOST_BYTES - 9), 0) == []
    with pytest.raises(ValueError, match="without an end"):
        reader.feed(b"x", 0)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=cut", b"--cut"),
        ('multipart/x-mixed-replace;boundary="--cut"', b"--cut"),
        ("Multipart/x-mixed-replace; a=b; Boundary=cut", b"--cut"),
        ("multipart/x-mixed-replace", None),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_boundaries_as_cameras_write_them(content_type: str, boundary: bytes | None) -> None:
    """Quoted, with dashes, in any case."""
    assert boundary_of(content_type) == boundary
