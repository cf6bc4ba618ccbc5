"""The chunked transfer coding is taken apart however the network cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.platforms.network.chunked import Unchunker


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=8),
    st.lists(st.integers(0, 2000), max_size=40),
)
def test_the_body_comes_out(chunks: list[bytes], places: list[int]) -> None:
    """Whatever the chunks and whatever the cuts, the body is the same, and its end is seen."""
    data = b"".join(f"{len(c):X};ext=1\r\n".encode() + c + b"\r\n" for c in chunks) + b"0\r\n\r\n"
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    unchunker = Unchunker()
    body = b"".join(unchunker.feed(data[a:b]) for a, b in zip([0, *ends], ends, strict=False))
    assert body == b"".join(chunks)
    assert unchunker.is_ended


@pytest.mark.parametrize("data", [b"zz\r\n", b"-5\r\n", b"1" * 2000])
def test_nonsense_is_an_error(data: bytes) -> None:
    """A size that is no number, or none at all, raises ValueError."""
    with pytest.raises(ValueError, match="chunk"):
        Unchunker().feed(data)
