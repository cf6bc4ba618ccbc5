"""What each request answers, and the protocol's error for every way to get it wrong."""

from __future__ import annotations

import base64
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.control.fakes import FakeRecorder

from onetake.control.controller import Controller
from onetake.control.obs.context import Context
from onetake.control.obs.fields import RequestError, Status
from onetake.control.obs.nouns import (
    Sizes,
    db_from_mul,
    moved_overlay,
    mul_from_db,
    timecode,
    transform,
)
from onetake.control.obs.requests import REQUESTS, answer
from onetake.model.geometry import Anchor, Overlay
from onetake.model.settings import Settings

CAMERA = {"sceneName": "Recording", "sceneItemId": 2}
MIC = {"inputName": "Microphone"}


@pytest.fixture
def context(tmp_path):
    return Context(Controller(FakeRecorder(), folder=tmp_path), ["lesson"])


def code_of(context, name, data=None):
    try:
        answer(context, name, data)
    except RequestError as error:
        return error.code if error.comment else "no words"
    return 100


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("GetInputMute", None, 301),
        ("GetInputMute", [], 301),
        ("GetInputMute", {}, 300),
        ("GetInputMute", {"inputName": 3}, 401),
        ("GetInputMute", {"inputName": ""}, 403),
        ("GetInputMute", {"inputName": "Nobody"}, 600),
        ("GetInputMute", {"inputUuid": "nobody"}, 600),
        ("GetInputMute", {"inputName": "Camera"}, 604),
        ("SetInputMute", MIC, 300),
        ("SetInputMute", {**MIC, "inputMuted": "yes"}, 401),
        ("SetInputMute", {**MIC, "inputMuted": 1}, 401),
        ("SetInputVolume", MIC, 300),
        ("SetInputVolume", {**MIC, "inputVolumeDb": 0, "inputVolumeMul": 1}, 404),
        ("SetInputVolume", {**MIC, "inputVolumeDb": 27}, 402),
        ("SetInputVolume", {**MIC, "inputVolumeDb": -101}, 402),
        ("SetInputVolume", {**MIC, "inputVolumeMul": 20.5}, 402),
        ("SetInputVolume", {**MIC, "inputVolumeMul": True}, 401),
        ("SetInputVolume", {**MIC, "inputVolumeDb": math.nan}, 402),
        ("GetSceneItemList", {"sceneName": "Other"}, 600),
        ("GetSceneItemEnabled", {**CAMERA, "sceneItemId": 9}, 600),
        ("GetSceneItemEnabled", {"sceneName": "Recording"}, 300),
        ("SetSceneItemEnabled", {**CAMERA, "sceneItemId": 1, "sceneItemEnabled": False}, 606),
        ("GetSceneItemId", {"sceneName": "Recording", "sourceName": "Nobody"}, 600),
        ("SetSceneItemTransform", {**CAMERA, "sceneItemTransform": {}}, 300),
        ("SetSceneItemTransform", {**CAMERA, "sceneItemTransform": {"rotation": 30}}, 400),
        ("SetSceneItemTransform", {**CAMERA, "sceneItemTransform": {"positionX": "1"}}, 401),
        ("SetSceneItemTransform",
         {**CAMERA, "sceneItemId": 1, "sceneItemTransform": {"positionX": 1}}, 606),
        ("PauseRecord", None, 501),
        ("ResumeRecord", None, 501),
        ("StopRecord", None, 501),
        ("CreateRecordChapter", {}, 501),
        ("SetRecordDirectory", {"recordDirectory": "/etc"}, 606),
        ("GetSourceScreenshot", {"sourceName": "Recording", "imageFormat": "gif"}, 400),
        ("GetSourceScreenshot", {"sourceName": "Nobody", "imageFormat": "png"}, 600),
        ("GetSourceScreenshot", {"sourceName": "Camera", "imageFormat": "png"}, 602),
        ("GetSourceScreenshot", {"sourceName": "Recording", "imageFormat": "png"}, 702),
        ("GetSourceScreenshot",
         {"sourceName": "Recording", "imageFormat": "png", "imageWidth": 4}, 402),
        ("GetReplayBufferStatus", None, 604),
        ("GetVirtualCamStatus", None, 604),
        ("GetStreamServiceSettings", None, 204),
        ("StartStream", None, 204),
        ("CallVendorRequest", {"vendorName": "other", "requestType": "devices"}, 600),
        ("CallVendorRequest", {"vendorName": "onetake", "requestType": "start"}, 600),
        ("CallVendorRequest",
         {"vendorName": "onetake", "requestType": "mute", "requestData": {"role": 3}}, 400),
        ("SetInputAudioSyncOffset", {**MIC, "inputAudioSyncOffset": -951}, 402),
    ],
)  # fmt: skip
def test_errors(context, name, data, code):
    """Each mistake has the protocol's own code, and words."""
    assert code_of(context, name, data) == code


