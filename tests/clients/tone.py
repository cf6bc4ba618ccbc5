"""A microphone that hears a steady 1 kHz tone, in real time: what a mute must cut out of a file."""

from __future__ import annotations

import time

import av
import numpy as np

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.media import AudioBlock, StampKind
from onetake.platforms.synthetic.platform import SyntheticPlatform

__all__ = ["ToneRecorderPlatforms", "decoded_mix"]

RATE_HZ = 48_000
BLOCK = 480


class _ToneSource:
    def __init__(self):
        self.device = TonePlatform.DEVICE
        self.stamp_kind = StampKind.CAPTURE

    def open(self):
        pass

    def size_px(self):
        return (0, 0)

    def run(self, sink, stop):
        first_ns = time.monotonic_ns()
        sent = 0
        while not stop.wait(0.01):
            due = (time.monotonic_ns() - first_ns) * RATE_HZ // 10**9
            while sent + BLOCK <= due:
                numbers = np.arange(sent, sent + BLOCK)
                tone = 0.5 * np.sin(2 * np.pi * 1000 / RATE_HZ * numbers)
                stamp_ns = first_ns + sent * 10**9 // RATE_HZ
                samples = tone.astype(np.float32)[:, None]
                sink.audio(AudioBlock(stamp_ns, samples, RATE_HZ, time.monotonic_ns()))
                sent += BLOCK

    def close(self):
        pass


class TonePlatform:
    """Offers the one device `tone:mic`."""

    DEVICE = Device("tone:mic", "1 kHz", Role.MIC, False, "48000 Hz, 1 channel")
    name = "tone"

    def devices(self):
        return [self.DEVICE]

    def problems(self):
        return []

    def owns(self, device_id):
        return device_id.startswith("tone:")

    def source(self, role, device_id, settings, clock):
        if device_id != "tone:mic":
            raise DeviceUnavailable(f"no device {device_id}")
        return _ToneSource()

    def compositor(self, size_px, settings):
        return None

    def writer(self, path, size_px, settings):
        return None


def ToneRecorderPlatforms():
    """Return the platforms of a recorder that has the tone beside the synthetic devices."""
    return [SyntheticPlatform(), TonePlatform()]


def decoded_mix(path):
    """Return the left channel of the first audio track, float32, from position 0 on."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        parts = []
        for frame in container.decode(stream):
            at = round(float(frame.pts * frame.time_base) * RATE_HZ)
            parts.append((at, frame.to_ndarray()[0]))
    length = max(at + len(samples) for at, samples in parts)
    sound = np.zeros(length, np.float32)
    for at, samples in parts:
        skip = max(0, -at)
        sound[at + skip : at + len(samples)] = samples[skip:]
    return sound
