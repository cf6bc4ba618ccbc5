"""The numbers for the report."""

from __future__ import annotations

import pytest
from tests.video.making import NS_PER_MS

from onetake.video.counts import MAX_POSITIONS, VideoCounts


def test_quantiles_of_the_intervals():
    """98 intervals of 20 ms and two of 40: p50 20, p99 40, each to 0.1 ms."""
    counts = VideoCounts()
    position_ns = 0
    counts.count_frame(0, is_repeat=False)
    for interval_ms in [20] * 98 + [40] * 2:
        position_ns += interval_ms * NS_PER_MS
        counts.count_frame(position_ns, is_repeat=False)
    statistics = counts.statistics()
    assert statistics.frames == 101
    assert statistics.interval_p50_ms == pytest.approx(20, abs=0.06)
    assert statistics.interval_p99_ms == pytest.approx(40, abs=0.06)
    assert statistics.interval_max_ms == 40


def test_intervals_past_the_last_bin_still_give_the_maximum():
    """A pause in a source of several seconds is told as it was."""
    counts = VideoCounts()
    counts.count_frame(0, is_repeat=False)
    counts.count_frame(5_000 * NS_PER_MS, is_repeat=True)
    assert counts.statistics().interval_max_ms == 5000
    assert counts.statistics().repeats == 1


def test_the_list_of_drops_is_bounded():
    """All drops are counted, the first thousand listed."""
    counts = VideoCounts()
    for position_ns in range(MAX_POSITIONS + 5):
        counts.count_drop(position_ns)
    statistics = counts.statistics()
    assert statistics.dropped == MAX_POSITIONS + 5
    assert statistics.dropped_positions_ns == list(range(MAX_POSITIONS))


def test_an_empty_take_has_no_intervals():
    """No frame, one frame: zeros, no error."""
    counts = VideoCounts()
    counts.count_frame(0, is_repeat=False)
    statistics = counts.statistics()
    assert (statistics.interval_p50_ms, statistics.interval_max_ms) == (0, 0)


def test_time_of_the_cheaper_encoder_adds_up():
    """Each stretch from its first frame to the first one of the usual encoder; the last one, if it
    is still on, to the last frame."""
    counts = VideoCounts()
    counts.count_frame(0, is_repeat=False)
    counts.count_encoder(1_000 * NS_PER_MS, is_cheaper=True)
    counts.count_encoder(3_500 * NS_PER_MS, is_cheaper=False)
    counts.count_frame(4_000 * NS_PER_MS, is_repeat=False)
    assert (counts.statistics().encoder_changes, counts.statistics().cheaper_s) == (2, 2.5)
    counts.count_encoder(5_000 * NS_PER_MS, is_cheaper=True)
    assert counts.statistics().cheaper_s == 2.5
    counts.count_frame(6_000 * NS_PER_MS, is_repeat=False)
    assert (counts.statistics().encoder_changes, counts.statistics().cheaper_s) == (3, 3.5)
