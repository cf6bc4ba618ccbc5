"""The session of a take under its one lock: stamps commands, queues them, tells everybody.

The lock is held for pure code, queue puts and handing events to subscriptions only; nothing in it
waits. That a command is stamped and queued under the same lock is what fixes its order against
the frames: no frame captured after it can be queued before it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from onetake.clock import Clock
from onetake.engine.broadcast import Asked, Broadcaster, Subscription
from onetake.engine.inlets import Inlets
from onetake.engine.lane_queue import End, StartAt
from onetake.engine.starvation_watch import StarvationWatch
from onetake.model.commands import Command, SwitchDevice, TimedCommand
from onetake.model.events import ControlChanged, Event, Meters, Started, TakeState, Warned
from onetake.model.units import NS_PER_S
from onetake.platforms.registry import shown_id
from onetake.session.machine import Session, step
from onetake.session.messages import (
    Apply,
    BeginStop,
    CommandReceived,
    Effect,
    Publish,
    SessionEvent,
    Stalled,
    TimelineStarted,
)

__all__ = ["HISTORY_LIMIT", "SessionDriver"]

HISTORY_LIMIT = 20_000
"""Most events kept for the report. A script that toggles ten times a second fills it in half an
hour; the oldest are forgotten then, which the report says."""

STALL_NS = NS_PER_S
"""A wait that is over by this much means that the whole program did not run. Shorter: every hiccup
of a busy machine is told. Longer: a second of standing picture that nobody is told of."""

RECENT_WARNINGS = 20
"""Warnings in a snapshot."""


class SessionDriver:
    """Any thread may call any method.

    Args:
        inlets: the lanes' queues, which commands go into.
        on_event: shown each event but meters, under the lock; must not block.
    """

    def __init__(
        self, session: Session, inlets: Inlets, clock: Clock, on_event: Callable[[Event], None]
    ) -> None:
        self._session = session
        self._inlets = inlets
        self._clock = clock
        self._on_event = on_event
        self._lock = threading.Lock()
        self._broadcaster = Broadcaster()
        self._work: deque[Effect] = deque()
        self._history: deque[Event] = deque(maxlen=HISTORY_LIMIT)
        self._recent: deque[Warned] = deque(maxlen=RECENT_WARNINGS)
        self._starvation = StarvationWatch()
        self._woken_ns = clock.now_ns()
        """When the take's thread last began to work."""
        self.woken = threading.Event()
        """Set when there is work for the take's thread."""

    @property
    def session(self) -> Session:
        """The session now; a value."""
        return self._session

    def history(self) -> list[Event]:
        """Return what has happened so far, meters left out."""
        with self._lock:
            return list(self._history)

    def recent_warnings(self) -> list[Warned]:
        """Return the latest warnings, newest last."""
        with self._lock:
            return list(self._recent)

    def subscribe(self, *, from_start: bool, wants_meters: Asked) -> Subscription:
        """Listen to the events from now on, or to all there have been as well; `Meters` only come
        while `wants_meters()`."""
        with self._lock:
            before = self._history if from_start else ()
            return self._broadcaster.subscribe(before, wants_meters)

    @property
    def wants_meters(self) -> bool:
        """Whether anybody would see `Meters` now."""
        return self._broadcaster.wants_meters()

    def wait_for_work(self, timeout_s: float) -> None:
        """Wait until there is work or the time is over; tells when that took far too long, or too
        long again and again. The take's thread only."""
        before_ns = self._clock.now_ns()
        self._note_delay(self._woken_ns, before_ns)
        self.woken.wait(timeout_s)
        self.woken.clear()
        self._woken_ns = self._clock.now_ns()
        if self._woken_ns - before_ns > STALL_NS and not self._starvation.is_starved:
            self._starvation.told_otherwise(self._woken_ns)
            self.step(Stalled(before_ns, self._woken_ns))
        self._note_delay(before_ns + round(timeout_s * NS_PER_S), self._woken_ns)

    def _note_delay(self, due_ns: int, now_ns: int) -> None:
        """Tell when the processor is short; it is looked at only while pictures are taken."""
        is_recording = self._session.state is TakeState.RECORDING
        watch = self._starvation
        starved = watch.note(due_ns, now_ns) if is_recording else watch.end()
        if starved is not None:
            self.step(starved)

    def step(self, event: SessionEvent) -> None:
        """Move the session on."""
        with self._lock:
            self._advance(event)

    def send(self, command: Command, at_ns: int | None) -> ControlChanged:
        """Stamp a command (now, unless told) and give it to the session and the lanes.

        Raises InvalidState or UsageError, and nothing has changed then.
        """
        with self._lock:
            host_ns = self._clock.now_ns() if at_ns is None else at_ns
            effects = self._advance(CommandReceived(TimedCommand(host_ns, command)))
            for effect in effects:
                if isinstance(effect, Publish) and isinstance(effect.event, ControlChanged):
                    return effect.event
            return ControlChanged(command, self._session.position_ns(host_ns))

    def start_timeline(self, t0_ns: int, started: Started) -> None:
        """Begin at `t0_ns`: tell the audio lane, the session and everybody, in one go."""
        with self._lock:
            self._inlets.audio.put(StartAt(t0_ns))
            self._advance(TimelineStarted(t0_ns))
            self._tell(started)

    def publish(self, event: Event) -> None:
        """Tell everybody something the session did not say itself."""
        with self._lock:
            self._tell(event)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Warn at the position of this moment."""
        position_ns = self._session.position_ns(self._clock.now_ns())
        self.publish(Warned(code, message, hint, position_ns))

    def next_work(self) -> Effect | None:
        """Take the next effect the take's thread has to carry out, or None."""
        try:
            return self._work.popleft()
        except IndexError:
            return None

    def _advance(self, event: SessionEvent) -> list[Effect]:
        """Move on and carry out what is quick; the rest is left to the take's thread."""
        self._session, effects = step(self._session, event)
        for effect in effects:
            match effect:
                case Publish():
                    self._tell(effect.event)
                case Apply():
                    self._inlets.video.put(effect.timed)
                    self._inlets.audio.put(effect.timed)
                case BeginStop():
                    # At once and in order: no frame captured after the stop may be in the file.
                    self._inlets.video.put(End(effect.end_host_ns))
                    self._leave(effect)
                case _:
                    self._leave(effect)
        return effects

    def _leave(self, effect: Effect) -> None:
        self._work.append(effect)
        self.woken.set()

    def _tell(self, event: Event) -> None:
        event = _without_secrets(event)
        if not isinstance(event, Meters):
            self._history.append(event)
            self._on_event(event)
        if isinstance(event, Warned):
            self._recent.append(event)
        self._broadcaster.publish(event)


def _without_secrets(event: Event) -> Event:
    """Return the event as everybody may hear it: a camera's URL may hold a password."""
    if isinstance(event, ControlChanged) and isinstance(event.command, SwitchDevice):
        command = event.command
        shown = SwitchDevice(command.role, shown_id(command.device_id))
        return ControlChanged(shown, event.position_ns)
    return event
