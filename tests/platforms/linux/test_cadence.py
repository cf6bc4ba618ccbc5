"""The even grid of pictures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onetake.platforms.linux.cadence import Cadence

NS_PER_S = 1_000_000_000


def test_an_hour_at_30_fps_ends_on_the_nanosecond() -> None:
    """Picture n is due at start + n/fps: no rounding is summed up."""
    cadence = Cadence(5, 30)
    due_ns = 5
    for _ in range(30 * 3600):
        due_ns = cadence.next_due_ns(due_ns)
    assert due_ns == 5 + 3600 * NS_PER_S
    assert cadence.skipped == 0


def test_a_late_tick_skips_and_never_bursts() -> None:
    """After a stall the next picture is due on the grid, ahead, and the missed are counted."""
    cadence = Cadence(0, 10)
    assert cadence.next_due_ns(0) == 100_000_000
    assert cadence.next_due_ns(570_000_000) == 600_000_000
    assert cadence.skipped == 4
    assert cadence.next_due_ns(600_000_000) == 700_000_000


@given(st.integers(1, 240), st.lists(st.integers(0, 10**9), max_size=50))
def test_due_times_increase_and_lie_ahead(fps: int, delays_ns: list[int]) -> None:
    """Whatever the lateness, each due time is after now and after the one before."""
    cadence, now_ns, last_ns = Cadence(7, fps), 7, 0
    for delay_ns in delays_ns:
        now_ns += delay_ns
        due_ns = cadence.next_due_ns(now_ns)
        assert due_ns > now_ns - 1
        assert due_ns > last_ns
        assert due_ns - now_ns <= NS_PER_S // fps + 1
        last_ns = due_ns
        now_ns = due_ns


def test_ticks_left_out_on_purpose_are_not_missed() -> None:
    """A wait of several ticks ends on the same grid, and so does one that is cut short."""
    cadence = Cadence(0, 10)
    assert cadence.next_due_ns(0, 6) == 600_000_000
    assert cadence.next_due_ns(600_000_000, 6) == 1_200_000_000
    assert cadence.sooner_ns(730_000_000) == 800_000_000
    assert cadence.next_due_ns(800_000_000) == 900_000_000
    assert cadence.skipped == 0
    assert cadence.next_due_ns(900_000_000, 2) == 1_100_000_000
    assert cadence.sooner_ns(1_350_000_000) == 1_100_000_000
    assert cadence.next_due_ns(1_350_000_000) == 1_400_000_000
    assert cadence.skipped == 2
