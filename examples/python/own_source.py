"""A microphone of your own, and the proof that it does what every source must."""

import threading
import time

import numpy as np

from onetake.model.devices import Device, Role
from onetake.model.media import AudioBlock, StampKind
from onetake.testing.conformance import check_source


class Hum:
    """A device that hums at 100 Hz, ten milliseconds at a time."""

    device = Device("hum:1", "Hum", Role.MIC, format="48000 Hz, 1 channel")
    stamp_kind = StampKind.CAPTURE

    def open(self):
        times_s = np.arange(480, dtype=np.float32) / 48000
        self.samples = 0.1 * np.sin(2 * np.pi * 100 * times_s)[:, np.newaxis]

    def size_px(self):
        return (0, 0)

    def run(self, sink, stop: threading.Event):
        while not stop.wait(0.01):
            now_ns = time.monotonic_ns()
            sink.audio(AudioBlock(now_ns - 10_000_000, self.samples, 48000, arrival_ns=now_ns))

    def close(self):
        pass


print(check_source(Hum, run_s=0.3))
