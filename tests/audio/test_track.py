"""A source on the timeline: the numbers it tells of itself."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.audio.track import Track
from onetake.model.media import AudioBlock, StampKind
from onetake.testing.clocksim import (
    ClockScript,
    DeviceLog,
    Jitter,
    double_block,
    lose_blocks,
    simulate,
)
from onetake.testing.soundtruth import broadband, broadband_delays_s
from onetake.timeline.timeline import Timeline

NS = 1_000_000_000
START_NS = ClockScript().start_ns


def _fed(log: DeviceLog, **more: bool) -> Track:
    track = Track(StampKind.CAPTURE, **more)
    for block in log.blocks(broadband):
        track.feed(block)
    return track


def test_statistics_tell_clock_and_alignment() -> None:
    """Drift, uncertainty, jitter and alignment of a source are what the simulation put in."""
    log = simulate(ClockScript(duration_s=7, ppm=208, jitter=Jitter.GAUSS, jitter_s=1e-4))
    track = _fed(log)
    timeline = Timeline.starting_at(START_NS + NS)
    track.render(0, 5 * 48_000, timeline)
    statistics = track.statistics(timeline)
    assert statistics.clock_ppm == pytest.approx(208, abs=4 * statistics.clock_ppm_uncertainty)
    assert statistics.clock_ppm_uncertainty < 10
    assert statistics.jitter_ms == pytest.approx(0.1, rel=0.3)
    assert 0 < statistics.alignment_p95_ms <= statistics.alignment_worst_ms < 0.1
    assert statistics.rate_hz == 48_000


def test_doubled_block_is_taken_out_once() -> None:
    """A block delivered twice is heard once, with a crossfade of equal sound: nothing to hear."""
    track = _fed(double_block(simulate(ClockScript(duration_s=8, ppm=300)), 4.0))
    timeline = Timeline.starting_at(START_NS + NS)
    samples = track.render(0, 6 * 48_000, timeline)
    delays, likeness = broadband_delays_s(samples, 1.0)
    assert likeness.min() > 0.99
    assert np.abs(delays).max() < 3e-6
    statistics = track.statistics(timeline)
    assert [change.reason for change in statistics.realignments] == ["doubled"]
    assert statistics.trims[0].length_ns == pytest.approx(10e6, abs=6e6)


def test_long_declared_loss_is_no_memory() -> None:
    """An API that declares an hour lost costs an hour of silence, not of memory."""
    track = _fed(simulate(ClockScript(duration_s=4)))
    log = simulate(ClockScript(duration_s=4, start_ns=START_NS + 3604 * NS))
    for index, block in enumerate(log.blocks(broadband)):
        lost = 3600 * 48_000 if index == 0 else 0
        track.feed(
            AudioBlock(block.stamp_ns, block.samples, 48_000, block.arrival_ns, lost_frames=lost)
        )
    assert sum(segment.ring._data.nbytes for segment in track._segments) < 20e6
    timeline = Timeline.starting_at(START_NS + 3603 * NS)
    samples = track.render(0, 4 * 48_000, timeline)
    assert not samples[:47_900].any()
    delays, likeness = broadband_delays_s(samples[48_000:], 0.0)
    assert likeness[1:].min() > 0.99
    assert np.abs(delays[1:]).max() < 3e-6


def test_absurd_loss_at_the_very_start_begins_anew() -> None:
    """A declared loss before the clock is known does not count frames nobody can check."""
    track = Track(StampKind.CAPTURE)
    for index, block in enumerate(simulate(ClockScript(duration_s=3)).blocks(broadband)):
        lost = 2**31 if index == 3 else 0
        track.feed(
            AudioBlock(block.stamp_ns, block.samples, 48_000, block.arrival_ns, lost_frames=lost)
        )
    samples = track.render(0, 48_000, Timeline.starting_at(START_NS + NS))
    _, likeness = broadband_delays_s(samples, 1.0)
    assert likeness.min() > 0.99


def test_horizon_is_what_can_be_rendered_exactly() -> None:
    """Rendering up to the horizon gives the same as rendering when more is there."""
    log = simulate(ClockScript(duration_s=6, ppm=-50))
    early, late = Track(StampKind.CAPTURE), Track(StampKind.CAPTURE)
    assert early.horizon_ns() is None
    blocks = list(log.blocks(broadband))
    for block in blocks[:400]:
        early.feed(block)
    for block in blocks:
        late.feed(block)
    horizon_ns = early.horizon_ns()
    assert horizon_ns is not None
    timeline = Timeline.starting_at(START_NS + NS)
    count = timeline.sample_at(horizon_ns)
    assert count > 2.9 * 48_000
    difference = early.render(0, count, timeline) - late.render(0, count, timeline)
    assert np.abs(difference).max() < 1e-6
    early.end_run()
    assert early.horizon_ns() is None


def test_loss_just_before_the_end_is_filled() -> None:
    """A source that ends before the take is silence to the end, and that is told."""
    track = _fed(simulate(ClockScript(duration_s=4)))
    timeline = Timeline.starting_at(START_NS + NS)
    end_ns = START_NS + 6 * NS
    track.finish(end_ns)
    samples = track.render(0, timeline.sample_at(end_ns), timeline)
    assert len(samples) == 5 * 48_000
    assert not samples[3 * 48_000 :].any()
    (fill,) = track.statistics(timeline).fills
    assert (fill.position_ns, fill.length_ns) == (3 * NS, 2 * NS)


def test_loss_in_the_first_second_is_placed() -> None:
    """Even a loss before the first bin is complete does not shift what follows for long."""
    track = _fed(lose_blocks(simulate(ClockScript(duration_s=8, ppm=100)), 0.3, 10))
    samples = track.render(0, 5 * 48_000, Timeline.starting_at(START_NS + 2 * NS))
    delays, likeness = broadband_delays_s(samples, 2.0)
    assert likeness.min() > 0.99
    assert np.abs(delays[10:]).max() < 1e-3
