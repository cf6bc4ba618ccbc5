"""Every request this adapter answers: one table, and nothing beside it.

A handler takes the context and the request's fields, returns the response data (None = none) and
raises RequestError. Handlers may take a second (devices, files); they never run on the network
thread.
"""

from __future__ import annotations

from typing import Any

from onetake.control.obs.constants import CONSTANT_REQUESTS, version_data
from onetake.control.obs.context import ORIGIN, Context
from onetake.control.obs.fields import Fields, RequestError, Status
from onetake.control.obs.handler import Handler
from onetake.control.obs.nouns import (
    CAMERA_ITEM,
    INPUTS,
    ITEMS,
    SCENE,
    SCENE_UUID,
    Input,
    db_from_mul,
    is_enabled,
    is_muted,
    item_data,
    moved_overlay,
    mul_from_db,
    timecode,
    transform,
    volume_db,
)
from onetake.control.obs.screenshots import SCREENSHOT_REQUESTS
from onetake.control.obs.vendor import VENDOR_REQUESTS
from onetake.control.protocol import Toggle
from onetake.errors import InvalidState, OnetakeError
from onetake.model.commands import Marker, MoveOverlay, Pause, Resume, SetGain, SetMute, ShowCamera
from onetake.model.devices import Role
from onetake.model.events import Snapshot, TakeState
from onetake.model.geometry import Anchor
from onetake.model.units import NS_PER_MS
from onetake.session.machine import GAIN_DB_MAX, GAIN_DB_MIN

__all__ = ["REQUESTS", "answer"]

_ACTIVE = (TakeState.RECORDING, TakeState.PAUSED, TakeState.STOPPING)

_STATUS_OF = {
    "already-recording": Status.OUTPUT_RUNNING,
    "not-recording": Status.OUTPUT_NOT_RUNNING,
    "already-paused": Status.OUTPUT_PAUSED,
    "not-paused": Status.OUTPUT_NOT_PAUSED,
}
"""The protocol's codes of our errors; the others are generic."""


def answer(context: Context, request_type: str, data: object) -> dict[str, Any] | None:
    """Carry out a request and return its response data. Raises RequestError."""
    handler = REQUESTS.get(request_type)
    if handler is None:
        if request_type in _WRONG_STATE:
            raise RequestError(Status.WRONG_STATE, "There is no such output here.")
        raise RequestError(Status.UNKNOWN_REQUEST_TYPE, "Your request type is not valid.")
    try:
        return handler(context, Fields(data))
    except OnetakeError as error:
        code = _STATUS_OF.get(error.code, Status.GENERIC_ERROR)
        hint = f" ({error.hint})" if error.hint else ""
        raise RequestError(code, error.message + hint) from error


_WRONG_STATE = ("GetReplayBufferStatus", "GetVirtualCamStatus")
"""Outputs that do not exist here; generic clients ask and expect this answer."""


# Recording.


def _record_status(context: Context, _fields: Fields) -> dict[str, Any]:
    now = context.controller.snapshot()
    is_active = now.state in _ACTIVE
    duration_ms = now.position_ns // NS_PER_MS if is_active else 0
    return {
        "outputActive": is_active,
        "outputPaused": now.state is TakeState.PAUSED,
        "outputTimecode": timecode(duration_ms),
        "outputDuration": duration_ms,
        "outputBytes": now.size_bytes if is_active else 0,
    }


def _start(context: Context, _fields: Fields) -> None:
    if context.controller.is_recording:
        raise InvalidState("A recording is running already.", code="already-recording")
    context.controller.check_start()
    context.start_aside()


def _stop(context: Context, _fields: Fields) -> dict[str, Any]:
    context.controller.begin_stop()
    return {"outputPath": context.controller.snapshot().path}


def _toggle_record(context: Context, fields: Fields) -> dict[str, Any]:
    if context.controller.is_recording:
        _stop(context, fields)
        return {"outputActive": False}
    _start(context, fields)
    return {"outputActive": True}


def _pause(context: Context, _fields: Fields) -> None:
    context.controller.send(Pause(), origin=ORIGIN)


def _resume(context: Context, _fields: Fields) -> None:
    context.controller.send(Resume(), origin=ORIGIN)


def _toggle_pause(context: Context, _fields: Fields) -> dict[str, Any]:
    changed = context.controller.toggle(Toggle.PAUSE, origin=ORIGIN)
    return {"outputPaused": isinstance(changed.command, Pause)}


def _chapter(context: Context, fields: Fields) -> None:
    label = fields.text("chapterName") if fields.has("chapterName") else ""
    context.controller.send(Marker(label), origin=ORIGIN)


def _record_directory(context: Context, _fields: Fields) -> dict[str, Any]:
    return {"recordDirectory": str(context.controller.folder)}


