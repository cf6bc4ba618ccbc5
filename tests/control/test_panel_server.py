"""The panel's server over raw sockets: nothing without the key, files without side effects."""

from __future__ import annotations

import contextlib
import json
import socket

import pytest
from tests.control.fakes import FakeRecorder
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from onetake.control.controller import Controller
from onetake.control.panel_server import PanelServer
from onetake.model.events import TakeState


class Stage:
    """A panel over a fake recorder."""

    def __init__(self):
        self.recorder = FakeRecorder()
        self.controller = Controller(self.recorder)
        self.panel = PanelServer(self.controller)
        self.panel.start()
        self.open = contextlib.ExitStack()

    def token(self):
        return self.panel.new_url().partition("#t=")[2]

    def connect(self, **options):
        return self.open.enter_context(
            connect(f"ws://127.0.0.1:{self.panel.port}/", proxy=None, close_timeout=1, **options)
        )

    def client(self):
        client = self.connect()
        client.send(json.dumps({"token": self.token()}))
        assert "session" in json.loads(client.recv(5))
        assert json.loads(client.recv(5))["method"] == "hello"
        return client

    def close(self):
        self.open.close()
        self.panel.stop()


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.close()


def closed_with(client):
    """Return the code with which the server closes the connection."""
    try:
        while True:
            client.recv(5)
    except ConnectionClosed as closed:
        return closed.rcvd.code


def raw(port, text, address="127.0.0.1"):
    """Send bytes and return everything that comes back."""
    with socket.create_connection((address, port), timeout=5) as stream:
        stream.sendall(text.encode())
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := stream.recv(65536):
                answer += part
                if b"101 Switching" in answer:
                    break
        return answer.decode("utf-8", "replace")


def status(answer):
    return int(answer.split(" ", 2)[1]) if answer.startswith("HTTP/1.1 ") else 0


UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n", 101),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\n", 101),
        ("GET / HTTP/1.1\r\nHost: LocalHost:PORT\r\nOrigin: http://localhost:PORT\r\n", 101),
        ("GET / HTTP/1.1\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: evil.example:PORT\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:PORT\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nHost: evil.example\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT.\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: [::1%25lo]:PORT\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: null\r\n", 403),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: http://evil.example\r\n", 403),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:9\r\n", 403),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n", 400),
    ],
)
@pytest.mark.parametrize("is_upgrade", [True, False])
def test_handshakes(stage, head, expected, is_upgrade):
    """Host and Origin are judged first, for the socket and for files alike."""
    request = head.replace("PORT", str(stage.panel.port)) + (UPGRADE if is_upgrade else "")
    found = status(raw(stage.panel.port, request + "\r\n"))
    assert found == (200 if expected == 101 and not is_upgrade else expected)


def test_it_answers_on_both_loopback_addresses(stage):
    """`localhost` may be ::1; the same port is ours there too."""
    try:
        answer = raw(
            stage.panel.port, f"GET / HTTP/1.1\r\nHost: [::1]:{stage.panel.port}\r\n\r\n", "::1"
        )
    except OSError:
        pytest.skip("missing: IPv6 on the loopback interface")
    assert status(answer) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_only_reading(stage, method):
    """Nothing but GET and HEAD is answered with anything."""
    head = f"{method} / HTTP/1.1\r\nHost: 127.0.0.1:{stage.panel.port}\r\n\r\n"
    assert status(raw(stage.panel.port, head)) in (0, 400, 405)


