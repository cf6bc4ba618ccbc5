"""A take in several files: put together they are the whole take."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import onetake
from onetake.model.commands import Split
from onetake.proof.check import check

pytestmark = pytest.mark.slow

SYNTHETIC = {
    "screen": "synthetic",
    "system_audio": "synthetic",
    "mic": "synthetic",
    "camera": "synthetic",
}


def sound(path: Path) -> NDArray[np.float32]:
    """Return the first channel of the mixed track as a player plays it: up to its end, not to the
    end of the last AAC frame."""
    with av.open(str(path)) as container:
        length = container.streams.audio[0].duration
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        return np.concatenate(frames)[:length]


def test_a_split_loses_nothing(tmp_path: Path) -> None:
    """Each file is good by itself, and their lengths add up to the take's to the sample."""
    with onetake.record(tmp_path / "take.mp4", duration_s=6.0, **SYNTHETIC) as take:
        for end_s in (2.0, 4.0):
            while take.snapshot().position_ns < end_s * 1e9:
                pass
            take.send(Split())
        result = take.wait()
    assert result is not None
    paths = [Path(path) for path in result.parts]
    assert [path.name for path in paths] == ["take.mp4", "take part 2.mp4", "take part 3.mp4"]
    assert sorted(tmp_path.glob("*.mp4")) == sorted(paths)
    assert sum(len(sound(path)) for path in paths) == 6 * 48_000
    for path in paths:
        report = check(path)
        assert report.end_difference_ms is not None
        assert abs(report.end_difference_ms) <= 1000 / 30
        for offsets in report.offsets:
            assert abs(offsets.median_ms) <= 0.2
