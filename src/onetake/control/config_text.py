"""Settings written as a configuration file, with the documentation of each field. Pure.

Invariant: what is written can be read again and gives the same settings.
"""

from __future__ import annotations

import textwrap
from typing import Any

import msgspec

from onetake.control.config import Keys, RemoteConfig, Resolved
from onetake.model.describe import field_docs
from onetake.model.geometry import Overlay, Rect
from onetake.model.settings import Settings

__all__ = ["config_text", "explanation"]

_TABLES: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("overlay", Overlay),
    ("keys", Keys),
    ("remote", RemoteConfig),
)


def config_text(
    settings: Settings | None = None,
    keys: Keys | None = None,
    remote: RemoteConfig | None = None,
    *,
    has_docs: bool = False,
) -> str:
    """Return the settings as TOML; None = the defaults. Fields without a value are commented out.

    Args:
        has_docs: put each field's documentation above it.
    """
    chosen = Settings() if settings is None else settings
    tables = (
        chosen.overlay,
        Keys() if keys is None else keys,
        RemoteConfig() if remote is None else remote,
    )
    parts = [_fields_text(chosen, has_docs=has_docs, left_out=("overlay",))]
    for (name, kind), values in zip(_TABLES, tables, strict=True):
        head = f"# {_first_sentence(kind)}\n[{name}]\n" if has_docs else f"[{name}]\n"
        parts.append(head + _fields_text(values, has_docs=has_docs))
    if has_docs:
        parts.append(_PRESET_EXAMPLE)
    return "\n".join(parts)


def explanation(resolved: Resolved) -> str:
    """Return where each setting that is not a default came from, one a line."""
    values = msgspec.structs.asdict(resolved.settings)
    lines = []
    for name, source in resolved.sources.items():
        field = name.removeprefix("overlay.")
        value = getattr(resolved.settings.overlay, field) if field != name else values[name]
        lines.append(f"{name} = {_toml(value)}  # {source}")
    return "\n".join(lines) + "\n" if lines else "# all defaults\n"


_PRESET_EXAMPLE = """\
# Named sets of the settings above, chosen with --preset NAME or ONETAKE_PRESET.
# [preset.lesson]
# quality = "high"
# camera = "default"
# overlay = { shape = "circle", height = 0.2 }
"""


def _fields_text(values: msgspec.Struct, *, has_docs: bool, left_out: tuple[str, ...] = ()) -> str:
    docs = field_docs(type(values))
    lines = []
    for name in values.__struct_fields__:
        if name in left_out:
            continue
        value = getattr(values, name)
        if has_docs:
            lines += textwrap.wrap(docs[name], 98, initial_indent="# ", subsequent_indent="# ")
        lines.append(f"# {name} =" if value is None else f"{name} = {_toml(value)}")
        if has_docs:
            lines.append("")
    return "\n".join(lines) + "\n"


def _first_sentence(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Rect():
            return f'"{value.x_px},{value.y_px},{value.width_px}x{value.height_px}"'
        case str():
            return _quoted(value)
        case list() | tuple():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case None:
            return '""'
        case _:
            return repr(value)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for the delete character, which TOML wants escaped too.
    return msgspec.json.encode(str(text)).decode().replace("\x7f", "\\u007f")
