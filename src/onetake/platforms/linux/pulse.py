"""Sound from a PulseAudio or PipeWire server: microphones, and monitors of what is played.

Every block is stamped with the moment its first sample was, or will be, at the transducer:
the time at which it is read minus the stream's *signed* latency. On a monitor the latency is
negative, since samples pass there before the loudspeaker's buffer plays them.

Invariant: rate and channels are the device's own (at most two channels), so the server resamples
nothing and the drift of the device's clock arrives unspoilt.
"""

from __future__ import annotations

import ctypes
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device
from onetake.model.media import AudioBlock, StampKind
from onetake.model.units import NS_PER_S
from onetake.platforms.linux.pulse_library import (
    SAMPLE_FLOAT32LE,
    BufferAttr,
    SampleSpec,
    State,
    StreamFlags,
)
from onetake.platforms.linux.pulse_server import (
    SCHEME,
    Defaults,
    PulseServer,
    PulseSourceInfo,
    device_of,
)

if TYPE_CHECKING:
    from onetake.clock import Clock
    from onetake.platforms.contract import Sink

__all__ = ["DEFAULT_MIC_ID", "DEFAULT_SYSTEM_ID", "PulseSource"]

DEFAULT_MIC_ID = f"{SCHEME}@DEFAULT_SOURCE@"
"""Whatever input is the server's default, also after it was changed in mid-take."""

DEFAULT_SYSTEM_ID = f"{SCHEME}@DEFAULT_MONITOR@"
"""The monitor of whatever output is the server's default."""

FRAGMENT_S = 0.02
"""Seconds of sound in a block. Shorter costs wake-ups (50 a second now), longer delays the meters
and the discovery of a silent server."""

SILENCE_LIMIT_S = 5.0
"""Seconds without any block after which the device counts as gone. A device that is being resumed
by the server needs up to 2 s."""

_SERVER_CHOICE = 0xFFFFFFFF
_FLAGS = (
    StreamFlags.INTERPOLATE_TIMING
    | StreamFlags.AUTO_TIMING_UPDATE
    | StreamFlags.ADJUST_LATENCY
    # A microphone the user did not choose must never slip in: the engine asks again instead.
    | StreamFlags.DONT_MOVE
)


