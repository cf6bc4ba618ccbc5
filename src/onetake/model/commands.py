"""What can be asked of a take while it runs.

A command says what, never when: the engine stamps it with the host time at which it was received,
and it takes effect at exactly that position of the timeline.
"""

from __future__ import annotations

import msgspec

from onetake.errors import UsageError
from onetake.model.devices import Role
from onetake.model.geometry import Anchor, Overlay, Shape

__all__ = [
    "Command",
    "Marker",
    "MoveOverlay",
    "Pause",
    "Resume",
    "SetGain",
    "SetMute",
    "SetOverlay",
    "ShowCamera",
    "Split",
    "Stop",
    "SwitchDevice",
    "TimedCommand",
    "changed_overlay",
    "command_text",
]


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    """Base of all commands; on the wire the field `command` tells them apart."""


class SetMute(_Command, frozen=True, tag="mute"):
    """Mute or unmute the microphone or the system sound: gain 0, never a missing buffer."""

    role: Role
    """`mic` or `system`."""
    is_muted: bool
    """Whether it is silent from here on."""


class SetGain(_Command, frozen=True, tag="gain"):
    """Set the gain of the microphone or the system sound; kept while muted."""

    role: Role
    """`mic` or `system`."""
    gain_db: float
    """-100 to 26; 0 = as the device delivers it."""


class ShowCamera(_Command, frozen=True, tag="camera"):
    """Show or hide the camera overlay."""

    is_visible: bool
    """Whether it is in the picture from here on."""


class SetOverlay(_Command, frozen=True, tag="overlay"):
    """Replace the whole look of the overlay, visibility included."""

    overlay: Overlay
    """All of it."""


class MoveOverlay(_Command, frozen=True, tag="overlay-change"):
    """Change some fields of the overlay; None leaves a field as it is. A place without an anchor
    makes the overlay free."""

    anchor: Anchor | None = None
    """A corner, or free."""
    x: float | None = None
    """Centre as a share of the width."""
    y: float | None = None
    """Centre as a share of the height."""
    height: float | None = None
    """Share of the height, 0.05 to 1."""
    shape: Shape | None = None
    """The outline."""
    border: float | None = None
    """Share of the height, 0 to 0.1."""
    shadow: float | None = None
    """Opacity, 0 to 1."""
    is_mirrored: bool | None = None
    """As in a mirror."""


class Pause(_Command, frozen=True, tag="pause"):
    """Leave out everything from here to the next resume, for all sources alike."""


class Resume(_Command, frozen=True, tag="resume"):
    """Go on; the file shows neither the pause nor a gap."""


class Marker(_Command, frozen=True, tag="marker"):
    """Put a chapter mark at this position."""

    label: str = ""
    """Name of the chapter; empty = `marker`."""


class Split(_Command, frozen=True, tag="split"):
    """Go on in a new file without losing a frame or a sample."""


class SwitchDevice(_Command, frozen=True, tag="switch"):
    """Fill a role with another device in mid-take."""

    role: Role
    """Which of the four."""
    device_id: str
    """An id or name from the list of devices."""


class Stop(_Command, frozen=True, tag="stop"):
    """End the take and finish the file."""


Command = (
    SetMute
    | SetGain
    | ShowCamera
    | SetOverlay
    | MoveOverlay
    | Pause
    | Resume
    | Marker
    | Split
    | SwitchDevice
    | Stop
)
"""Every command there is."""


class TimedCommand(msgspec.Struct, frozen=True):
    """A command and the host time at which it was received."""

    host_ns: int
    command: Command


def changed_overlay(overlay: Overlay, command: Command) -> Overlay:
    """Return the overlay after `command`; unchanged for commands that are not about it.

    Raises UsageError for a share outside its range, so that a slip of a remote is refused rather
    than drawn.
    """
    match command:
        case ShowCamera():
            return msgspec.structs.replace(overlay, is_visible=command.is_visible)
        case SetOverlay():
            return _checked(command.overlay)
        case MoveOverlay():
            fields = {
                name: value
                for name, value in msgspec.structs.asdict(command).items()
                if value is not None
            }
            if ("x" in fields or "y" in fields) and "anchor" not in fields:
                fields["anchor"] = Anchor.FREE  # A place was given: it is meant to go there.
            return _checked(msgspec.structs.replace(overlay, **fields))
        case _:
            return overlay


_SHARES = {"x": (0.0, 1.0), "y": (0.0, 1.0), "height": (0.05, 1.0), "border": (0.0, 0.1)}
"""Ranges of the overlay's numbers, as shares of the output; a border past 0.1 hides the camera."""


def _checked(overlay: Overlay) -> Overlay:
    for name, (least, most) in {**_SHARES, "shadow": (0.0, 1.0)}.items():
        value = getattr(overlay, name)
        if not least <= value <= most:
            raise UsageError(
                f"overlay {name} {value:g} is out of range", hint=f"choose {least:g} to {most:g}"
            )
    return overlay


def command_text(command: Command) -> str:
    """Return a command as it stands in a log line or a chapter: `microphone muted`."""
    match command:
        case SetMute():
            return f"{_SOUNDS.get(command.role, command.role)} " + (
                "muted" if command.is_muted else "live"
            )
        case SetGain():
            return f"{_SOUNDS.get(command.role, command.role)} {command.gain_db:+g} dB"
        case ShowCamera():
            return "camera shown" if command.is_visible else "camera hidden"
        case SetOverlay() | MoveOverlay():
            return "camera moved"
        case Marker():
            return command.label or "marker"
        case SwitchDevice():
            return f"{command.role} switched to {command.device_id}"
        case Pause():
            return "paused"
        case Resume():
            return "resumed"
        case Split():
            return "new file"
        case Stop():
            return "stopped"


_SOUNDS = {Role.MIC: "microphone", Role.SYSTEM: "system sound"}
