"""Never lose a take: real damage to the whole program, and every surviving second compared."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.command import SYNTHETIC, environment
from tests.faults.device_faults import DEVICE_FAULTS, run_device_fault
from tests.faults.disk_faults import OTHER_FAULTS
from tests.faults.killed import kill_once, kill_real_once
from tests.faults.rig import Rig
from tests.faults.time_faults import TIME_FAULTS, cut_power_once

pytestmark = [pytest.mark.real, pytest.mark.slow]

KILLS = int(os.environ.get("ONETAKE_KILLS", "6"))
"""Kills in a run of the suite; `python -m bench.faults --kills 100` is the long form."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """One stage for all: each damage is undone by its end."""
    with Rig() as there:
        yield there


@pytest.mark.parametrize("name", DEVICE_FAULTS)
def test_a_device_that_goes_and_comes_back(name: str, rig: Rig, tmp_path: Path) -> None:
    """The take goes on, the source joins the same timeline, the span is in the report, and sound
    and picture are together before and after."""
    assert run_device_fault(name, rig, tmp_path).troubles == []


@pytest.mark.parametrize("name", OTHER_FAULTS)
def test_a_take_that_loses_its_disk_or_all_its_sources(name: str, rig: Rig, tmp_path: Path) -> None:
    """What was recorded up to there is a valid file, and the reason is told."""
    assert OTHER_FAULTS[name](rig, tmp_path).troubles == []


@pytest.mark.parametrize("name", ["processor taken", "wall clock stepped"])
def test_a_take_that_time_is_done_to(name: str, rig: Rig, tmp_path: Path) -> None:
    """Sound and picture are together right before and right after; nothing else is missing."""
    assert TIME_FAULTS[name](rig, tmp_path).troubles == []


def test_a_power_cut(tmp_path: Path) -> None:
    """What the disk has got plays without any repair, and a repair loses nothing of it. How much
    that is depends on the disk; `python -m bench.faults` measures it."""
    killed = cut_power_once(tmp_path, 4.3, SYNTHETIC, environment(tmp_path))
    assert killed.troubles == []
    assert killed.picture_s > 0
    assert killed.sound_s > 0


@pytest.mark.parametrize("number", range(KILLS))
def test_the_whole_program_killed_at_any_instant(number: int, tmp_path: Path) -> None:
    """kill -9: of picture and sound at most a second is missing, without any repair; a repair
    loses nothing of that and makes the report from the journal."""
    after_s = random.Random(number).uniform(1.0, 8.0)
    killed = kill_once(tmp_path / "take.mp4", after_s, SYNTHETIC, environment(tmp_path))
    assert killed.troubles == []
    assert killed.lost_picture_s <= 1.0
    assert killed.lost_sound_s <= 1.0


def test_a_take_of_real_devices_killed_before_their_clocks_are_known(
    rig: Rig, tmp_path: Path
) -> None:
    """In its first seconds, too, with the mixer still far behind."""
    killed = kill_real_once(rig, tmp_path / "take.mp4", 3.5)
    assert killed.troubles == []
    assert killed.lost_picture_s <= 1.0
    assert killed.lost_sound_s <= 1.0
