"""Staying awake."""

from __future__ import annotations

from tests.platforms.macos.fake import Mac
from tests.platforms.macos.making import back_end


def test_one_activity_from_begin_to_end(mac: Mac) -> None:
    """Beginning twice holds one activity; ending twice is no error."""
    awake = back_end("power").Wakefulness()
    awake.begin()
    awake.begin()
    assert len(mac.activities) == 1
    awake.end()
    awake.end()
    assert mac.activities == []


def test_no_sleep_between_two_looks(mac: Mac) -> None:
    """A machine that does not sleep has not slept."""
    power = back_end("power")
    assert abs(power.slept_ns() - power.slept_ns()) < 10_000_000
