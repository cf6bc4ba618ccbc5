"""Where a hole in a device's sound is a loss, and where it is silence."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from onetake.clock import VirtualClock
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.callbacks.sound_run import FIRST_QUIET_NS, QUIET_NS, SoundRun, samples_of

RATE = 48_000
BLOCK_NS = 20 * NS_PER_MS


def _ramp() -> NDArray[np.float32]:
    return np.repeat(np.arange(960, dtype=np.float32)[:, None], 2, axis=1)


@pytest.mark.parametrize("is_planar", [True, False])
def test_planar_and_interleaved_sound_are_the_same(is_planar: bool) -> None:
    """All of one channel after the other, or sample by sample: (frames, channels) comes out."""
    samples = np.arange(12, dtype=np.float32).reshape(6, 2)
    pcm = (samples.T if is_planar else samples).tobytes()
    assert np.array_equal(samples_of(pcm, 6, 2, is_planar=is_planar), samples)


def test_a_hole_is_a_declared_loss() -> None:
    """A microphone that skips 30 ms says so in samples; a step of a clock's noise says nothing."""
    run = SoundRun(VirtualClock())
    run.blocks(_ramp(), RATE, 0)
    (noisy,) = run.blocks(_ramp(), RATE, BLOCK_NS + NS_PER_MS)
    assert noisy.lost_frames == 0
    (late,) = run.blocks(_ramp(), RATE, 2 * BLOCK_NS + 31 * NS_PER_MS)
    assert late.lost_frames == 1440


def test_a_hole_of_a_device_that_sends_nothing_in_silence_is_silence() -> None:
    """The hole is filled before the block that ends it, gapless, and nothing is lost."""
    run = SoundRun(VirtualClock(), is_quiet_silent=True)
    run.blocks(_ramp(), RATE, 0)
    silence, block = run.blocks(_ramp(), RATE, 10 * BLOCK_NS)
    assert silence.stamp_ns == BLOCK_NS
    assert len(silence.samples) == 9 * 960
    assert not silence.samples.any()
    assert (block.stamp_ns, block.lost_frames) == (10 * BLOCK_NS, 0)


def test_sound_later_than_its_silence_is_cut() -> None:
    """A block that comes after silence was delivered in its place begins where that ended."""
    run = SoundRun(VirtualClock(), is_quiet_silent=True)
    (quiet,) = run.silence(100 * NS_PER_MS)
    assert len(quiet.samples) == 4800
    (block,) = run.blocks(_ramp(), RATE, 90 * NS_PER_MS)
    assert block.samples[0, 0] == 480
    assert block.stamp_ns == 100 * NS_PER_MS
    assert run.blocks(_ramp(), RATE, 90 * NS_PER_MS) == []


def test_silence_waits_longer_once_there_was_sound() -> None:
    """Before the first sound a take waits for it; after it, late sound must not be cut."""
    clock = VirtualClock()
    run = SoundRun(clock, is_quiet_silent=True)
    clock.advance_to(FIRST_QUIET_NS)
    assert run.quiet() == []
    clock.advance_to(FIRST_QUIET_NS + BLOCK_NS)
    assert [len(block.samples) for block in run.quiet()] == [960]
    run.blocks(_ramp(), RATE, BLOCK_NS)
    clock.advance_to(2 * BLOCK_NS + QUIET_NS)
    assert run.quiet() == []
    clock.advance_to(3 * BLOCK_NS + QUIET_NS)
    assert [len(block.samples) for block in run.quiet()] == [960]


def test_a_block_without_a_stamp_ended_now() -> None:
    """It is laid so that its last sample was captured at its arrival."""
    clock = VirtualClock(NS_PER_S)
    (block,) = SoundRun(clock).blocks(_ramp(), RATE, None)
    assert block.stamp_ns == NS_PER_S - BLOCK_NS
