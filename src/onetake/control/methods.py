"""Every method of the native protocol: what it takes, what it returns, what it does.

The commands of the model are methods by their tag (`mute`, `gain`, `camera`, ...), so a new command
is a new method without a line here.
"""

from __future__ import annotations

import base64
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from onetake.control.controller import Controller, DeviceList, Origin
from onetake.control.preview_picture import jpeg
from onetake.control.protocol import (
    Nothing,
    PreviewPicture,
    PreviewWish,
    SettingsChange,
    Toggled,
    settings_with,
)
from onetake.model.commands import Command, Stop
from onetake.model.events import ControlChanged, Finished, Snapshot, Started
from onetake.model.settings import Settings

__all__ = ["METHODS", "Method"]


@dataclass(frozen=True, slots=True)
class Method:
    """One method."""

    takes: Any
    """The struct of its parameters."""
    returns: Any
    doc: str
    """One sentence."""
    call: Callable[[Controller, Origin, Any], Any]
    is_slow: bool = False
    """Opens devices, finishes files, encodes: never on the thread that reads requests."""


def _start(controller: Controller, origin: Origin, change: Any) -> Started:
    return controller.start(settings_with(controller.settings, change), origin=origin)


def _preview(controller: Controller, _origin: Origin, wish: PreviewWish) -> PreviewPicture | None:
    picture = controller.preview(wish.max_width_px)
    if picture is None:
        return None
    height_px, width_px = picture.shape[:2]
    return PreviewPicture(width_px, height_px, base64.b64encode(jpeg(picture)).decode())


def _send(controller: Controller, origin: Origin, command: Any) -> ControlChanged:
    return controller.send(command, origin=origin)


def _command_methods() -> dict[str, Method]:
    methods = {}
    for command in typing.get_args(Command):
        tag = command.__struct_config__.tag
        methods[tag] = Method(command, ControlChanged, command.__doc__ or "", _send)
    return methods


METHODS: dict[str, Method] = {
    "snapshot": Method(
        Nothing,
        Snapshot,
        "Everything a user interface shows, at this instant.",
        lambda controller, _origin, _nothing: controller.snapshot(),
    ),
    "settings": Method(
        Nothing,
        Settings,
        "What the next take starts with.",
        lambda controller, _origin, _nothing: controller.settings,
    ),
    "devices": Method(
        Nothing,
        DeviceList,
        "What there is to record from, and why some of it cannot be listed.",
        lambda controller, _origin, _nothing: controller.devices(),
        is_slow=True,
    ),
    "start": Method(
        SettingsChange,
        Started,
        "Begin a take; answered when its first frame is in the file.",
        _start,
        is_slow=True,
    ),
    "change-settings": Method(
        SettingsChange,
        Settings,
        "Let some settings stand for the next take; returns all that stand.",
        lambda controller, origin, change: controller.change_settings(
            settings_with(controller.settings, change), origin=origin
        ),
        is_slow=True,
    ),
    **_command_methods(),
    "stop": Method(
        Stop,
        Finished | None,
        "End the take; answered when the file is finished. null = stopped before its first frame.",
        lambda controller, _origin, _stop: controller.stop(),
        is_slow=True,
    ),
    "toggle": Method(
        Toggled,
        ControlChanged,
        "Mute or unmute, show or hide, pause or resume, whichever it is not.",
        lambda controller, origin, toggled: controller.toggle(toggled.what, origin=origin),
    ),
    "preview": Method(
        PreviewWish,
        PreviewPicture | None,
        "The latest picture of the take as JPEG; null while there is none.",
        _preview,
        is_slow=True,
    ),
}
"""All methods that act on the recorder; `subscribe`, `unsubscribe` and `schema` are the
connection's own (see `jsonrpc`)."""

assert all(isinstance(method.takes, type) for method in METHODS.values())
assert all(issubclass(method.takes, msgspec.Struct) for method in METHODS.values())
