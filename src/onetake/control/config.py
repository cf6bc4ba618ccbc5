"""The configuration file, presets and environment, merged into settings.

    flag  >  ONETAKE_… environment  >  [preset.NAME]  >  file  >  default

Invariant: every layer is checked by the types of `Settings` themselves, and an error names the
layer, the line and the field; a misspelt key is never ignored.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from onetake.errors import UsageError
from onetake.model.geometry import Overlay, region_from_text
from onetake.model.settings import Settings

__all__ = [
    "Config",
    "Keys",
    "RemoteConfig",
    "Resolved",
    "config_path",
    "load_config",
    "parse_config",
    "resolve_settings",
    "settings_of",
]

MAX_FILE_BYTES = 1 << 20
"""Largest file read as configuration; a real one is a few KiB."""

_ENV_PREFIX = "ONETAKE_"


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys in the terminal while recording; one character each, "" = none."""

    mute_mic: str = "m"
    """Mute or unmute the microphone."""
    mute_system: str = "s"
    """Mute or unmute the system sound."""
    hide_camera: str = "c"
    """Hide or show the camera."""
    pause: str = "p"
    """Pause or go on."""
    marker: str = "k"
    """Put a chapter mark."""
    stop: str = "q"
    """Stop and finish the file."""


class RemoteConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How others may drive the recorder."""

    panel_port: int = 0
    """Port of the web panel on this machine; 0 = any free one."""
    obs_port: int = 4455
    """Port of the obs-websocket adapter on this machine."""
    obs_password_file: str = ""
    """File with the adapter's password, readable by you alone; left out = a generated one."""
    obs_origins: list[str] = []
    """Web pages that may use the adapter, as https://host; none by default."""
    notify: bool = True
    """Show a desktop notification when a recording starts and stops."""


class Config(msgspec.Struct, frozen=True):
    """What the file says, checked."""

    path: str = ""
    """Where it was read; empty = there is none."""
    settings: dict[str, Any] = {}
    """Fields of `Settings`, as given."""
    presets: dict[str, dict[str, Any]] = {}
    keys: Keys = Keys()
    remote: RemoteConfig = RemoteConfig()


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings, and where each field that is not a default came from."""

    settings: Settings
    sources: dict[str, str]
    """`{"fps": "flag", "overlay.shape": "preset lesson"}`."""


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the configuration file is looked for: `ONETAKE_CONFIG`, or the user's
    configuration folder."""
    chosen = environment.get("ONETAKE_CONFIG")
    return Path(chosen) if chosen else platformdirs.user_config_path("onetake") / "config.toml"


