"""The sound of the self-test on a Mac's speakers: each chirp is scheduled for its own host time.

Run as a program:  python -m onetake.platforms.macos.pattern_sound START_NS SCHEDULE

Core Audio takes a buffer's time as the one at which the hardware gets it; it is heard later by the
output's latency, which is subtracted. Events are scheduled one by one: the device's clock has no
time to drift away.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import AVFoundation
import numpy as np

from onetake.errors import DeviceUnavailable
from onetake.model.pattern import EventSchedule, system_chirp
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.platforms.macos.bridge import describe

__all__ = ["PatternSound", "main"]

AHEAD_NS = 2 * NS_PER_S
"""How far ahead chirps are scheduled. Shorter comes too late on a busy machine; longer follows a
changed latency late."""


class PatternSound:
    """A player of chirps. One thread. Raises DeviceUnavailable when there is no output.

    Args:
        start_ns: host time at which the pattern's position 0 is heard.
        schedule: when the chirps are.
    """

    def __init__(self, start_ns: int, schedule: EventSchedule) -> None:
        self._start_ns = start_ns
        self._schedule = schedule
        self._done_ns = 0
        standard = AVFoundation.AVAudioFormat.alloc()
        sound = standard.initStandardFormatWithSampleRate_channels_(float(SAMPLE_RATE_HZ), 1)
        self._chirp = _buffer(sound)
        self._engine = AVFoundation.AVAudioEngine.alloc().init()
        self._player = AVFoundation.AVAudioPlayerNode.alloc().init()
        self._engine.attachNode_(self._player)
        self._engine.connect_to_format_(self._player, self._engine.mainMixerNode(), sound)
        self._engine.prepare()
        is_started, error = self._engine.startAndReturnError_(None)
        if not is_started:
            raise DeviceUnavailable(f"there is no sound output: {describe(error)}")
        self._player.play()

    def schedule(self, now_ns: int) -> None:
        """Schedule what is to be heard in the next two seconds and is not scheduled yet."""
        until_ns = now_ns + AHEAD_NS - self._start_ns
        latency_ns = round(self._engine.outputNode().presentationLatency() * NS_PER_S)
        for event_ns in self._schedule.times_ns(self._done_ns, until_ns):
            due_ns = self._start_ns + event_ns - latency_ns
            if due_ns > now_ns:
                units = AVFoundation.AVAudioTime.hostTimeForSeconds_(due_ns / NS_PER_S)
                when = AVFoundation.AVAudioTime.timeWithHostTime_(units)
                self._player.scheduleBuffer_atTime_options_completionHandler_(
                    self._chirp, when, 0, None
                )
        self._done_ns = max(self._done_ns, until_ns)


def _buffer(sound: Any) -> Any:
    samples = system_chirp(float(SAMPLE_RATE_HZ))
    made = AVFoundation.AVAudioPCMBuffer.alloc()
    buffer = made.initWithPCMFormat_frameCapacity_(sound, len(samples))
    buffer.setFrameLength_(len(samples))
    memory = buffer.floatChannelData()[0].as_buffer(len(samples))
    np.frombuffer(memory, np.float32)[:] = samples
    return buffer


def main() -> None:
    """Play until terminated; a Mac without an output is told in one line."""
    try:
        player = PatternSound(int(sys.argv[1]), EventSchedule(int(sys.argv[2])))
        while True:
            player.schedule(time.monotonic_ns())
            time.sleep(AHEAD_NS / NS_PER_S / 4)
    except DeviceUnavailable as error:
        sys.exit(f"onetake: {error.message}")


if __name__ == "__main__":
    main()