def _set_record_directory(context: Context, fields: Fields) -> None:
    if fields.text("recordDirectory").rstrip("/\\") != str(context.controller.folder).rstrip("/\\"):
        raise RequestError(
            Status.NOT_CONFIGURABLE, "The folder can be chosen on the recording machine only."
        )


# Inputs.


def _input(fields: Fields) -> Input:
    if not fields.has("inputName") and not fields.has("inputUuid"):
        fields.text("inputName")
    by_uuid = fields.has("inputUuid") and not fields.has("inputName")
    wanted = fields.text("inputUuid" if by_uuid else "inputName")
    for one in INPUTS:
        if wanted == (one.uuid if by_uuid else one.name):
            return one
    raise RequestError(Status.NOT_FOUND, f"No input was found by the name of `{wanted[:80]}`.")


def _audio_input(fields: Fields) -> Input:
    one = _input(fields)
    if not one.has_audio:
        raise RequestError(Status.WRONG_STATE, "The specified input does not support audio.")
    return one


def _input_list(_context: Context, fields: Fields) -> dict[str, Any]:
    kind = fields.text("inputKind") if fields.has("inputKind") else None
    return {"inputs": [one.to_dict() for one in INPUTS if kind in (None, one.kind)]}


def _input_mute(context: Context, fields: Fields) -> dict[str, Any]:
    return {"inputMuted": is_muted(_audio_input(fields), context.controller.snapshot())}


def _set_input_mute(context: Context, fields: Fields) -> None:
    command = SetMute(_audio_input(fields).role, fields.boolean("inputMuted"))
    context.controller.send(command, origin=ORIGIN)


def _toggle_input_mute(context: Context, fields: Fields) -> dict[str, Any]:
    what = Toggle.MIC if _audio_input(fields).role is Role.MIC else Toggle.SYSTEM
    changed = context.controller.toggle(what, origin=ORIGIN)
    return {"inputMuted": isinstance(changed.command, SetMute) and changed.command.is_muted}


def _input_volume(context: Context, fields: Fields) -> dict[str, Any]:
    db = volume_db(_audio_input(fields), context.controller.snapshot())
    return {"inputVolumeMul": mul_from_db(db), "inputVolumeDb": db}


def _set_input_volume(context: Context, fields: Fields) -> None:
    one = _audio_input(fields)
    if fields.has("inputVolumeMul") and fields.has("inputVolumeDb"):
        raise RequestError(Status.TOO_MANY_FIELDS, "You may only specify one of the volume fields.")
    if fields.has("inputVolumeMul"):
        db = db_from_mul(fields.number("inputVolumeMul", 0, 20))
    elif fields.has("inputVolumeDb"):
        db = fields.number("inputVolumeDb", GAIN_DB_MIN, GAIN_DB_MAX)
    else:
        raise RequestError(Status.MISSING_FIELD, "You must specify one of the volume fields.")
    context.controller.send(SetGain(one.role, min(db, GAIN_DB_MAX)), origin=ORIGIN)


# The scene.


def _check_scene(fields: Fields) -> None:
    if fields.has("sceneUuid") and not fields.has("sceneName"):
        is_known, wanted = fields.text("sceneUuid") == SCENE_UUID, fields.text("sceneUuid")
    else:
        is_known, wanted = fields.text("sceneName") == SCENE, fields.text("sceneName")
    if not is_known:
        raise RequestError(Status.NOT_FOUND, f"No source was found by the name of `{wanted[:80]}`.")


def _item(fields: Fields) -> int:
    _check_scene(fields)
    item_id = fields.number("sceneItemId", 0, 2**53)
    if item_id not in ITEMS:
        raise RequestError(Status.NOT_FOUND, "No scene items were found in the specified scene.")
    return int(item_id)


def _scene_list(_context: Context, _fields: Fields) -> dict[str, Any]:
    return {
        "currentProgramSceneName": SCENE,
        "currentProgramSceneUuid": SCENE_UUID,
        "currentPreviewSceneName": None,
        "currentPreviewSceneUuid": None,
        "scenes": [{"sceneName": SCENE, "sceneUuid": SCENE_UUID, "sceneIndex": 0}],
    }


def _program_scene(_context: Context, _fields: Fields) -> dict[str, Any]:
    return {
        "sceneName": SCENE,
        "sceneUuid": SCENE_UUID,
        "currentProgramSceneName": SCENE,
        "currentProgramSceneUuid": SCENE_UUID,
    }


def _item_list(context: Context, fields: Fields) -> dict[str, Any]:
    _check_scene(fields)
    now, sizes = context.controller.snapshot(), context.sizes()
    return {"sceneItems": [item_data(item_id, now, sizes) for item_id in ITEMS]}


