"""Screenshots: the picture that goes into the file, as PNG or JPEG.

Invariant: a file is only ever created, new, inside the folder of the takes.
"""

from __future__ import annotations

import base64
import os
from pathlib import PurePath
from typing import Any

from onetake.control.obs.context import Context
from onetake.control.obs.fields import Fields, RequestError, Status
from onetake.control.obs.handler import Handler
from onetake.control.obs.nouns import INPUTS, SCENE, SCENE_UUID
from onetake.control.preview_picture import fitted_size_px, fresh_picture, jpeg, png, scaled
from onetake.file.naming import safe_name

__all__ = ["SCREENSHOT_REQUESTS"]

_LARGEST_PX = 4096
_FULL_WIDTH_PX = 1920
"""Width of a screenshot when none is asked for."""
_WAIT_S = 2.0
"""How long the next picture may take: two frames a second come even from a still screen."""


def _screenshot(context: Context, fields: Fields) -> dict[str, Any]:
    image_format, image = _taken(context, fields)
    kind = "jpg" if image_format == "jpeg" else image_format
    return {"imageData": f"data:image/{kind};base64," + base64.b64encode(image).decode()}


def _save_screenshot(context: Context, fields: Fields) -> None:
    wanted = PurePath(fields.text("imageFilePath"))
    folder = context.controller.folder
    is_inside = wanted.parent in (PurePath(), PurePath(folder)) and wanted.name
    if not is_inside or safe_name(wanted.stem) + wanted.suffix != wanted.name:
        raise RequestError(
            Status.PROCESSING_FAILED, f"Screenshots are saved as plain file names in {folder}."
        )
    image_format, image = _taken(context, fields)
    allowed = (".png",) if image_format == "png" else (".jpg", ".jpeg")
    if wanted.suffix.lower() not in allowed:
        raise RequestError(Status.PROCESSING_FAILED, f"The file name must end in {allowed[0]}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(wanted.name, flags, 0o600, dir_fd=inside)
        finally:
            os.close(inside)
        with os.fdopen(descriptor, "wb") as file:
            file.write(image)
    except OSError as error:
        said = f"The screenshot could not be saved: {error.strerror}."
        raise RequestError(Status.PROCESSING_FAILED, said) from error


def _taken(context: Context, fields: Fields) -> tuple[str, bytes]:
    """Return the format and the image as a file."""
    _check_source(fields)
    image_format = fields.text("imageFormat").lower()
    if image_format not in ("png", "jpg", "jpeg"):
        raise RequestError(Status.INVALID_FIELD, "Your specified image format is not supported.")
    box = [
        int(fields.number(name, 8, _LARGEST_PX)) if fields.has(name) else None
        for name in ("imageWidth", "imageHeight")
    ]
    quality = -1.0
    if fields.has("imageCompressionQuality"):
        quality = fields.number("imageCompressionQuality", -1, 100)
    picture = fresh_picture(context.controller, box[0] or _FULL_WIDTH_PX, _WAIT_S)
    if picture is None:
        raise RequestError(Status.PROCESSING_FAILED, "There is no picture; nothing is recorded.")
    height_px, width_px = picture.shape[:2]
    size_px = fitted_size_px((width_px, height_px), box[0], box[1])
    if size_px != (width_px, height_px):
        picture = scaled(picture, size_px)
    if image_format == "png":
        return image_format, png(picture)
    qscale = 5 if quality < 0 else max(2, round(31 - 29 * quality / 100))
    return image_format, jpeg(picture, qscale)


def _check_source(fields: Fields) -> None:
    by_uuid = fields.has("sourceUuid") and not fields.has("sourceName")
    wanted = fields.text("sourceUuid" if by_uuid else "sourceName")
    if wanted in (SCENE, SCENE_UUID):
        return
    for one in INPUTS:
        if wanted in (one.name, one.uuid):
            raise RequestError(
                Status.WRONG_TYPE, f"Only the scene `{SCENE}` can be taken a picture of."
            )
    raise RequestError(Status.NOT_FOUND, f"No source was found by the name of `{wanted[:80]}`.")


SCREENSHOT_REQUESTS: dict[str, Handler] = {
    "GetSourceScreenshot": _screenshot,
    "SaveSourceScreenshot": _save_screenshot,
}
"""What makes pictures."""
