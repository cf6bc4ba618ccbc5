"""Reading the fields of a request, with the protocol's own errors.

Invariant: a field that is null is a field that is absent; clients in MessagePack send nil for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

__all__ = ["Fields", "RequestError", "Status"]


class Status(IntEnum):
    """Codes of a request's outcome."""

    SUCCESS = 100
    MISSING_REQUEST_TYPE = 203
    UNKNOWN_REQUEST_TYPE = 204
    GENERIC_ERROR = 205
    UNSUPPORTED_BATCH = 206
    NOT_READY = 207
    MISSING_FIELD = 300
    MISSING_DATA = 301
    INVALID_FIELD = 400
    INVALID_TYPE = 401
    OUT_OF_RANGE = 402
    EMPTY = 403
    TOO_MANY_FIELDS = 404
    OUTPUT_RUNNING = 500
    OUTPUT_NOT_RUNNING = 501
    OUTPUT_PAUSED = 502
    OUTPUT_NOT_PAUSED = 503
    NOT_FOUND = 600
    WRONG_TYPE = 602
    WRONG_STATE = 604
    NOT_CONFIGURABLE = 606
    PROCESSING_FAILED = 702


class RequestError(Exception):
    """A request that failed, as the client is told."""

    def __init__(self, code: Status, comment: str) -> None:
        super().__init__(comment)
        self.code = code
        self.comment = comment


class Fields:
    """The `requestData` of one request.

    Args:
        data: an object, or None when there was none.
    """

    def __init__(self, data: object) -> None:
        self._data: Mapping[Any, Any] | None = data if isinstance(data, Mapping) else None

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._data is not None and self._data.get(name) is not None

    def _get(self, name: str) -> Any:
        if self._data is None:
            raise RequestError(
                Status.MISSING_DATA, "Your request data is missing or invalid (non-object)"
            )
        if not self.has(name):
            raise RequestError(Status.MISSING_FIELD, f"Your request is missing the `{name}` field.")
        return self._data[name]

    def text(self, name: str, *, may_be_empty: bool = False) -> str:
        """Return a string. Raises RequestError."""
        value = self._get(name)
        if not isinstance(value, str):
            raise _wrong_type(name, "a string")
        if not value and not may_be_empty:
            raise RequestError(Status.EMPTY, f"The field value of `{name}` must not be empty.")
        return value

    def boolean(self, name: str) -> bool:
        """Return a boolean. Raises RequestError."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise _wrong_type(name, "boolean")
        return value

    def number(self, name: str, least: float, most: float) -> float:
        """Return a number in least..most. Raises RequestError."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(name, "a number")
        if not least <= value <= most:
            below = f"The field value of `{name}` is not between {least:g} and {most:g}."
            raise RequestError(Status.OUT_OF_RANGE, below)
        return float(value)

    def object(self, name: str) -> Fields:
        """Return an object's fields. Raises RequestError."""
        value = self._get(name)
        if not isinstance(value, Mapping):
            raise _wrong_type(name, "an object")
        return Fields(value)

    def names(self) -> list[str]:
        """Return the names of all fields that are there and not null."""
        if self._data is None:
            return []
        return [str(name) for name, value in self._data.items() if value is not None]

    def plain(self) -> dict[str, Any]:
        """Return all fields as they are."""
        return dict(self._data or {})


def _wrong_type(name: str, kind: str) -> RequestError:
    return RequestError(Status.INVALID_TYPE, f"The field value of `{name}` must be {kind}.")
