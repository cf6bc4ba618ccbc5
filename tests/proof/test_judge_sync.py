"""Offsets are blamed for what they are, and only beyond the resolution."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.judge_sync import sync_findings
from onetake.proof.offsets import summarise
from onetake.proof.results import Fault, Finding, PathOffsets, Severity

TIMES_S = np.arange(0.0, 60.0, 1.1)


def path_of(
    offsets_ms: np.ndarray, *, resolution_ms: float = 0.1, method: str = "code", missing: int = 0
) -> PathOffsets:
    """Return the summary of these offsets."""
    return summarise(
        "mic",
        1,
        (TIMES_S * NS_PER_S).astype(np.int64),
        (offsets_ms * NS_PER_MS).astype(np.int64),
        missing=missing,
        resolution_ns=resolution_ms * NS_PER_MS,
        method=method,
    )


def findings(path: PathOffsets, *, has_report: bool = False) -> list[Finding]:
    """Return what is found in one path."""
    return list(sync_findings([path], [], has_report=has_report))


def faults(path: PathOffsets) -> set[Fault]:
    """Return the names of what is found in one path."""
    return {finding.fault for finding in findings(path)}


@pytest.mark.parametrize(
    ("offset_ms", "resolution_ms", "method", "is_blamed"),
    [
        (14, 0.1, "code", False),
        (16, 0.1, "code", True),
        (-16, 0.1, "code", True),
        (16, 2.0, "code", False),
        (14, 33, "flash", False),
        (20, 33, "flash", True),  # Later than the first white picture is late for certain.
        (-20, 33, "flash", False),  # The flash may have been up to a frame before it.
        (-50, 33, "flash", True),
    ],
)
def test_constant_offset(
    offset_ms: float, resolution_ms: float, method: str, is_blamed: bool
) -> None:
    """An offset is blamed when it is beyond 15 ms for certain."""
    path = path_of(np.full(len(TIMES_S), offset_ms), resolution_ms=resolution_ms, method=method)
    assert faults(path) == ({Fault.OFFSET} if is_blamed else set())


def test_few_beeps_off_the_line() -> None:
    """Single beeps that lie elsewhere are counted and placed, the rest is not blamed."""
    offsets = np.zeros(len(TIMES_S))
    offsets[[10, 30]] = 40, 66
    (finding,) = findings(path_of(offsets))
    assert finding.fault is Fault.OFFSET_UNSTEADY
    assert finding.count == 2
    assert finding.at_s == pytest.approx(TIMES_S[30])
    assert "worst +66.0 ms" in finding.message


def test_scatter() -> None:
    """An offset that scatters as a whole is blamed as such, one of 2 ms is not."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(len(TIMES_S))
    assert faults(path_of(12 * noise)) == {Fault.OFFSET_UNSTEADY}
    assert faults(path_of(2 * noise)) == set()


def test_drift_is_no_scatter() -> None:
    """A line is a drift, however far it leads, and not a step and not scatter."""
    assert faults(path_of(TIMES_S * 0.3 - 9)) == {Fault.DRIFT}


def test_missing_beeps() -> None:
    """Beeps that are not heard are a note without a report, a fault with one."""
    path = path_of(np.zeros(len(TIMES_S)), missing=3)
    for has_report, severity in ((False, Severity.NOTE), (True, Severity.DEGRADED)):
        (finding,) = findings(path, has_report=has_report)
        assert (finding.fault, finding.severity) == (Fault.BEEPS_MISSING, severity)
