"""Tells when one core stood still. Run as a program: python witness_clock.py CORE

Each line on standard error is a span in ns of the monotonic clock. Only the standard library is
imported, so that it is there at once.
"""

import os
import sys
import time

LOOK_S = 0.005
"""Time between two looks at the clock. Longer misses short spans, shorter costs CPU: this is half a
per cent of a core."""

LEAST_S = 0.04
"""Lateness of a look from which the machine stood still. A waking process waits 4 ms for its turn
on a busy core, a few times that among many; the shortest sound buffers hold 40 ms."""


def watch(core: int) -> None:
    """Say so whenever a sleep took too long, for ever."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {core})
    last_ns = time.monotonic_ns()
    while True:
        time.sleep(LOOK_S)
        now_ns = time.monotonic_ns()
        if now_ns - last_ns > (LOOK_S + LEAST_S) * 1e9:
            sys.stderr.write(f"{last_ns} {now_ns}\n")
            sys.stderr.flush()
        last_ns = now_ns


if __name__ == "__main__":
    watch(int(sys.argv[1]))
