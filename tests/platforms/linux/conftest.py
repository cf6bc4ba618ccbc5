"""What the tests of an X screen share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.stage.painter import Painter
from tests.stage.xserver import Screen


@pytest.fixture
def painter(x_screen: Screen) -> Iterator[Painter]:
    """A client of the private X server."""
    painter = Painter(x_screen.display)
    painter.fill(0, 0, 640, 480, 0x203040)
    yield painter
    painter.close()
