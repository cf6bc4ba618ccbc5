"""Keeps the process's memory in order while a take runs: given back, and not searched in vain.

glibc keeps what is freed in the middle of its heaps, one for each thread. After each moment in
which queues filled up a long take would hold a few MB more, for hours. And big pieces, which it
maps one by one at first, it puts into these heaps as soon as one of them was freed: the audio
lane's stood 4 to 5 MB higher at one moment than at the next, and higher again after each stall.
Invariant: nothing but free memory is touched; where the C library is another one, nothing happens.

Python looks through all objects for cycles now and then, 36 to 42 ms for those of this program,
and nothing else runs meanwhile: two frames were missing at 60 fps. So what is there when a take
begins is left out until it has ended.
"""

from __future__ import annotations

import ctypes
import gc
from functools import cache

from onetake.model.units import NS_PER_S

__all__ = ["BIG_BYTES", "TRIM_EVERY_NS", "Heap"]

TRIM_EVERY_NS = 10 * NS_PER_S
"""Time from one giving back to the next. Shorter: a millisecond or two is spent for nothing.
Longer: the peaks of several busy moments add up."""

BIG_BYTES = 64 << 10
"""Size from which on a piece is mapped by itself and gone when freed; glibc begins with 128 kB.
Smaller: page faults for what every go of the sound needs (40 kB each). Larger: what a stall needed
(100 to 700 kB each) lies in the heap again."""

_M_MMAP_THRESHOLD = -3
"""mallopt(3)."""


class Heap:
    """The process's heap, kept tidy by one thread.

    From its making on, and for good, big pieces are given back when they are freed: glibc does not
    raise its threshold any more once it was told one (mallopt(3)). In whole takes that costs no
    CPU that can be measured."""

    def __init__(self) -> None:
        self._next_ns = 0
        mallopt = _of_glibc("mallopt")
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, BIG_BYTES)

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
        trim = _of_glibc("malloc_trim")
        if trim is not None and now_ns >= self._next_ns:
            self._next_ns = now_ns + TRIM_EVERY_NS
            trim(0)


@cache
def _of_glibc(name: str) -> ctypes._NamedFuncPointer | None:
    """Return a function that only glibc has, None where there is none."""
    try:
        function: ctypes._NamedFuncPointer = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):
        return None
    return function
