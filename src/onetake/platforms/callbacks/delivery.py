"""From a system's callback to the engine's sink, and from a callback's failure to the engine.

Invariant: nothing is handed over before `watch` and after it, and the first failure is the one that
is told.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock

from onetake.clock import Clock
from onetake.errors import DeviceUnavailable, OnetakeError
from onetake.platforms.contract import Sink

__all__ = ["Delivery"]

POLL_S = 0.05
"""How often a running source looks after its failure and its stop. Shorter wakes the CPU for
nothing; longer makes a lost device and a stop be noticed later (the contract allows 0.5 s)."""


class Delivery:
    """What callbacks hand over to, and the first thing that went wrong in them.

    Callbacks come on threads of the system's, `watch` on the engine's.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.last_ns = clock.now_ns()
        """Host time of the last callback, whatever it brought."""
        self.has_arrived = Event()
        """Set by the first callback."""
        self._sink: Sink | None = None
        self._failure: BaseException | None = None
        self._lock = Lock()

    def hand_over(self, give: Callable[[Sink], None], *, is_sign_of_life: bool = True) -> None:
        """Call `give` with the sink, if there is one now."""
        if is_sign_of_life:
            self.last_ns = self.clock.now_ns()
            self.has_arrived.set()
        with self._lock:
            if self._sink is not None:
                give(self._sink)

    def fail(self, failure: BaseException) -> None:
        """Remember why the device is of no use any more. The first reason stays."""
        if self._failure is None:
            self._failure = failure
        self.has_arrived.set()

    def check(self) -> None:
        """Raise what went wrong, if anything did. OnetakeErrors as they are, others mapped."""
        failure = self._failure
        if isinstance(failure, OnetakeError):
            raise failure
        if failure is not None:
            raise DeviceUnavailable(f"what the device delivers makes no sense: {failure}") from (
                failure
            )

    def watch(self, sink: Sink, stop: Event, is_alive: Callable[[], None]) -> None:
        """Hand over to `sink` until `stop`; raise what fails, or what `is_alive` raises."""
        with self._lock:
            self._sink = sink
        self.last_ns = self.clock.now_ns()
        try:
            while not stop.wait(POLL_S):
                self.check()
                is_alive()
        finally:
            with self._lock:
                self._sink = None

    def silent_ns(self) -> int:
        """Return for how long no callback came."""
        return self.clock.now_ns() - self.last_ns

    def check_silence(self, most_ns: int, name: str) -> None:
        """Raise DeviceUnavailable when a device that never pauses has been silent for too long."""
        if self.silent_ns() > most_ns:
            raise DeviceUnavailable(f"{name} has gone silent", code="device-silent")
