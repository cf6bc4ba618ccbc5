"""The self-test's sound is heard at the pattern's times."""

from __future__ import annotations

import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.making import back_end

from onetake.errors import DeviceUnavailable
from onetake.model.pattern import EventSchedule, system_chirp

START_NS = 9_000_000_000


def _player() -> object:
    return back_end("pattern_sound").PatternSound(START_NS, EventSchedule(3))


def test_every_chirp_is_scheduled_once_for_its_time(mac: Mac) -> None:
    """Each event's chirp reaches the hardware a latency before it is to be heard, and is scheduled
    one time however often the program looks."""
    player = _player()
    for now_ms in range(8_000, 14_000, 137):
        player.schedule(now_ms * 1_000_000)
    events = EventSchedule(3).times_ns(0, 13_900_000_000 + 2_000_000_000 - START_NS)
    latency_ns = round(mac.output_latency_s * 1e9)
    times = [units for units, _ in mac.played]
    assert len(times) == len(events)
    for due_ns, event_ns in zip(times, events, strict=True):
        assert abs(due_ns - (START_NS + event_ns - latency_ns)) < 2_000  # a float's rounding
    for _, samples in mac.played:
        assert np.array_equal(samples, system_chirp(48_000.0))


def test_a_changed_latency_is_followed(mac: Mac) -> None:
    """A route with another latency moves the chirps that come after it."""
    player = _player()
    player.schedule(START_NS - 1_000_000_000)
    mac.output_latency_s = 0.150
    player.schedule(START_NS + 2_000_000_000)
    events = EventSchedule(3).times_ns(0, 4_000_000_000)
    assert mac.played[-1][0] == pytest.approx(START_NS + events[-1] - 150_000_000, abs=2_000)


def test_chirps_that_come_too_late_are_left_out(mac: Mac) -> None:
    """A chirp whose time has passed is not played late: it would be measured as an offset."""
    _player().schedule(START_NS + 3_000_000_000)
    assert all(units > START_NS + 3_000_000_000 for units, _ in mac.played)
    assert mac.played


def test_a_mac_without_speakers(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told in one line, and the program ends."""
    mac.has_output = False
    with pytest.raises(DeviceUnavailable, match="no sound output"):
        _player()
    module = back_end("pattern_sound")
    monkeypatch.setattr(module.sys, "argv", ["pattern_sound", "1", "1"])
    with pytest.raises(SystemExit, match="no sound output"):
        module.main()
