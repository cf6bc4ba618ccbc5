"""Judging a track's samples."""

from __future__ import annotations

from onetake.proof.judge import unexplained_holes
from onetake.proof.results import MutedSpan


def test_a_hole_that_a_mute_made_is_none() -> None:
    """A short mute looks like a hole; the report beside the file explains it, and only it."""
    mute = MutedSpan(
        role="mic",
        start_s=1.0,
        end_s=1.3,
        probes=0,
        residual_db=None,
        share_db=None,
        is_exactly_silent=None,
        is_clean=None,
    )
    inside, beside, longer = (
        (1_010_000_000, 280_000_000),
        (2_000_000_000, 40_000_000),
        (
            1_100_000_000,
            600_000_000,
        ),
    )
    assert unexplained_holes([inside, beside, longer], [mute]) == [beside, longer]
    assert unexplained_holes([inside], []) == [inside]
