"""Who saw the machine stand still: a clock on each core, watched by processes of their own.

Virtual machines are stopped by their hosts for a tenth of a second and more, several times a
minute where they share a machine; simulated hardware stands still with them, which hardware would
not. A test with real devices that fails while that happened has shown nothing: it is run again, or
leaves out what lies in such a span.

Invariant: on a machine that runs, no span is ever seen, so nothing is excused there.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.stage.processes import child, temporary_folder

__all__ = ["MachineStoodStillError", "Witness", "this_machine", "total_s", "witness"]

Span = tuple[int, int]
"""(from, to) in ns of the monotonic clock."""


_CLOCK = Path(__file__).with_name("witness_clock.py")


class MachineStoodStillError(Exception):
    """The machine stood still while this test ran, and the test failed."""


class Witness:
    """What was seen so far.

    Args:
        folder: where the clocks' logs are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stalls(self, from_ns: int, to_ns: int | None = None) -> list[Span]:
        """Return the spans since `from_ns` in which a core stood still, in order."""
        end_ns = time.monotonic_ns() if to_ns is None else to_ns
        spans = [span for log in self._folder.glob("clock-*") for span in _spans(log)]
        return sorted(span for span in spans if span[1] > from_ns and span[0] < end_ns)


def _spans(log: Path) -> Iterator[Span]:
    for line in log.read_text().splitlines(keepends=True):
        if line.endswith("\n"):  # the last one may be half written
            first, last = line.split()
            yield int(first), int(last)


def total_s(spans: Sequence[Span]) -> float:
    """Return the sum of the lengths of spans in s; those of several cores count twice."""
    return sum(last - first for first, last in spans) / 1e9


_running: list[Witness] = []


def this_machine() -> Witness:
    """Return the one witness that is running."""
    return _running[0]


@contextmanager
def witness() -> Iterator[Witness]:
    """Watch every core that this process may use, until the end of the block; inside another such
    block that one's witness watches for both."""
    if _running:
        yield this_machine()
        return
    cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(temporary_folder()))
        for core in cores:
            command = [sys.executable, "-S", "-E", str(_CLOCK), str(core)]
            stack.enter_context(child(command, log=folder / f"clock-{core}"))
        watching = Witness(folder)
        _running.append(watching)
        try:
            yield watching
        finally:
            _running.remove(watching)
