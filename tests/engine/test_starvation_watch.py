"""A recorder that gets too little of the processor says so, and a hiccup is not that."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from onetake.engine.starvation_watch import AGAIN_NS, StarvationWatch
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.session.messages import Starved

TICK_NS = 50 * NS_PER_MS
"""The take's own wait."""


def told(delays_ms: Iterable[float]) -> Iterator[Starved]:
    """What is said of waits that are over late by so much, one after the other."""
    watch, now_ns = StarvationWatch(), 0
    for delay_ms in delays_ms:
        due_ns = now_ns + TICK_NS
        now_ns = due_ns + round(delay_ms * NS_PER_MS)
        starved = watch.note(due_ns, now_ns)
        if starved is not None:
            yield starved


def calm(seconds: float) -> list[float]:
    return [0.0] * round(seconds * 20)


@pytest.mark.parametrize("delay_ms", [100, 200, 400, 600])
def test_waits_that_are_late_again_and_again_are_told_once(delay_ms: float) -> None:
    """Within three seconds it is told, once, with the place where it began; and when it is over,
    from where to where it was."""
    count = round(8000 / (delay_ms + 50))
    noticed, over = told([*calm(2), *[delay_ms] * count, *calm(10)])
    began_ns, ended_ns = 2 * NS_PER_S + TICK_NS, (2 * 1000 + count * (delay_ms + 50)) * NS_PER_MS
    assert (noticed.from_ns, noticed.is_over) == (began_ns, False)
    assert noticed.host_ns - began_ns <= 3 * NS_PER_S
    assert over == Starved(began_ns, ended_ns, is_over=True)


def test_hiccups_of_a_shared_machine_are_not_told() -> None:
    """A machine that is stopped for up to half a second, once a second or more seldom, is not out
    of processor time: an hour of it says nothing."""
    chance = random.Random(5)
    hiccups: list[float] = []
    for _ in range(3600):
        hiccups += [chance.uniform(50, 450), *calm(1.0)]
    assert list(told(hiccups)) == []


def test_a_busy_machine_is_not_told() -> None:
    """Threads that queue for some tens of ms at each turn still get what they need."""
    chance = random.Random(6)
    assert list(told(chance.uniform(0, 75) for _ in range(10_000))) == []


def test_one_standstill_is_none_however_long() -> None:
    """A stopped program is told of by itself; what is late behind it is too little."""
    assert list(told([*calm(2), 30_000, 150, 150, 150, *calm(4), 200, *calm(5)])) == []


def test_it_is_told_at_most_every_half_minute() -> None:
    """A machine that is short of time now and then fills the report with spans, and nobody's
    screen with warnings."""
    said = list(told([*[300] * 10, *calm(5)] * 30))
    noticed_ns = [one.host_ns for one in said if not one.is_over]
    assert len(noticed_ns) < sum(one.is_over for one in said)
    assert len(noticed_ns) > 2
    assert min(b - a for a, b in pairwise(noticed_ns)) >= AGAIN_NS


def test_no_span_begins_in_what_was_told_otherwise() -> None:
    """A standstill in the middle of it has a span of its own in the report; none overlap."""
    watch = StarvationWatch()
    watch.note(0, 200 * NS_PER_MS)
    watch.told_otherwise(1500 * NS_PER_MS)
    said = [watch.note(at * NS_PER_MS, (at + 400) * NS_PER_MS) for at in (1100, 1550, 2000)]
    assert said == [None, None, Starved(1500 * NS_PER_MS, 2400 * NS_PER_MS, is_over=False)]
