"""Every generated page and where it lies."""

from __future__ import annotations

from pathlib import Path

from scripts.reference.commands import commands_page, configuration_page, exit_page
from scripts.reference.man import man_page
from scripts.reference.python_api import python_page
from scripts.reference.types import check_page, doctor_page, obs_page, protocol_page, report_page

__all__ = ["HOME", "pages"]

HOME = Path(__file__).parents[2]
"""The repository."""


def pages() -> dict[str, str]:
    """Return the text of each page by its path in the repository."""
    return {
        "docs/reference/commands.md": commands_page(),
        "docs/reference/configuration.md": configuration_page(),
        "docs/reference/protocol.md": protocol_page(),
        "docs/reference/report.md": report_page(),
        "docs/reference/check.md": check_page(),
        "docs/reference/doctor.md": doctor_page(),
        "docs/reference/python.md": python_page(),
        "docs/reference/exit-codes.md": exit_page(),
        "docs/reference/obs-websocket.md": obs_page(),
        "packaging/man/onetake.1": man_page(),
    }
