"""The values of the native protocol that are not the model's own.

`PROTOCOL` goes up when a program written against the schema would break: a field removed or
renamed, a meaning changed. New fields, events and methods do not raise it; readers ignore what
they do not know.
"""

from __future__ import annotations

import typing
from enum import StrEnum

import msgspec

from onetake.model.settings import Settings

__all__ = [
    "PROTOCOL",
    "EventName",
    "Hello",
    "Nothing",
    "PreviewPicture",
    "PreviewWish",
    "Problem",
    "SettingsChange",
    "Subscribed",
    "Toggle",
    "Toggled",
    "settings_with",
]

PROTOCOL = 1
"""Version of the wire; part of `hello` and of the schema."""


class EventName(StrEnum):
    """The kinds of events, by the tag they carry on the wire."""

    STATE = "state"
    STARTED = "started"
    CONTROL = "control"
    SOURCE = "source"
    FILE = "file"
    WARNING = "warning"
    METERS = "meters"
    STOPPED = "stopped"


ALL_BUT_METERS = [name for name in EventName if name is not EventName.METERS]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class Hello(msgspec.Struct, frozen=True):
    """The first line of every connection."""

    protocol: int
    """Version of the wire."""
    program: str
    """`onetake`."""
    version: str
    """Of the program."""
    pid: int
    """Of the recorder."""
    methods: list[str]
    """What can be called."""


class Subscribed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events are wanted; left out = all but the meters."""

    events: list[EventName] = msgspec.field(default_factory=lambda: list(ALL_BUT_METERS))
    """Their names."""


class Toggle(StrEnum):
    """What can be switched over."""

    MIC = "mic"
    SYSTEM = "system"
    CAMERA = "camera"
    PAUSE = "pause"


class Toggled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be switched over."""

    what: Toggle
    """Which of them."""


class PreviewWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large a preview may be."""

    max_width_px: typing.Annotated[int, msgspec.Meta(ge=16, le=1920)] = 640
    """The height follows from the picture."""


class PreviewPicture(msgspec.Struct, frozen=True):
    """One picture of what goes into the file."""

    width_px: int
    """Width of the picture."""
    height_px: int
    """Height of the picture."""
    jpeg_base64: str
    """The picture."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, for programs (`code`, and `kind` for the few branches they need) and for
    people."""

    code: str
    """Stable, for programs."""
    message: str
    """What happened, one line."""
    hint: str = ""
    """What to do about it; may be empty."""
    kind: str = "failed"
    """The class of errors it belongs to: `usage`, `invalid-state`, `device-unavailable`, ..."""


def _optional_fields() -> list[tuple[str, typing.Any, typing.Any]]:
    hints = typing.get_type_hints(Settings)
    return [
        (name, hints[name] | msgspec.UnsetType, msgspec.UNSET)
        for name in Settings.__struct_fields__
    ]


SettingsChange = msgspec.defstruct(
    "SettingsChange", _optional_fields(), frozen=True, kw_only=True, forbid_unknown_fields=True
)
SettingsChange.__doc__ = "Fields of the settings that differ from what stands; all may be left out."


def settings_with(settings: Settings, change: msgspec.Struct) -> Settings:
    """Return the settings with the fields that `change` (a `SettingsChange`) gives."""
    given = {
        name: value
        for name, value in msgspec.structs.asdict(change).items()
        if value is not msgspec.UNSET
    }
    return msgspec.structs.replace(settings, **given)