def load_config(path: Path | None = None) -> Config:
    """Read and check the file; a missing one says nothing, unless `path` was given.

    Raises UsageError for anything in it that makes no sense.
    """
    wanted = config_path() if path is None else path
    try:
        with wanted.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        if path is None:
            return Config()
        raise UsageError(f"there is no {wanted}") from error
    except OSError as error:
        raise UsageError(f"{wanted} cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"{wanted} is too large for a configuration file")
    try:
        return parse_config(data.decode(), str(wanted))
    except UnicodeDecodeError as error:
        raise UsageError(f"{wanted} is not UTF-8 text") from error


def parse_config(text: str, path: str) -> Config:
    """Check the text of a configuration file. Raises UsageError that names file and line."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", code="config") from error
    presets = tables.pop("preset", {})
    keys = _converted(tables.pop("keys", {}), Keys, f"{path} [keys]", text)
    remote = _converted(tables.pop("remote", {}), RemoteConfig, f"{path} [remote]", text)
    if not isinstance(presets, dict) or not all(isinstance(one, dict) for one in presets.values()):
        raise UsageError(f"{path}: a preset is a table", hint="write [preset.NAME]", code="config")
    for name, layer in {"": tables, **presets}.items():
        where = f"{path} [preset.{name}]" if name else path
        _converted(_plain(layer, where), Settings, where, text)
    _check_keys(keys, path)
    return Config(path, tables, presets, keys, remote)


def resolve_settings(
    given: Mapping[str, Any],
    *,
    config: Config | None = None,
    preset: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Resolved:
    """Return the settings of a take, from all layers.

    Args:
        given: fields given as flags, as plain values: `{"fps": 60, "overlay": {"shape": …}}`.
        config: the file's content; None = no file.
        preset: name of a preset; None = `ONETAKE_PRESET`, if set.

    Raises UsageError naming the layer that makes no sense.
    """
    config = Config() if config is None else config
    preset = preset or environment.get("ONETAKE_PRESET") or None
    layers = [(config.path, config.settings)]
    if preset is not None:
        layers.append((f"preset {preset}", _preset(config, preset)))
    layers += [("environment", _from_environment(environment)), ("flag", dict(given))]
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in layers:
        _converted(_plain(layer, source), Settings, source, "")
        _merge(merged, _plain(layer, source), source, sources)
    settings = _converted(merged, Settings, "settings", "")
    return Resolved(settings, sources)


def settings_of(fields: Mapping[str, Any]) -> Settings:
    """Return settings from fields by name, the region as a rectangle or as text.

    Raises UsageError naming the field that is not known or whose value cannot be.
    """
    try:
        settings: Settings = _converted(_plain(fields, ""), Settings, "", "")
        return settings
    except UsageError as error:
        raise UsageError(error.message, hint=error.hint) from error


def _merge(
    merged: dict[str, Any], layer: dict[str, Any], source: str, sources: dict[str, str]
) -> None:
    for name, value in layer.items():
        if name == "overlay" and isinstance(value, dict):
            merged["overlay"] = {**merged.get("overlay", {}), **value}
            sources.update({f"overlay.{field}": source for field in value})
        else:
            merged[name] = value
            sources[name] = source


def _preset(config: Config, name: str) -> dict[str, Any]:
    if name not in config.presets:
        known = f"there are: {', '.join(config.presets)}"
        hint = known if config.presets else f"write [preset.{name}] into the configuration file"
        raise UsageError(f"there is no preset '{name}'", hint=hint, code="config")
    return config.presets[name]


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields set by `ONETAKE_FPS=60`, `ONETAKE_OVERLAY_SHAPE=circle`, ..."""
    layer: dict[str, Any] = {}
    for kind, prefix in ((Settings, ""), (Overlay, "OVERLAY_")):
        for field in msgspec.structs.fields(kind):
            text = environment.get(_ENV_PREFIX + prefix + field.name.upper())
            if text is None or field.name == "overlay":
                continue
            into = layer.setdefault("overlay", {}) if prefix else layer
            into[field.name] = _from_text(text, field, _ENV_PREFIX + prefix + field.name.upper())
    return layer


def _from_text(text: str, field: msgspec.structs.FieldInfo, name: str) -> Any:
    if field.name == "region":
        return region_from_text(text)
    try:
        return msgspec.convert(text, field.type, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}: {error}", code="config") from error


def _plain(layer: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the layer with its region as a rectangle."""
    plain = dict(layer)
    region = plain.get("region")
    if isinstance(region, str):
        try:
            plain["region"] = region_from_text(region)
        except UsageError as error:
            raise UsageError(_placed(where, error.message), hint=error.hint) from error
    return plain


def _converted(value: Any, kind: Any, where: str, text: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        message, field = _in_words(str(error))
        line = _line_of(field, text)
        place = f"{where}, line {line}" if line else where
        hint = _suggestion(field, kind) if "unknown" in message else ""
        raise UsageError(_placed(place, message), hint=hint, code="config") from error


def _placed(where: str, message: str) -> str:
    return f"{where}: {message}" if where else message


def _in_words(message: str) -> tuple[str, str]:
    """Return msgspec's message and the field it is about."""
    unknown = re.search(r"unknown field `(.*?)`", message)
    if unknown:
        return f"unknown setting '{unknown[1]}'", unknown[1]
    found = re.fullmatch(r"(.*) - at `\$\.?(.*?)`", message, re.DOTALL)
    return (f"{found[2]}: {found[1]}", found[2].rpartition(".")[2]) if found else (message, "")


def _line_of(field: str, text: str) -> int:
    """Return the first line that sets `field`, 0 when none does."""
    found = re.search(rf"^\s*{re.escape(field)}\s*=", text, re.MULTILINE) if field else None
    return text.count("\n", 0, found.end()) + 1 if found else 0


def _suggestion(field: str, kind: Any) -> str:
    known = [*kind.__struct_fields__, *Overlay.__struct_fields__]
    close = difflib.get_close_matches(field, known, 1)
    return f"did you mean '{close[0]}'?" if close else "see 'onetake config show --docs'"


def _check_keys(keys: Keys, path: str) -> None:
    used: dict[str, str] = {}
    for name, key in msgspec.structs.asdict(keys).items():
        if key and (len(key) != 1 or not key.isprintable()):
            raise UsageError(f"{path} [keys]: {name} is not one character", code="config")
        if key and key in used:
            raise UsageError(f"{path} [keys]: {name} and {used[key]} are the same", code="config")
        used[key] = name
