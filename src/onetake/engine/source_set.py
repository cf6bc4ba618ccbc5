"""The sources of a take: one runner a role, and those that were replaced in mid-take."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from onetake.clock import Clock
from onetake.engine.inlets import Inlets
from onetake.engine.lane_queue import SourceNews
from onetake.engine.source_runner import SourceListener, SourceRunner
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import SourceState
from onetake.platforms.contract import Source

__all__ = ["SourceSet"]

JOIN_S = 1.0
"""How long a source may take to end (the contract allows 0.5 s). One that hangs longer is left
behind as a daemon thread: a hung driver must not keep the file from being finished."""

POLL_S = 0.01
"""How often the end of a take looks whether the last sound has arrived."""


class SourceSet:
    """Fills roles with devices. The take's thread only, but for `devices`."""

    def __init__(
        self,
        make_source: Callable[[Role, str], Source],
        inlets: Inlets,
        listener: SourceListener,
        clock: Clock,
    ) -> None:
        self._make_source = make_source
        self._inlets = inlets
        self._listener = listener
        self._clock = clock
        self._runners: dict[Role, SourceRunner] = {}
        self._retired: list[SourceRunner] = []

    def fill(self, role: Role, device_id: str) -> None:
        """Run `device_id` in `role`, in place of what ran there."""
        lane = self._inlets.audio if role in AUDIO_ROLES else self._inlets.video
        before = self._runners.get(role)
        if before is not None:
            before.ask_to_stop()
            self._retired.append(before)
            # What comes next has another clock; without this it would pass for a loss of this one.
            lane.put(SourceNews(role, SourceState.ABSENT, self._clock.now_ns()))
        runner = SourceRunner(
            role,
            device_id,
            make_source=self._make_source,
            lane=lane,
            listener=self._listener,
            clock=self._clock,
        )
        self._runners = {**self._runners, role: runner}
        runner.start()

    def devices(self) -> dict[Role, str]:
        """Return which device fills each role now. Any thread."""
        return {role: runner.device_id for role, runner in self._runners.items()}

    def hear_out(self, roles: Collection[Role], end_host_ns: int, most_ns: int) -> None:
        """Let the pictures end, and wait until the sound of `roles` has arrived up to
        `end_host_ns`, at most `most_ns`."""
        for role, runner in self._runners.items():
            if role not in AUDIO_ROLES:
                # Nobody wants them after the stop, and a source may need a moment to notice.
                runner.ask_to_stop()
        give_up_ns = self._clock.now_ns() + most_ns
        while self._clock.now_ns() < give_up_ns:
            if all(self._runners[role].covered_ns >= end_host_ns for role in roles):
                return
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End all sources; waits a moment for each."""
        runners = [*self._runners.values(), *self._retired]
        for runner in runners:
            runner.ask_to_stop()
        for runner in runners:
            runner.join(JOIN_S)
