"""What the sound server says about its device's time, without libpulse's smoothing.

The server answers a timing request with the number of samples it had handed on (`write_index`), the
age of the newest of them (`source_us`) or, on a monitor, how long until it is heard (`sink_us`),
all at one moment of its own. So each answer is an independent measurement of "the device had
captured y at host time x". `pa_stream_get_latency` feeds the same answers to a filter that needs a
second to settle: the first blocks come out up to 70 ms wrong there, and a change of latency (an
idle output that wakes up) for as long (measured; docs/notes/linux-devices.md).

Invariant: x is on the monotonic clock, though libpulse measures with the wall clock; an answer
during which the wall clock was stepped is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onetake.model.units import NS_PER_S
from onetake.platforms.linux.pulse_library import SuccessCallback, library

if TYPE_CHECKING:
    from onetake.clock import Clock

__all__ = ["DeviceTime", "Moment"]

CLOCK_TOLERANCE_NS = 1_000_000
"""How much longer than our own measurement libpulse's may say an answer was under way, in ns.
Smaller rejects answers for the rounding of two clocks; larger lets a wall clock step of that size
into a stamp."""

LOST_AFTER_NS = NS_PER_S
"""An answer that takes longer is not waited for; the next question is asked."""


@dataclass(frozen=True, slots=True)
class Moment:
    """At `host_ns` the device had captured `device_ns` of sound."""

    host_ns: int = 0
    device_ns: int = 0

    def gained_ns(self, before: Moment) -> int:
        """Return by how much more the device went on than the host since then."""
        return (self.device_ns - before.device_ns) - (self.host_ns - before.host_ns)


class DeviceTime:
    """The latest measurement of a stream's device time. On the thread that turns the main loop.

    Args:
        stream: the pa_stream.
        clock: the host clock.
        bytes_per_s: of the stream's sample format.
    """

    def __init__(self, stream: Any, clock: Clock, bytes_per_s: int) -> None:
        self._pulse = library()
        self._stream = stream
        self._clock = clock
        self._bytes_per_s = bytes_per_s
        self._callback = SuccessCallback(self._answered)
        self._asked_ns: int | None = None
        self._bridge: Moment | None = None
        self.latest = Moment()
        """What the latest answer says."""
        self.is_known = False
        """Whether there was an answer yet."""

    def ask(self) -> None:
        """Ask the server for its device's time, unless an answer is still under way."""
        now_ns = self._clock.now_ns()
        if self._asked_ns is not None and now_ns - self._asked_ns < LOST_AFTER_NS:
            return
        operation = self._pulse.pa_stream_update_timing_info(self._stream, self._callback, None)
        if operation:
            self._asked_ns = now_ns
            self._pulse.pa_operation_unref(operation)

    def forget(self) -> None:
        """Let `is_known` wait for a new answer."""
        self.is_known = False

    def close(self) -> None:
        """Take no answer any more: the stream is about to go."""
        self._stream = None

    def _answered(self, _stream: object, is_ok: int, _data: object) -> None:
        now_ns = self._clock.now_ns()
        asked_ns, self._asked_ns = self._asked_ns, None
        if not is_ok or asked_ns is None or self._stream is None:
            return
        pointer = self._pulse.pa_stream_get_timing_info(self._stream)
        if not pointer:
            return
        info = pointer.contents
        under_way_ns = info.transport_us * 1000
        if info.is_write_index_corrupt or under_way_ns > now_ns - asked_ns + CLOCK_TOLERANCE_NS:
            return
        captured_ns = info.write_index * NS_PER_S // self._bytes_per_s
        device_ns = captured_ns + (info.source_us - info.sink_us) * 1000
        self.latest = Moment(now_ns - under_way_ns, device_ns)
        self._bridge = None
        self.is_known = True

    def bridge(self, before: Moment) -> None:
        """Let what was captured between `before` and the latest answer lie on the line from one to
        the other, until the next answer: they may be many seconds apart."""
        self._bridge = before

    def host_ns(self, device_ns: int) -> int:
        """Return the host time of a moment of the device's time, in ns: by the latest answer, at
        the nominal rate in between (40 ms at 500 ppm are 20 us)."""
        before, latest = self._bridge, self.latest
        behind_ns = latest.device_ns - device_ns
        if before is not None and behind_ns > 0 and before.device_ns < latest.device_ns:
            span_ns = latest.device_ns - before.device_ns
            behind_ns = behind_ns * (latest.host_ns - before.host_ns) // span_ns
        return latest.host_ns - behind_ns
