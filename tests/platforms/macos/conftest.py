"""A simulated Mac for each test, and the proof at its end that nothing illegal was done on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.platforms.macos.fake import Mac, installed


@pytest.fixture
def mac() -> Iterator[Mac]:
    """A Mac with one Retina display, one camera and one microphone, all permissions granted."""
    with installed(Mac()) as made:
        yield made
        assert made.crashes == [], "an exception left a callback: macOS aborts the process"
        assert made.unmodelled == [], "names used that the table or the stand-in does not have"
