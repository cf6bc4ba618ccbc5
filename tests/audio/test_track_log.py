"""What is told of a source at the end."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.audio.segment import Origin
from onetake.audio.track_log import TrackLog
from onetake.model.media import AudioBlock, StampKind
from onetake.model.report import Realignment, SourceStatistics, Stretch
from onetake.timeline.device_clock import StampCounts
from onetake.timeline.timeline import Timeline

NS = 1_000_000_000
NONE = np.zeros(0, np.float32)


def _statistics(log: TrackLog, timeline: Timeline) -> SourceStatistics:
    return log.statistics(StampKind.CAPTURE, None, StampCounts(), NONE, timeline)


def _feed(log: TrackLog, begin_s: float, end_s: float, value: float) -> None:
    for index in range(round(begin_s * 100), round(end_s * 100)):
        samples = np.full((480, 1), value, np.float32)
        log.block(AudioBlock(index * NS // 100, samples, 48_000, index * NS // 100))


def test_positions_leave_pauses_out() -> None:
    """Fills are told in positions of the file: what lies in a pause or before t0 is not in it."""
    log = TrackLog()
    for begin_s, end_s in ((0.5, 1.5), (3.0, 6.0), (4.2, 4.6), (7.0, 7.5)):
        log.fill(round(begin_s * NS), round(end_s * NS))
    timeline = Timeline.starting_at(NS).pause(4 * NS).resume(5 * NS)
    assert _statistics(log, timeline).fills == [
        Stretch(0, NS // 2),
        Stretch(2 * NS, 2 * NS),
        Stretch(5 * NS, NS // 2),
    ]


def test_realignments_and_trims_are_signed() -> None:
    """Silence put in is positive, sound taken out negative, with its reason."""
    log = TrackLog()
    log.realign(2 * NS, 2 * NS + 10_000_000, Origin.LOST)
    log.realign(3 * NS, 3 * NS - 10_000_000, Origin.DOUBLED)
    log.trim(3 * NS, 10_000_000)
    statistics = _statistics(log, Timeline.starting_at(NS))
    assert statistics.realignments == [
        Realignment(NS, 10_000_000, "lost"),
        Realignment(2 * NS, -10_000_000, "doubled"),
    ]
    assert statistics.fills == [Stretch(NS, 10_000_000)]
    assert statistics.trims == [Stretch(2 * NS, 10_000_000)]


def test_long_zeros_are_told() -> None:
    """A second and more of exact zeros is digital silence; less is not; the last one counts."""
    log = TrackLog()
    _feed(log, 0, 1, 0.1)
    _feed(log, 1, 3, 0.0)
    _feed(log, 3, 4, 0.1)
    _feed(log, 4, 4.5, 0.0)
    _feed(log, 4.5, 5, 0.1)
    _feed(log, 5, 7, 0.0)
    silences = _statistics(log, Timeline.starting_at(0)).digital_silence
    assert silences[0] == Stretch(NS, 2 * NS)
    assert silences[1].position_ns == 5 * NS
    assert silences[1].length_ns == pytest.approx(2 * NS, abs=0.02 * NS)
    assert len(silences) == 2


def test_blocks_are_counted() -> None:
    """Blocks, frames, rate, channels and the highest sample."""
    log = TrackLog()
    _feed(log, 0, 1, -0.5)
    statistics = _statistics(log, Timeline.starting_at(0))
    assert (statistics.blocks, statistics.frames) == (100, 48_000)
    assert (statistics.rate_hz, statistics.channels) == (48_000, 1)
    assert statistics.peak_db == pytest.approx(-6.02, abs=0.01)
    assert statistics.clock_ppm_uncertainty is None


def test_no_number_becomes_silence() -> None:
    """NaN and infinity are replaced, the rest of the block is kept."""
    samples = np.array([[np.nan], [0.5], [-np.inf], [0.25]], np.float32)
    clean = TrackLog().block(AudioBlock(0, samples, 48_000, 0))
    assert clean[:, 0].tolist() == [0.0, 0.5, 0.0, 0.25]
