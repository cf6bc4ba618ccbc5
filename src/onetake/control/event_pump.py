"""Hands the controller's events to all clients of one adapter."""

from __future__ import annotations

import threading
from collections.abc import Callable

from onetake.control.controller import Controller
from onetake.engine.broadcast import always
from onetake.model.events import Event

__all__ = ["EventPump"]


class EventPump:
    """Owns one thread, from `start` to `stop`.

    Args:
        deliver: called with each event on the pump's thread; must neither block nor raise.
        wants_meters: whether anybody would see `Meters` now; 20 a second wake the pump.
    """

    def __init__(
        self,
        controller: Controller,
        name: str,
        deliver: Callable[[Event], None],
        *,
        wants_meters: Callable[[], bool] = always,
    ) -> None:
        self._controller = controller
        self._listening = controller.subscribe(wants_meters)
        self._deliver = deliver
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-events", daemon=True)

    def start(self) -> None:
        """Begin to deliver what happened since the pump was made."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver what waits and what an ended take still says, then end the thread."""
        self._controller.hear_out()
        self._stopping.set()
        self._listening.close()
        self._thread.join(2.0)

    def _run(self) -> None:
        while True:
            # Wakes for an event and for the end; what waits is handed out before the end is told.
            event = self._listening.get()
            if event is not None:
                self._deliver(event)
            elif self._stopping.is_set():
                return
