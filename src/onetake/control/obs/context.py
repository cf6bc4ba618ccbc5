"""What the requests of one obs-websocket server share: the controller and a few measurements."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence

from onetake.control.controller import Controller, Origin
from onetake.control.obs.nouns import Sizes, sizes_of
from onetake.errors import OnetakeError
from onetake.model.devices import Device
from onetake.model.events import Started
from onetake.model.settings import Settings

__all__ = ["Context", "ProcessStats"]

ORIGIN = Origin("obs-websocket", is_remote=True)

_DEVICES_FOR_S = 5.0
"""How long a list of devices is good for a size of a picture: remotes poll transforms."""


class ProcessStats:
    """How much of the machine this process uses. Any thread."""

    def __init__(self) -> None:
        self._last_s = (time.monotonic(), time.process_time())
        self._cpu_percent = 0.0

    def cpu_percent(self) -> float:
        """Return the share of one core since the last call, in percent."""
        now_s, used_s = time.monotonic(), time.process_time()
        passed_s = now_s - self._last_s[0]
        if passed_s >= 0.1:
            self._cpu_percent = 100.0 * (used_s - self._last_s[1]) / passed_s
            self._last_s = (now_s, used_s)
        return self._cpu_percent

    def memory_mb(self) -> float:
        """Return the resident memory in MB; its peak where the system does not tell."""
        try:
            with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  no path object at 1 Hz
                pages = int(file.read().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        except OSError:
            import resource

            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


class Tally:
    """A number that any thread may count up."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        """Count one more."""
        with self._lock:
            self._count += 1

    def __int__(self) -> int:
        return self._count


class Context:
    """Any thread.

    Args:
        profiles: names of the presets, for display.
    """

    def __init__(self, controller: Controller, profiles: Sequence[str] = ()) -> None:
        self.controller = controller
        self.profiles = ["Default", *profiles]
        self.stats = ProcessStats()
        self.started: Started | None = None
        """The last take's start, as heard from its events."""
        self.in_messages = Tally()
        self.out_messages = Tally()
        self._devices: tuple[float, list[Device]] = (0.0, [])

    def devices(self) -> list[Device]:
        """Return the devices, at most a few seconds old."""
        listed_s, devices = self._devices
        if not devices or time.monotonic() - listed_s > _DEVICES_FOR_S:
            devices = self.controller.devices().devices
            self._devices = (time.monotonic(), devices)
        return devices

    def sizes(self) -> Sizes:
        """Return the sizes of the take that runs, or of the one that would."""
        now = self.controller.snapshot()
        started = self.started
        output_px = None
        if started is not None and self.controller.is_recording:
            output_px = (started.width_px, started.height_px)
        return sizes_of(output_px, now.devices, self.devices())

    def free_bytes(self) -> int:
        """Return the room on the disk the takes go to."""
        known = self.controller.snapshot().free_bytes
        folder = self.controller.folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return known or shutil.disk_usage(folder).free

    def start_aside(self, settings: Settings | None = None) -> None:
        """Begin a take without waiting for its first frame; a failure is told as a warning."""

        def start() -> None:
            try:
                self.controller.start(settings, origin=ORIGIN)
            except OnetakeError as error:
                self.controller.warn("start-failed", error.message, error.hint)

        _aside(start)


def _aside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="obs-start", daemon=True).start()
