"""Whoever looks for the right file finds it on one page."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import HOME, text_of

ROOMS = ("timeline", "audio", "video", "engine", "control")
"""Those that have a table of their files; the others tell themselves by their names."""


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_of_a_room_is_in_its_table(room: str) -> None:
    """A new file gets its place, and a line that says what it is for."""
    page = text_of(Path("docs/architecture.md"))
    files = (HOME / "src" / "onetake" / room).glob("*.py")
    assert [
        one.name for one in files if one.stem != "__init__" and f"`{one.name}`" not in page
    ] == []
