"""The native protocol: one line in, at most one answer out, whatever the line is."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.fakes import FakeRecorder

from onetake.control.controller import Controller, Origin
from onetake.control.jsonrpc import RpcSession, event_line
from onetake.control.methods import METHODS
from onetake.control.outbox import Importance, Outbox
from onetake.control.protocol import EventName
from onetake.model.events import Meters, StateChanged, TakeState, Warned


class Client:
    """A client in the same process."""

    def __init__(self, recorder=None, origin=None):
        self.recorder = recorder or FakeRecorder()
        self.controller = Controller(self.recorder)
        self.outbox = Outbox()
        self.session = RpcSession(self.controller, self.outbox, origin or Origin("a test"))

    def line(self, text):
        self.session.receive(text if isinstance(text, bytes) else text.encode())
        return self.read()

    def read(self):
        line = self.outbox.get(5)
        assert line is not None, "no answer"
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert b"\r" not in line
        return json.loads(line)

    def call(self, method, params=None, request_id=1):
        request = {"jsonrpc": "2.0", "id": request_id, "method": method}
        if params is not None:
            request["params"] = params
        return self.line(json.dumps(request))


def test_a_take_from_start_to_stop():
    """start answers with the started event, commands with their position, stop with the file."""
    client = Client()
    started = client.call("start", {"fps": 24})["result"]
    assert started["path"] == "/videos/take1.mp4"
    assert client.recorder.takes[0].settings.fps == 24
    muted = client.call("mute", {"role": "mic", "is_muted": True})["result"]
    assert muted["position_ns"] > 0
    assert muted["command"] == {"command": "mute", "role": "mic", "is_muted": True}
    assert client.call("snapshot")["result"]["is_mic_muted"] is True
    assert client.call("toggle", {"what": "mic"})["result"]["command"]["is_muted"] is False
    finished = client.call("stop")["result"]
    assert finished["event"] == "stopped"
    assert finished["verdict"] == "good"


@pytest.mark.parametrize("request_id", ["a", 7, 1.5, None, 2**53, ""])
def test_ids_come_back_as_they_were(request_id):
    """An answer carries the id with its JSON type unchanged."""
    answer = Client().call("snapshot", request_id=request_id)
    assert answer["id"] == request_id
    assert type(answer["id"]) is type(request_id)


def test_notifications_are_not_answered():
    """A request without an id is carried out in silence, even when it is wrong."""
    client = Client()
    client.session.receive(
        b'{"jsonrpc":"2.0","method":"mute","params":{"role":"mic","is_muted":true}}'
    )
    client.session.receive(b'{"jsonrpc":"2.0","method":"nonsense"}')
    assert client.outbox.get(0.05) is None
    assert client.controller.snapshot().is_mic_muted


@pytest.mark.parametrize(
    ("line", "number", "code"),
    [
        ("nonsense", -32700, "parse-error"),
        ('{"x":' * 5000, -32700, "parse-error"),
        (b"\xff\xfe", -32700, "parse-error"),
        ("[]", -32600, "invalid-request"),
        ('[{"jsonrpc":"2.0","id":1,"method":"snapshot"}]', -32600, "invalid-request"),
        ('{"id":1,"method":"snapshot"}', -32600, "invalid-request"),
        ('{"jsonrpc":"1.0","id":1,"method":"snapshot"}', -32600, "invalid-request"),
        ('{"jsonrpc":"2.0","id":[1],"method":"snapshot"}', -32600, "invalid-request"),
        ('{"jsonrpc":"2.0","id":1,"method":"nonsense"}', -32601, "no-method"),
        ('{"jsonrpc":"2.0","id":1,"method":"mute"}', -32602, "invalid-params"),
        ('{"jsonrpc":"2.0","id":1,"method":"mute","params":[]}', -32602, "invalid-params"),
        (
            '{"jsonrpc":"2.0","id":1,"method":"start","params":{"nonsense":1}}',
            -32602,
            "invalid-params",
        ),
        ('{"jsonrpc":"2.0","id":1,"method":"pause"}', -32000, "not-recording"),
        (
            '{"jsonrpc":"2.0","id":1,"method":"gain","params":{"role":"mic","gain_db":99}}',
            -32000,
            "usage",
        ),
        (
            '{"jsonrpc":"2.0","id":1,"method":"start","params":{"mic":"none such"}}',
            -32000,
            "device-unavailable",
        ),
    ],
)
def test_errors_have_their_number_and_code(line, number, code):
    """Each kind of mistake is told apart, for programs by number and code, for people in words."""
    error = Client().line(line)["error"]
    assert (error["code"], error["data"]["code"]) == (number, code)
    assert error["message"]


def test_a_wrong_request_is_answered_under_its_id():
    """A request that is JSON but no request still gets its id back."""
    assert Client().line('{"id":"x","method":3}')["id"] == "x"


def test_events_come_only_when_asked_for():
    """Nothing is sent unasked; meters only when named."""
    client = Client()
    state = StateChanged(TakeState.RECORDING)
    meters = Meters({}, 0)
    for event in (state, meters):
        client.session.offer(event, event_line)
    assert client.outbox.get(0.01) is None
    assert "meters" not in client.call("subscribe")["result"]["events"]
    for event in (meters, state):
        client.session.offer(event, event_line)
    assert client.read()["params"] == {"event": "state", "state": "recording", "position_ns": 0}
    client.call("subscribe", {"events": ["meters"]})
    for event in (state, meters):
        client.session.offer(event, event_line)
    assert client.read()["params"]["event"] == "meters"
    client.call("unsubscribe")
    client.session.offer(meters, event_line)
    assert client.outbox.get(0.01) is None


def test_line_ends_never_travel_raw():
    """A carriage return or line feed in a text is escaped, so that splitting lines is enough."""
    client = Client()
    client.call("subscribe")
    client.session.offer(Warned("x", "a\r\nb\u2028c"), event_line)
    assert client.read()["params"]["message"] == "a\r\nb\u2028c"


def test_slow_calls_do_not_hold_up_quick_ones():
    """While a start waits for its first frame, the snapshot is answered."""
    client = Client()
    client.recorder.hold_first_frame.clear()
    client.session.receive(b'{"jsonrpc":"2.0","id":"start","method":"start"}')
    assert client.recorder.is_planning.wait(5)
    assert client.call("snapshot", request_id="now")["id"] == "now"
    client.recorder.hold_first_frame.set()
    assert client.read()["id"] == "start"


def test_too_many_slow_calls_are_refused():
    """A client that asks for more than a few slow things at once is told so."""
    client = Client()
    client.recorder.hold_planning.clear()
    for number in range(8):
        client.session.receive(b'{"jsonrpc":"2.0","id":%d,"method":"preview"}' % number)
    held = threading.active_count()
    assert held < 40
    client.recorder.hold_planning.set()


def test_a_remote_client_names_files_only():
    """No path, no overwriting, no URL from a remote client; a parent process may say more."""
    remote = Client(origin=Origin("a remote", is_remote=True))
    for params in (
        {"output": "/etc/passwd.mp4"},
        {"output": "../x.mp4"},
        {"overwrite": True},
        {"stamp_log": "x"},
        {"camera": "http://169.254.169.254/"},
        {"camera": "/etc/passwd"},
    ):
        assert remote.call("start", params)["error"]["data"]["code"] == "usage", params
    assert remote.recorder.takes == []
    local = Client()
    assert "result" in local.call("start", {"output": "/videos/free.mp4", "overwrite": True})


def test_a_remote_client_switches_to_listed_devices_only():
    """A device id that nobody listed could be any URL or file."""
    remote = Client(origin=Origin("a remote", is_remote=True))
    for device_id in ("http://example/", "file:///etc/passwd"):
        answer = remote.call("switch", {"role": "camera", "device_id": device_id})
        assert answer["error"]["data"]["code"] == "usage"
    assert "result" in remote.call("switch", {"role": "mic", "device_id": "synthetic:mic2"})


def test_switching_in_a_take_names_the_device():
    """`default` and names become the id of a listed device, which the take needs."""
    client = Client()
    client.call("start")
    client.call("switch", {"role": "mic", "device_id": "default"})
    client.call("switch", {"role": "mic", "device_id": "Second microphone"})
    used = [control.command.device_id for control in client.recorder.takes[0].controls]
    assert used == ["synthetic:mic", "synthetic:mic2"]


def test_preview_is_a_jpeg():
    """The preview comes as a JPEG file in base64, null while nothing runs."""
    client = Client()
    assert client.call("preview")["result"] is None
    client.call("start")
    picture = client.call("preview", {"max_width_px": 320})["result"]
    assert picture["width_px"] == 320
    assert picture["jpeg_base64"].startswith("/9j/")


def test_the_event_names_are_the_tags():
    """What can be subscribed to is exactly what there is."""
    from onetake.model.events import Event

    tags = {kind.__struct_config__.tag for kind in Event.__args__}
    assert tags == set(EventName)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["jsonrpc", "id", "method", "params", "role", "x"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
        st.builds(
            lambda method, params: json.dumps(
                {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            ).encode(),
            st.sampled_from([name for name in METHODS if not METHODS[name].is_slow]),
            st.dictionaries(
                st.sampled_from(["role", "is_muted", "gain_db", "x", "overlay", "label"]),
                st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            ),
        ),
    )
)
def test_no_line_breaks_the_conversation(line):
    """Whatever comes in, nothing is raised, and every answer is one line of JSON-RPC."""
    client = Client()
    client.session.receive(line.replace(b"\n", b" "))
    answer = client.outbox.get(0)
    if answer is not None:
        decoded = json.loads(answer)
        assert decoded["jsonrpc"] == "2.0"
        assert ("result" in decoded) != ("error" in decoded)
        assert decoded.get("error", {}).get("code") != -32603


def test_outbox_drops_meters_first_then_events_never_answers():
    """A full outbox makes room in this order, and says so."""
    outbox = Outbox(limit_bytes=100)
    outbox.put(b"m" * 30, Importance.PASSING)
    outbox.put(b"e" * 30, Importance.EVENT)
    outbox.put(b"a" * 30, Importance.ANSWER)
    outbox.put(b"n" * 30, Importance.EVENT)
    assert [outbox.get(0)[:1] for _ in range(3)] == [b"e", b"a", b"n"]
    outbox.put(b"a" * 90, Importance.ANSWER)
    assert not outbox.put(b"m" * 30, Importance.PASSING)
    assert not outbox.put(b"e" * 30, Importance.EVENT)
    outbox.put(b"b" * 90, Importance.ANSWER)
    assert outbox.is_overfull
    assert not outbox.wait_for_room(0.01)
    assert outbox.get(0) == b"a" * 90
    assert outbox.wait_for_room(0.01)
    assert outbox.dropped == 3