def test_recording_states_are_refused_with_their_codes(context):
    """Starting twice, pausing twice, resuming what runs: 500, 502, 503."""
    context.controller.start()
    assert code_of(context, "StartRecord") == 500
    assert code_of(context, "ResumeRecord") == 503
    answer(context, "PauseRecord", None)
    assert code_of(context, "PauseRecord") == 502
    assert answer(context, "ToggleRecordPause", None) == {"outputPaused": False}


def test_a_start_that_cannot_work_is_refused_at_once(tmp_path):
    """The settings are checked before success is answered."""
    recorder = FakeRecorder()
    context = Context(Controller(recorder, Settings(mic="none such"), folder=tmp_path))
    assert code_of(context, "StartRecord") == 205
    assert recorder.takes == []


def test_inputs_are_found_by_name_and_uuid(context):
    """Both ways lead to the same input; kinds are listed and named so that clients sort them."""
    inputs = answer(context, "GetInputList", None)["inputs"]
    kinds = answer(context, "GetInputKindList", None)["inputKinds"]
    assert {one["inputKind"] for one in inputs} == set(kinds)
    for one in inputs:
        is_audio = one["inputKindCaps"] == 2
        assert ("capture" in one["inputKind"]) is is_audio
        by_uuid = code_of(context, "GetInputMute", {"inputUuid": one["inputUuid"]})
        assert by_uuid == (100 if is_audio else 604)
    special = answer(context, "GetSpecialInputs", None)
    assert (special["mic1"], special["desktop1"]) == ("Microphone", "System Audio")


def test_volume_both_ways(context):
    """A factor and a level are the same fader; silence reads back as -100 dB and 1e-5."""
    answer(context, "SetInputVolume", {**MIC, "inputVolumeMul": 0.5})
    volume = answer(context, "GetInputVolume", MIC)
    assert volume["inputVolumeDb"] == pytest.approx(-6.0206, abs=1e-3)
    assert volume["inputVolumeMul"] == pytest.approx(0.5)
    answer(context, "SetInputVolume", {**MIC, "inputVolumeDb": -100})
    assert answer(context, "GetInputVolume", MIC)["inputVolumeMul"] == pytest.approx(1e-5)
    answer(context, "SetInputVolume", {**MIC, "inputVolumeMul": 0})
    assert answer(context, "GetInputVolume", MIC)["inputVolumeDb"] == -100


@given(st.floats(-100, 26))
def test_db_and_factor_agree(db):
    """The conversions undo each other."""
    assert db_from_mul(mul_from_db(db)) == pytest.approx(db, abs=1e-9)


def test_the_camera_is_moved_where_it_was_dragged(context):
    """A transform that was set reads back within two pixels (chroma is even)."""
    move = {"positionX": 100, "positionY": 60, "scaleX": 0.5, "scaleY": 0.5}
    answer(context, "SetSceneItemTransform", {**CAMERA, "sceneItemTransform": move})
    overlay = context.controller.settings.overlay
    assert overlay.anchor is Anchor.FREE
    back = answer(context, "GetSceneItemTransform", CAMERA)["sceneItemTransform"]
    assert back["positionX"] == pytest.approx(100, abs=2)
    assert back["positionY"] == pytest.approx(60, abs=2)
    assert back["scaleY"] == pytest.approx(0.5, abs=0.02)


@given(st.floats(-5000, 5000), st.floats(-5000, 5000), st.none() | st.floats(0.001, 100))
def test_no_drag_leaves_the_ranges(x_px, y_px, scale):
    """Whatever a remote sends, the overlay's shares stay in their ranges."""
    x, y, height = moved_overlay(Overlay(), Sizes(), x_px=x_px, y_px=y_px, scale=scale)
    assert 0 <= x <= 1
    assert 0 <= y <= 1
    assert 0.05 <= height <= 1
    transform(2, Overlay(anchor=Anchor.FREE, x=x, y=y, height=height), Sizes())


