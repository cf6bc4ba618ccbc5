"""A simulated Mac for each test, and the proof at its end that nothing illegal was done on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platforms.macos.fake import Mac, installed
from tests.stage.witness import MachineStoodStillError

MOST_LATE_NS = 250_000_000
"""A simulated device later than this simulates nothing real: a Mac's capture runs in real time."""


@pytest.fixture
def mac() -> Iterator[Mac]:
    """A Mac with one Retina display, one camera and one microphone, all permissions granted."""
    with installed(Mac()) as made:
        yield made
        assert made.crashes == [], "an exception left a callback: macOS aborts the process"
        assert made.unmodelled == [], "names used that the table or the stand-in does not have"


def _late_ms(item: pytest.Item) -> float | None:
    """Return how late the simulated devices of a test ran if that was too late, else None."""
    made = getattr(item, "funcargs", {}).get("mac")
    is_late = made is not None and made.worst_late_ns > MOST_LATE_NS
    return made.worst_late_ns / 1e6 if is_late else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Let a test run again that failed on a machine too busy to simulate anything."""
    try:
        return (yield)
    except Exception as error:
        late_ms = _late_ms(item)
        if late_ms is None or isinstance(error, MachineStoodStillError):
            raise
        raise MachineStoodStillError(f"the simulated devices ran {late_ms:.0f} ms late") from error


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Say of a test that was never simulated in time, however often it ran, that it is unproven."""
    report = yield
    again = item.get_closest_marker("flaky")
    runs = 1 + (0 if again is None else again.kwargs["reruns"])
    late_ms = _late_ms(item)
    is_last = getattr(item, "execution_count", runs) >= runs
    if call.when == "call" and report.failed and is_last and late_ms is not None:
        reason = f"unproven: in {runs} runs the simulated devices were {late_ms:.0f} ms late"
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1], reason)
    return report
