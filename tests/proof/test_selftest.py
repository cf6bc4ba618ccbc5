"""The self-test offers an offset only when it is one."""

from __future__ import annotations

import pytest

from onetake.model.devices import Role
from onetake.proof.results import CheckReport, PathOffsets, Verdict
from onetake.proof.selftest import PathAnswer, judge_selftest


def path_of(name: str, median_ms: float, *, track: int = 1, **fields: object) -> PathOffsets:
    """Return a steady measurement of a path."""
    given = {
        "events": 20,
        "missing": 0,
        "p95_ms": abs(median_ms) + 0.5,
        "worst_ms": median_ms + 0.7,
        "std_ms": 0.4,
        "resolution_ms": 0.3,
        "step_ms": None,
        "step_at_s": None,
        "drift_ms_per_hour": 4.0,
        "drift_uncertainty_ms_per_hour": 30.0,
        "method": "code",
        "offsets_ms": [],
    } | fields
    return PathOffsets(path=name, track=track, median_ms=median_ms, **given)


def report_of(*paths: PathOffsets, verdict: Verdict = Verdict.GOOD) -> CheckReport:
    """Return a check's report with these paths."""
    return CheckReport(path="a.mp4", verdict=verdict, findings=[], unknowns=[], offsets=list(paths))


def answers(report: CheckReport, **kwargs: object) -> dict[Role, PathAnswer]:
    """Return the answers by role."""
    return {path.role: path for path in judge_selftest(report, **kwargs).paths}


def test_late_microphone_is_offered_its_offset() -> None:
    """A microphone 32.4 ms late should be moved by -32.4 ms; the good system sound stays."""
    answer = judge_selftest(report_of(path_of("system", 0.6), path_of("mic", 32.4)))
    system, mic = answer.paths
    assert (system.role, system.suggested_offset_ms) == (Role.SYSTEM, None)
    assert (mic.role, mic.suggested_offset_ms) == (Role.MIC, -32.4)
    assert answer.mic_against_system_ms == pytest.approx(31.8)
    assert answer.verdict is Verdict.DEGRADED
    assert "32.4 ms late over 20 beeps" in answer.lines[1]
    assert "resolution 0.3 ms" in answer.lines[1]
    assert "remember -32.4 ms" in answer.lines[1]


def test_an_offset_the_stage_cannot_tell_is_not_offered() -> None:
    """Where the screen shows the pattern no more exactly than to 17 ms, 12 ms is no offset and
    32 ms is one."""
    report = report_of(path_of("system", 12.0), path_of("mic", 32.4))
    told = answers(report, stage_ms=17.0)
    assert told[Role.SYSTEM].suggested_offset_ms is None
    assert told[Role.SYSTEM].reason == "nothing to correct"
    assert told[Role.MIC].suggested_offset_ms == -32.4


def test_all_well() -> None:
    """Paths within 2 ms need nothing, and the verdict is good."""
    answer = judge_selftest(report_of(path_of("system", 0.6), path_of("mic", -1.9)))
    assert answer.verdict is Verdict.GOOD
    assert [path.reason for path in answer.paths] == ["nothing to correct"] * 2


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (path_of("mic", 40, events=5), "only 5 beeps"),
        (path_of("mic", 900), "too large"),
        (path_of("mic", 40, std_ms=9.0), "not steady"),
        (path_of("mic", 40, drift_ms_per_hour=750.0), "drifts"),
        (path_of("mic", 40, resolution_ms=33.0), "nothing to correct"),
    ],
)
def test_what_is_no_constant_is_not_offered(path: PathOffsets, reason: str) -> None:
    """Few, wild, drifting or unsure measurements are shown, but not offered."""
    mic = answers(report_of(path_of("system", 0), path))[Role.MIC]
    assert mic.suggested_offset_ms is None
    assert reason in mic.reason
    assert mic.offset_ms == path.median_ms


def test_unheard_path() -> None:
    """A path that is not heard is said to be so, and the self-test is not good."""
    answer = judge_selftest(report_of(path_of("system", 0)))
    assert answer.paths[1].is_heard is False
    assert answer.mic_against_system_ms is None
    assert answer.verdict is Verdict.DEGRADED
    assert "none of the pattern's beeps" in answer.lines[1]


def test_separate_tracks() -> None:
    """With separate tracks the microphone's track tells, though it hears the loudspeakers."""
    report = report_of(
        path_of("system", 3.0, track=1),
        path_of("system", 21.0, track=2),
        path_of("system", 1.0, track=3),
    )
    found = answers(report, tracks={Role.MIC: 2, Role.SYSTEM: 3})
    assert found[Role.MIC].offset_ms == 21.0
    assert found[Role.SYSTEM].offset_ms == 1.0
    only = answers(report, tracks={Role.MIC: 2})
    assert set(only) == {Role.MIC}


def test_broken_file() -> None:
    """A broken file makes a broken self-test."""
    report = report_of(path_of("system", 0), path_of("mic", 0), verdict=Verdict.BROKEN)
    assert judge_selftest(report).verdict is Verdict.BROKEN
