"""The sync matrix in its shortest form: every case and figure of the bench holds its bound."""

from __future__ import annotations

import pytest
from bench.sync_matrix import (
    Case,
    Check,
    cases,
    measure,
    rendered_checks,
    resampler_checks,
    speed_check,
)

pytestmark = pytest.mark.slow

SHORT_S = 240.0
"""Length of a take here: the first minute has bounds of its own, so there must be some beyond."""


@pytest.mark.parametrize("case", cases(2), ids=lambda case: case.name)
def test_case_holds_its_bounds(case: Case) -> None:
    """Worst error, bias, first minute, after faults, and no false re-alignment."""
    row = measure(case, 0.0 if case.fault_s else SHORT_S, 1)
    assert row.misses == (), row


def test_rendered_sound_is_in_its_place() -> None:
    """Sound that went through the whole lane, with faults, is where it belongs."""
    assert _missed(rendered_checks()) == []


def test_resampler_is_clean() -> None:
    """THD+N and pass-band while the ratio wanders."""
    assert _missed(resampler_checks()) == []


def test_speed_is_measured() -> None:
    """The cost of the audio path is a figure; the bench judges it, on a machine at rest."""
    assert 0 < speed_check().value < 100


def _missed(checks: list[Check]) -> list[str]:
    return [f"{check.name}: {check.value} {check.unit}" for check in checks if not check.is_met]
