"""What the next take will be: settings that commands between takes change. Pure.

Invariant: a command means the same between takes as in one, and is refused for the same reasons.
"""

from __future__ import annotations

import msgspec

from onetake.errors import InvalidState, UsageError
from onetake.model.commands import (
    Command,
    MoveOverlay,
    SetGain,
    SetMute,
    SetOverlay,
    ShowCamera,
    SwitchDevice,
    changed_overlay,
)
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import Snapshot
from onetake.model.settings import Settings
from onetake.session.machine import GAIN_DB_MAX, GAIN_DB_MIN

__all__ = ["SETTINGS_FIELD", "after", "shown_with", "with_controls_of"]

SETTINGS_FIELD = {
    Role.SCREEN: "screen",
    Role.SYSTEM: "system_audio",
    Role.MIC: "mic",
    Role.CAMERA: "camera",
}
"""The field of `Settings` that says what fills a role."""


def with_controls_of(settings: Settings, other: Settings | Snapshot) -> Settings:
    """Return `settings` with the mutes, gains and overlay of `other`."""
    return msgspec.structs.replace(settings, **_controls(other))


def shown_with(last: Snapshot, settings: Settings) -> Snapshot:
    """Return the last take's snapshot with the mutes, gains and overlay that stand now."""
    return msgspec.structs.replace(last, **_controls(settings))


def _controls(of: Settings | Snapshot) -> dict[str, object]:
    return {
        "is_mic_muted": of.is_mic_muted,
        "is_system_muted": of.is_system_muted,
        "mic_gain_db": of.mic_gain_db,
        "system_gain_db": of.system_gain_db,
        "overlay": of.overlay,
    }


def after(settings: Settings, command: Command) -> Settings:
    """Return the settings of the next take after a command between takes.

    Raises UsageError for a value out of range, InvalidState for what only a running take can do.
    """
    match command:
        case SetMute() | SetGain() if command.role not in AUDIO_ROLES:
            raise UsageError(f"{command.role} makes no sound", hint="choose mic or system")
        case SetMute():
            field = "is_mic_muted" if command.role is Role.MIC else "is_system_muted"
            return msgspec.structs.replace(settings, **{field: command.is_muted})
        case SetGain() if not GAIN_DB_MIN <= command.gain_db <= GAIN_DB_MAX:
            raise UsageError(
                f"a gain of {command.gain_db:g} dB is out of range",
                hint=f"choose {GAIN_DB_MIN:g} to {GAIN_DB_MAX:g} dB",
            )
        case SetGain():
            field = "mic_gain_db" if command.role is Role.MIC else "system_gain_db"
            return msgspec.structs.replace(settings, **{field: command.gain_db})
        case ShowCamera() | SetOverlay() | MoveOverlay():
            overlay = changed_overlay(settings.overlay, command)
            return msgspec.structs.replace(settings, overlay=overlay)
        case SwitchDevice():
            return msgspec.structs.replace(
                settings, **{SETTINGS_FIELD[command.role]: command.device_id}
            )
        case _:
            raise InvalidState("no take is running", code="not-recording")
