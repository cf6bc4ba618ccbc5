"""The adapter over real sockets: wire rules, close codes and texts, a take from start to stop."""

from __future__ import annotations

import threading

import pytest
from tests.control.obs.client import ObsClient

from onetake.control.obs.requests import REQUESTS
from onetake.control.obs.server import ObsServer
from onetake.control.obs.wire import authentication

STATES = "RecordStateChanged"
PREFIX = "OBS_WEBSOCKET_OUTPUT_"


def state(event):
    return event["eventData"]["outputState"].removeprefix(PREFIX)


@pytest.mark.parametrize(
    ("is_msgpack", "subprotocol"), [(False, True), (False, False), (True, True)]
)
def test_a_take_from_start_to_stop(stage, is_msgpack, subprotocol):
    """A remote starts, mutes, hides, marks and stops in both encodings; events follow in order."""
    client = stage.client(is_msgpack=is_msgpack, subprotocol=subprotocol)
    assert client.data("StartRecord") is None
    assert state(client.event(STATES)) == "STARTING"
    started = client.event(STATES)
    assert state(started) == "STARTED"
    assert started["eventData"]["outputActive"] is True
    assert started["eventData"]["outputPath"] == "/videos/take1.mp4"
    assert client.data("GetRecordStatus")["outputActive"] is True
    client.data("SetInputMute", {"inputName": "Microphone", "inputMuted": True})
    assert client.event("InputMuteStateChanged")["eventData"]["inputMuted"] is True
    assert stage.recorder.takes[0].snapshot().is_mic_muted
    hide = {"sceneName": "Recording", "sceneItemId": 2, "sceneItemEnabled": False}
    client.data("SetSceneItemEnabled", hide)
    assert client.event("SceneItemEnableStateChanged")["eventData"]["sceneItemEnabled"] is False
    client.data("PauseRecord")
    paused = client.event(STATES)
    assert (state(paused), paused["eventData"]["outputActive"]) == ("PAUSED", False)
    assert client.data("GetRecordStatus")["outputActive"] is True
    client.data("ResumeRecord")
    assert state(client.event(STATES)) == "RESUMED"
    client.data("CreateRecordChapter", {"chapterName": "two"})
    assert client.data("StopRecord")["outputPath"] == "/videos/take1.mp4"
    assert state(client.event(STATES)) == "STOPPING"
    stopped = client.event(STATES)
    assert state(stopped) == "STOPPED"
    assert stopped["eventData"]["outputPath"] == "/videos/take1.mp4"


def test_stopped_is_told_only_when_the_file_is_finished(stage):
    """Between StopRecord and the finished file there is STOPPING and nothing else."""
    client = stage.client()
    client.data("StartRecord")
    client.event(STATES), client.event(STATES)
    stage.recorder.takes[0].hold_end.clear()
    client.data("StopRecord")
    assert state(client.event(STATES)) == "STOPPING"
    with pytest.raises(TimeoutError):
        client.read(timeout=0.3)
    stage.recorder.takes[0].hold_end.set()
    assert state(client.event(STATES)) == "STOPPED"


def test_two_remotes_see_the_same(stage):
    """What one does, the other is told, whatever its encoding."""
    first, second = stage.client(), stage.client(is_msgpack=True)
    first.data("SetInputVolume", {"inputName": "System Audio", "inputVolumeDb": -6})
    for client in (first, second):
        event = client.event("InputVolumeChanged")["eventData"]
        assert event["inputVolumeDb"] == -6
        assert event["inputVolumeMul"] == pytest.approx(0.501187, abs=1e-6)


def test_hello_and_identified(stage):
    """Hello comes at once with version 1 and a fresh challenge; Identify is answered."""
    first, second = stage.client(identify=False), stage.client(identify=False)
    assert first.hello["op"] == 0
    assert first.hello["d"]["rpcVersion"] == 1
    one, two = first.hello["d"]["authentication"], second.hello["d"]["authentication"]
    assert one["salt"] == two["salt"]
    assert one["challenge"] != two["challenge"]


