"""A connection to a sound server (PulseAudio, or PipeWire through the same protocol).

The main loop of libpulse is turned by whoever waits, on that thread; there is no other. Invariant:
no wait is unbounded, and a dead or silent server is DeviceUnavailable.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.platforms.linux.pulse_library import (
    CONTEXT_NOAUTOSPAWN,
    INVALID_INDEX,
    OperationState,
    ServerInfoCallback,
    SourceInfoCallback,
    State,
    SubscribeCallback,
    library,
)

__all__ = ["SCHEME", "PulseServer", "PulseSourceInfo", "list_sounds"]

SCHEME = "pulse:"

ANSWER_TIMEOUT_S = 2.0
"""Seconds the server may take for an answer. It answers in about 1 ms, a starting one in 500 ms;
with more than 3 s `Source.open` would break its promise."""

STEP_S = 0.05
"""Longest sleep inside the main loop in seconds: bounds how late a stop or a timeout is noticed."""

MOST_TURNS = 1000
"""Turns of the main loop in one go: a flood of messages must not keep a stop from being seen."""

_SUBSCRIBE_DEFAULTS = 0x0080
"""pa_subscription_mask SERVER: the default sink or source changed."""


@dataclass(frozen=True, slots=True)
class PulseSourceInfo:
    """What the server says about one of its sources."""

    name: str
    description: str
    rate_hz: int
    channels: int
    monitored_sink: str
    """Name of the sink it is the monitor of; empty = a microphone or line input."""
    index: int


@dataclass(frozen=True, slots=True)
class Defaults:
    """The server's defaults, by name; empty = none."""

    sink: str
    source: str


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


