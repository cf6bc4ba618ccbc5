"""The self-test's picture on the screen is the pattern's, for the instant at which it is seen."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.stage import refresh
from tests.platforms.macos.fake.world import DisplaySpec
from tests.platforms.macos.making import back_end

from onetake.model.pattern import EventSchedule, draw

START_NS = 5_000_000_000
SIZE_PT = (1440, 900)


@pytest.fixture
def window(mac: Mac) -> Any:
    """The window of a Mac whose screen shows the pattern from START_NS on."""
    mac.displays = [DisplaySpec(1, *SIZE_PT), DisplaySpec(2, 100, 60)]
    return back_end("pattern_window").PatternWindow(START_NS, EventSchedule(3))


@pytest.mark.parametrize("event", [0, 1, 7])
def test_picture_is_the_pattern(mac: Mac, window: Any, event: int) -> None:
    """In a flash, at its edges and after it, every pixel is that of the pattern's own drawing for
    the time the display link names."""
    schedule = EventSchedule(3)
    event_ns = schedule.times_ns(0, 20_000_000_000)[event]
    for after_ns in (0, 99_900_000, 100_000_000, 333_300_000):
        expected = np.empty((SIZE_PT[1], SIZE_PT[0], 4), np.uint8)
        draw(expected, event_ns + after_ns, schedule)
        # A tenth of the code's unit later: link times are floats.
        shown = refresh(mac, START_NS + event_ns + after_ns + 10_000)
        assert np.array_equal(shown, expected)


def test_nothing_is_claimed_before_the_start(mac: Mac, window: Any) -> None:
    """Before position 0 the picture does not change: no flash, no code of a time."""
    before = refresh(mac, START_NS - 1_000_000_000)
    assert np.array_equal(refresh(mac, START_NS - 10_000_000), before)
    assert before[0, 0, 0] < 100


def test_it_ends_with_its_starter(window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the program that started it is gone, nobody else would take the window away."""
    monkeypatch.setattr(back_end("pattern_window").os, "getppid", lambda: -1)
    with pytest.raises(SystemExit):
        window.draw(START_NS)


def test_a_failing_callback_ends_it_with_a_line(
    window: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong in a callback is said, and does not leave the callback as an exception."""
    with pytest.raises(SystemExit):
        window.fail(ValueError("no layers today"))
    assert "no layers today" in capsys.readouterr().err


def test_the_program_shows_it(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program takes the words the self-test starts it with, and shows the window until it is
    ended."""
    (words, _) = back_end("platform").MacPlatform().pattern_programs(START_NS, 3)
    monkeypatch.setattr(sys, "argv", words[2:])
    mac.main_work.append(sys.exit)
    with pytest.raises(SystemExit):
        back_end("pattern_window").main()
    expected = np.empty((90, 160, 4), np.uint8)
    draw(expected, 1_500_000_000, EventSchedule(3))
    assert np.array_equal(refresh(mac, START_NS + 1_500_010_000), expected)


def test_an_older_macos_is_told(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program says in one line that it needs macOS 14."""
    module = back_end("pattern_window")
    monkeypatch.delattr(module.AppKit.NSScreen, "displayLinkWithTarget_selector_")
    mac.version = (13, 6)
    with pytest.raises(SystemExit, match="macOS 14"):
        module.main()
    mac.unmodelled.clear()
