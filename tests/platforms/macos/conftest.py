"""A simulated Mac for each test, and the proof at its end that nothing illegal was done on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platforms.macos.fake import Mac, installed

MOST_LATE_NS = 250_000_000
"""A simulated device later than this simulates nothing real: a Mac's capture runs in real time."""


@pytest.fixture
def mac() -> Iterator[Mac]:
    """A Mac with one Retina display, one camera and one microphone, all permissions granted."""
    with installed(Mac()) as made:
        yield made
        assert made.crashes == [], "an exception left a callback: macOS aborts the process"
        assert made.unmodelled == [], "names used that the table or the stand-in does not have"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Say of a failure on a machine too busy to simulate anything that it says nothing."""
    report = yield
    made = getattr(item, "funcargs", {}).get("mac")
    if call.when == "call" and report.failed and made is not None:
        late_ms = made.worst_late_ns / 1e6
        if made.worst_late_ns > MOST_LATE_NS:
            reason = f"this machine is too busy: the simulated devices ran {late_ms:.0f} ms late"
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1], reason)
    return report
