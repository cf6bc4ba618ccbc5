"""A machine that is too slow is told while it still matters."""

from __future__ import annotations

from onetake.engine.drop_watch import DropWatch
from onetake.model.units import NS_PER_MS, NS_PER_S


def test_steady_drops_are_told_every_half_minute() -> None:
    """Ten drops within five seconds warn, and again half a minute later if it goes on."""
    watch = DropWatch()
    told_s = [
        tick / 20
        for tick in range(20 * 60)
        if watch.update(tick * 50 * NS_PER_MS, tick // 4) is not None
    ]
    assert [round(at_s) for at_s in told_s] == [2, 32]


def test_a_single_hiccup_is_not_told() -> None:
    """A few drops now and then are counted in the report, and nothing to interrupt anybody for."""
    watch = DropWatch()
    for second in range(60):
        assert watch.update(second * NS_PER_S, second) is None
