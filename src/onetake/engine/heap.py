"""Gives memory back that a busy moment needed and nobody needs any more.

glibc keeps what is freed in the middle of its heaps, one for each thread. After each moment in
which queues filled up a long take would hold a few MB more, for hours. Invariant: nothing but free
memory is touched; where the C library is another one, nothing happens.
"""

from __future__ import annotations

import ctypes
from functools import cache

from onetake.model.units import NS_PER_S

__all__ = ["TRIM_EVERY_NS", "Heap"]

TRIM_EVERY_NS = 10 * NS_PER_S
"""Time from one giving back to the next. Shorter: a millisecond or two is spent for nothing.
Longer: the peaks of several busy moments add up."""


class Heap:
    """The process's heap, kept tidy by one thread."""

    def __init__(self) -> None:
        self._next_ns = 0

    def tidy(self, now_ns: int) -> None:
        """Return free pages to the system, now and then. Takes 0.3 to 2 ms, without the GIL; who
        allocates meanwhile waits for a part of that."""
        trim = _malloc_trim()
        if trim is not None and now_ns >= self._next_ns:
            self._next_ns = now_ns + TRIM_EVERY_NS
            trim(0)


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    """Return glibc's `malloc_trim` (malloc_trim(3)), None where there is none."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
