"""Memory that nobody needs any more."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from onetake.engine.heap import BIG_BYTES, TRIM_EVERY_NS, Heap

MB = 1 << 20


def private_bytes() -> int:
    """Anonymous resident memory of this process."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))


def test_what_was_there_before_a_take_is_not_searched_in_it() -> None:
    """A search for cycles during a take sees what was made since; after it, all."""
    heap = Heap()
    gc.unfreeze()
    before = [[number] for number in range(1000)]
    heap.settle()
    try:
        during = [[number] for number in range(1000)]
        searched = {id(entry) for entry in gc.get_objects()}
        assert not any(id(entry) in searched for entry in before)
        assert all(id(entry) in searched for entry in during)
    finally:
        heap.unsettle()
    searched = {id(entry) for entry in gc.get_objects()}
    assert all(id(entry) in searched for entry in before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heap")
def test_what_a_busy_moment_needed_is_given_back() -> None:
    """Freed memory between pieces that are still in use goes back to the system, now and then."""
    heap = Heap()
    heap.tidy(0)
    pieces = [np.ones(BIG_BYTES // 2, np.uint8) for _ in range(2048)]
    kept = pieces[::32]
    full = private_bytes()
    pieces.clear()
    heap.tidy(TRIM_EVERY_NS - 1)
    assert private_bytes() > full - 8 * MB
    heap.tidy(TRIM_EVERY_NS)
    assert private_bytes() < full - 48 * MB
    assert len(kept) == 64


def given_back_bytes() -> int:
    """Free 31 MB between pieces that stay in use; return how much of it is gone."""
    Heap()
    bigger = np.ones(16 * MB, np.uint8)
    del bigger  # by itself glibc would keep all that is smaller from now on
    pieces = [np.ones(2 * BIG_BYTES, np.uint8) for _ in range(256)]
    kept = pieces[::32]
    full = private_bytes()
    pieces.clear()
    assert len(kept) == 8
    return full - private_bytes()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heap")
def test_big_pieces_are_gone_when_they_are_freed() -> None:
    """Nothing waits for the next tidying, also after bigger ones were freed. In a process of its
    own: what tests before it left free would be used first."""
    code = "from tests.engine.test_heap import given_back_bytes; print(given_back_bytes())"
    root = Path(__file__).resolve().parents[2]
    told = subprocess.check_output([sys.executable, "-c", code], cwd=root)
    assert int(told) > 24 * MB
