"""Keeps the process's memory in order while a take runs: given back, and not searched in vain.

glibc keeps what is freed in the middle of its heaps, one for each thread. After each moment in
which queues filled up a long take would hold a few MB more, for hours. Invariant: nothing but free
memory is touched; where the C library is another one, nothing happens.

Python looks through all objects for cycles now and then, 36 to 42 ms for those of this program,
and nothing else runs meanwhile: two frames were missing at 60 fps. So what is there when a take
begins is left out until it has ended.
"""

from __future__ import annotations

import ctypes
import gc
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

    def settle(self) -> None:
        """Leave all objects there are now out of the search for cycles (gc.freeze), until
        `unsettle`. Takes no time; whatever is made later is searched as ever."""
        gc.freeze()

    def unsettle(self) -> None:
        """Search everything again."""
        gc.unfreeze()

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