@pytest.mark.parametrize(
    "path",
    ["/../panel.py", "/%2e%2e/x", "/panel", "/take/", "/take/x", "/take/../../etc/passwd", "//x",
     "/index.html/../x", "/\\..\\x", "/panel.js%00", "/__init__.py", "/etc/passwd"],
)  # fmt: skip
def test_files_are_a_closed_list(stage, path):
    """Only the page's own files exist, whatever the path looks like."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{stage.panel.port}\r\n\r\n"
    assert status(raw(stage.panel.port, head)) in (400, 404)


def test_headers_of_every_answer(stage):
    """Strict policy, no sniffing, no referrer, no sharing, no caching; on errors too."""
    for path in ("/", "/panel.js", "/none"):
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{stage.panel.port}\r\n\r\n"
        answer = raw(stage.panel.port, head)
        headers = answer.partition("\r\n\r\n")[0].lower()
        assert "content-security-policy: default-src 'none'; script-src 'self';" in headers
        assert "unsafe" not in headers
        assert "frame-ancestors 'none'" in headers
        assert "x-content-type-options: nosniff" in headers
        assert "referrer-policy: no-referrer" in headers
        assert "cross-origin-resource-policy: same-origin" in headers
        assert "access-control-allow" not in headers
        assert "cache-control: no-store" in headers
        assert "server:" not in headers


def test_the_page_names_no_foreign_address():
    """The page loads nothing from anywhere else, and has no script or style of its own inside."""
    from importlib import resources

    folder = resources.files("onetake.ui") / "panel"
    html = (folder / "index.html").read_text()
    assert "<script>" not in html
    assert "style=" not in html
    assert " on" + "click=" not in html
    for file in (one for one in folder.iterdir() if one.is_file()):
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text.replace("ws://", ""), file.name
        assert "https://" not in text


@pytest.mark.parametrize(
    "first",
    ["", "{}", "nonsense", "[" * 9000, '{"token":""}', '{"token":"x"}', '{"session":"x"}',
     '{"token":1}', '{"jsonrpc":"2.0","id":1,"method":"snapshot"}', b"\xff\x00"],
)  # fmt: skip
def test_nothing_without_the_key(stage, first):
    """Anything but the right key closes the connection without an answer."""
    client = stage.connect()
    client.send(first)
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(10)
    assert closed.value.rcvd.code == 4401


def test_a_silent_browser_is_closed(stage, monkeypatch):
    """Who does not show a key in time is closed."""
    import onetake.control.panel_server as module

    monkeypatch.setattr(module, "KEY_TIMEOUT_S", 0.1)
    client = stage.connect()
    with pytest.raises(ConnectionClosed):
        client.recv(5)


def test_ten_wrong_keys_close_the_door(stage, monkeypatch):
    """After ten wrong keys nobody new gets in, but who is in stays in."""
    import onetake.control.guard as guard

    monkeypatch.setattr(guard, "FIRST_DELAY_S", 0.001)
    inside = stage.client()
    for _ in range(10):
        client = stage.connect()
        client.send('{"token":"wrong"}')
        with pytest.raises(ConnectionClosed):
            client.recv(5)
    assert closed_with(stage.connect()) == 1013
    inside.send('{"jsonrpc":"2.0","id":1,"method":"snapshot"}')
    assert json.loads(inside.recv(5))["result"]["state"] == "idle"


def test_a_session_comes_back(stage):
    """The session given for the token opens further connections."""
    client = stage.connect()
    client.send(json.dumps({"token": stage.token()}))
    session = json.loads(client.recv(5))["session"]
    again = stage.connect()
    again.send(json.dumps({"session": session}))
    assert json.loads(again.recv(5)) == {"session": session}


def test_the_preview_is_one_jpeg_for_one_wish(stage):
    """A wish is answered by one binary picture, or an empty one while nothing is recorded."""
    client = stage.client()
    client.send("preview-frame")
    assert client.recv(5) == b""
    stage.controller.start()
    client.send("preview-frame")
    assert client.recv(5)[:3] == b"\xff\xd8\xff"


def test_a_finished_take_is_served_in_parts(stage, tmp_path):
    """Players ask for ranges; they get at most a megabyte, under a key only clients know."""
    file = tmp_path / "take.mp4"
    file.write_bytes(bytes(range(256)) * 8192)
    stage.controller.start()
    take = stage.recorder.takes[0]
    take._update(path=str(file))
    client = stage.client()
    client.send('{"jsonrpc":"2.0","id":1,"method":"stop"}')
    assert json.loads(client.recv(5))["result"]["path"] == str(file)
    stage.panel._pump.stop()
    client.send("takes")
    key = json.loads(client.recv(5))["takes"][0]["key"]

    def part(wanted):
        head = f"GET /take/{key} HTTP/1.1\r\nHost: 127.0.0.1:{stage.panel.port}\r\n"
        return raw(stage.panel.port, head + (f"Range: {wanted}\r\n" if wanted else "") + "\r\n")

    assert "content-range: bytes 0-1048575/2097152" in part("").lower()
    assert "content-range: bytes 5-9/2097152" in part("bytes=5-9").lower()
    assert "content-range: bytes 2097150-2097151/2097152" in part("bytes=2097150-").lower()
    assert status(part("bytes=9999999-")) == 416
    assert status(part("bytes=9-5")) == 416
    assert status(part("lines=1-2")) == 206
    assert "video/mp4" in part("")


def test_stopping_the_panel_leaves_the_take(stage):
    """Closing the panel ends connections, not the recording."""
    client = stage.client()
    stage.controller.start()
    stage.panel.stop()
    assert closed_with(client) == 1001
    assert stage.controller.snapshot().state is TakeState.RECORDING
    with pytest.raises(OSError, match="refused"):
        raw(stage.panel.port, "")
