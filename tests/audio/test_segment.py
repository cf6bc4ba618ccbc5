"""A run of one clock: only what the window allows is heard."""

from __future__ import annotations

import numpy as np

from onetake.audio.ring import SampleRing
from onetake.audio.segment import Origin, Segment, Window
from onetake.model.media import StampKind
from onetake.timeline.device_clock import DeviceClock

NS = 1_000_000_000


def _segment(samples: np.ndarray, *, may_hold: bool = True) -> Segment:
    clock = DeviceClock(48_000, StampKind.CAPTURE, 10 * NS)
    for index in range(500):
        clock.add(10 * NS + index * 10_000_000, index * 480)
    ring = SampleRing(48_000, 0)
    ring.write(0, samples)
    return Segment(clock, ring, Origin.FIRST, may_hold=may_hold)


def _ones(count: int) -> np.ndarray:
    return np.ones((2, count), np.float32)


def test_frames_come_out_at_their_instant() -> None:
    """Sample n plays the frame captured then, to the bit when the clock shows no drift."""
    noise = np.random.default_rng(1).uniform(-1, 1, (2, 48_000)).astype(np.float32)
    segment = _segment(noise)
    out = segment.render(0, 9600, 0.25, Window())
    assert np.array_equal(out, noise[:, 12_000:21_600].T)
    assert segment.ring.floor == 21_600


def test_outside_the_sound_there_are_zeros() -> None:
    """Before the first and after the last frame a run is silent."""
    segment = _segment(_ones(4800))
    assert not segment.render(0, 480, -1.0, Window()).any()
    segment.follower.lift()
    assert not segment.render(480, 480, 1.0, Window()).any()


def test_window_cuts_before_interpolating() -> None:
    """Nothing from outside the window is heard, and its ends are soft."""
    segment = _segment(_ones(48_000), may_hold=False)
    out = segment.render(1000, 4000, 0.1, Window(2000, 4000))[:, 0]
    assert not out[: 1000 - 33].any()
    assert not out[3000 + 33 :].any()
    assert np.allclose(out[1300:2700], 1.0, atol=1e-6)
    assert np.abs(np.diff(out)).max() < 0.01


def test_times_of_the_ends() -> None:
    """Start, end and what is settled are told in host time."""
    segment = _segment(_ones(48_000))
    assert segment.start_ns == 10 * NS
    assert segment.end_ns == 11 * NS
    assert 10.99 * NS < segment.settled_ns < 10.995 * NS
    assert round(segment.frame_at_ns(round(10.5 * NS))) == 24_000
