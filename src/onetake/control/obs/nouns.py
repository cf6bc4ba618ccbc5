"""The recorder in the nouns of OBS: one scene, two items in it, two audio inputs. Pure.

Names and ids are documented and never change: remotes keep them in their button layouts.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onetake.model.devices import Device, Role
from onetake.model.events import Snapshot
from onetake.model.geometry import Overlay, Shape
from onetake.session.machine import GAIN_DB_MIN
from onetake.video.overlay import lay_out

__all__ = [
    "CAMERA_ITEM",
    "INPUTS",
    "ITEMS",
    "KINDS",
    "SCENE",
    "SCENE_UUID",
    "Input",
    "Sizes",
    "db_from_mul",
    "input_of",
    "is_enabled",
    "is_muted",
    "item_data",
    "moved_overlay",
    "mul_from_db",
    "sizes_of",
    "timecode",
    "transform",
    "volume_db",
]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "onetake")

SCENE = "Recording"
SCENE_UUID = str(uuid.uuid5(_NAMESPACE, "scene"))

SCREEN_ITEM, CAMERA_ITEM = 1, 2


@dataclass(frozen=True, slots=True)
class Input:
    """A source as OBS calls it."""

    name: str
    role: Role
    kind: str
    """Sniffed by clients: no video kind may contain "capture", an audio kind must contain "input"
    or "output"."""
    caps: int
    """Bit 1 video, bit 2 audio."""

    @property
    def uuid(self) -> str:
        """The same on every machine and in every version."""
        return str(uuid.uuid5(_NAMESPACE, self.role.value))

    @property
    def has_audio(self) -> bool:
        """Whether it can be muted."""
        return bool(self.caps & 2)

    def to_dict(self) -> dict[str, Any]:
        """Return it as GetInputList lists it."""
        return {
            "inputName": self.name,
            "inputUuid": self.uuid,
            "inputKind": self.kind,
            "unversionedInputKind": self.kind,
            "inputKindCaps": self.caps,
        }


MIC = Input("Microphone", Role.MIC, "mic_input_capture", 2)
SYSTEM = Input("System Audio", Role.SYSTEM, "system_output_capture", 2)
SCREEN = Input("Screen", Role.SCREEN, "display_source", 1)
CAMERA = Input("Camera", Role.CAMERA, "camera_source", 1)

INPUTS = (MIC, SYSTEM, SCREEN, CAMERA)
KINDS = [one.kind for one in INPUTS]
ITEMS = {SCREEN_ITEM: SCREEN, CAMERA_ITEM: CAMERA}


def input_of(role: Role) -> Input:
    """Return the input of a role."""
    return next(one for one in INPUTS if one.role is role)


def is_muted(one: Input, now: Snapshot) -> bool:
    """Whether an audio input is muted."""
    return now.is_mic_muted if one.role is Role.MIC else now.is_system_muted


def volume_db(one: Input, now: Snapshot) -> float:
    """Return the gain of an audio input."""
    return now.mic_gain_db if one.role is Role.MIC else now.system_gain_db


def mul_from_db(db: float) -> float:
    """Return the factor of a level in dB; 0 for what is below every gain there is."""
    return 0.0 if db < GAIN_DB_MIN else math.pow(10.0, db / 20.0)


def db_from_mul(factor: float) -> float:
    """Return the level of a factor, the lowest there is for 0."""
    return GAIN_DB_MIN if factor <= 0 else max(GAIN_DB_MIN, 20.0 * math.log10(factor))


def timecode(duration_ms: int) -> str:
    """Return `HH:MM:SS.mmm`."""
    seconds, milliseconds = divmod(duration_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pixels of the output and of the camera; (width, height)."""

    output_px: tuple[int, int] = (1920, 1080)
    camera_px: tuple[int, int] = (1280, 720)


