"""What a screen that rests may leave out, and what it may not: a picture, a tick, a stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
import xcffib
import xcffib.xtest
from tests.platforms.collecting import Collected, Running
from tests.stage.painter import Painter
from tests.stage.processes import kill, wait_until
from tests.stage.xserver import Screen

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.model.media import Frame
from onetake.model.settings import Settings
from onetake.platforms.contract import Source
from onetake.platforms.linux.platform import LinuxPlatform
from onetake.platforms.linux.x11_motion import PointerMotion
from onetake.platforms.linux.x11_rest import BEAT_NS, REST_AFTER_NS, Rest

TICK_NS = 1_000_000_000 // 60


class FakeClock:
    """A clock that is set."""

    now = 0

    def now_ns(self) -> int:
        return self.now


class FakeChanges:
    """A screen that tells what it is told to tell."""

    def __init__(self) -> None:
        self.tells_all = True
        self.news = False
        self.heard: list[bool] = []

    def listen(self, is_listening: bool) -> None:
        self.heard.append(is_listening)

    def has_news(self) -> bool:
        return self.news


class FakeServer:
    """A connection on which time passes."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.on_wait: Callable[[], None] = lambda: None

    def wait_for_input(self, timeout_s: float) -> None:
        self.clock.now += round(timeout_s * 1e9)
        self.on_wait()


def resting(fps: int = 60) -> tuple[Any, FakeClock, FakeChanges, FakeServer]:
    """Return a rest of nothing, at time 0, and what it looks at."""
    clock, changes = FakeClock(), FakeChanges()
    server = FakeServer(clock)
    parts: tuple[Any, Any] = server, changes
    return Rest(*parts, fps, clock), clock, changes, server


def test_only_a_screen_that_has_been_still_for_a_while_rests() -> None:
    """It listens first, is looked at once more, and then every 100 ms; a change ends it."""
    rest, clock, changes, _ = resting()
    clock.now = REST_AFTER_NS - 1
    assert rest.ticks(is_still=True) == 1
    assert changes.heard == []
    clock.now = REST_AFTER_NS
    assert [rest.ticks(is_still=True) for _ in range(3)] == [1, 6, 6]
    assert changes.heard == [True]
    assert rest.ticks(is_still=False) == 1
    assert changes.heard == [True, False]
    clock.now += REST_AFTER_NS - 1
    assert rest.ticks(is_still=True) == 1


@pytest.mark.parametrize(("fps", "ticks"), [(1, 1), (15, 1), (24, 2), (30, 3), (240, 24)])
def test_beats_at_rest_are_never_more_than_100_ms_apart(fps: int, ticks: int) -> None:
    """A grid that is slower than that anyway is left as it is."""
    rest, clock, _, _ = resting(fps)
    clock.now = REST_AFTER_NS
    assert [rest.ticks(is_still=True) for _ in range(2)][-1] == ticks


def test_what_does_not_tell_by_itself_is_asked_at_every_tick() -> None:
    """Without DAMAGE, or with a pointer that cannot be heard, there is no rest."""
    rest, clock, changes, _ = resting()
    changes.tells_all = False
    clock.now = 10 * REST_AFTER_NS
    assert [rest.ticks(is_still=True) for _ in range(3)] == [1, 1, 1]


def test_a_rest_ends_with_its_time_with_news_or_with_a_stop() -> None:
    """Whichever comes first; only news disturb it."""
    rest, clock, changes, server = resting()
    clock.now = REST_AFTER_NS
    stop = Event()
    assert not rest.is_disturbed(clock.now + BEAT_NS, stop)
    assert clock.now >= REST_AFTER_NS + BEAT_NS
    before_ns = clock.now
    server.on_wait = lambda: setattr(changes, "news", True)
    assert rest.is_disturbed(before_ns + BEAT_NS, stop)
    assert clock.now < before_ns + BEAT_NS
    changes.news, server.on_wait = False, stop.set
    before_ns = clock.now
    assert not rest.is_disturbed(before_ns + BEAT_NS, stop)
    assert clock.now < before_ns + BEAT_NS