class PulseServer:
    """A context and its main loop. One thread at a time."""

    def __init__(self) -> None:
        self.pulse: Any = None
        self._loop: Any = None
        self.context: Any = None
        self._was_ready = False
        self._callbacks: list[object] = []
        self.defaults_changed = False
        """Set when the server tells of new defaults; whoever reads it resets it."""

    def open(self) -> None:
        """Connect to the server of PULSE_SERVER or of this session. Raises DeviceUnavailable."""
        self.pulse = pulse = library()
        self._loop = pulse.pa_mainloop_new()
        self.context = pulse.pa_context_new(pulse.pa_mainloop_get_api(self._loop), b"onetake")
        if pulse.pa_context_connect(self.context, None, CONTEXT_NOAUTOSPAWN, None) < 0:
            raise self._no_server()
        self.turn_until(self._is_ready, self._no_server)

    def close(self) -> None:
        """Disconnect. Idempotent, never raises."""
        if self.context is not None:
            self.pulse.pa_context_disconnect(self.context)
            self.pulse.pa_context_unref(self.context)
            self.context = None
        if self._loop is not None:
            self.pulse.pa_mainloop_free(self._loop)
            self._loop = None
        self._callbacks.clear()

    def _is_ready(self) -> bool:
        state = self.pulse.pa_context_get_state(self.context)
        self._was_ready = bool(state == State.CONTEXT_READY)
        return self._was_ready

    def _reason(self) -> str:
        return _text(self.pulse.pa_strerror(self.pulse.pa_context_errno(self.context)))

    def _no_server(self) -> DeviceUnavailable:
        return DeviceUnavailable(
            f"no sound server: {self._reason()}",
            hint="start PulseAudio or PipeWire (pipewire-pulse), or set PULSE_SERVER",
        )

    def _lost_server(self) -> DeviceUnavailable:
        return DeviceUnavailable(
            f"the sound server went away: {self._reason()}",
            hint="recording goes on when it is back",
        )

    def turn(self, wait_s: float = STEP_S) -> int:
        """Turn the main loop once, waiting at most `wait_s`; return how many things happened.
        Raises DeviceUnavailable when the connection is lost."""
        pulse = self.pulse
        happened: int = -1
        if pulse.pa_mainloop_prepare(self._loop, int(wait_s * 1e6)) >= 0:
            pulse.pa_mainloop_poll(self._loop)
            happened = pulse.pa_mainloop_dispatch(self._loop)
        self._check_connected()
        return happened

    def _check_connected(self) -> None:
        state = self.pulse.pa_context_get_state(self.context)
        if state in (State.CONTEXT_FAILED, State.CONTEXT_TERMINATED):
            raise self._no_server() if not self._was_ready else self._lost_server()

    def drain(self) -> None:
        """Let everything happen that has arrived, without waiting. Raises as `turn` does."""
        # A turn for each message, and a server sends three hundred small ones a second.
        turn, loop = self.pulse.pa_mainloop_iterate, self._loop
        for _ in range(MOST_TURNS):
            if turn(loop, 0, None) <= 0:
                break
        self._check_connected()

    def turn_until(
        self, is_done: Callable[[], bool], error: Callable[[], DeviceUnavailable]
    ) -> None:
        """Turn the main loop until `is_done`; raises `error()` when that takes too long."""
        deadline_s = time.monotonic() + ANSWER_TIMEOUT_S
        while not is_done():
            if time.monotonic() > deadline_s:
                raise error()
            self.turn()

    def _wait_for(self, operation: Any) -> None:
        """Wait for an operation and let it go."""
        pulse = self.pulse
        if not operation:
            raise self._no_server()
        try:
            self.turn_until(
                lambda: pulse.pa_operation_get_state(operation) != OperationState.RUNNING,
                lambda: DeviceUnavailable("the sound server does not answer"),
            )
        finally:
            # A cancelled operation never calls back into an object that may be gone.
            pulse.pa_operation_cancel(operation)
            pulse.pa_operation_unref(operation)

    def defaults(self) -> Defaults:
        """Ask for the default sink and source."""
        found: list[Defaults] = []

        def take(_context: object, info: Any, _data: object) -> None:
            if info:
                server = info.contents
                found.append(
                    Defaults(_text(server.default_sink_name), _text(server.default_source_name))
                )

        callback = ServerInfoCallback(take)
        self._wait_for(self.pulse.pa_context_get_server_info(self.context, callback, None))
        return found[0] if found else Defaults("", "")

    def sources(self, name: str = "") -> list[PulseSourceInfo]:
        """Ask for all sources, or for the one of this name (empty when there is none)."""
        found: list[PulseSourceInfo] = []

        def take(_context: object, info: Any, is_last: int, _data: object) -> None:
            if not is_last and info:
                found.append(_source_info(info.contents))

        callback = SourceInfoCallback(take)
        pulse = self.pulse
        if name:
            operation = pulse.pa_context_get_source_info_by_name(
                self.context, name.encode(), callback, None
            )
        else:
            operation = pulse.pa_context_get_source_info_list(self.context, callback, None)
        self._wait_for(operation)
        return found

    def watch_defaults(self) -> None:
        """Set `defaults_changed` from now on when the defaults may have changed."""

        def note(_context: object, _event: int, _index: int, _data: object) -> None:
            self.defaults_changed = True

        callback = SubscribeCallback(note)
        self._callbacks.append(callback)
        self.pulse.pa_context_set_subscribe_callback(self.context, callback, None)
        operation = self.pulse.pa_context_subscribe(self.context, _SUBSCRIBE_DEFAULTS, None, None)
        self._wait_for(operation)


def _source_info(info: Any) -> PulseSourceInfo:
    is_monitor = info.monitor_of_sink != INVALID_INDEX
    return PulseSourceInfo(
        name=_text(info.name),
        description=_text(info.description) or _text(info.name),
        rate_hz=info.sample_spec.rate,
        channels=info.sample_spec.channels,
        monitored_sink=_text(info.monitor_of_sink_name) if is_monitor else "",
        index=info.index,
    )


def device_of(info: PulseSourceInfo, defaults: Defaults) -> Device:
    """Return a source of the server as a device: monitors play the system, the others the mic."""
    is_monitor = bool(info.monitored_sink)
    return Device(
        f"{SCHEME}{info.name}",
        info.description,
        Role.SYSTEM if is_monitor else Role.MIC,
        info.monitored_sink == defaults.sink if is_monitor else info.name == defaults.source,
        f"{info.rate_hz} Hz, {info.channels} channel" + ("s" if info.channels > 1 else ""),
    )


def list_sounds() -> list[Device]:
    """List monitors and inputs of the sound server. Raises DeviceUnavailable when there is none."""
    server = PulseServer()
    try:
        server.open()
        defaults = server.defaults()
        return [device_of(info, defaults) for info in server.sources()]
    finally:
        server.close()
