"""A take that says how far it is, to be killed at any instant: python crash_child.py FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.file.making import noise, picture, writer

from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ

STEP_NS = NS_PER_S // 30
SECONDS = 8


def main() -> None:
    """Record, printing the position reached after each pump, then `finish`, then `done`."""
    target = writer(Path(sys.argv[1]), fps=30)
    target.start()
    sound = noise(SAMPLE_RATE_HZ)
    for number in range(SECONDS * 30):
        target.write_video(number * STEP_NS, picture(40 + number % 150))
        first = number % 30 * 1600
        target.write_audio([sound[first : first + 1600]])
        target.pump(0)
        sys.stdout.write(f"{(number + 1) * STEP_NS}\n")
        sys.stdout.flush()
    sys.stdout.write("finish\n")
    sys.stdout.flush()
    target.finish(SECONDS * NS_PER_S)
    sys.stdout.write("done\n")
    sys.stdout.flush()


main()
