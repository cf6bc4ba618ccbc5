"""Hears what the sources tell and judges it: a refusal before the take, a lost source in it.

Each method is called on the thread of the source it is about.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from onetake.clock import Clock
from onetake.engine.session_driver import SessionDriver
from onetake.errors import OnetakeError
from onetake.model.devices import Role
from onetake.model.units import NS_PER_MS
from onetake.platforms.contract import Source
from onetake.session.messages import SourceDelivered, SourceLost

__all__ = ["STOPPED_BY_USER", "SourceDesk"]

REFUSE_WITHIN_NS = 2_500 * NS_PER_MS
"""A device that cannot be opened refuses the take only in its first moments; a slow one is a late
source (see SOURCE_WAIT_NS of the session): a take that runs is worth more than a camera."""

STOPPED_BY_USER = "stopped-by-user"
"""Code of the error with which a source says that the user stopped it in the system's own menu."""


class SourceDesk:
    """The listener of a take's sources (engine.source_runner.SourceListener).

    Args:
        stop: ends the take.
        has_started: set when the first frame was accepted.
    """

    def __init__(
        self,
        driver: SessionDriver,
        clock: Clock,
        *,
        stop: Callable[[], None],
        has_started: threading.Event,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._stop = stop
        self._has_started = has_started
        self._opened: dict[Role, Source] = {}
        self.refused: OnetakeError | None = None
        """Why the take cannot begin, if a device refused."""

    @property
    def screen(self) -> Source | None:
        """The screen, once it is open."""
        return self._opened.get(Role.SCREEN)

    def source_opened(self, role: Role, source: Source) -> None:
        """A device is open."""
        self._opened.setdefault(role, source)
        self._driver.woken.set()

    def source_delivered(self, role: Role, device_id: str, first_ns: int) -> None:
        """A device has begun to deliver, with what happened at host time `first_ns`."""
        self._driver.step(SourceDelivered(role, device_id, self._clock.now_ns(), first_ns))

    def source_lost(self, role: Role, device_id: str, error: OnetakeError) -> None:
        """A device could not be opened or went away."""
        if error.code == STOPPED_BY_USER:
            self._stop()
            return
        now_ns = self._clock.now_ns()
        is_early = now_ns - self._driver.session.begun_ns < REFUSE_WITHIN_NS
        is_needed = is_early or role is Role.SCREEN
        if role not in self._opened and is_needed and not self._has_started.is_set():
            self.refused = self.refused or error
            self._driver.woken.set()
            return
        self._driver.step(SourceLost(role, device_id, now_ns, error.message))

    def source_warned(self, code: str, message: str, hint: str) -> None:
        """A device has something to say."""
        self._driver.warn(code, message, hint)
