"""The type every request handler has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onetake.control.obs.context import Context
from onetake.control.obs.fields import Fields

__all__ = ["Handler"]

Handler = Callable[[Context, Fields], dict[str, Any] | None]
"""Takes context and fields, returns the response data or None; raises RequestError."""
