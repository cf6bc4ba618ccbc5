"""Settings from what was given on the command line, over what is left to the defaults."""

from __future__ import annotations

from typing import Any

import msgspec

from onetake.errors import UsageError
from onetake.model.settings import Settings

__all__ = ["chosen_settings"]


def chosen_settings(fields: dict[str, Any]) -> Settings:
    """Return the settings with `fields` over the defaults. Raises UsageError for bad values."""
    try:
        return msgspec.convert(fields, Settings)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error
