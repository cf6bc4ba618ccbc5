"""An hour in real time: whether memory stays flat, and sound with the picture.

    python -m bench.hour                      an hour, 640x360 at 15 fps
    python -m bench.hour --seconds 600

The whole program records a real X server and sound server that show and play the pattern for all
that time. Printed: its private memory in each twelfth of the take (at its start; lowest, median and
highest of the readings, one each 5 s), how much more than after the first minute it ever was, and
when, what `onetake check` says of the file, and how far sound is from picture at the beginning and
the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.faults.rig import Recording, Rig

from onetake.proof.check import check
from onetake.proof.results import CheckReport

WARM_S = 60.0
"""After this long everything that is allocated once has been."""
EVERY_S = 5.0
MOST_GROWTH_MB = 5.0
EDGE_EVENTS = 20
"""Events at either end of the file whose median is shown."""


def main() -> int:
    """Record, watch and judge; return 1 when memory grew by more than is promised."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600.0)
    length_s = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="ot-") as folder, Rig() as rig:
        path = Path(folder) / "hour.mp4"
        with rig.recording(path) as take:
            readings = _watch(take, length_s)
            began_s = time.perf_counter()
            ended = take.stop()
            stop_s = time.perf_counter() - began_s
        stood_still_s = sum(last - first for first, last in rig.witness.stalls(take.t0_ns)) / 1e9
        print(f"exit code {ended.code}, finished in {stop_s:.2f} s")
        print(f"the machine stood still for {stood_still_s:.1f} s in all (both cores added)")
        for warning in ended.told("warning"):
            print(f"warning {warning.get('code')}: {warning.get('message')}")
        _print_check(check(path), path)
    return _judge(readings)


def _watch(take: Recording, length_s: float) -> list[tuple[float, float]]:
    """Return (position in s, private memory in MB) until the position is reached."""
    readings = []
    while take.process.poll() is None and take.position_s < length_s:
        readings.append((take.position_s, private_mb(take.process.pid)))
        time.sleep(EVERY_S)
    return readings


def private_mb(process_id: int) -> float:
    """Return the anonymous resident memory of a process."""
    for text in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if text.startswith("RssAnon:"):
            return int(text.split()[1]) / 1024
    return 0.0


def _print_check(report: CheckReport, path: Path) -> None:
    print(f"{path.stat().st_size / 1e6:.0f} MB, check says {report.verdict.value}")
    for finding in report.findings:
        print(f"  {finding.message}")
    for track in report.tracks:
        print(f"  {track.kind} ends at {track.end_s} s")
    for offsets in report.offsets:
        ms = [value for _, value in offsets.offsets_ms]
        if ms:
            first, last = median(ms[:EDGE_EVENTS]), median(ms[-EDGE_EVENTS:])
            drift, unsure = offsets.drift_ms_per_hour, offsets.drift_uncertainty_ms_per_hour
            print(
                f"  {offsets.path}: {len(ms)} events, {first:+.2f} ms at first, {last:+.2f} at"
                f" last, worst {max(ms, key=abs):+.2f}; drift {drift} +- {unsure} ms an hour"
            )


def _judge(readings: list[tuple[float, float]]) -> int:
    warm = [(mb, at_s) for at_s, mb in readings if at_s >= WARM_S]
    if not warm:
        print("shorter than a minute: nothing to say of memory")
        return 1
    count = max(1, len(readings) // 12)
    for first in range(0, len(readings), count):
        part = [mb for _, mb in readings[first : first + count]]
        at_s, mb = readings[first]
        spread = f"{min(part):6.1f} {median(part):6.1f} {max(part):6.1f}"
        print(f"  {at_s:6.0f} s {mb:6.1f} MB   {spread}")
    warm_mb = warm[0][0]
    most_mb, most_s = max(warm)
    at_end_mb = median([mb for mb, _ in warm[-count:]])
    print(
        f"after the first minute {warm_mb:.1f} MB; at the end {at_end_mb - warm_mb:+.1f} MB, most"
        f" {most_mb - warm_mb:+.1f} MB, at {most_s:.0f} s"
    )
    return 0 if most_mb - warm_mb <= MOST_GROWTH_MB else 1


if __name__ == "__main__":
    sys.exit(main())
