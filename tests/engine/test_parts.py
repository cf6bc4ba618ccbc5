"""A chain of files: each frame and each sample in exactly one, each file from 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from onetake.engine.parts import Part, PartChain
from onetake.errors import DiskFull, OutputFailed
from onetake.model.units import ns_from_sample


class Paper:
    """A writer that keeps what it is given, and fails when told."""

    def __init__(self) -> None:
        self.positions_ns: list[int] = []
        self.samples = np.zeros((0, 2), np.float32)
        self.fails: OutputFailed | None = None
        self.size_bytes = 7

    def start(self) -> None:
        """Nothing to open."""

    def is_ready_for_video(self) -> bool:
        return True

    def write_video(self, position_ns: int, image: object) -> None:
        self._fail()
        self.positions_ns.append(position_ns)

    def write_audio(self, samples: Sequence[NDArray[np.float32]]) -> None:
        self._fail()
        self.samples = np.concatenate([self.samples, samples[0]])

    def pump(self, wait_s: float) -> bool:
        self._fail()
        return False

    def add_chapter(self, position_ns: int, label: str) -> None:
        """No chapters here."""

    def finish(self, end_ns: int) -> None:
        """Nothing to finish."""

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails


def chain() -> tuple[PartChain, list[Paper], list[str]]:
    papers: list[Paper] = []
    failures: list[str] = []

    def make(path: str) -> Paper:
        papers.append(Paper())
        return papers[-1]

    return PartChain(make, lambda error: failures.append(error.message)), papers, failures


def counted(first: int, count: int) -> list[NDArray[np.float32]]:
    """Return samples that say which they are."""
    numbers = np.arange(first, first + count, dtype=np.float32)
    return [np.stack([numbers, numbers], axis=1)]


@given(
    cuts=st.lists(st.integers(1, 40_000), max_size=4, unique=True).map(sorted),
    run=st.integers(1, 9_000),
)
def test_every_sample_is_in_exactly_one_file(cuts: list[int], run: int) -> None:
    """Put together, the files are the take: no sample twice, none missing, at any cuts."""
    parts, papers, _ = chain()
    parts.open("take.mp4")
    for number, cut in enumerate(cuts):
        parts.open(f"take part {number + 2}.mp4")
        parts.cut(ns_from_sample(cut))
    total = 50_000
    for first in range(0, total, run):
        parts.write_audio(counted(first, min(run, total - first)))
    joined = np.concatenate([paper.samples[:, 0] for paper in papers])
    assert np.array_equal(joined, np.arange(total, dtype=np.float32))
    assert [len(p.samples) for p in papers] == list(np.diff([0, *cuts, total]))


def test_frames_go_by_their_position_and_begin_at_zero() -> None:
    """The frame at the cut is the first of the new file, at 0; the one before stays."""
    parts, papers, _ = chain()
    parts.open("take.mp4")
    cut_ns = ns_from_sample(48_000)
    parts.write_video(0, None)
    parts.open("take part 2.mp4")
    parts.cut(cut_ns)
    for position_ns in (cut_ns - 30_000, cut_ns, cut_ns + 33_000_000):
        parts.write_video(position_ns, None)
    assert papers[0].positions_ns == [0, cut_ns - 30_000]
    assert papers[1].positions_ns == [0, 33_000_000]


def test_a_file_is_complete_when_both_lanes_have_passed_it() -> None:
    """The sound is behind the picture; a file is finished only when both are in the next one."""
    parts, _, _ = chain()
    parts.open("take.mp4")
    parts.open("take part 2.mp4")
    parts.cut(ns_from_sample(100))
    parts.write_video(ns_from_sample(200), None)
    assert parts.take_completed() is None
    parts.write_audio(counted(0, 100))
    completed = parts.take_completed()
    assert completed is not None
    assert completed.path == "take.mp4"
    assert parts.end_ns(completed, 1 << 62) == ns_from_sample(100)
    assert parts.take_completed() is None
    remaining = parts.take_remaining()
    assert remaining is not None
    assert remaining.number == 2
    assert parts.take_remaining() is None


def test_a_failed_file_is_told_once_and_harms_no_other() -> None:
    """What comes after a failure is dropped until the next file begins, and counted there."""
    parts, papers, failures = chain()
    parts.open("take.mp4")
    papers[0].fails = OutputFailed("broken")
    parts.write_video(0, None)
    parts.write_audio(counted(0, 50))
    assert failures == ["broken"]
    assert not parts.is_ready_for_video()
    parts.open("take part 2.mp4")
    parts.cut(ns_from_sample(100))
    assert parts.is_ready_for_video()
    parts.write_audio(counted(50, 100))
    parts.write_video(ns_from_sample(100), None)
    assert list(papers[1].samples[:, 0]) == list(range(100, 150))
    assert papers[1].positions_ns == [0]


def test_sound_of_before_a_failure_still_goes_into_the_failed_file() -> None:
    """The mixer is two seconds behind: what is heard before the cut belongs to the file that
    failed, which may still be able to keep it."""
    parts, papers, _ = chain()
    parts.open("take.mp4")
    papers[0].fails = OutputFailed("broken")
    parts.pump(0.0)
    papers[0].fails = None
    parts.open("take part 2.mp4")
    parts.cut(ns_from_sample(100))
    parts.write_audio(counted(0, 150))
    assert list(papers[0].samples[:, 0]) == list(range(100))
    assert list(papers[1].samples[:, 0]) == list(range(100, 150))


def test_a_full_disk_is_nobodys_alone() -> None:
    """No other file escapes a full disk, so it ends the take instead of beginning a new file."""
    parts, papers, failures = chain()
    parts.open("take.mp4")
    papers[0].fails = DiskFull("full")
    with pytest.raises(DiskFull):
        parts.pump(0.0)
    assert failures == []


def test_an_opened_file_that_was_never_cut_stays_empty() -> None:
    """A split that comes too late leaves no file behind to be finished."""
    parts, papers, _ = chain()
    parts.open("take.mp4")
    parts.open("take part 2.mp4")
    parts.write_audio(counted(0, 1000))
    first: Part | None = parts.take_remaining()
    assert first is not None
    assert first.number == 1
    assert parts.take_remaining() is None
    assert len(papers[1].samples) == 0
    assert parts.size_bytes == 14