def test_without_a_password_none_is_asked_for(tmp_path):
    """A server without a password says so by leaving authentication out."""
    from tests.control.obs.conftest import Stage

    stage = Stage(tmp_path, password=None)
    try:
        client = stage.client()
        assert "authentication" not in client.hello["d"]
        assert client.data("GetVersion")["rpcVersion"] == 1
    finally:
        stage.close()


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        (b"nonsense", 4002, ""),
        (b"[" * 9000, 4002, ""),
        (b"[]", 4002, ""),
        (b"{}", 4003, "`op`"),
        (b'{"op":"1","d":{}}', 4004, "`op`"),
        (b'{"op":true,"d":{}}', 4004, "`op`"),
        (b'{"op":1}', 4003, "`d`"),
        (b'{"op":1,"d":[]}', 4004, "`d`"),
        (b'{"op":4,"d":{}}', 4006, "op"),
        (b'{"op":99,"d":{}}', 4006, "op"),
        (b'{"op":6,"d":{"requestType":"GetVersion","requestId":"1"}}', 4007, "identif"),
        (b'{"op":3,"d":{}}', 4007, "identif"),
        (b'{"op":8,"d":{}}', 4007, "identif"),
        (b'{"op":1,"d":{"rpcVersion":1}}', 4009, "missing an `authentication` string"),
        (b'{"op":1,"d":{"rpcVersion":1,"authentication":"x"}}', 4009, "Authentication failed"),
        (b'{"op":1,"d":{"rpcVersion":1,"authentication":7}}', 4009, "Authentication failed"),
        (b'{"request-type":"GetVersion","message-id":"1"}', 4010, "version 5"),
    ],
)
def test_strangers_are_turned_away_with_the_right_code(stage, message, code, words):
    """Every way to begin wrongly has its close code; the texts clients match are there."""
    client = stage.client(identify=False)
    client.send_raw(message)
    closed = client.closed()
    assert closed[0] == code
    assert words in closed[1]


def test_wrong_versions_and_second_identifies(stage):
    """With the right password, version and order still matter."""
    for data, code in (({"rpcVersion": 2}, 4010), ({"rpcVersion": "1"}, 4004), ({}, 4003),
                       ({"rpcVersion": 1, "eventSubscriptions": "all"}, 4004)):  # fmt: skip
        client = stage.client(identify=False)
        given = client.hello["d"]["authentication"]
        answer = authentication(stage.password, given["salt"], given["challenge"])
        client.send(1, {**data, "authentication": answer})
        assert client.closed()[0] == code
    client = stage.client()
    client.send(1, {"rpcVersion": 1})
    assert client.closed()[0] == 4008


def test_an_answer_cannot_be_replayed(stage):
    """The answer to one connection's challenge opens no other connection."""
    first, second = stage.client(identify=False), stage.client(identify=False)
    given = first.hello["d"]["authentication"]
    answer = authentication(stage.password, given["salt"], given["challenge"])
    second.send(1, {"rpcVersion": 1, "authentication": answer})
    assert second.closed() == (4009, "Authentication failed.")
    first.send(1, {"rpcVersion": 1, "authentication": answer})
    assert first.read()["op"] == 2


def test_the_wrong_frame_kind_is_refused(stage):
    """Binary on a JSON session, or text on a MessagePack one, is a decode error."""
    client = stage.client()
    client.socket.send(b'{"op":6,"d":{}}')
    assert client.closed()[0] == 4002
    client = stage.client(is_msgpack=True)
    client.socket.send('{"op":6,"d":{}}')
    assert client.closed()[0] == 4002


@pytest.mark.parametrize("request_id", ["x", 7, 1.5, {"a": [1]}, [], False, ""])
def test_request_ids_come_back_unchanged(stage, request_id):
    """Clients send integers and even objects as ids; they get the same back."""
    answer = stage.client().call("GetVersion", request_id=request_id)
    assert answer["requestId"] == request_id
    assert type(answer["requestId"]) is type(request_id)


def test_version_lists_exactly_what_is_answered(stage):
    """availableRequests is the table, and every one of its names is known."""
    client = stage.client()
    listed = client.data("GetVersion")["availableRequests"]
    assert set(listed) == set(REQUESTS)
    assert len(listed) == len(set(listed))
    for name in set(listed) - {"StartRecord", "ToggleRecord", "GetVersion"}:
        assert client.code(name) != 204, name
    assert client.code("NoSuchRequest") == 204
    assert client.code("") == 203


def test_null_data_is_no_data(stage):
    """nil for requestData, or for a field, is the same as leaving it out."""
    client = stage.client(is_msgpack=True)
    client.send(6, {"requestType": "GetInputList", "requestId": 1, "requestData": None})
    assert client.answer()["d"]["requestStatus"]["result"]
    assert len(client.data("GetInputList", {"inputKind": None})["inputs"]) == 4
    assert client.code("GetInputMute", None) == 301
    assert client.code("GetInputMute", {"inputName": None}) == 300


