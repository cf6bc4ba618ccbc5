"""The stamp log holds what is needed to replay a device's clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onetake.errors import OutputFailed
from onetake.file.stamp_log import StampLog, StampRecord, read_stamp_log
from onetake.model.devices import Role
from onetake.model.media import AudioBlock


def test_every_block_comes_back(tmp_path: Path) -> None:
    """Stamps, lengths, rates and declared losses survive the way to disk and back."""
    path = tmp_path / "stamps.jsonl"
    log = StampLog(str(path))
    log.write(Role.MIC, AudioBlock(5, np.zeros((960, 1), np.float32), 48_000, 7, 3))
    log.write(Role.SYSTEM, AudioBlock(6, np.zeros((441, 2), np.float32), 44_100, 8))
    log.close()
    assert read_stamp_log(path) == [
        StampRecord(Role.MIC, 5, 7, 960, 48_000, 3),
        StampRecord(Role.SYSTEM, 6, 8, 441, 44_100, 0),
    ]


def test_a_closed_log_is_ignored(tmp_path: Path) -> None:
    """A log that is gone never disturbs the take."""
    log = StampLog(str(tmp_path / "stamps.jsonl"))
    log.close()
    log.write(Role.MIC, AudioBlock(5, np.zeros((960, 1), np.float32), 48_000, 7))


def test_a_log_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    """The user asked for it, so a wrong path is an error at the start."""
    with pytest.raises(OutputFailed):
        StampLog(str(tmp_path / "missing" / "stamps.jsonl"))
