"""The recorder: knows the platforms, runs at most one take at a time.

This is all that user interfaces and control adapters see of the engine.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from onetake.clock import Clock, HostClock
from onetake.engine.plan import OFFSET_FIELDS, Plan, make_plan, memory_id
from onetake.engine.take import Take
from onetake.errors import InvalidState
from onetake.file.device_memory import DeviceMemory
from onetake.file.naming import output_path
from onetake.model.devices import Device
from onetake.model.settings import Settings
from onetake.platforms.contract import Platform
from onetake.platforms.registry import find_platforms

__all__ = ["START_TIMEOUT_S", "Recorder"]

START_TIMEOUT_S = 20.0
"""How long a start may take before it is called a failure: opening (3 s), waiting for slow sources
(3 s), opening an encoder on a loaded machine."""


class Recorder:
    """Starts takes. Any thread; one take at a time."""

    def __init__(
        self, *, platforms: Sequence[Platform] | None = None, clock: Clock | None = None
    ) -> None:
        self._platforms = find_platforms() if platforms is None else list(platforms)
        self._clock = HostClock() if clock is None else clock
        self._lock = threading.Lock()
        self._memory = DeviceMemory()
        self._take: Take | None = None

    def devices(self) -> list[Device]:
        """List the devices of all platforms, as they are now."""
        return [device for platform in self._platforms for device in platform.devices()]

    def problems(self) -> list[str]:
        """Say why some devices cannot be listed, one line each."""
        return [problem for platform in self._platforms for problem in platform.problems()]

    def plan(self, settings: Settings) -> Plan:
        """Check the settings and find the devices, without opening anything.

        Raises UsageError or DeviceUnavailable.
        """
        return make_plan(settings, self._platforms, self._memory)

    def start(self, settings: Settings) -> Take:
        """Begin a take; returns when its first frame is in.

        Raises UsageError, DeviceUnavailable, PermissionDenied, OutputFailed, EncoderUnavailable,
        or InvalidState when a take is running; no file is left behind then.
        """
        with self._lock:
            if self._take is not None and not self._take.is_ended:
                raise InvalidState("a take is running already", hint="stop it first")
            plan = make_plan(settings, self._platforms, self._memory)
            path = output_path(settings.output, overwrite=settings.overwrite)
            take = Take(plan, str(path), self._clock)
            self._take = take
        self._remember(settings, plan)
        take.start()
        if not take.wait_started(START_TIMEOUT_S):
            take.stop()
            take.wait(START_TIMEOUT_S)
            raise InvalidState("the take did not start in time", code="start-timeout")
        return take

    def _remember(self, settings: Settings, plan: Plan) -> None:
        """Keep the latency offsets that were given, for the next take with the same device."""
        for role, name in OFFSET_FIELDS.items():
            offset_ms = getattr(settings, name)
            if offset_ms is not None and role in plan.devices:
                device_id = memory_id(role, plan.devices[role], self._platforms)
                self._memory.remember(device_id, offset_ms)

    @property
    def take(self) -> Take | None:
        """The take that runs, or the last one."""
        return self._take
