"""The published schema: every value that crosses a wire, as JSON Schema made from the types."""

from __future__ import annotations

from typing import Any

import msgspec

from onetake.control.controller import DeviceList
from onetake.control.methods import METHODS
from onetake.control.protocol import PROTOCOL, Hello, Problem, Subscribed
from onetake.model.commands import Command
from onetake.model.events import Event, Snapshot
from onetake.model.settings import Settings

__all__ = ["schema"]


def schema() -> dict[str, Any]:
    """Return the schema: `{"protocol": N, "methods": {…}, "$defs": {…}, …}`.

    `methods` gives for each JSON-RPC method what it takes and what it returns; `command` and
    `event` are the unions that travel.
    """
    named = {
        "settings": Settings,
        "command": Command,
        "event": Event,
        "snapshot": Snapshot,
        "devices": DeviceList,
        "hello": Hello,
        "subscribe": Subscribed,
        "problem": Problem,
    }
    kinds: list[Any] = [*named.values(), *(method.takes for method in METHODS.values())]
    returned = [method.returns for method in METHODS.values()]
    schemas, definitions = msgspec.json.schema_components(
        [*kinds, *returned], schema_hook=_anything, ref_template="#/$defs/{name}"
    )
    first = len(named)
    takes = schemas[first : first + len(METHODS)]
    returns = schemas[first + len(METHODS) :]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "onetake control protocol",
        "protocol": PROTOCOL,
        "types": dict(zip(named, schemas[:first], strict=True)),
        "methods": {
            name: {"doc": " ".join(method.doc.split()), "takes": took, "returns": returned_}
            for (name, method), took, returned_ in zip(METHODS.items(), takes, returns, strict=True)
        },
        "$defs": definitions,
    }


def _anything(kind: type) -> dict[str, Any]:
    """Return the schema of a value whose type is left open (those of the report)."""
    if kind is object:
        return {"description": "any JSON value"}
    raise NotImplementedError
