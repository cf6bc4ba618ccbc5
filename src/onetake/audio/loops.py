"""The loop over every sample: compiled where it was built, else in NumPy.

Invariant: nobody can hear which; the sums differ by rounding alone (tested to -130 dB), and what is
exact in one is exact in the other.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

try:
    from onetake.audio import _kernel
except ImportError:
    _kernel = None  # type: ignore[assignment]  # built without a compiler

__all__ = ["IMPLEMENTATION", "REVISION", "evaluate", "evaluate_portable"]

REVISION = 1
"""Of `evaluate`'s arguments and results; `_kernel.c` holds the same number. To be raised with
every change of either, so that a compiled module left over from before is not used."""

BLOCK = 512
"""Outputs computed at a time; coefficients of a block stay in the second-level cache."""

_HAS_KERNEL = getattr(_kernel, "REVISION", 0) == REVISION

IMPLEMENTATION = _kernel.variants()[-1] if _HAS_KERNEL else "numpy"


def evaluate(
    table: NDArray[np.float32],
    steps: NDArray[np.float32],
    source: NDArray[np.float32],
    *,
    first: NDArray[np.int64],
    fractions: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Write to `out` the samples from `first` on, weighed by the kernel at `fractions`.

    Args:
        table: the kernel at each phase; float32, shape (phases, taps), contiguous.
        steps: what to add for the next phase; as `table`.
        source: float32, shape (2, m), contiguous rows.
        first: int64, shape (n,): where the first tap lies; 0 <= first <= m - taps.
        fractions: float64, shape (n,), 0 <= fraction <= 1, in phases / `len(table)`.
        out: float32, shape (n, 2), contiguous; overwritten.
    """
    if _HAS_KERNEL:
        _kernel.evaluate(table, steps, source[0], source[1], first, fractions, out)
    else:
        evaluate_portable(table, steps, source, first=first, fractions=fractions, out=out)


def evaluate_portable(
    table: NDArray[np.float32],
    steps: NDArray[np.float32],
    source: NDArray[np.float32],
    *,
    first: NDArray[np.int64],
    fractions: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Do as `evaluate`, in NumPy."""
    phase_count, taps = table.shape
    places = fractions * phase_count
    # A fraction can round to exactly 1.0: it belongs to the last phase then.
    phases = np.minimum(places.astype(np.int64), phase_count - 1)
    between = (places - phases).astype(np.float32)
    # Each step is looked at: over a block, a skip and a repeat would cancel.
    is_step = np.diff(first) == 1
    windows = _windows(source, taps)
    rows = np.empty((BLOCK, taps), np.float32)
    weights = np.empty((BLOCK, taps), np.float32)
    for begin in range(0, len(first), BLOCK):
        end = min(begin + BLOCK, len(first))
        count = end - begin
        np.take(table, phases[begin:end], axis=0, out=rows[:count], mode="clip")
        np.take(steps, phases[begin:end], axis=0, out=weights[:count], mode="clip")
        coefficients = weights[:count]
        coefficients *= between[begin:end, None]
        coefficients += rows[:count]
        start = int(first[begin])
        is_run = is_step[begin : end - 1].all()
        for channel in range(2):
            near = windows[channel]
            part = near[start : start + count] if is_run else near[first[begin:end]]
            np.einsum("nt,nt->n", coefficients, part, out=out[begin:end, channel])


def _windows(source: NDArray[np.float32], taps: int) -> NDArray[np.float32]:
    """Return all stretches of `taps` samples as a view, shape (2, m - taps + 1, taps)."""
    line, step = source.strides
    shape = (2, source.shape[1] - taps + 1, taps)
    return as_strided(source, shape, (line, step, step), writeable=False)
