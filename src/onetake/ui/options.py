"""Command line flags made from the fields of `Settings`: one truth, no second list of options.

A field's unit ends its name and becomes the value's placeholder (`duration_s` → `--duration S`);
a fact becomes a switch (`has_cursor` → `--no-cursor`, `is_mic_muted` → `--mic-muted`); the
overlay's fields become `--overlay-…`. A flag that was not given leaves no trace, so that a
configuration file can fill it.
"""

from __future__ import annotations

import argparse
import re
import types
import typing
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from onetake.model.describe import field_docs
from onetake.model.geometry import Overlay, Rect, region_from_text
from onetake.model.settings import Settings

if TYPE_CHECKING:
    from onetake.control.config import Config, Resolved

__all__ = ["add_json", "add_layers", "add_settings", "chosen", "flag_of", "given_settings"]

_UNITS = {"_s": "S", "_ms": "MS", "_db": "DB", "_kbps": "KBPS"}

_LEFT_OUT = ("output", "overlay")
"""Fields that are no flag of their own: the positional file, and the overlay's own fields."""


def flag_of(field: str) -> str:
    """Return the flag of a settings field: `mic_gain_db` → `--mic-gain`, `has_cursor` →
    `--no-cursor`."""
    name = re.sub(r"_(s|ms|db|kbps)$", "", field)
    if name.startswith("has_"):
        return "--no-" + name.removeprefix("has_").replace("_", "-")
    return "--" + name.removeprefix("is_").replace("_", "-")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each field of `Settings` and of its overlay."""
    _add_fields(parser.add_argument_group("what and how"), Settings, "")
    _add_fields(parser.add_argument_group("the camera overlay"), Overlay, "overlay_")


def add_json(parser: argparse.ArgumentParser, text: str) -> None:
    """Add `--json`, which every command that answers has."""
    parser.add_argument("--json", action="store_true", dest="as_json", help=text)


def add_layers(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which configuration is used."""
    group = parser.add_argument_group("configuration")
    group.add_argument("--preset", metavar="NAME", help="a preset of the configuration file")
    group.add_argument("--config", metavar="FILE", help="another configuration file")


def chosen(arguments: argparse.Namespace, fields: dict[str, Any]) -> tuple[Resolved, Config]:
    """Return the settings of all layers, `fields` on top, and the configuration file's content.

    Raises UsageError naming the layer that makes no sense.
    """
    from pathlib import Path

    from onetake.control.config import load_config, resolve_settings

    config = load_config(Path(arguments.config) if arguments.config else None)
    return resolve_settings(fields, config=config, preset=arguments.preset), config


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that were given, as plain values: `{"fps": 60, "overlay": {…}}`."""
    fields: dict[str, Any] = {}
    overlay: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        if name.startswith("overlay_"):
            overlay[name.removeprefix("overlay_")] = value
        elif name in Settings.__struct_fields__ and name != "overlay":
            fields[name] = value
    if overlay:
        fields["overlay"] = overlay
    return fields


def _add_fields(group: argparse._ArgumentGroup, struct: type[msgspec.Struct], prefix: str) -> None:
    docs = field_docs(struct)
    hints = typing.get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        if not prefix and field.name in _LEFT_OUT:
            continue
        kind = _plain_type(hints[field.name])
        flag = "--" + prefix.replace("_", "-") + flag_of(field.name).removeprefix("--")
        name = prefix + field.name
        text = docs[field.name].replace("%", "%%")
        if kind is bool:
            _add_switch(group, flag, name, text, is_on=field.default is True)
        else:
            group.add_argument(
                flag,
                dest=name,
                help=text,
                default=argparse.SUPPRESS,
                metavar=_placeholder(field.name, kind),
                type=_reader(kind),
                choices=[str(one) for one in kind] if _is_choice(kind) else None,
            )


def _add_switch(
    group: argparse._ArgumentGroup, flag: str, name: str, text: str, *, is_on: bool
) -> None:
    if is_on and not flag.startswith("--no-"):
        flag = re.sub(r"^--(overlay-)?", r"--\1no-", flag)
    if is_on:
        text = "Do not " + text[0].lower() + text[1:]
    group.add_argument(
        flag,
        dest=name,
        action="store_const",
        const=not is_on,
        default=argparse.SUPPRESS,
        help=text,
    )


def _plain_type(hint: Any) -> Any:
    """Return X for `X | None`, else the hint itself."""
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    return hint


def _placeholder(field: str, kind: Any) -> str:
    if kind is Rect:
        return "X,Y,WxH"
    if _is_choice(kind):
        return "|".join(kind)
    for unit, placeholder in _UNITS.items():
        if field.endswith(unit):
            return placeholder
    if typing.get_origin(kind) is tuple:
        return "NAME,…"
    return {int: "N", float: "X"}.get(kind, "TEXT")


def _reader(kind: Any) -> Any:
    if kind is Rect:
        return region_from_text
    if typing.get_origin(kind) is tuple:
        return _names
    return str if _is_choice(kind) else kind


def _is_choice(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
