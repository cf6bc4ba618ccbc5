"""Replays of stamp logs that real devices left (PulseAudio 16 on a machine under heavy load).

The microphone's converter ran at exactly 48010 Hz of the host's clock, the sound card at 48000.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import numpy as np
import pytest

from onetake.audio.follow import STRETCH, Follower
from onetake.file.stamp_log import StampRecord
from onetake.model.media import StampKind
from onetake.timeline.device_clock import DeviceClock

LOGS = Path(__file__).parent.parent / "fixtures" / "stamps"
NS = 1_000_000_000


def _records(name: str) -> list[StampRecord]:
    lines = gzip.decompress((LOGS / f"pulseaudio-{name}.jsonl.gz").read_bytes()).splitlines()
    return [msgspec.json.decode(line, type=StampRecord) for line in lines]


@pytest.mark.parametrize(("name", "true_hz"), [("mic", 48_010.0), ("system", 48_000.0)])
def test_real_stamps_give_the_true_rate(name: str, true_hz: float) -> None:
    """A minute of real stamps gives the drift to its uncertainty, the sound's place to a third of
    a millisecond at any time, and not one false break."""
    records = _records(name)
    clock = DeviceClock(48_000, StampKind.CAPTURE, records[0].stamp_ns)
    follower = Follower(clock)
    frames = np.cumsum([0, *(record.frames for record in records)])
    line_s = _true_line(records, frames, true_hz)
    errors_s, sample = [], 0
    for record, frame in zip(records, frames, strict=False):
        assert clock.add(record.stamp_ns, int(frame)) is None
        while record.arrival_ns > records[0].stamp_ns + 2 * NS + sample * NS // 48_000 + NS // 10:
            host_s = sample / 48_000
            follower.seek(sample, host_s)
            errors_s.append((follower.frame_at(sample) / true_hz + line_s) - host_s)
            sample += STRETCH
    true_ppm = (true_hz / 48_000 - 1) * 1e6
    assert abs(clock.drift_ppm - true_ppm) < 4 * clock.drift_sd_ppm
    assert clock.drift_sd_ppm < 12
    assert len(errors_s) > 400
    assert np.abs(errors_s).max() < 0.35e-3
    assert np.std(errors_s) < 0.1e-3


def _true_line(records: list[StampRecord], frames: np.ndarray, true_hz: float) -> float:
    """Return where frame 0 lies, in seconds from the first stamp, with the true rate known."""
    stamps_s = np.array([record.stamp_ns - records[0].stamp_ns for record in records]) / NS
    return float(np.median(stamps_s - frames[:-1] / true_hz))
