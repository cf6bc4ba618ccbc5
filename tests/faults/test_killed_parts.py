"""A take of two files whose program is killed: each file is worth what it is by itself."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from tests.e2e.command import SYNTHETIC, environment, run
from tests.faults.killed import playable_s
from tests.faults.rig import recorder
from tests.stage.processes import wait_until

from onetake.control.ctl import send
from onetake.file.journal import leftovers
from onetake.file.report import read_report
from onetake.model.commands import Marker
from onetake.proof.repair import Repaired, repair

pytestmark = [pytest.mark.real, pytest.mark.slow]

FIRST_S = 2.0
"""Length of the first part."""

MARKERS = ("before the split", "after the split")


def killed_in_second_part(path: Path, env: dict[str, str]) -> tuple[Path, float]:
    """Record, split, set a marker in each part and kill -9 as soon as there is something in the
    second one, when the sound of the first one is not even mixed; return the second one and where
    it begins."""
    with recorder(path, ["record", str(path), "--json", *SYNTHETIC], env) as take:
        send(["marker", MARKERS[0]])
        take.wait_position(FIRST_S)
        send(["split"])
        take.wait_told("file")
        cut = next(event for event in take.events if event.get("event") == "file")
        second, cut_s = Path(cut["path"]), cut["position_ns"] / 1e9
        take.wait_position(cut_s + 0.01)
        send(["marker", MARKERS[1]])
        wait_until(lambda: second.read_bytes().count(b"moof") > 1, "a second part", 20)
        take.process.kill()
        take.process.wait()
    return second, cut_s


def test_each_part_is_worth_what_it_is_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both files play without any repair; the next start names those that were not finished; a
    repair makes an ordinary file of each, with the chapters and controls of its own stretch."""
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(tmp_path / "run"))
    env = environment(tmp_path, ONETAKE_RUNTIME_DIR=str(tmp_path / "run"))
    first = tmp_path / "take.mp4"
    second, cut_s = killed_in_second_part(first, env)
    paths = [first, second]
    played = [playable_s(path) for path in paths]
    assert played[0][0] >= cut_s - 1.0
    assert played[1][0] > 0
    assert played[0][1] > 0
    said = run("record", str(tmp_path / "next.mp4"), "--duration=0.2", *SYNTHETIC, env=env).err
    assert f"{second} was interrupted" in said
    mended = [repair(path) for path in paths]
    assert mended[1].was_needed
    # The first part may have been finished before; then nobody says that it was not.
    assert mended[0].was_needed == (f"{first} was interrupted" in said)
    for number in range(2):
        _is_ordinary(mended[number], number, played[number])
    assert leftovers(tmp_path) == []


def _is_ordinary(mended: Repaired, number: int, played_s: tuple[float, float]) -> None:
    assert not repair(mended.path).was_needed
    assert min(playable_s(mended.path)) >= min(played_s) - 0.1
    own, other = MARKERS[number], MARKERS[1 - number]
    with av.open(str(mended.path)) as container:
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
    assert own in titles
    assert other not in titles
    report = read_report(mended.path)
    assert report is not None
    assert report.part == number + 1
    labels = [c.command.label for c in report.controls if isinstance(c.command, Marker)]
    assert labels == [own]
    assert all(0 <= c.position_ns <= report.duration_s * 1e9 for c in report.controls)