class AtRest:
    """A source at rest, and how long after something was done its picture was taken."""

    def __init__(self, source: Source) -> None:
        self.beats_ns: list[int] = []
        self.pictures_ns: list[int] = []
        self._beat = Event()
        collected = Collected()
        collected.on_frame = self._look
        self.running = Running(source, collected)

    def _look(self, frame: Frame) -> None:
        (self.beats_ns if frame.image is None else self.pictures_ns).append(frame.pts_ns)
        self._beat.set()
        frame.release()

    def rests(self) -> bool:
        """Whether the last two beats, both after the last picture, were 100 ms apart."""
        since_ns = self.pictures_ns[-1] if self.pictures_ns else 0
        beats_ns = [beat_ns for beat_ns in self.beats_ns[-2:] if beat_ns > since_ns]
        return len(beats_ns) == 2 and beats_ns[1] - beats_ns[0] > BEAT_NS - TICK_NS

    def picture_after_ns(self, act: Callable[[], None]) -> int:
        """Do something right after a beat at rest; return how long after it its picture came. No
        beat may claim after it that nothing has changed."""
        wait_until(self.rests, "a rest")
        count = len(self.pictures_ns)
        self._beat.clear()
        self._beat.wait(1)
        act()
        done_ns = time.monotonic_ns()
        wait_until(lambda: len(self.pictures_ns) > count, "its picture")
        took_ns = self.pictures_ns[count] - done_ns
        # A beat's stamp is taken before the server is asked, and it answers in order.
        assert not [b for b in self.beats_ns if done_ns <= b < self.pictures_ns[count]]
        return took_ns


def at_rest(screen: Screen, *, has_cursor: bool = True) -> AtRest:
    """Return a source of the display, not yet running."""
    settings = Settings(has_cursor=has_cursor, fps=60)
    return AtRest(LinuxPlatform().source(Role.SCREEN, screen.device_id, settings, HostClock()))


@pytest.mark.real
@pytest.mark.parametrize("has_cursor", [False, True])
def test_a_flash_after_a_rest_is_taken_at_the_next_tick(
    x_screen: Screen, painter: Painter, has_cursor: bool
) -> None:
    """Not at the next beat, 100 ms later: of four flashes right after a beat, the one this machine
    was quickest with is there in half that time."""
    there = at_rest(x_screen, has_cursor=has_cursor)
    with there.running:
        took_ns = [
            there.picture_after_ns(lambda number=number: painter.fill(9, 9, 9, 9, number))
            for number in range(4)
        ]
    assert min(took_ns) < BEAT_NS / 2


@pytest.mark.real
def test_a_pointer_that_moves_after_a_rest_is_taken_at_the_next_tick(x_screen: Screen) -> None:
    """As a mouse moves it (a fake one, for the server is without): told unasked."""
    connection: Any = xcffib.connect(display=x_screen.display)
    xtest = connection(xcffib.xtest.key)

    def move(x_px: int) -> None:
        xtest.FakeInput(6, 0, 0, connection.setup.roots[0].root, x_px, 100, 0)  # 6: MotionNotify
        connection.core.GetInputFocus().reply()

    there = at_rest(x_screen)
    with there.running:
        took_ns = [there.picture_after_ns(lambda x=x: move(x)) for x in (50, 150, 250, 350)]
    connection.disconnect()
    assert min(took_ns) < BEAT_NS / 2


@pytest.mark.real
def test_a_pointer_that_a_program_moves_during_a_rest_is_taken(
    x_screen: Screen, painter: Painter
) -> None:
    """That is told to nobody: it is found at the next beat."""
    there = at_rest(x_screen)
    with there.running:
        there.picture_after_ns(lambda: painter.move_pointer(77, 88))


@pytest.mark.real
def test_a_pointer_that_cannot_be_heard_is_asked_for_at_every_tick(
    x_screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a screen never rests, unless its pointer is not wanted."""
    monkeypatch.setattr(PointerMotion, "_can_be_heard", lambda _: False)
    there = at_rest(x_screen)
    with there.running:
        wait_until(lambda: len(there.beats_ns) > 50, "the beats of a second")
    gaps = [b - a for a, b in zip(there.beats_ns[40:], there.beats_ns[41:], strict=False)]
    assert min(gaps) < 1.5 * TICK_NS


@pytest.mark.real
def test_what_ends_a_source_ends_it_during_a_rest(x_screen: Screen) -> None:
    """A stop within half a second, a server that hangs in time, one that dies at once."""
    there = at_rest(x_screen)
    with there.running:
        wait_until(there.rests, "a rest")
        assert there.running.stop() < 0.5
    there = at_rest(x_screen)
    with there.running:
        wait_until(there.rests, "a rest")
        x_screen.process.send_signal(signal.SIGSTOP)
        try:
            assert isinstance(there.running.wait_for_end(4), DeviceUnavailable)
        finally:
            x_screen.process.send_signal(signal.SIGCONT)
    there = at_rest(x_screen)
    with there.running:
        wait_until(there.rests, "a rest")
        kill(x_screen.process)
        assert isinstance(there.running.wait_for_end(1), DeviceUnavailable)