def test_generic_clients_get_through_their_questions(context):
    """Every request without fields is answered, with an object or nothing."""
    for name in ("GetStats", "GetVideoSettings", "GetMonitorList", "GetProfileList",
                 "GetSceneCollectionList", "GetSceneTransitionList", "GetStreamStatus",
                 "GetHotkeyList", "GetOutputList", "GetStudioModeEnabled", "GetSceneList",
                 "GetCurrentProgramScene", "GetGroupList", "GetRecordDirectory"):  # fmt: skip
        assert answer(context, name, None), name
    assert answer(context, "GetMonitorList", None)["monitors"][0]["monitorWidth"] == 640
    assert answer(context, "GetProfileList", None)["profiles"] == ["Default", "lesson"]
    assert answer(context, "GetStats", None)["availableDiskSpace"] > 0
    assert answer(context, "GetStats", None)["memoryUsage"] > 1


def test_screenshots(context, tmp_path):
    """A screenshot is an image of the wanted size; saved ones are new files in the folder only."""
    context.controller.start()
    wanted = {"sourceName": "Recording", "imageFormat": "png", "imageWidth": 320}
    image = answer(context, "GetSourceScreenshot", wanted)["imageData"]
    kind, encoded = image.split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(encoded)[16:24] == (320).to_bytes(4, "big") + (180).to_bytes(4, "big")
    wanted["imageFormat"] = "jpg"
    assert answer(context, "GetSourceScreenshot", wanted)["imageData"].startswith("data:image/jpg")
    save = {**wanted, "imageFilePath": "shot.jpg"}
    answer(context, "SaveSourceScreenshot", save)
    assert (tmp_path / "shot.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert (tmp_path / "shot.jpg").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link.jpg").symlink_to(tmp_path / "target.jpg")
    above = str(tmp_path / ".." / "x.jpg")
    taken = ("shot.jpg", "link.jpg")
    outside = ("../x.jpg", "/etc/x.jpg", "sub/x.jpg", above, "..", "~")
    odd = (".x.jpg", "a\0.jpg", "x.exe", "con.jpg", "x.png", "x" * 300 + ".jpg")
    for path in (*taken, *outside, *odd):
        assert code_of(context, "SaveSourceScreenshot", {**save, "imageFilePath": path}) == 702
    assert {path.name for path in tmp_path.iterdir()} == {"shot.jpg", "link.jpg"}
    answer(context, "SaveSourceScreenshot", {**save, "imageFilePath": str(tmp_path / "2.jpeg")})


def test_vendor_requests_are_the_native_methods(context):
    """What OBS has no noun for is reached by its own name."""
    data = {"vendorName": "onetake", "requestType": "devices"}
    devices = answer(context, "CallVendorRequest", data)["responseData"]["devices"]
    assert devices[0]["role"] == "screen"
    mute = {"role": "mic", "is_muted": True}
    data = {"vendorName": "onetake", "requestType": "mute", "requestData": mute}
    answer(context, "CallVendorRequest", data)
    assert context.controller.snapshot().is_mic_muted
    switch = {"role": "camera", "device_id": "http://example/"}
    data = {"vendorName": "onetake", "requestType": "switch", "requestData": switch}
    assert code_of(context, "CallVendorRequest", data) == 205


def test_sync_offset_is_the_next_takes(context):
    """The offset stands for the next take and is refused while one runs."""
    answer(context, "SetInputAudioSyncOffset", {**MIC, "inputAudioSyncOffset": 40})
    assert context.controller.settings.mic_offset_ms == 40
    assert answer(context, "GetInputAudioSyncOffset", MIC) == {"inputAudioSyncOffset": 40}
    context.controller.start()
    data = {**MIC, "inputAudioSyncOffset": 0}
    assert code_of(context, "SetInputAudioSyncOffset", data) == 604


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.sampled_from(sorted(set(REQUESTS) - {"StartRecord", "ToggleRecord"})),
    st.none()
    | json_values
    | st.dictionaries(
        st.sampled_from(
            [
                "inputName",
                "inputMuted",
                "sceneName",
                "sceneItemId",
                "sceneItemEnabled",
                "sceneItemTransform",
                "inputVolumeDb",
                "chapterName",
                "sourceName",
                "imageFormat",
                "vendorName",
                "requestType",
                "requestData",
            ]
        ),
        json_values
        | st.sampled_from(
            ["Microphone", "Recording", "Camera", "onetake", 2, 2.5, {"positionX": 1e300}]
        ),
    ),
)
def test_no_data_breaks_a_request(name, data):
    """Whatever data a request carries, it is answered or refused, never an accident."""
    context = Context(Controller(FakeRecorder()))
    assert code_of(context, name, data) in set(Status)


def test_timecode():
    """Hours, minutes, seconds, milliseconds."""
    assert timecode(0) == "00:00:00.000"
    assert timecode(3 * 3600_000 + 25 * 60_000 + 45_678) == "03:25:45.678"
