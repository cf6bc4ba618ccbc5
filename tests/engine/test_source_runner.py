"""Keeping a role filled: news in order, back-off, and errors that stay inside."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from onetake.clock import HostClock
from onetake.engine import source_runner
from onetake.engine.lane_queue import Captured, LaneQueue, SourceNews
from onetake.engine.source_runner import SourceRunner
from onetake.errors import DeviceUnavailable, OnetakeError
from onetake.model.devices import Device, Role
from onetake.model.events import SourceState
from onetake.model.media import AudioBlock, StampKind
from onetake.platforms.contract import Sink, Source

Script = Callable[[Sink, threading.Event], None]


class ScriptedMic:
    """A microphone whose `run` is a function of the test."""

    device = Device("test:mic", "Test microphone", Role.MIC)
    stamp_kind = StampKind.CAPTURE

    def __init__(self, script: Script) -> None:
        self._script = script
        self.is_closed = False

    def open(self) -> None:
        """Nothing to acquire."""

    def size_px(self) -> tuple[int, int]:
        return (0, 0)

    def run(self, sink: Sink, stop: threading.Event) -> None:
        self._script(sink, stop)

    def close(self) -> None:
        self.is_closed = True


class Listener:
    """Remembers what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.changed = threading.Condition()

    def _tell(self, text: str) -> None:
        with self.changed:
            self.told.append(text)
            self.changed.notify_all()

    def source_opened(self, role: Role, source: Source) -> None:
        self._tell("opened")

    def source_delivered(self, role: Role, device_id: str, first_ns: int) -> None:
        self._tell("delivered")

    def source_lost(self, role: Role, device_id: str, error: OnetakeError) -> None:
        self._tell(f"lost: {error.message}")

    def source_warned(self, code: str, message: str, hint: str) -> None:
        self._tell(f"warned: {code}")

    def wait_for(self, *texts: str) -> None:
        """Wait until the last thing told is the last of `texts`, and the others came before."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: self.told[-1:] == [texts[-1]] and set(texts) <= set(self.told), 10.0
            ), self.told


def block(stamp_ns: int = 0) -> AudioBlock:
    return AudioBlock(stamp_ns, np.zeros((480, 2), np.float32), 48_000, stamp_ns)


def runner_of(scripts: list[Script]) -> tuple[SourceRunner, LaneQueue, Listener, list[ScriptedMic]]:
    lane, listener, made = LaneQueue(), Listener(), []

    def make(role: Role, device_id: str) -> Source:
        made.append(ScriptedMic(scripts[min(len(made), len(scripts) - 1)]))
        return made[-1]

    runner = SourceRunner(
        Role.MIC, "test:mic", make_source=make, lane=lane, listener=listener, clock=HostClock()
    )
    return runner, lane, listener, made


def deliver_until_stopped(sink: Sink, stop: threading.Event) -> None:
    sink.audio(block())
    stop.wait(10.0)


def go_away(sink: Sink, stop: threading.Event) -> None:
    sink.audio(block())
    raise DeviceUnavailable("unplugged")


def break_down(sink: Sink, stop: threading.Event) -> None:
    raise ZeroDivisionError("driver")


def test_the_lane_hears_of_a_source_before_its_first_block() -> None:
    """The news with the stamps' meaning comes first, then the samples."""
    runner, lane, listener, _ = runner_of([deliver_until_stopped])
    runner.start()
    listener.wait_for("delivered")
    runner.ask_to_stop()
    assert runner.join(5.0)
    first, second = lane.get(1.0), lane.get(1.0)
    assert isinstance(first, SourceNews)
    assert (first.state, first.stamp_kind) == (SourceState.LIVE, StampKind.CAPTURE)
    assert isinstance(second, Captured)
    assert runner.covered_ns == 10_000_000


@pytest.mark.parametrize(
    ("ending", "reason"),
    [(go_away, "unplugged"), (break_down, "mic failed: ZeroDivisionError: driver")],
)
def test_a_lost_device_comes_back(
    monkeypatch: pytest.MonkeyPatch, ending: Script, reason: str
) -> None:
    """A device that goes away, or breaks in its driver, is closed and tried again."""
    monkeypatch.setattr(source_runner, "BACKOFF_FIRST_S", 0.01)
    runner, lane, listener, made = runner_of([ending, deliver_until_stopped])
    runner.start()
    listener.wait_for(f"lost: {reason}", "delivered")
    runner.ask_to_stop()
    assert runner.join(5.0)
    assert [mic.is_closed for mic in made[:2]] == [True, True]
    news = []
    while (item := lane.get(0.0)) is not None:
        if isinstance(item, SourceNews):
            news.append(item.state)
    assert SourceState.LOST in news
    assert news[-1] is SourceState.LIVE


def test_nothing_is_delivered_after_the_stop() -> None:
    """What a source still hands over after the stop is not queued."""

    def deliver_late(sink: Sink, stop: threading.Event) -> None:
        stop.wait(10.0)
        sink.audio(block())

    runner, lane, _, _ = runner_of([deliver_late])
    runner.start()
    runner.ask_to_stop()
    assert runner.join(5.0)
    assert lane.get(0.0) is None