class PulseSource:
    """One source of the sound server. See `onetake.platforms.contract.Source`.

    Args:
        device: what was chosen; DEFAULT_MIC_ID and DEFAULT_SYSTEM_ID follow the server's default.
        clock: the host clock.
    """

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device = device
        self._wanted_name = device.id.removeprefix(SCHEME)
        self._clock = clock
        self._server = PulseServer()
        self._pulse: Any = None
        self._stream: Any = None
        self._name = ""
        self._lost_frames = 0
        self._spec = SampleSpec()

    @property
    def device(self) -> Device:
        """The device; after `open` its true id, name and format."""
        return self._device

    @property
    def stamp_kind(self) -> StampKind:
        """The server's latency is part of each stamp."""
        return StampKind.CAPTURE

    def size_px(self) -> tuple[int, int]:
        """Return (0, 0): it is sound."""
        return 0, 0

    def open(self) -> None:
        """Connect and start the stream. Raises DeviceUnavailable."""
        server = self._server
        server.open()
        self._pulse = server.pulse
        defaults = server.defaults()
        self._name = self._resolved_name(defaults)
        found = server.sources(self._name)
        if not found:
            raise DeviceUnavailable(
                f"the sound server has no source {self._name}",
                hint="`onetake devices` lists what there is",
            )
        self._device = device_of(found[0], defaults)
        if self._follows_default:
            server.watch_defaults()
        self._start_stream(found[0])

    @property
    def _follows_default(self) -> bool:
        return self._wanted_name.startswith("@")

    def _resolved_name(self, defaults: Defaults) -> str:
        """Return the true name of what was asked for."""
        if not self._follows_default:
            return self._wanted_name
        is_monitor = SCHEME + self._wanted_name == DEFAULT_SYSTEM_ID
        name = defaults.sink if is_monitor else defaults.source
        if not name:
            raise DeviceUnavailable(
                "the sound server has no default " + ("output" if is_monitor else "microphone"),
                hint="choose one of `onetake devices`",
            )
        return f"{name}.monitor" if is_monitor else name

    def _start_stream(self, info: PulseSourceInfo) -> None:
        pulse, server = self._pulse, self._server
        # More than two channels are folded to stereo by the server, which knows what they mean.
        channels = min(info.channels, 2)
        self._spec = SampleSpec(SAMPLE_FLOAT32LE, info.rate_hz, channels)
        self._stream = pulse.pa_stream_new(
            server.context, b"recording", ctypes.byref(self._spec), None
        )
        fragment_bytes = int(info.rate_hz * FRAGMENT_S) * channels * 4
        wishes = BufferAttr(*[_SERVER_CHOICE] * 4, fragment_bytes)
        started = pulse.pa_stream_connect_record(
            self._stream, info.name.encode(), ctypes.byref(wishes), _FLAGS
        )
        if started < 0:
            raise self._gone()
        server.turn_until(self._is_streaming, self._gone)
        # Without timing the first blocks of a monitor would be stamped 70 ms wrong.
        pulse.pa_operation_unref(pulse.pa_stream_update_timing_info(self._stream, None, None))
        server.turn_until(lambda: self._latency_ns() is not None, self._gone)

    def _is_streaming(self) -> bool:
        state = self._pulse.pa_stream_get_state(self._stream)
        if state in (State.STREAM_FAILED, State.STREAM_TERMINATED):
            raise self._gone()
        return bool(state == State.STREAM_READY)

    def _gone(self) -> DeviceUnavailable:
        return DeviceUnavailable(
            f"{self._device.name} is gone", hint="recording goes on when it is back"
        )

    def close(self) -> None:
        """End the stream and disconnect. Idempotent, never raises."""
        if self._stream is not None:
            self._pulse.pa_stream_disconnect(self._stream)
            self._pulse.pa_stream_unref(self._stream)
            self._stream = None
        self._server.close()

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver blocks until `stop` is set. Raises DeviceUnavailable when the device goes."""
        limit_ns = int(SILENCE_LIMIT_S * NS_PER_S)
        last_ns = self._clock.now_ns()
        while not stop.is_set():
            self._server.turn()
            if not self._is_streaming():
                raise self._gone()
            if self._deliver(sink):
                last_ns = self._clock.now_ns()
            elif self._clock.now_ns() - last_ns > limit_ns:
                raise DeviceUnavailable(
                    f"{self._device.name} delivers nothing", hint="check that it is not suspended"
                )
            self._check_still_ours()

    def _check_still_ours(self) -> None:
        """Raise DeviceUnavailable when the stream hears another device than the one opened."""
        name = (self._pulse.pa_stream_get_device_name(self._stream) or b"").decode()
        if name != self._name:
            raise DeviceUnavailable(f"the sound server switched from {self._name} to {name}")
        if self._server.defaults_changed:
            self._server.defaults_changed = False
            now = self._resolved_name(self._server.defaults())
            if now != self._name:
                raise DeviceUnavailable(f"the default changed from {self._name} to {now}")

    def _deliver(self, sink: Sink) -> bool:
        """Hand on every block that is there; return whether there was one."""
        pulse, stream = self._pulse, self._stream
        data, size_bytes = ctypes.c_void_p(), ctypes.c_size_t()
        has_any = False
        while True:
            if pulse.pa_stream_peek(stream, ctypes.byref(data), ctypes.byref(size_bytes)) < 0:
                raise self._gone()
            if not size_bytes.value:
                return has_any
            frame_count = size_bytes.value // (4 * self._spec.channels)
            if data.value:
                sink.audio(self._block(data.value, frame_count))
                has_any = True
            else:
                self._lost_frames += frame_count  # a hole: the server had to drop something
            pulse.pa_stream_drop(stream)

    def _block(self, address: int, frame_count: int) -> AudioBlock:
        """Copy and stamp what lies at `address`, before it is dropped from the stream."""
        latency_ns = self._latency_ns() or 0
        arrival_ns = self._clock.now_ns()
        channels = self._spec.channels
        memory = (ctypes.c_float * (frame_count * channels)).from_address(address)
        samples = np.array(memory, dtype=np.float32).reshape(frame_count, channels)
        lost_frames, self._lost_frames = self._lost_frames, 0
        return AudioBlock(
            stamp_ns=arrival_ns - latency_ns,
            samples=samples,
            rate_hz=self._spec.rate,
            arrival_ns=arrival_ns,
            lost_frames=lost_frames,
        )

    def _latency_ns(self) -> int | None:
        """Return the age of the next sample to be read, in ns; negative = not yet heard. None
        before the server has told any timing."""
        latency_us, is_negative = ctypes.c_uint64(), ctypes.c_int()
        known = self._pulse.pa_stream_get_latency(
            self._stream, ctypes.byref(latency_us), ctypes.byref(is_negative)
        )
        if known < 0:
            return None
        return latency_us.value * (-1000 if is_negative.value else 1000)