def test_masks_are_kept(stage):
    """Mask 0 hears nothing, the default nothing high-volume, the bit for meters meters."""
    silent, default = stage.client(mask=0), stage.client()
    meters = stage.client(mask=65536)
    silent.data("StartRecord")
    for client in (default,):
        client.event(STATES), client.event(STATES)
    take = stage.recorder.takes[0]
    take.meters()
    inputs = meters.event("InputVolumeMeters")["eventData"]["inputs"]
    assert [one["inputName"] for one in inputs] == ["Microphone", "System Audio"]
    assert inputs[0]["inputLevelsMul"] == [
        [pytest.approx(0.0501, abs=1e-4), pytest.approx(0.1), pytest.approx(0.2512, abs=1e-4)]
    ]
    silent.data("SetInputMute", {"inputName": "Microphone", "inputMuted": True})
    assert silent.events == []
    assert default.event("InputMuteStateChanged")
    silent.send(3, {"eventSubscriptions": 8})
    assert silent.read() == {"op": 2, "d": {"negotiatedRpcVersion": 1}}
    default.data("ToggleInputMute", {"inputName": "Microphone"})
    assert silent.event()["eventType"] == "InputMuteStateChanged"
    assert meters.events == []


def test_batches(stage):
    """Batches run in order, stop where asked to, echo ids only where given."""
    client = stage.client()
    requests = [
        {"requestType": "GetVersion", "requestId": 1},
        {"requestType": "NoSuch"},
        {"requestType": "GetSceneList", "requestId": None},
    ]
    client.send(8, {"requestId": "b", "requests": requests})
    results = client.answer()["d"]["results"]
    assert [one["requestStatus"]["code"] for one in results] == [100, 204, 100]
    assert results[0]["requestId"] == 1
    assert "requestId" not in results[1]
    client.send(8, {"requestId": "b", "requests": requests, "haltOnFailure": True})
    assert len(client.answer()["d"]["results"]) == 2
    client.send(8, {"requestId": "b", "requests": requests, "executionType": 1})
    codes = {one["requestStatus"]["code"] for one in client.answer()["d"]["results"]}
    assert codes == {206}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"requests": []}, 4003),
        ({"requestId": 1}, 4003),
        ({"requestId": 1, "requests": {}}, 4004),
        ({"requestId": 1, "requests": [3]}, 4004),
        ({"requestId": 1, "requests": [], "executionType": "0"}, 4004),
        ({"requestId": 1, "requests": [], "executionType": 7}, 4005),
        ({"requestId": 1, "requests": [], "haltOnFailure": 1}, 4004),
        ({"requestId": 1, "requests": [{}] * 500}, 4005),
    ],
)
def test_broken_batches_close(stage, data, code):
    """A batch that is none ends the conversation with its code."""
    client = stage.client()
    client.send(8, data)
    assert client.closed()[0] == code


def test_goodbye(stage):
    """At the end clients are told, then closed with 1001."""
    client = stage.client()
    stopping = threading.Thread(target=stage.server.stop)
    stopping.start()
    assert client.event()["eventType"] == "ExitStarted"
    assert client.closed()[0] == 1001
    stopping.join()


def test_a_taken_port_is_not_fought_for(stage):
    """When something listens there already, another port is taken."""
    other = ObsServer(stage.controller, stage.server.port, None)
    other.start()
    try:
        assert other.port != stage.server.port
        ObsClient(other.port).close()
    finally:
        other.stop()


def test_a_take_begun_elsewhere_is_told_in_full(stage):
    """A start with other mutes than were shown is told as changes, so that no button is wrong."""
    import msgspec

    from onetake.model.settings import Settings

    client = stage.client()
    stage.controller.start(msgspec.structs.replace(Settings(), is_mic_muted=True))
    assert client.event("InputMuteStateChanged")["eventData"]["inputName"] == "Microphone"
    assert client.data("GetInputMute", {"inputName": "Microphone"})["inputMuted"] is True


def test_remote_unmute_is_announced(stage):
    """Unmuting from a remote is a warning on every surface, also on the remote's own."""
    client = stage.client()
    client.data("SetInputMute", {"inputName": "Microphone", "inputMuted": True})
    client.data("SetInputMute", {"inputName": "Microphone", "inputMuted": False})
    event = client.event("VendorEvent")["eventData"]
    assert event["vendorName"] == "onetake"
    assert event["eventData"]["message"] == "the microphone was unmuted by obs-websocket"
