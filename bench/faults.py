"""What is lost when something breaks: the table of docs/reliability.md, by doing the damage.

    python -m bench.faults                     every fault once, 10 kills      (about 9 minutes)
    python -m bench.faults --kills 100         the long form                   (about 20 minutes)
    python -m bench.faults --only "X server restarted" --runs 5

Each run is the whole program as a process in front of a real X server, sound server and network
camera; the file is then compared with what was played. Ends with 1 when something promised is not
so, and says what.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.e2e.command import SYNTHETIC, environment
from tests.faults.device_faults import DEVICE_FAULTS, LONG_FAULTS, run_device_fault
from tests.faults.disk_faults import OTHER_FAULTS
from tests.faults.killed import Killed, kill_once, kill_real_once
from tests.faults.outcome import Outcome
from tests.faults.rig import Rig
from tests.faults.time_faults import TIME_FAULTS, cut_power_once

HEAD = "| fault | runs | s lost (worst) | file valid | told | sync before, after (worst, ms) |"
LIMIT_S = 1.0
"""Most that a kill or a power cut may cost, of picture and of sound."""
ANY_FAULTS: dict[str, Callable[[Rig, Path], Outcome]] = {**OTHER_FAULTS, **TIME_FAULTS}


def main() -> int:
    """Do the damage and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1, help="runs of each fault but the kills")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--power-cuts", type=int, default=5)
    parser.add_argument("--only", default="", help="one fault, by its name")
    wishes = parser.parse_args()
    # The end of a test run, too, has to undo its mounts and end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(HEAD)
    print("|---|---|---|---|---|---|", flush=True)
    troubles: list[str] = []
    with Rig() as rig:
        for name in [*DEVICE_FAULTS, *LONG_FAULTS, *ANY_FAULTS]:
            if wishes.only not in ("", name):
                continue
            try:
                outcomes = [_run(name, rig) for _ in range(wishes.runs)]
            except (RuntimeError, TimeoutError) as error:
                troubles.append(f"{name} could not be run: {error}")
                continue
            _print(name, outcomes)
            troubles += [f"{name}: {text}" for one in outcomes for text in one.troubles]
        if wishes.only in ("", "kill -9 of real devices"):
            troubles += _kill(
                "kill -9 of real devices", wishes.kills // 5, partial(_killed_real, rig)
            )
    if wishes.only in ("", "kill -9"):
        troubles += _kill("kill -9", wishes.kills, _killed)
    if wishes.only in ("", "power cut"):
        troubles += _kill("power cut", wishes.power_cuts, cut_power_once)
    for text in troubles:
        print(f"NOT AS PROMISED {text}")
    return 1 if troubles else 0


def _run(name: str, rig: Rig) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="ot-") as folder:
        if name in DEVICE_FAULTS | LONG_FAULTS:
            return run_device_fault(name, rig, Path(folder))
        return ANY_FAULTS[name](rig, Path(folder))


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


def _killed(folder: Path, after_s: float, words: list[str], env: dict[str, str]) -> Killed:
    return kill_once(folder / "take.mp4", after_s, words, env)


def _killed_real(
    rig: Rig,
    folder: Path,
    after_s: float,
    _words: list[str],
    _env: dict[str, str],
) -> Killed:
    return kill_real_once(rig, folder / "take.mp4", after_s)


def _kill(
    name: str,
    times: int,
    kill: Callable[[Path, float, list[str], dict[str, str]], Killed],
) -> list[str]:
    chance = random.Random(6)
    killed: list[Killed] = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="ot-") as text:
            folder = Path(text)
            after_s = chance.uniform(1.0, 10.0)
            env = environment(folder, PYTHONPATH=os.environ.get("PYTHONPATH", ""))
            killed.append(kill(folder, after_s, [*SYNTHETIC, "--fps=15"], env))
    if not killed:
        return []
    troubles = [f"{name}: {text}" for one in killed for text in one.troubles]
    valid = sum(not one.troubles for one in killed)
    for what in ("picture", "sound"):
        lost_s = sorted(getattr(one, f"lost_{what}_s") for one in killed)
        print(
            f"| {name}, {what} | {times} | {lost_s[-1]:.1f} (median {lost_s[times // 2]:.1f})"
            f" | {valid} of {times} | the next start, `onetake repair` | - |",
            flush=True,
        )
        late = sum(one_s > LIMIT_S for one_s in lost_s)
        if late:
            troubles.append(f"{name}: {late} of {times} lost more than {LIMIT_S} s of {what}")
    return troubles


if __name__ == "__main__":
    sys.exit(main())
