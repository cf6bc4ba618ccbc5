"""All implementations of the sample loop give the same sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.audio import loops
from onetake.audio.resample import kernel_for

try:
    from onetake.audio import _kernel
except ImportError:
    _kernel = None

needs_kernel = pytest.mark.skipif(_kernel is None, reason="the compiled sample loop is not built")


def _case(rate_hz: int, count: int, seed: int):
    """Return the arguments of `evaluate` but the last: positions anywhere, in any order."""
    kernel, rng = kernel_for(rate_hz), np.random.default_rng(seed)
    source = rng.uniform(-1, 1, (2, kernel.taps + 400)).astype(np.float32)
    first = rng.integers(0, 401, count)
    fractions = rng.choice([0.0, 1.0, 0.5, np.nextafter(1.0, 0.0), rng.uniform()], count)
    return kernel.table, kernel.steps, source, first, fractions


@needs_kernel
@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.sampled_from((8_000, 44_100, 48_000, 88_200, 96_000)),
    count=st.integers(0, 1300),
    seed=st.integers(0, 999),
)
def test_compiled_is_as_portable(rate_hz, count, seed):
    """Every variant gives what NumPy gives but for rounding, and all of them the same bits."""
    *arguments, source, first, fractions = _case(rate_hz, count, seed)
    wanted = np.full((count, 2), 7, np.float32)
    loops.evaluate_portable(*arguments, source, first=first, fractions=fractions, out=wanted)
    results = []
    try:
        for name in _kernel.variants():
            _kernel.select(name)
            out = np.full((count + 2, 2), 7, np.float32)
            _kernel.evaluate(*arguments, *source, first, fractions, out[1:-1])
            assert (out[[0, -1]] == 7).all()
            assert np.abs(out[1:-1] - wanted).max(initial=0.0) < 1e-6
            results.append(out.tobytes())
    finally:
        _kernel.select(_kernel.variants()[-1])
    assert len(set(results)) == 1


@needs_kernel
@pytest.mark.parametrize("place", [(-1, 0.5), (401, 0.5), (0, -0.1), (0, 1.1), (0, float("nan"))])
def test_a_place_outside_is_refused(place):
    """Nothing is read from beside the sound."""
    table, steps, source, first, fractions = _case(48_000, 3, 1)
    first[1], fractions[1] = place
    with pytest.raises(ValueError, match="positions"):
        _kernel.evaluate(table, steps, *source, first, fractions, np.zeros((3, 2), np.float32))


@needs_kernel
def test_what_does_not_fit_together_is_refused():
    """Arrays of another shape, type or order are an error, not memory read astray."""
    table, steps, source, first, fractions = _case(48_000, 3, 1)
    good = [table, steps, source[0], source[1], first, fractions, np.zeros((3, 2), np.float32)]
    bad = {
        1: steps[:-1],
        2: source[0, :-1],
        3: source[1, ::2],
        4: first.astype(np.int32),
        5: fractions[:-1],
        6: np.zeros((2, 3), np.float32).T,
    }
    _kernel.evaluate(*good)
    for index, array in bad.items():
        with pytest.raises((ValueError, BufferError)):
            _kernel.evaluate(*good[:index], array, *good[index + 1 :])
    with pytest.raises(ValueError, match="variant"):
        _kernel.select("none")


def test_the_fallback_is_heard_alike(monkeypatch):
    """Without the compiled loop `evaluate` takes the portable one."""
    *arguments, first, fractions = _case(48_000, 700, 3)
    with_it, without = np.empty((700, 2), np.float32), np.empty((700, 2), np.float32)
    loops.evaluate(*arguments, first=first, fractions=fractions, out=with_it)
    monkeypatch.setattr(loops, "_HAS_KERNEL", False)
    loops.evaluate(*arguments, first=first, fractions=fractions, out=without)
    assert np.abs(with_it - without).max() < 1e-6
