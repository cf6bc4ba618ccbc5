"""The recorder's events told as OBS events, in the order in which they happened.

Invariant: the states of a recording are legal for OBS (STARTING, STARTED, (PAUSED, RESUMED)*,
STOPPING, STOPPED), and only inputs and items that are listed are ever named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

import msgspec

from onetake.control.obs.context import Context
from onetake.control.obs.nouns import (
    CAMERA_ITEM,
    MIC,
    SCENE,
    SCENE_UUID,
    SYSTEM,
    Input,
    input_of,
    is_muted,
    mul_from_db,
    transform,
    volume_db,
)
from onetake.control.obs.vendor import VENDOR
from onetake.control.obs.wire import EventBit
from onetake.model.commands import (
    MoveOverlay,
    SetGain,
    SetMute,
    SetOverlay,
    ShowCamera,
    SwitchDevice,
)
from onetake.model.events import (
    ControlChanged,
    Event,
    FileChanged,
    Finished,
    Meters,
    Snapshot,
    SourceChanged,
    Started,
    StateChanged,
    TakeState,
    Warned,
)

__all__ = ["EventTranslator", "ObsEvent"]


@dataclass(frozen=True, slots=True)
class ObsEvent:
    """One event as it travels."""

    name: str
    bit: EventBit
    data: dict[str, Any]


class EventTranslator:
    """Translates one stream of events. One thread: the server's event pump.

    Remembers what it told last, because OBS tells changes and a take can begin with other settings
    than were shown before it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told = context.controller.snapshot()
        self._state = TakeState.IDLE
        self._path: str | None = None

    def translate(self, event: Event) -> list[ObsEvent]:
        """Return what OBS would tell."""
        match event:
            case StateChanged():
                return self._state_changed(event.state)
            case Started():
                return self._started(event)
            case ControlChanged():
                return self._control_changed(event)
            case Meters():
                return [_meters(event)]
            case Warned():
                return [_vendor("warning", event)]
            case SourceChanged():
                return [_vendor("source", event)]
            case FileChanged():
                self._path = event.path
                return [
                    ObsEvent("RecordFileChanged", EventBit.OUTPUTS, {"newOutputPath": event.path})
                ]
            case Finished():
                self._path = event.path
                return [_vendor("finished", msgspec.structs.replace(event, report={}))]
            case _:
                assert_never(event)

    def _state_changed(self, state: TakeState) -> list[ObsEvent]:
        before, self._state = self._state, state
        match state:
            case TakeState.STARTING:
                self._path = None
                return [_record("STARTING")]
            case TakeState.RECORDING if before is TakeState.PAUSED:
                return [_record("RESUMED", is_active=True)]
            case TakeState.PAUSED:
                return [_record("PAUSED")]
            case TakeState.STOPPING:
                return [_record("STOPPING")]
            case TakeState.FINISHED | TakeState.FAILED:
                stopping = [] if before is TakeState.STOPPING else [_record("STOPPING")]
                return [*stopping, _record("STOPPED", path=self._path)]
            case _:
                return []  # the first RECORDING is told with its file, in `_started`

    def _started(self, event: Started) -> list[ObsEvent]:
        self._context.started = event
        self._path = event.path
        now = self._context.controller.snapshot()
        return [_record("STARTED", is_active=True, path=event.path), *self._differences(now)]

    def _differences(self, now: Snapshot) -> list[ObsEvent]:
        """Tell what a take began with and nobody was told."""
        told, self._told = self._told, now
        events = []
        for one in (MIC, SYSTEM):
            if is_muted(one, told) is not is_muted(one, now):
                events.append(_mute(one, is_muted(one, now)))
            if volume_db(one, told) != volume_db(one, now):
                events.append(_volume(one, volume_db(one, now)))
        return [*events, *self._overlay_differences(told, now)]

    def _overlay_differences(self, told: Snapshot, now: Snapshot) -> list[ObsEvent]:
        events = []
        if told.overlay.is_visible is not now.overlay.is_visible:
            data = {**_ITEM, "sceneItemEnabled": now.overlay.is_visible}
            events.append(ObsEvent("SceneItemEnableStateChanged", EventBit.SCENE_ITEMS, data))
        hidden = msgspec.structs.replace(told.overlay, is_visible=now.overlay.is_visible)
        if hidden != now.overlay:
            place = transform(CAMERA_ITEM, now.overlay, self._context.sizes())
            data = {**_ITEM, "sceneItemTransform": place}
            events.append(ObsEvent("SceneItemTransformChanged", EventBit.ITEM_TRANSFORM, data))
        return events

    def _control_changed(self, event: ControlChanged) -> list[ObsEvent]:
        command = event.command
        now = self._context.controller.snapshot()
        match command:
            case SetMute():
                return [_mute(input_of(command.role), command.is_muted)]
            case SetGain():
                return [_volume(input_of(command.role), command.gain_db)]
            case ShowCamera() | SetOverlay() | MoveOverlay():
                told, self._told = self._told, now
                return self._overlay_differences(told, now)
            case SwitchDevice():
                return [_vendor("switch", command), _device(input_of(command.role), command)]
            case _:
                return [_vendor("control", event)]


_ITEM = {"sceneName": SCENE, "sceneUuid": SCENE_UUID, "sceneItemId": CAMERA_ITEM}


def _record(state: str, *, is_active: bool = False, path: str | None = None) -> ObsEvent:
    data = {
        "outputActive": is_active,
        "outputState": f"OBS_WEBSOCKET_OUTPUT_{state}",
        "outputPath": path,
    }
    return ObsEvent("RecordStateChanged", EventBit.OUTPUTS, data)


def _mute(one: Input, is_muted: bool) -> ObsEvent:
    data = {"inputName": one.name, "inputUuid": one.uuid, "inputMuted": is_muted}
    return ObsEvent("InputMuteStateChanged", EventBit.INPUTS, data)


def _volume(one: Input, db: float) -> ObsEvent:
    data = {
        "inputName": one.name,
        "inputUuid": one.uuid,
        "inputVolumeMul": mul_from_db(db),
        "inputVolumeDb": db,
    }
    return ObsEvent("InputVolumeChanged", EventBit.INPUTS, data)


def _device(one: Input, command: SwitchDevice) -> ObsEvent:
    data = {
        "inputName": one.name,
        "inputUuid": one.uuid,
        "inputSettings": {"device_id": command.device_id},
    }
    return ObsEvent("InputSettingsChanged", EventBit.INPUTS, data)


def _meters(event: Meters) -> ObsEvent:
    inputs = [
        {
            "inputName": input_of(role).name,
            "inputUuid": input_of(role).uuid,
            "inputLevelsMul": [
                [
                    mul_from_db(level.rms_db),
                    mul_from_db(level.peak_db),
                    mul_from_db(level.input_peak_db),
                ]
            ],
        }
        for role, level in event.levels.items()
    ]
    return ObsEvent("InputVolumeMeters", EventBit.VOLUME_METERS, {"inputs": inputs})


def _vendor(kind: str, event: object) -> ObsEvent:
    data = {
        "vendorName": VENDOR,
        "eventType": kind,
        "eventData": msgspec.to_builtins(event, str_keys=True),
    }
    return ObsEvent("VendorEvent", EventBit.VENDORS, data)
