"""One stream of events across takes.

A take publishes to its own listeners, but a remote control listens before there is a take and after
it. The relay forwards each take's events into the controller's broadcaster.

Invariant: the states it forwards are legal (`TakeState`) and nothing is told twice. A take says its
first words while `Recorder.start` still runs; whatever was said before the relay could listen is
told from the snapshot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onetake.engine.broadcast import Broadcaster
from onetake.model.commands import Command
from onetake.model.devices import Device
from onetake.model.events import (
    ControlChanged,
    Event,
    Finished,
    Snapshot,
    Started,
    StateChanged,
    TakeState,
)
from onetake.model.settings import Settings

__all__ = ["Listening", "RecorderLike", "Relay", "TakeLike"]

_POLL_S = 0.002
"""How often a new take is looked for while one is being started, and the end of one that has said
its last word: shorter than opening any device, longer than a busy loop."""

_GET_S = 0.25
"""How long one wait for an event lasts before the relay looks whether the take is over."""


class Listening(Protocol):
    """A listener's end, as `engine.broadcast.Subscription`."""

    def get(self, timeout_s: float | None = None) -> Event | None:
        """Return the next event, or None."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...


class TakeLike(Protocol):
    """What the control room uses of a take (`engine.take.Take`)."""

    @property
    def is_ended(self) -> bool:
        """Whether the take is over."""
        ...

    @property
    def started_event(self) -> Started:
        """What was said when the first frame was in."""
        ...

    def send(self, command: Command, *, at_ns: int | None = None) -> ControlChanged:
        """Give a command."""
        ...

    def snapshot(self) -> Snapshot:
        """Return everything a user interface shows."""
        ...

    def subscribe(self, *, wants_meters: Callable[[], bool]) -> Listening:
        """Listen from now on; `Meters` only come while `wants_meters()`."""
        ...

    def stop(self) -> None:
        """End the take; does not wait."""
        ...

    def wait(self, timeout_s: float | None = None) -> Finished | None:
        """Wait for the finished file. Raises what spoilt it."""
        ...

    def request_preview(self, max_width_px: int) -> None:
        """Ask for a copy of the next composed picture."""
        ...

    def preview(self) -> NDArray[np.uint8] | None:
        """Return the latest copy: uint8 RGB, shape (height, width, 3); None before the first."""
        ...


class RecorderLike(Protocol):
    """What the control room uses of the recorder (`engine.recorder.Recorder`)."""

    @property
    def take(self) -> TakeLike | None:
        """The take that runs, or the last one."""
        ...

    def devices(self) -> list[Device]:
        """List the devices."""
        ...

    def problems(self) -> list[str]:
        """Say why some devices cannot be listed."""
        ...

    def plan(self, settings: Settings) -> object:
        """Check the settings without opening anything."""
        ...

    def start(self, settings: Settings) -> TakeLike:
        """Begin a take; returns when its first frame is in."""
        ...


class Relay:
    """Forwards one take's events. Owns the thread `control-relay` for the length of the take.

    Args:
        recorder: whose next take is forwarded.
        before: the take the recorder knows already; only another one counts.
        events: where to.
    """

    def __init__(
        self, recorder: RecorderLike, before: TakeLike | None, events: Broadcaster
    ) -> None:
        self._recorder = recorder
        self._before = before
        self._events = events
        self._state = TakeState.IDLE
        self._is_started_told = False
        self._given_up = threading.Event()
        self.is_listening = threading.Event()
        """Set once nothing the take says can be missed any more, or there is no take."""
        self._thread = threading.Thread(target=self._run, name="control-relay", daemon=True)

    def start(self) -> None:
        """Begin to look for the take."""
        self._thread.start()

    def give_up(self) -> None:
        """There will be no take, or none that needs forwarding."""
        self._given_up.set()

    def join(self, timeout_s: float) -> None:
        """Wait until everything is forwarded."""
        self._thread.join(timeout_s)

    def enter(self, state: TakeState, position_ns: int = 0) -> None:
        """Tell a state, once. On the relay's thread, or before it was started."""
        if state is not self._state:
            self._state = state
            self._events.publish(StateChanged(state, position_ns))

    def _run(self) -> None:
        take = self._next_take()
        if take is None:
            self.is_listening.set()
            return
        listening = take.subscribe(wants_meters=self._events.wants_meters)
        try:
            self._catch_up(take)
            self.is_listening.set()
            while not (take.is_ended and self._is_over()):
                # Asked before the wait: what a take says last waits there when it has ended.
                was_ended = take.is_ended
                event = listening.get(_POLL_S if self._is_over() else _GET_S)
                if event is not None:
                    self._forward(event)
                elif was_ended:
                    self._end(take)
        finally:
            listening.close()

    def _next_take(self) -> TakeLike | None:
        while True:
            take = self._recorder.take
            if take is not None and take is not self._before:
                return take
            if self._given_up.wait(_POLL_S):
                take = self._recorder.take
                return take if take is not self._before else None

    def _catch_up(self, take: TakeLike) -> None:
        """Tell what was said before anybody could listen."""
        state = take.snapshot().state
        if state is not TakeState.IDLE:
            self.enter(TakeState.STARTING)
        if state in (TakeState.RECORDING, TakeState.PAUSED):
            self.enter(TakeState.RECORDING)
            self._tell_started(take.started_event)

    def _forward(self, event: Event) -> None:
        match event:
            case StateChanged():
                is_told = event.state is TakeState.STARTING and self._state is not TakeState.IDLE
                if not is_told:
                    self.enter(event.state, event.position_ns)
            case Started():
                self._tell_started(event)
            case _:
                self._events.publish(event)

    def _tell_started(self, started: Started) -> None:
        if not self._is_started_told:
            self._is_started_told = True
            self._events.publish(started)

    def _is_over(self) -> bool:
        return self._state in (TakeState.FINISHED, TakeState.FAILED)

    def _end(self, take: TakeLike) -> None:
        """Tell the end of a take that ended without a word."""
        state = take.snapshot().state
        self.enter(state if state is TakeState.FAILED else TakeState.FINISHED)