def sizes_of(
    output_px: tuple[int, int] | None, used: dict[Role, str], devices: Sequence[Device]
) -> Sizes:
    """Return the sizes of a take, from what its devices say of themselves where it is not known.

    Args:
        output_px: of the file; None = the screen's.
        used: device ids by role.
    """
    screen_px = _size_of(Role.SCREEN, used, devices) or Sizes().output_px
    camera_px = _size_of(Role.CAMERA, used, devices) or Sizes().camera_px
    return Sizes(output_px or screen_px, camera_px)


def _size_of(
    role: Role, used: dict[Role, str], devices: Sequence[Device]
) -> tuple[int, int] | None:
    of_role = [device for device in devices if device.role is role]
    chosen = [device for device in of_role if device.id == used.get(role)]
    for device in chosen or sorted(of_role, key=lambda one: not one.is_default):
        found = re.match(r"(\d{2,5})x(\d{2,5})", device.format)
        if found:
            return int(found[1]), int(found[2])
    return None


def transform(item_id: int, overlay: Overlay, sizes: Sizes) -> dict[str, Any]:
    """Return an item's place in pixels of the output, top left corner."""
    width_px, height_px = sizes.output_px
    x_px, y_px, source_px = 0, 0, sizes.output_px
    if item_id == CAMERA_ITEM:
        picture = lay_out(overlay, sizes.output_px, sizes.camera_px).picture
        x_px, y_px = picture.x_px, picture.y_px
        width_px, height_px = picture.width_px, picture.height_px
        source_px = sizes.camera_px
    return {
        "sourceWidth": float(source_px[0]),
        "sourceHeight": float(source_px[1]),
        "positionX": float(x_px),
        "positionY": float(y_px),
        "rotation": 0.0,
        "scaleX": width_px / source_px[0],
        "scaleY": height_px / source_px[1],
        "width": float(width_px),
        "height": float(height_px),
        "alignment": 5,
        "boundsType": "OBS_BOUNDS_NONE",
        "boundsAlignment": 0,
        "boundsWidth": 1.0,
        "boundsHeight": 1.0,
        "cropLeft": 0,
        "cropRight": 0,
        "cropTop": 0,
        "cropBottom": 0,
        "cropToBounds": False,
    }


def moved_overlay(
    overlay: Overlay,
    sizes: Sizes,
    *,
    x_px: float | None,
    y_px: float | None,
    scale: float | None,
) -> tuple[float, float, float]:
    """Return the overlay's `x`, `y` and `height` for a new place and scale of the camera."""
    output_width, output_height = sizes.output_px
    picture = lay_out(overlay, sizes.output_px, sizes.camera_px).picture
    height_px = picture.height_px if scale is None else scale * sizes.camera_px[1]
    aspect = 1.0 if overlay.shape is Shape.CIRCLE else picture.width_px / picture.height_px
    left_px = picture.x_px if x_px is None else x_px
    top_px = picture.y_px if y_px is None else y_px
    return (
        min(1.0, max(0.0, (left_px + height_px * aspect / 2) / output_width)),
        min(1.0, max(0.0, (top_px + height_px / 2) / output_height)),
        min(1.0, max(0.05, height_px / output_height)),
    )


def item_data(item_id: int, now: Snapshot, sizes: Sizes) -> dict[str, Any]:
    """Return a scene item as GetSceneItemList lists it."""
    source = ITEMS[item_id]
    return {
        "sceneItemId": item_id,
        "sceneItemIndex": item_id - 1,
        "sceneItemEnabled": is_enabled(item_id, now),
        "sceneItemLocked": item_id != CAMERA_ITEM,
        "sceneItemTransform": transform(item_id, now.overlay, sizes),
        "sceneItemBlendMode": "OBS_BLEND_NORMAL",
        "sourceName": source.name,
        "sourceUuid": source.uuid,
        "sourceType": "OBS_SOURCE_TYPE_INPUT",
        "inputKind": source.kind,
        "isGroup": None,
    }


def is_enabled(item_id: int, now: Snapshot) -> bool:
    """Whether an item is shown; the screen always is."""
    return item_id != CAMERA_ITEM or now.overlay.is_visible
