"""The published schema: made from the types, pinned so that a change is meant."""

from __future__ import annotations

import json
from pathlib import Path

from onetake.control.methods import METHODS
from onetake.control.schema import schema

PINNED = Path(__file__).parents[2] / "docs" / "reference" / "protocol.schema.json"


def test_the_pinned_schema_is_the_real_one():
    """Whoever changes a wire type sees it here, and decides whether PROTOCOL must go up.

    To accept a change: onetake schema > docs/reference/protocol.schema.json
    """
    real = json.loads(json.dumps(schema()))
    assert _form(json.loads(PINNED.read_text())) == _form(real)


def _form(value):
    """Return a schema without its words."""
    if isinstance(value, dict):
        return {
            key: _form(one)
            for key, one in value.items()
            if key not in ("doc", "description") or not isinstance(one, str)
        }
    return [_form(one) for one in value] if isinstance(value, list) else value


def test_every_method_is_described():
    """Each method has what it takes, what it returns, and a sentence."""
    methods = schema()["methods"]
    assert set(METHODS) == set(methods)
    for method in methods.values():
        assert method["doc"]
        assert "$ref" in method["takes"]
        assert method["returns"]


def test_references_lead_somewhere():
    """No reference of the schema is dangling."""
    whole = schema()
    text = json.dumps(whole)
    names = {part.split('"')[0] for part in text.split("#/$defs/")[1:]}
    assert names <= set(whole["$defs"])
