"""A file that ends too early is noticed from its outermost boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.proof.making import Recipe, make

from onetake.proof.completeness import missing_bytes

SLOW_FIXTURE = [HealthCheck.function_scoped_fixture]
SUFFIXES = ["mp4", "mov", "mkv", "webm"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return one small file of each container."""
    folder = tmp_path_factory.mktemp("files")
    small = {"seconds": 1.0, "size": (64, 64)}
    recipes = {
        "mp4": Recipe(**small),
        "mov": Recipe(**small),
        "mkv": Recipe(**small),
        "webm": Recipe(**small, video_codec="libvpx", video_options={}, audio_codec="libopus"),
    }
    return {
        suffix: make(folder / f"a.{suffix}", recipe).read_bytes()
        for suffix, recipe in recipes.items()
    }


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whole_files(suffix: str, files: dict[str, bytes], tmp_path: Path) -> None:
    """A whole file lacks nothing."""
    path = tmp_path / "a"
    path.write_bytes(files[suffix])
    assert missing_bytes(path) == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=30, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(share=st.floats(0.01, 0.99))
def test_cut_files(suffix: str, share: float, files: dict[str, bytes], tmp_path: Path) -> None:
    """A cut anywhere but between two boxes is noticed, with the number of bytes that lack."""
    data = files[suffix]
    kept = max(64, int(len(data) * share))
    path = tmp_path / "a"
    path.write_bytes(data[:kept])
    lacks = missing_bytes(path)
    assert lacks is not None
    assert 0 <= lacks <= len(data) - kept
    if suffix in ("mkv", "webm"):
        assert lacks == len(data) - kept
    else:
        end = next(end for end in box_ends(data) if end >= kept)
        assert (lacks == 0) == (kept == end)
        assert lacks <= end - kept


def box_ends(data: bytes) -> list[int]:
    """Return where the outermost boxes of an MP4 end."""
    ends = [0]
    while ends[-1] < len(data):
        ends.append(ends[-1] + int.from_bytes(data[ends[-1] : ends[-1] + 4], "big"))
    return ends


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(
    head=st.sampled_from([b"\0\0\0\x14ftyp", b"\x1a\x45\xdf\xa3", b"\0\0\0\x01mdat", b""]),
    tail=st.binary(max_size=200),
)
def test_any_bytes(head: bytes, tail: bytes, tmp_path: Path) -> None:
    """Whatever the bytes, the answer is a number or "cannot tell"."""
    path = tmp_path / "a"
    path.write_bytes(head + tail)
    lacks = missing_bytes(path)
    assert lacks is None or lacks >= 0


def test_unknown_kind(tmp_path: Path) -> None:
    """Of another kind of file nothing can be told."""
    path = tmp_path / "a"
    path.write_bytes(b"RIFF....AVI LIST")
    assert missing_bytes(path) is None
