"""When the disk runs short: told in minutes, ended with room to finish."""

from __future__ import annotations

from onetake.engine.disk_watch import RESERVE_BYTES, DiskWatch
from onetake.model.units import NS_PER_S

MB = 1_000_000


def test_minutes_follow_the_bit_rate() -> None:
    """At 1 MB/s a disk with 600 MB over the reserve lasts ten minutes."""
    watch = DiskWatch()
    for second in range(30):
        state = watch.update(second * NS_PER_S, RESERVE_BYTES + 600 * MB, second * MB)
    assert state.minutes_left is not None
    assert abs(state.minutes_left - 10.0) < 0.01
    assert not state.is_full


def test_nothing_is_claimed_before_a_rate_is_known() -> None:
    """The first measurement knows no bit rate, so it warns of nothing."""
    state = DiskWatch().update(0, 10_000 * MB, 0)
    assert state.minutes_left is None
    assert not state.is_low


def test_low_and_full() -> None:
    """Under ten minutes is low; in the reserve is full."""
    watch = DiskWatch()
    watch.update(0, RESERVE_BYTES + 500 * MB, 0)
    assert watch.update(2 * NS_PER_S, RESERVE_BYTES + 500 * MB, 2 * MB).is_low
    assert watch.update(3 * NS_PER_S, RESERVE_BYTES, 3 * MB).is_full


def test_a_high_bit_rate_keeps_a_larger_reserve() -> None:
    """At 10 MB/s ten seconds need 100 MB, so the take ends earlier."""
    watch = DiskWatch()
    watch.update(0, 1000 * MB, 0)
    assert watch.update(10 * NS_PER_S, 99 * MB, 100 * MB).is_full
    assert not watch.update(11 * NS_PER_S, 111 * MB, 110 * MB).is_full


def test_a_disk_that_takes_nothing_hangs_but_not_in_a_pause() -> None:
    """Three seconds without a byte written are a hanging disk, unless nothing was to be written."""
    watch = DiskWatch()
    for second in range(4):
        state = watch.update(second * NS_PER_S, 10 << 30, 1000, is_paused=True)
    assert not state.is_stalled
    for second in range(4, 7):
        state = watch.update(second * NS_PER_S, 10 << 30, 1000)
    assert state.is_stalled
    assert not watch.update(7 * NS_PER_S, 10 << 30, 2000).is_stalled
