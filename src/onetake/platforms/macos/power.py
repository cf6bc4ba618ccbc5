"""Keeps the Mac awake while something is recorded."""

from __future__ import annotations

import time
from typing import Any

import Foundation

__all__ = ["Wakefulness", "slept_ns"]


class Wakefulness:
    """An activity that prevents idle sleep of display and system from `begin` to `end`.

    A closed lid or the user's own "sleep" still puts the Mac to sleep. Any one thread at a time.
    """

    def __init__(self) -> None:
        self._token: Any = None

    def begin(self) -> None:
        """Prevent idle sleep from now on."""
        if self._token is None:
            options = (
                Foundation.NSActivityUserInitiated
                | Foundation.NSActivityIdleDisplaySleepDisabled
                | Foundation.NSActivityIdleSystemSleepDisabled
            )
            process = Foundation.NSProcessInfo.processInfo()
            self._token = process.beginActivityWithOptions_reason_(options, "recording the screen")

    def end(self) -> None:
        """Let the Mac sleep again. Idempotent."""
        if self._token is not None:
            Foundation.NSProcessInfo.processInfo().endActivity_(self._token)
            self._token = None


def slept_ns() -> int:
    """Return for how long the machine has slept since it was started.

    macOS's CLOCK_MONOTONIC goes on in sleep, the mach clock behind `time.monotonic` does not.
    """
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.monotonic_ns()