def _item_id(_context: Context, fields: Fields) -> dict[str, Any]:
    _check_scene(fields)
    wanted = fields.text("sourceName")
    for item_id, source in ITEMS.items():
        if source.name == wanted:
            return {"sceneItemId": item_id}
    raise RequestError(Status.NOT_FOUND, "No scene items were found in the specified scene.")


def _item_enabled(context: Context, fields: Fields) -> dict[str, Any]:
    return {"sceneItemEnabled": is_enabled(_item(fields), context.controller.snapshot())}


def _set_item_enabled(context: Context, fields: Fields) -> None:
    item_id = _item(fields)
    enabled = fields.boolean("sceneItemEnabled")
    if item_id != CAMERA_ITEM:
        if not enabled:
            raise RequestError(Status.NOT_CONFIGURABLE, "The screen cannot be hidden.")
        return
    # OBS tells of a change of visibility only when there is one; so nothing is sent for none.
    if enabled is not context.controller.snapshot().overlay.is_visible:
        context.controller.send(ShowCamera(enabled), origin=ORIGIN)


def _item_transform(context: Context, fields: Fields) -> dict[str, Any]:
    item_id = _item(fields)
    overlay = context.controller.snapshot().overlay
    return {"sceneItemTransform": transform(item_id, overlay, context.sizes())}


_MOVABLE = ("positionX", "positionY", "scaleX", "scaleY")


def _set_item_transform(context: Context, fields: Fields) -> None:
    item_id, wanted = _item(fields), fields.object("sceneItemTransform")
    sizes, now = context.sizes(), context.controller.snapshot()
    present = transform(item_id, now.overlay, sizes)
    for name in wanted.names():
        if name not in _MOVABLE and wanted.plain()[name] != present.get(name):
            raise RequestError(Status.INVALID_FIELD, f"`{name[:80]}` cannot be changed here.")
    if not any(wanted.has(name) for name in _MOVABLE):
        raise RequestError(Status.MISSING_FIELD, "Your request changes nothing.")
    if item_id != CAMERA_ITEM:
        raise RequestError(Status.NOT_CONFIGURABLE, "The screen cannot be moved.")
    scales = [wanted.number(name, 0.001, 100) for name in _MOVABLE[2:] if wanted.has(name)]
    x, y, height = moved_overlay(
        now.overlay,
        sizes,
        x_px=wanted.number("positionX", -90001, 90001) if wanted.has("positionX") else None,
        y_px=wanted.number("positionY", -90001, 90001) if wanted.has("positionY") else None,
        scale=scales[-1] if scales else None,
    )
    context.controller.send(MoveOverlay(Anchor.FREE, x, y, height), origin=ORIGIN)


# The program.


def _version(_context: Context, _fields: Fields) -> dict[str, Any]:
    return {**version_data(), "availableRequests": list(REQUESTS)}


def _stats(context: Context, _fields: Fields) -> dict[str, Any]:
    now: Snapshot = context.controller.snapshot()
    total = now.frames + now.dropped_frames
    return {
        "cpuUsage": context.stats.cpu_percent(),
        "memoryUsage": context.stats.memory_mb(),
        "availableDiskSpace": context.free_bytes() / 2**20,
        "activeFps": now.fps,
        "averageFrameRenderTime": 0.0,
        "renderSkippedFrames": 0,
        "renderTotalFrames": total,
        "outputSkippedFrames": now.dropped_frames,
        "outputTotalFrames": total,
        "webSocketSessionIncomingMessages": int(context.in_messages),
        "webSocketSessionOutgoingMessages": int(context.out_messages),
    }


REQUESTS: dict[str, Handler] = {
    "GetVersion": _version,
    "GetStats": _stats,
    "GetRecordStatus": _record_status,
    "StartRecord": _start,
    "StopRecord": _stop,
    "ToggleRecord": _toggle_record,
    "PauseRecord": _pause,
    "ResumeRecord": _resume,
    "ToggleRecordPause": _toggle_pause,
    "CreateRecordChapter": _chapter,
    "GetRecordDirectory": _record_directory,
    "SetRecordDirectory": _set_record_directory,
    "GetInputList": _input_list,
    "GetInputMute": _input_mute,
    "SetInputMute": _set_input_mute,
    "ToggleInputMute": _toggle_input_mute,
    "GetInputVolume": _input_volume,
    "SetInputVolume": _set_input_volume,
    "GetSceneList": _scene_list,
    "GetCurrentProgramScene": _program_scene,
    "GetSceneItemList": _item_list,
    "GetSceneItemId": _item_id,
    "GetSceneItemEnabled": _item_enabled,
    "SetSceneItemEnabled": _set_item_enabled,
    "GetSceneItemTransform": _item_transform,
    "SetSceneItemTransform": _set_item_transform,
    **SCREENSHOT_REQUESTS,
    **CONSTANT_REQUESTS,
    **VENDOR_REQUESTS,
}
"""The requests, by name."""
