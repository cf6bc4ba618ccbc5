"""What is lost when something breaks: the table of docs/reliability.md, by doing the damage.

    python -m bench.faults                     every fault once, 10 kills      (about 6 minutes)
    python -m bench.faults --kills 100         the long form                   (about 15 minutes)
    python -m bench.faults --only "X server restarted" --runs 5

Each run is the whole program as a process in front of a real X server, sound server and network
camera; the file is then compared with what was played. Ends with 1 when something promised is not
so, and says what.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.command import SYNTHETIC, environment
from tests.faults.catalogue import (
    DEVICE_FAULTS,
    OTHER_FAULTS,
    Killed,
    Outcome,
    kill_once,
    run_device_fault,
)
from tests.faults.rig import Rig

HEAD = "| fault | runs | s lost (worst) | file valid | told | sync before, after (worst, ms) |"
PICTURE_LIMIT_S = 1.0


def main() -> int:
    """Do the damage and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1, help="runs of each fault but the kills")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", default="", help="one fault, by its name")
    wishes = parser.parse_args()
    print(HEAD)
    print("|---|---|---|---|---|---|", flush=True)
    troubles: list[str] = []
    with Rig() as rig:
        for name in [*DEVICE_FAULTS, *OTHER_FAULTS]:
            if wishes.only not in ("", name):
                continue
            try:
                outcomes = [_run(name, rig) for _ in range(wishes.runs)]
            except (RuntimeError, TimeoutError) as error:
                troubles.append(f"{name} could not be run: {error}")
                continue
            _print(name, outcomes)
            troubles += [f"{name}: {text}" for one in outcomes for text in one.troubles]
    if wishes.only in ("", "kill -9"):
        troubles += _kill(wishes.kills)
    for text in troubles:
        print(f"NOT AS PROMISED {text}")
    return 1 if troubles else 0


def _run(name: str, rig: Rig) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="ot-") as folder:
        if name in DEVICE_FAULTS:
            return run_device_fault(name, rig, Path(folder))
        return OTHER_FAULTS[name](rig, Path(folder))


def _print(name: str, outcomes: Sequence[Outcome]) -> None:
    lost_s = max(max(0.0, one.lost_s) for one in outcomes)
    valid = sum(one.is_valid for one in outcomes)
    sync = ", ".join(
        "-" if not values else f"{max(values, key=abs):+.1f}"
        for values in (
            [one.before_ms for one in outcomes if one.before_ms is not None],
            [one.after_ms for one in outcomes if one.after_ms is not None],
        )
    )
    told = f"{outcomes[0].told}, exit {outcomes[0].code}"
    runs = len(outcomes)
    print(f"| {name} | {runs} | {lost_s:.1f} | {valid} of {runs} | {told} | {sync} |", flush=True)


def _kill(times: int) -> list[str]:
    chance = random.Random(6)
    killed: list[Killed] = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="ot-") as name:
            folder = Path(name)
            words = [*SYNTHETIC, "--fps=15"]
            after_s = chance.uniform(1.0, 10.0)
            killed.append(kill_once(folder / "take.mp4", after_s, words, environment(folder)))
    if not killed:
        return []
    picture_s = [one.lost_picture_s for one in killed]
    sound_s = [one.lost_sound_s for one in killed]
    told = "the next start, `onetake repair`"
    for what, lost in (("picture", picture_s), ("sound", sound_s)):
        valid = sum(not one.troubles for one in killed)
        print(
            f"| kill -9, {what} | {times} | {max(lost):.1f} (median {sorted(lost)[times // 2]:.1f})"
            f" | {valid} of {times} | {told} | - |",
            flush=True,
        )
    late = sum(lost_s > PICTURE_LIMIT_S for lost_s in picture_s)
    return [text for one in killed for text in one.troubles] + (
        [f"kill -9: {late} of {times} lost more than {PICTURE_LIMIT_S} s of picture"]
        if late
        else []
    )


if __name__ == "__main__":
    sys.exit(main())
