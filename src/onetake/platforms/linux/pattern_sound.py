"""The sound of the self-test on real speakers: plays the pattern so that it is heard at its time.

Run as a program:  python -m onetake.platforms.linux.pattern_sound START_NS SCHEDULE

A sound server plays what it is given later, by a latency it tells. So each chunk is made for the
instant at which it will be heard, by a median over the last seconds of what the server told.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from collections import deque

from onetake.errors import DeviceUnavailable
from onetake.model.pattern import EventSchedule, system_sound
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.platforms.linux.pulse_library import SAMPLE_FLOAT32LE, BufferAttr, SampleSpec

__all__ = ["main", "play"]

CHUNK = 480
"""Samples a write: 10 ms. Longer answers a changed latency late, shorter costs calls."""

BUFFER_S = 0.1
"""How much the server keeps. Shorter underruns on a busy machine; longer only adds latency."""

REMEMBERED = 200
"""Latencies in the median: two seconds. Fewer let one odd answer move the sound."""

_PLAYBACK = 1
"""pa_stream_direction: PA_STREAM_PLAYBACK."""


def _library() -> ctypes.CDLL:
    """Return libpulse-simple. Raises DeviceUnavailable."""
    try:
        library = ctypes.CDLL("libpulse-simple.so.0")
    except OSError as error:
        raise DeviceUnavailable(
            "libpulse-simple is not installed", hint="install libpulse0 (Debian, Ubuntu)"
        ) from error
    library.pa_simple_new.restype = ctypes.c_void_p
    library.pa_simple_get_latency.restype = ctypes.c_uint64
    return library


def play(start_ns: int, schedule: EventSchedule) -> None:
    """Play the pattern whose position 0 is heard at host time `start_ns`, until terminated.

    Raises DeviceUnavailable when there is no sound server, or it goes away.
    """
    library = _library()
    spec = SampleSpec(SAMPLE_FLOAT32LE, SAMPLE_RATE_HZ, 1)
    unset = 0xFFFFFFFF
    wanted = BufferAttr(unset, round(BUFFER_S * SAMPLE_RATE_HZ) * 4, unset, unset, unset)
    error = ctypes.c_int(0)
    stream = library.pa_simple_new(
        None,
        b"onetake self-test",
        _PLAYBACK,
        None,
        b"sync pattern",
        ctypes.byref(spec),
        None,
        ctypes.byref(wanted),
        ctypes.byref(error),
    )
    if not stream:
        raise DeviceUnavailable("no sound server to play the pattern", hint="start PulseAudio")
    handle = ctypes.c_void_p(stream)
    heard_ns: deque[float] = deque(maxlen=REMEMBERED)
    written = 0
    while True:
        latency_us = library.pa_simple_get_latency(handle, ctypes.byref(error))
        now_ns = time.monotonic_ns()
        offset_ns = written * NS_PER_S / SAMPLE_RATE_HZ
        heard_ns.append(now_ns + latency_us * 1000.0 - offset_ns)
        position_ns = statistics.median(heard_ns) + offset_ns - start_ns
        chunk = system_sound(schedule, position_ns, CHUNK, SAMPLE_RATE_HZ).tobytes()
        if library.pa_simple_write(handle, chunk, ctypes.c_size_t(len(chunk)), ctypes.byref(error)):
            raise DeviceUnavailable("the sound server went away")
        written += CHUNK


def main() -> None:
    """Play until terminated; a server that goes away is told in one line."""
    try:
        play(int(sys.argv[1]), EventSchedule(int(sys.argv[2])))
    except DeviceUnavailable as error:
        sys.exit(f"onetake: {error.message}")


if __name__ == "__main__":
    main()
