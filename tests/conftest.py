"""Fixtures for tests with real devices, and the rules for when those are skipped or run again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import hypothesis
import pytest
from tests.stage.processes import require, temporary_folder
from tests.stage.sound import SoundServer, pulseaudio
from tests.stage.stage import Stage, changed_environment, stage
from tests.stage.witness import MachineStoodStillError, Witness, this_machine, total_s, witness
from tests.stage.xserver import Screen, xvfb

# The machine that runs the tests is shared: a slow example is no failure.
hypothesis.settings.register_profile("shared", deadline=None)
# `make check` tries fewer examples: --hypothesis-profile=quick.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=15)
hypothesis.settings.load_profile("shared")

REAL_PROGRAMS = ("Xvfb", "xrandr", "xdotool", "pulseaudio", "pactl", "pacat", "ffmpeg", "gcc")


_BEGIN_NS = pytest.StashKey[int]()

RUNS = 5
"""How often a test may run because the machine stood still during it; on one that does not, a
failure is a failure at once. With three a test of 15 s failed in a night in which the machine stood
still in each of its runs."""

APART_S = 2
"""Between those runs, in seconds: a machine that stood still does so again soon."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to watch the machine. Take no orders from outside: an `onetake ctl` beside the tests
    must not find their takes."""
    stack = ExitStack()
    session.config.add_cleanup(stack.close)
    os.environ["ONETAKE_RUNTIME_DIR"] = stack.enter_context(temporary_folder())
    stack.enter_context(witness())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every test run again that failed on a machine that stood still."""
    again = pytest.mark.flaky(
        reruns=RUNS - 1, reruns_delay=APART_S, only_rerun=[MachineStoodStillError.__name__]
    )
    for item in items:
        item.add_marker(again)


@contextmanager
def _judged(item: pytest.Item) -> Iterator[None]:
    """Tell a failure on a machine that stood still from one on a machine that ran."""
    try:
        yield
    except Exception as error:
        stalls = this_machine().stalls(item.stash[_BEGIN_NS])
        if not stalls:
            raise
        raise MachineStoodStillError(
            f"{item.name} failed while the machine stood still {len(stalls)} times, "
            f"{total_s(stalls):.2f} s in all"
        ) from error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Note when the test began. Skip a real-device test naming exactly what is missing; fail if
    that is not allowed."""
    item.stash[_BEGIN_NS] = time.monotonic_ns()
    if item.get_closest_marker("real") is not None:
        require(*REAL_PROGRAMS)
    with _judged(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Run the test, and judge its failure by what the machine did since its fixtures were made."""
    with _judged(item):
        return (yield)


@pytest.fixture(scope="session")
def machine() -> Witness:
    """Who knows when the machine stood still."""
    return this_machine()


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
