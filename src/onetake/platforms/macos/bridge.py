"""The few ways in which everything here talks to Objective-C, each trap handled once.

Invariant: no Python exception leaves a callback (it would abort the process), and nothing waits for
an answer without a limit. Import this module only on macOS, or with the frameworks' stand-ins.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Protocol

import CoreMedia
import dispatch
import objc

from onetake.clock import Clock
from onetake.model.units import NS_PER_MS, NS_PER_S

__all__ = ["HostTime", "Reply", "describe", "failed", "guarded", "send", "serial_queue"]

SAME_EPOCH_NS = NS_PER_MS
"""Clocks that differ by less than this are the same clock, read twice. Smaller would let the noise
of the comparison into every stamp; larger would hide a real offset between two clocks."""


def serial_queue(label: str) -> Any:
    """Return a new serial dispatch queue. The label has to be bytes: PyObjC takes no str."""
    return dispatch.dispatch_queue_create(label.encode(), dispatch.DISPATCH_QUEUE_SERIAL)


def send(target: Any, selector: str, *arguments: Any) -> Any:
    """Call a selector of a class that the API table does not cover (menus, AUAudioUnit)."""
    return getattr(target, selector.replace(":", "_"))(*arguments)


def failed(error: Any) -> bool:
    """Whether an NSError out value is an error: None and NULL both mean "no error"."""
    return error is not None and error is not objc.NULL


def describe(error: Any) -> str:
    """Return an NSError in one line, the underlying one included, for a person's bug report."""
    if not failed(error):
        return "no reason given"
    text = f"{error.localizedDescription()} ({error.domain()} {error.code()})"
    under = (error.userInfo() or {}).get("NSUnderlyingError")
    return f"{text}, because of {under.domain()} {under.code()}" if under is not None else text


class Reply:
    """The answer of an asynchronous call, waited for with a limit."""

    def __init__(self) -> None:
        self._answers: SimpleQueue[tuple[Any, ...]] = SimpleQueue()

    def none(self) -> None:
        """Completion handler without arguments."""
        self._answers.put(())

    def one(self, first: Any) -> None:
        """Completion handler with one argument: an error, or whether it was granted."""
        self._answers.put((first,))

    def two(self, first: Any, second: Any) -> None:
        """Completion handler with two arguments: a result and an error."""
        self._answers.put((first, second))

    def wait(self, timeout_s: float) -> tuple[Any, ...] | None:
        """Return what the handler was called with, or None when it was not in time."""
        try:
            return self._answers.get(timeout=timeout_s)
        except Empty:
            return None


class HostTime:
    """Turns CoreMedia times into host nanoseconds.

    `time.monotonic_ns` and CoreMedia's host clock share the mach base; the difference is measured
    once all the same, and taken into account should they ever not be the same clock.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.host_clock = CoreMedia.CMClockGetHostTimeClock()
        before_ns = clock.now_ns()
        media_ns = _ns(CoreMedia.CMClockGetTime(self.host_clock))
        after_ns = clock.now_ns()
        difference_ns = (before_ns + after_ns) // 2 - media_ns
        noise_ns = SAME_EPOCH_NS + (after_ns - before_ns) // 2
        self._offset_ns = 0 if abs(difference_ns) < noise_ns else difference_ns

    def ns(self, time: Any, session_clock: Any = None) -> int | None:
        """Return a CMTime of `session_clock` (None: of the host clock) in host ns, or None for a
        time that is none."""
        if not time.flags & CoreMedia.kCMTimeFlags_Valid or time.timescale <= 0:
            return None
        if session_clock is not None:
            time = CoreMedia.CMSyncConvertTime(time, session_clock, self.host_clock)
        return _ns(time) + self._offset_ns

    def ns_from_units(self, mach_units: int) -> int | None:
        """Return a mach absolute time in host ns."""
        return self.ns(CoreMedia.CMClockMakeHostTimeFromSystemUnits(mach_units))


def _ns(time: Any) -> int:
    return int(time.value) * NS_PER_S // int(time.timescale)


class Faults(Protocol):
    """Told what went wrong in a callback."""

    def fail(self, failure: BaseException) -> None:
        """Remember it. Any thread."""
        ...


class guarded:  # noqa: N801  reads as the keyword it stands for
    """Wrap the whole body of a callback: pools what is autoreleased, lets no exception out."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._pool = objc.autorelease_pool()

    def __enter__(self) -> None:
        self._pool.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if failure is not None:
            self._faults.fail(failure)
        self._pool.__exit__(None, None, None)
        return True
