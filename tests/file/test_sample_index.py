"""The index knows every sample of a fragmented file, from its bytes alone, in little memory."""

from __future__ import annotations

import random
import tracemalloc
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.file.making import feed, noise, writer

from onetake.file.fragment_times import with_true_times
from onetake.file.movie_box import chunk_offsets, run_lengths
from onetake.file.sample_index import PackedInts, SampleIndex, runs_of_fragment
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ


@given(st.lists(st.integers(0, 2**32 - 1), max_size=200), st.integers(1, 60))
def test_packed_ints_are_a_list(values: list[int], repeats: int) -> None:
    """Whatever is put in comes out, across packing, with the last one changed at any time."""
    packed, plain = PackedInts(), []
    for number in range(repeats):
        packed.extend(values)
        plain += values
        if plain:
            packed.replace_last(number)
            plain[-1] = number
    assert len(packed) == len(plain)
    assert packed.to_array().tolist() == plain


def test_index_of_hours_is_small() -> None:
    """What 8 h of 30 fps and AAC need stays below 5 MB; 50 minutes are measured, without the
    part that is always there."""
    chance = np.random.default_rng(3)
    video, sound = (PackedInts(), PackedInts()), PackedInts()

    def record(seconds: int) -> None:
        for _ in range(seconds * 2):
            video[0].extend(chance.integers(200, 60_000, 15).tolist())
            video[1].extend(chance.integers(2900, 3100, 15).tolist())
            sound.extend(chance.integers(380, 480, 23).tolist())

    record(600)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    record(3000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) * 9.6 < 5_000_000


def _fragmented(path: Path) -> bytes:
    target = writer(path)
    target.start()
    feed(target, 3 * NS_PER_S, sound=noise(3 * SAMPLE_RATE_HZ))
    data = path.read_bytes()
    target.finish(3 * NS_PER_S)
    return data


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A take of 3 s that is not finished."""
    return _fragmented(tmp_path_factory.mktemp("index") / "take.mp4")


def _facts(index: SampleIndex) -> list[tuple[list[int], list[int], list[int], list[int]]]:
    return [
        (
            track.sizes.to_array().tolist(),
            track.durations.to_array().tolist(),
            track.run_offsets().tolist(),
            track.sync_samples.to_array().tolist(),
        )
        for track in index.tracks.values()
    ]


def test_pieces_do_not_matter(fragmented: bytes) -> None:
    """Bytes may come in any pieces: the index is the same."""
    whole = SampleIndex()
    whole.feed(fragmented)
    chance = random.Random(1)
    for _ in range(10):
        index, at = SampleIndex(), 0
        while at < len(fragmented):
            step = chance.choice([1, 3, 8, 100, 5000])
            index.feed(fragmented[at : at + step])
            at += step
        assert _facts(index) == _facts(whole)
    assert whole.size_bytes == len(fragmented)
    assert list(whole.tracks) == [1, 2]


def test_torn_fragment_counts_as_far_as_it_goes(fragmented: bytes) -> None:
    """Samples whose last byte is missing are not listed; those before are."""
    cut = fragmented.rindex(b"mdat") + 4 + 3000
    index = SampleIndex()
    index.feed(fragmented[:cut])
    before = sum(len(track) for track in index.tracks.values())
    index.settle()
    after = sum(len(track) for track in index.tracks.values())
    assert after > before
    for track in index.tracks.values():
        ends = (
            track.run_offsets()[-1]
            + track.sizes.to_array()[-int(track.run_counts.to_array()[-1]) :].sum()
        )
        assert ends <= cut


def test_true_times_replace_guesses(fragmented: bytes) -> None:
    """A fragment's header says the times it is given, also with frames out of order, and its data
    is still where it was."""
    at = fragmented.index(b"moof") - 4
    size = int.from_bytes(fragmented[at : at + 4], "big")
    moof = fragmented[at : at + size]
    video, sound = runs_of_fragment(moof, 0)
    wanted = [(n * 1000 + 7, n * 1000 + 7 + n % 3 * 500) for n in range(len(video.sizes) + 2)]
    times = {
        video.track_id: deque(wanted),
        sound.track_id: deque((n * 1024, n * 1024) for n in range(len(sound.sizes))),
    }
    timed = with_true_times(moof, times)
    new_video, new_sound = runs_of_fragment(timed, 0)
    assert list(times[video.track_id]) == wanted[-2:]
    assert new_video.dts == 7
    assert new_video.durations[:-1] == [1000] * (len(video.sizes) - 1)
    assert new_video.composition_offsets == [pts - dts for dts, pts in wanted[:-2]]
    assert (new_video.sizes, new_video.is_sync) == (video.sizes, video.is_sync)
    growth = len(timed) - len(moof)
    assert new_video.offset == video.offset + growth
    assert new_sound.offset == sound.offset + growth
    assert (new_sound.sizes, new_sound.dts) == (sound.sizes, sound.dts)


@pytest.mark.parametrize(
    ("values", "runs"),
    [([], []), ([5], [[1, 5]]), ([3, 3, 4, 4, 4, 3], [[2, 3], [3, 4], [1, 3]])],
)
def test_run_lengths(values: list[int], runs: list[list[int]]) -> None:
    """Equal neighbours become one row."""
    assert run_lengths(np.array(values, np.int64)).tolist() == runs


def test_offsets_widen_when_they_must() -> None:
    """Chunk offsets are 32 bits wide until one needs more."""
    assert chunk_offsets(np.array([1, 2**32 - 1], np.int64))[4:8] == b"stco"
    assert chunk_offsets(np.array([1, 2**32], np.int64))[4:8] == b"co64"
