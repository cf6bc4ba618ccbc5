"""Host time and position: exact, both ways, whatever the pauses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onetake.model.units import first_sample_at_or_after, ns_from_sample
from onetake.timeline.timeline import Timeline

NS = 1_000_000_000
T0 = 123_456_789_012

_PAUSES = st.lists(
    st.tuples(st.integers(0, 5 * NS), st.integers(0, 5 * NS)), min_size=0, max_size=50
)


def _paused(pauses: list[tuple[int, int]]) -> tuple[Timeline, int, int]:
    """Return a timeline with these (running, paused) stretches, its end, and the time paused."""
    timeline, at, paused = Timeline.starting_at(T0), T0, 0
    for running_ns, pause_ns in pauses:
        at += running_ns
        timeline = timeline.pause(at)
        at += pause_ns
        timeline = timeline.resume(at)
        paused += pause_ns
    return timeline, at, paused


@given(_PAUSES, st.integers(0, 10 * NS))
def test_position_is_time_less_pauses(pauses: list[tuple[int, int]], later_ns: int) -> None:
    """After any pauses a position is host time - t0 - the pauses, to the nanosecond."""
    timeline, at, paused = _paused(pauses)
    assert timeline.position_ns(at + later_ns) == at + later_ns - T0 - paused
    assert timeline.host_ns(timeline.position_ns(at + later_ns)) == at + later_ns


@given(_PAUSES, st.integers(0, 10_000), st.integers(1, 2_000_000))
def test_spans_cover_every_sample_once(
    pauses: list[tuple[int, int]], first: int, count: int
) -> None:
    """Any range of samples splits into spans in order, without gap or overlap, at right times."""
    timeline = _paused(pauses)[0]
    at = first
    for low, high, span in timeline.sample_spans(first, first + count):
        assert low == at
        assert low < high
        at = high
        for sample in (low, high - 1):
            position_ns = sample * NS / 48_000
            host_ns = span.start_host_ns + position_ns - span.start_position_ns
            assert host_ns >= span.start_host_ns
            assert span.end_host_ns is None or host_ns < span.end_host_ns
    assert at == first + count


def test_pause_stands_still() -> None:
    """During a pause the position does not move, and what happens in it is not in the file."""
    timeline = Timeline.starting_at(T0).pause(T0 + NS)
    assert timeline.is_paused
    assert timeline.position_ns(T0 + 9 * NS) == NS
    assert not timeline.contains(T0 + NS)
    assert timeline.contains(T0 + NS - 1)
    assert timeline.pause(T0 + 2 * NS) == timeline
    going = timeline.resume(T0 + 3 * NS)
    assert going.resume(T0 + 4 * NS) == going
    assert going.host_ns(NS) == T0 + 3 * NS
    assert going.sample_at(T0 + 3 * NS) == 48_000


def test_orders_out_of_time_do_not_go_back() -> None:
    """A pause before the current span began, or a resume before the pause, begin with it."""
    timeline = Timeline.starting_at(T0).pause(T0 - NS)
    assert timeline.position_ns(T0 + NS) == 0
    assert timeline.resume(T0 - 2 * NS).position_ns(T0 + NS) == NS


def test_before_the_start() -> None:
    """Positions before t0 are negative, samples are not."""
    timeline = Timeline.starting_at(T0)
    assert timeline.position_ns(T0 - 5) == -5
    assert timeline.host_ns(-5) == T0 - 5
    assert timeline.sample_at(T0 - NS) == 0
    assert not timeline.contains(T0 - 1)


@given(st.integers(0, 10**12))
def test_samples_and_nanoseconds_go_both_ways(sample: int) -> None:
    """The sample that begins at its own time is itself, to any length of take."""
    assert first_sample_at_or_after(ns_from_sample(sample)) == sample
    assert first_sample_at_or_after(-(-sample * NS // 48_000)) in (sample, sample + 1)
    timeline = Timeline.starting_at(T0)
    assert timeline.host_ns_of_sample(sample) == T0 + ns_from_sample(sample)
