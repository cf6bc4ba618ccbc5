"""Fixtures for tests with real devices, and the rule for when those may be skipped."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from tests.stage.processes import require
from tests.stage.sound import SoundServer, pulseaudio
from tests.stage.stage import Stage, changed_environment, stage
from tests.stage.xserver import Screen, xvfb

# The machine that runs the tests is shared: a slow example is no failure.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

REAL_PROGRAMS = ("Xvfb", "xrandr", "xdotool", "pulseaudio", "pactl", "pacat", "ffmpeg", "gcc")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a real-device test naming exactly what is missing; fail if that is not allowed."""
    if item.get_closest_marker("real") is not None:
        require(*REAL_PROGRAMS)


@pytest.fixture
def x_screen() -> Iterator[Screen]:
    """A private X server; DISPLAY points to it."""
    with xvfb(640, 480) as screen, changed_environment(screen.env):
        yield screen


@pytest.fixture
def sound_server() -> Iterator[SoundServer]:
    """A private sound server; PULSE_SERVER points to it."""
    with pulseaudio() as server, changed_environment(server.env):
        yield server


@pytest.fixture
def real_stage() -> Iterator[Stage]:
    """A screen that flashes, speakers that beep, a microphone that hears; the environment is set.

    The microphone runs 208 ppm fast.
    """
    with stage(1280, 720) as there, there.environment():
        yield there
