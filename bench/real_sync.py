"""Sync of a take with real devices: X server, PulseAudio, a microphone that runs 208 ppm fast.

    python bench/real_sync.py [--seconds 60] [--fps 30] [--mic-hz 48010]

A program flashes the screen and a sound card plays and hears beeps at the same instants; onetake
records them as a user would; every flash and beep is then found in the decoded file. Ends with 1
when a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.stage.stage import stage  # noqa: E402

from onetake.proof.check import check  # noqa: E402
from onetake.proof.results import CheckReport, PathOffsets  # noqa: E402

MEDIAN_MS = 3.0
P95_MS = 6.0
STD_MS = 1.0
DRIFT_MS_PER_HOUR = 20.0
END_MS = 1000 / 30
"""The bounds of a take with real devices; see docs/sync.md."""


def recorded(path: Path, seconds: float, fps: int, mic_hz: float) -> None:
    """Record the stage with the command line, as a user does."""
    with stage(1280, 720, mic_hz=mic_hz) as there:
        command = [sys.executable, "-m", "onetake.ui.cli", "record", str(path)]
        command += [f"--screen={there.screen_id}", f"--system-audio={there.system_id}"]
        command += [f"--mic={there.mic_id}", f"--duration={seconds}", f"--fps={fps}", "--json"]
        subprocess.run(
            command, env={**os.environ, **there.env}, stdout=subprocess.DEVNULL, check=False
        )


def misses(offsets: PathOffsets) -> list[str]:
    """Return the bounds this path misses."""
    found = []
    if abs(offsets.median_ms) > MEDIAN_MS:
        found.append(f"median over {MEDIAN_MS} ms")
    if offsets.path != "mic-system":
        if offsets.p95_ms > P95_MS:
            found.append(f"95th percentile over {P95_MS} ms")
        if offsets.std_ms > STD_MS:
            found.append(f"spread over {STD_MS} ms")
        drift, unsure = offsets.drift_ms_per_hour, offsets.drift_uncertainty_ms_per_hour
        beyond = 0.0 if drift is None or unsure is None else abs(drift) - unsure
        if beyond > DRIFT_MS_PER_HOUR:
            found.append(f"drift over {DRIFT_MS_PER_HOUR} ms an hour")
    return found


def shown(report: CheckReport) -> int:
    """Print the table; returns the number of missed bounds."""
    print(f"{'path':<12}{'events':>7}{'median':>9}{'p95':>8}{'worst':>8}{'std':>7}  drift (ms/h)")
    missed = 0
    for offsets in report.offsets:
        wrong = misses(offsets)
        missed += len(wrong)
        drift = offsets.drift_ms_per_hour or 0.0
        unsure = offsets.drift_uncertainty_ms_per_hour or 0.0
        print(
            f"{offsets.path:<12}{offsets.events:>7}{offsets.median_ms:>+9.2f}"
            f"{offsets.p95_ms:>8.2f}{offsets.worst_ms:>+8.2f}{offsets.std_ms:>7.2f}"
            f"  {drift:+.0f} ± {unsure:.0f}  {'; '.join(wrong) or 'ok'}"
        )
    end_ms = report.end_difference_ms or 0.0
    missed += abs(end_ms) > END_MS
    frames = report.frames
    print(
        f"tracks end {end_ms:+.2f} ms apart; all times in ms, resolution "
        f"{max(o.resolution_ms for o in report.offsets):.2f} ms"
    )
    if frames is not None:
        print(
            f"{frames.count} frames, interval p50 {frames.interval_p50_ms:.1f} ms, "
            f"p99 {frames.interval_p99_ms:.1f} ms"
        )
    return missed


def main() -> int:
    """Record, measure, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--mic-hz", type=float, default=48010.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "real.mp4"
        recorded(path, arguments.seconds, arguments.fps, arguments.mic_hz)
        report = check(path)
    missed = shown(report)
    print(f"{missed} bound(s) missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
