"""Sound from a PulseAudio or PipeWire server: microphones, and monitors of what is played.

Every block is stamped with the moment its first sample was, or will be, at the transducer. The
server tells, on request, how much its device had captured at a moment (see `pulse_timing`); on a
monitor that lies behind what it already handed over, by the whole buffer of the loudspeaker.

Invariant: rate and channels are the device's own (at most two channels), so the server resamples
nothing and the drift of the device's clock arrives unspoilt.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device
from onetake.model.media import AudioBlock, StampKind
from onetake.model.units import NS_PER_MS, NS_PER_S
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
from onetake.platforms.linux.pulse_timing import DeviceTime, Moment

if TYPE_CHECKING:
    from onetake.clock import Clock
    from onetake.platforms.contract import Sink

__all__ = ["DEFAULT_MIC_ID", "DEFAULT_SYSTEM_ID", "PulseSource"]

DEFAULT_MIC_ID = f"{SCHEME}@DEFAULT_SOURCE@"
"""Whatever input is the server's default, also after it was changed in mid-take."""

DEFAULT_SYSTEM_ID = f"{SCHEME}@DEFAULT_MONITOR@"
"""The monitor of whatever output is the server's default."""

FRAGMENT_S = 0.04
"""Seconds of sound in a block. Shorter costs wake-ups, which are most of what a source costs (25 a
second now); longer leaves the clock too few stamps to tell a loss (it wants 8 in 0.4 s)."""

SILENCE_LIMIT_S = 5.0
"""Seconds without any block after which the device counts as gone. A device that is being resumed
by the server needs up to 2 s."""

STALL_NS = NS_PER_S
"""Time between two looks at the server after which this program was stopped, or starved. Sound is
kept for 10 to 20 s and then dropped without a word; longer than that would miss it, and shorter
asks the server for nothing."""

HOLE_NS = 20 * NS_PER_MS
"""By how much the device's time may have gone on differently from the host's meanwhile. More is
sound that was dropped, nobody knows where. Smaller: a card that moves sound in large pieces is
opened anew for nothing; larger: what was kept is heard so much too early or late."""

MOST_ANSWERS = 5
"""So often the server is asked what it has captured, until it agrees with what was told before a
stall. Fewer: a program that still gets little of a processor reads one answer after the other too
late. More: a source that did lose sound comes back later."""

MOST_UNSURE_S = 1.0
"""Most sound that is given out where frames are missing and libpulse does not say between which: it
is put behind the gap. Larger: that much may be out of place by as much as is missing. Smaller: a
busy moment costs the quarter of a second in which a source is opened anew."""

BYTES_PER_SAMPLE = 4
_SERVER_CHOICE = 0xFFFFFFFF
_FLAGS = (
    StreamFlags.ADJUST_LATENCY
    # A microphone the user did not choose must never slip in: the engine asks again instead.
    | StreamFlags.DONT_MOVE
)


