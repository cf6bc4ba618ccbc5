"""The ring: holes, edges and what comes too late."""

from __future__ import annotations

import copy

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.audio.ring import SampleRing, fade_in_curve, stereo_planes

RATE = 1000
FADE = 5


def _ones(count: int) -> np.ndarray:
    return np.ones((2, count), np.float32)


def test_what_is_written_is_read() -> None:
    """Consecutive blocks come back unchanged, and zeros beyond them."""
    ring = SampleRing(RATE, 10)
    ring.write(10, _ones(20))
    ring.write(30, 2 * _ones(20))
    read = ring.read(5, 55)[0]
    assert np.array_equal(read, [0] * 5 + [1] * 20 + [2] * 20 + [0] * 5)


def test_hole_is_zero_with_soft_edges() -> None:
    """Before and after a hole there are 5 ms of raised cosine, inside only zeros."""
    ring = SampleRing(RATE, 0)
    ring.write(0, _ones(20))
    ring.write(30, _ones(20))
    read = ring.read(0, 50)[0]
    assert np.array_equal(read[20:30], np.zeros(10))
    assert np.array_equal(read[15:20], fade_in_curve(FADE)[::-1])
    assert np.array_equal(read[30:35], fade_in_curve(FADE))
    assert np.array_equal(read[35:], np.ones(15))


def test_fade_in_spans_small_blocks() -> None:
    """A fade longer than a block goes on in the next one."""
    ring = SampleRing(RATE, 0)
    ring.write(0, _ones(20))
    for frame in range(30, 40, 2):
        ring.write(frame, _ones(2))
    assert np.array_equal(ring.read(30, 35)[0], fade_in_curve(FADE))


def test_what_was_heard_never_changes() -> None:
    """Blocks below the floor are dropped and counted; the rest begins softly."""
    ring = SampleRing(RATE, 0)
    ring.write(0, _ones(20))
    ring.fade_out_end()
    ring.floor = 25
    assert ring.write(20, _ones(10)) == 5
    read = ring.read(20, 30)[0]
    assert np.array_equal(read[:5], np.zeros(5))
    assert np.array_equal(read[5:], fade_in_curve(FADE))


def test_fades_add_up_to_one() -> None:
    """A fade out over a fade in leaves equal sound unchanged."""
    curve = fade_in_curve(240)
    assert np.allclose(curve + curve[::-1], 1.0, atol=1e-6)


def test_split_shares_the_sound_out() -> None:
    """What lies behind the cut moves into the new ring and nothing is lost."""
    ring = SampleRing(RATE, 0)
    ring.write(0, np.tile(np.arange(40, dtype=np.float32), (2, 1)))
    behind = ring.split(25)
    assert (ring.start, ring.end, behind.start, behind.end) == (0, 25, 25, 40)
    assert np.array_equal(behind.read(25, 40)[1], np.arange(25, 40))
    assert np.array_equal(ring.read(20, 30)[0], [20, 21, 22, 23, 24, 0, 0, 0, 0, 0])


def test_truncate_ends_softly() -> None:
    """A cut end fades out and the cut length is told."""
    ring = SampleRing(RATE, 0)
    ring.write(0, _ones(40))
    assert ring.truncate(30) == 10
    assert np.array_equal(ring.read(25, 35)[0], [*fade_in_curve(FADE)[::-1], 0, 0, 0, 0, 0])


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 400)), min_size=1, max_size=60))
@settings(deadline=None, max_examples=30)
def test_any_sequence_of_blocks_holes_and_drops_reads_back(script: list[tuple[int, int]]) -> None:
    """Whatever is written and dropped, sound away from edges reads back unchanged."""
    ring = SampleRing(RATE, 0)
    truth = np.zeros(300_000, np.float32)
    inside = np.zeros(300_000, bool)
    frame, rng = 0, np.random.default_rng(1)
    for count, hole in script:
        frame += hole
        samples = rng.uniform(0.5, 1, (2, count)).astype(np.float32)
        ring.write(frame, samples)
        truth[frame : frame + count] = samples[0]
        inside[frame + FADE : frame + count - FADE] = True
        inside[frame : frame + count] |= hole == 0 and bool(frame)
        frame += count
        ring.drop_before(frame - 4000)
    read = ring.read(ring.start, ring.end)[0]
    where = slice(ring.start, ring.end)
    steady = inside[where] & (np.abs(truth[where] - read) > 0)
    edges = np.flatnonzero(steady)
    assert all(_is_at_edge(truth[where], int(at)) for at in edges)


def _is_at_edge(truth: np.ndarray, at: int) -> bool:
    return bool((truth[max(0, at - FADE) : at + FADE + 1] == 0).any()) or at + FADE >= len(truth)


def test_channels_become_two() -> None:
    """Mono goes to both sides; of more than two channels the first two are taken."""
    samples = np.arange(12, dtype=np.float32)
    assert np.array_equal(stereo_planes(samples[:, None]), np.stack((samples, samples)))
    wide = samples.reshape(3, 4)
    assert np.array_equal(stereo_planes(wide), wide[:, :2].T)


def test_a_copy_is_a_ring_of_its_own() -> None:
    """What is held is in it, whatever is done to either goes on in that one alone, and no room is
    copied."""
    ring = SampleRing(RATE, 10)
    ring.write(10, _ones(100))
    ring.drop_before(40)
    twin = copy.deepcopy(ring)
    twin.fade_out_end()
    twin.write(110, 2 * _ones(30_000))
    assert (ring.start, ring.end) == (40, 110)
    assert np.array_equal(ring.read(40, 110)[0], np.ones(70))
    assert np.array_equal(twin.read(40, 105)[0], np.ones(65))
    assert np.array_equal(twin.read(115, 30_110)[0], np.full(29_995, 2.0))
    assert copy.deepcopy(ring)._data.shape == (2, 70)
