"""Requests whose answers say that something does not exist here, so that generic clients finish
connecting; and the few settings they read."""

from __future__ import annotations

import platform
import re
from typing import Any

import msgspec

from onetake._version import __version__
from onetake.control.obs.context import ORIGIN, Context
from onetake.control.obs.fields import Fields, RequestError, Status
from onetake.control.obs.handler import Handler
from onetake.control.obs.nouns import CAMERA, INPUTS, KINDS, MIC, SYSTEM, Input, is_enabled
from onetake.control.obs.wire import RPC_VERSION
from onetake.model.devices import Role
from onetake.model.settings import Tracks

__all__ = ["CONSTANT_REQUESTS", "OBS_VERSION", "OBS_WEBSOCKET_VERSION", "version_data"]

OBS_VERSION = "31.0.0"
OBS_WEBSOCKET_VERSION = "5.5.0"
"""Versions whose requests and events this adapter follows; clients compare them, so they must be
plain. Who really answers is in `platformDescription`."""

_SYNC_OFFSET_MS = (-950.0, 20000.0)
"""Range of the protocol."""


def version_data() -> dict[str, Any]:
    """Return the answer to GetVersion but for the list of requests."""
    return {
        "obsVersion": OBS_VERSION,
        "obsWebSocketVersion": OBS_WEBSOCKET_VERSION,
        "rpcVersion": RPC_VERSION,
        "supportedImageFormats": ["png", "jpg", "jpeg"],
        "platform": platform.system().lower(),
        "platformDescription": f"onetake {__version__}",
    }


def _always(**data: Any) -> Handler:
    return lambda _context, _fields: dict(data)


def _any_input(fields: Fields) -> Input:
    key = "inputName" if fields.has("inputName") or not fields.has("inputUuid") else "inputUuid"
    wanted = fields.text(key)
    for one in INPUTS:
        if wanted in (one.name, one.uuid):
            return one
    raise RequestError(Status.NOT_FOUND, f"No input was found by the name of `{wanted[:80]}`.")


def _of_audio_input(**data: Any) -> Handler:
    def handler(_context: Context, fields: Fields) -> dict[str, Any]:
        _audio(fields)
        return dict(data)

    return handler


def _audio(fields: Fields) -> Input:
    one = _any_input(fields)
    if not one.has_audio:
        raise RequestError(Status.WRONG_STATE, "The specified input does not support audio.")
    return one


def _special_inputs(_context: Context, _fields: Fields) -> dict[str, Any]:
    others: dict[str, Any] = dict.fromkeys(("desktop2", "mic2", "mic3", "mic4"))
    return {"desktop1": SYSTEM.name, "mic1": MIC.name, **others}


def _monitors(context: Context, _fields: Fields) -> dict[str, Any]:
    monitors: list[dict[str, Any]] = []
    for device in context.devices():
        found = re.match(r"(\d+)x(\d+)", device.format)
        if device.role is Role.SCREEN:
            monitors.append(
                {
                    "monitorName": device.name,
                    "monitorIndex": len(monitors),
                    "monitorWidth": int(found[1]) if found else 0,
                    "monitorHeight": int(found[2]) if found else 0,
                    "monitorPositionX": 0,
                    "monitorPositionY": 0,
                }
            )
    return {"monitors": monitors}


def _video_settings(context: Context, _fields: Fields) -> dict[str, Any]:
    width_px, height_px = context.sizes().output_px
    return {
        "fpsNumerator": context.controller.settings.fps,
        "fpsDenominator": 1,
        "baseWidth": width_px,
        "baseHeight": height_px,
        "outputWidth": width_px,
        "outputHeight": height_px,
    }


def _input_settings(context: Context, fields: Fields) -> dict[str, Any]:
    one = _any_input(fields)
    device_id = context.controller.snapshot().devices.get(one.role, "")
    return {"inputSettings": {"device_id": device_id}, "inputKind": one.kind}


def _profiles(context: Context, _fields: Fields) -> dict[str, Any]:
    return {"currentProfileName": context.profiles[0], "profiles": context.profiles}


def _source_active(context: Context, fields: Fields) -> dict[str, Any]:
    wanted = fields.text("sourceName" if fields.has("sourceName") else "sourceUuid")
    is_camera = wanted in (CAMERA.name, CAMERA.uuid)
    now = context.controller.snapshot()
    is_active = context.controller.is_recording and (not is_camera or is_enabled(2, now))
    return {"videoActive": is_active, "videoShowing": is_active}


_OFFSET_FIELD = {Role.MIC: "mic_offset_ms", Role.SYSTEM: "system_offset_ms"}


def _sync_offset(context: Context, fields: Fields) -> dict[str, Any]:
    offset_ms = getattr(context.controller.settings, _OFFSET_FIELD[_audio(fields).role])
    return {"inputAudioSyncOffset": round(offset_ms or 0.0)}


def _set_sync_offset(context: Context, fields: Fields) -> None:
    field = _OFFSET_FIELD[_audio(fields).role]
    offset_ms = fields.number("inputAudioSyncOffset", *_SYNC_OFFSET_MS)
    if context.controller.is_recording:
        raise RequestError(Status.WRONG_STATE, "The offset cannot be changed while recording.")
    settings = msgspec.structs.replace(context.controller.settings, **{field: offset_ms})
    context.controller.change_settings(settings, origin=ORIGIN)


def _tracks(context: Context, fields: Fields) -> dict[str, Any]:
    own_track = "2" if _audio(fields).role is Role.MIC else "3"
    is_separate = context.controller.settings.tracks is Tracks.SEPARATE
    used = {"1", own_track} if is_separate else {"1"}
    return {"inputAudioTracks": {str(number): str(number) in used for number in range(1, 7)}}


CONSTANT_REQUESTS: dict[str, Handler] = {
    "GetSpecialInputs": _special_inputs,
    "GetInputKindList": _always(inputKinds=KINDS),
    "GetInputDefaultSettings": _always(defaultInputSettings={}),
    "GetInputSettings": _input_settings,
    "GetInputAudioBalance": _of_audio_input(inputAudioBalance=0.5),
    "GetInputAudioMonitorType": _of_audio_input(monitorType="OBS_MONITORING_TYPE_NONE"),
    "GetInputAudioSyncOffset": _sync_offset,
    "SetInputAudioSyncOffset": _set_sync_offset,
    "GetInputAudioTracks": _tracks,
    "GetStudioModeEnabled": _always(studioModeEnabled=False),
    "GetHotkeyList": _always(hotkeys=[]),
    "GetOutputList": _always(outputs=[]),
    "GetMonitorList": _monitors,
    "GetVideoSettings": _video_settings,
    "GetProfileList": _profiles,
    "GetSceneCollectionList": _always(
        currentSceneCollectionName="onetake", sceneCollections=["onetake"]
    ),
    "GetSceneTransitionList": _always(
        currentSceneTransitionName=None,
        currentSceneTransitionUuid=None,
        currentSceneTransitionKind=None,
        transitions=[],
    ),
    "GetGroupList": _always(groups=[]),
    "GetSourceActive": _source_active,
    "GetSourceFilterList": _always(filters=[]),
    "GetStreamStatus": _always(
        outputActive=False,
        outputReconnecting=False,
        outputTimecode="00:00:00.000",
        outputDuration=0,
        outputCongestion=0.0,
        outputBytes=0,
        outputSkippedFrames=0,
        outputTotalFrames=0,
    ),
}
"""What generic clients ask while they connect."""