@dataclass(slots=True)
class _Stall:
    """Nobody took sound for a while, and it is not known yet whether all was kept."""

    before: Moment
    """What the server told last before."""
    answers: int = 0
    """How many since do not agree with it."""


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
        self._time: DeviceTime | None = None
        self._name = ""
        self._rate_hz = 0
        self._channels = 0
        self._next_frame: int | None = None

    @property
    def device(self) -> Device:
        """The device; after `open` its true id, name and format."""
        return self._device

    @property
    def stamp_kind(self) -> StampKind:
        """The server tells when its device captured what."""
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

    @property
    def _frame_bytes(self) -> int:
        return BYTES_PER_SAMPLE * self._channels

    def _start_stream(self, info: PulseSourceInfo) -> None:
        pulse, server = self._pulse, self._server
        # More than two channels are folded to stereo by the server, which knows what they mean.
        self._rate_hz, self._channels = info.rate_hz, min(info.channels, 2)
        spec = SampleSpec(SAMPLE_FLOAT32LE, self._rate_hz, self._channels)
        self._stream = pulse.pa_stream_new(server.context, b"recording", ctypes.byref(spec), None)
        fragment_bytes = int(self._rate_hz * FRAGMENT_S) * self._frame_bytes
        wishes = BufferAttr(*[_SERVER_CHOICE] * 4, fragment_bytes)
        started = pulse.pa_stream_connect_record(
            self._stream, info.name.encode(), ctypes.byref(wishes), _FLAGS
        )
        if started < 0:
            raise self._gone()
        server.turn_until(self._is_streaming, self._gone)
        self._time = time = DeviceTime(self._stream, self._clock, self._rate_hz * self._frame_bytes)
        time.ask()
        # Without it the first blocks of a monitor would be stamped 70 ms wrong.
        server.turn_until(lambda: time.is_known, self._gone)

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
        if self._time is not None:
            self._time.close()
            self._time = None
        if self._stream is not None:
            self._pulse.pa_stream_disconnect(self._stream)
            self._pulse.pa_stream_unref(self._stream)
            self._stream = None
        self._server.close()

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver blocks until `stop` is set. Raises DeviceUnavailable when the device goes."""
        assert self._time is not None
        limit_ns = int(SILENCE_LIMIT_S * NS_PER_S)
        last_ns = looked_ns = self._clock.now_ns()
        stall: _Stall | None = None
        while not stop.is_set():
            told = self._time.latest
            self._server.drain()
            self._is_streaming()
            self._check_still_ours()
            before_ns, looked_ns = looked_ns, self._clock.now_ns()
            if looked_ns - before_ns > STALL_NS:
                stall = stall or _Stall(told)
                self._time.forget()
                last_ns = looked_ns
            if stall is not None and self._has_all(self._time, stall):
                stall = None
            if stall is None and self._deliver(sink, self._time):
                last_ns = self._clock.now_ns()
            elif self._clock.now_ns() - last_ns > limit_ns:
                raise DeviceUnavailable(
                    f"{self._device.name} delivers nothing", hint="check that it is not suspended"
                )
            self._time.ask()
            # What arrives meanwhile waits in the socket; being late costs no accuracy, since the
            # stamps come from the server, and each wake-up costs CPU.
            stop.wait(FRAGMENT_S)

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

    def _has_all(self, time: DeviceTime, stall: _Stall) -> bool:
        """Whether it is known by now that all the sound of a stall was kept.

        Raises DeviceUnavailable when not: what lay before the hole and what came after it can no
        longer be told apart. The server drops what it has no room for without counting it, libpulse
        counts it as if it were ahead of all it has kept.
        """
        if not time.is_known:
            return False
        if self._next_frame not in (None, self._frame_to_come()):
            raise self._dropped()
        if abs(time.latest.gained_ns(stall.before)) <= HOLE_NS:
            time.bridge(stall.before)
            return True
        stall.answers += 1
        if stall.answers == MOST_ANSWERS:
            raise self._dropped()
        time.forget()
        return False

    def _dropped(self) -> DeviceUnavailable:
        return DeviceUnavailable(
            f"the sound server dropped sound of {self._device.name} while nobody took it",
            hint="recording goes on with what comes from now on",
        )

    def _deliver(self, sink: Sink, time: DeviceTime) -> bool:
        """Hand on what has arrived as one block; return whether there was any. There is none for as
        long as the server does not tell which frame is next: half a minute after a question that
        it could not answer."""
        arrival_ns = self._clock.now_ns()
        first_frame = self._frame_to_come()
        if first_frame is None:
            return False
        if self._next_frame not in (None, first_frame) and self._waiting_s() > MOST_UNSURE_S:
            raise self._dropped()
        # Nothing but what is taken here moves it before the main loop is turned again.
        frame = first_frame
        pieces: list[bytes] = []
        has_any = False
        for size_bytes, samples in self._pieces():
            if samples is None:
                if pieces:
                    self._hand_on(sink, time, first_frame, pieces, arrival_ns)
                pieces = []
            else:
                first_frame = first_frame if pieces else frame
                pieces.append(samples)
                has_any = True
            frame += size_bytes // self._frame_bytes
        if pieces:
            self._hand_on(sink, time, first_frame, pieces, arrival_ns)
        return has_any

    def _waiting_s(self) -> float:
        size_bytes = self._pulse.pa_stream_readable_size(self._stream)
        return float(size_bytes) / (self._frame_bytes * self._rate_hz)

    def _pieces(self) -> Iterator[tuple[int, bytes | None]]:
        """Take what has arrived from the stream, as (its length in bytes, a copy of it or None for
        a hole)."""
        pulse, stream = self._pulse, self._stream
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        data_pointer, size_pointer = ctypes.byref(data), ctypes.byref(size)
        while True:
            if pulse.pa_stream_peek(stream, data_pointer, size_pointer) < 0:
                raise self._gone()
            size_bytes, address = size.value, data.value
            if not size_bytes:
                return
            samples = ctypes.string_at(address, size_bytes) if address else None
            pulse.pa_stream_drop(stream)
            yield size_bytes, samples

    def _frame_to_come(self) -> int | None:
        """Return the number of the first frame that was not taken from the stream yet; None = the
        server has not told."""
        timing = self._pulse.pa_stream_get_timing_info(self._stream)
        if not timing:
            return None
        return int(timing.contents.read_index) // self._frame_bytes

    def _hand_on(
        self,
        sink: Sink,
        time: DeviceTime,
        first_frame: int,
        pieces: list[bytes],
        arrival_ns: int,
    ) -> None:
        # Some devices come in pieces of a millisecond: they become one array, not many.
        samples = np.frombuffer(b"".join(pieces), np.float32).reshape(-1, self._channels)
        expected = first_frame if self._next_frame is None else self._next_frame
        self._next_frame = first_frame + len(samples)
        block = AudioBlock(
            stamp_ns=time.host_ns(first_frame * NS_PER_S // self._rate_hz),
            samples=samples,
            rate_hz=self._rate_hz,
            arrival_ns=arrival_ns,
            lost_frames=max(0, first_frame - expected),
        )
        sink.audio(block)
