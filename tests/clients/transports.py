"""One way to drive a recorder behind each name: the same few words over every transport."""

from __future__ import annotations

import contextlib
import json
import os
import threading

from tests.control.obs.client import ObsClient
from websockets.sync.client import connect

from onetake.control.ctl import ControlClient
from onetake.control.guard import Secret
from onetake.control.obs.server import ObsServer
from onetake.control.panel_server import PanelServer
from onetake.control.stdio import run_stdio
from onetake.control.unix_socket import ControlSocket

__all__ = ["TRANSPORTS", "Refused", "transport"]


class Refused(Exception):
    """The recorder said no."""


class Native:
    """JSON-RPC over anything that sends and receives lines."""

    def __init__(self, send_line, read_line):
        self.send_line, self.read_line = send_line, read_line
        self.last_id = 0

    def call(self, method, **params):
        self.last_id += 1
        request = {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}
        self.send_line(json.dumps(request))
        while True:
            answer = json.loads(self.read_line())
            if answer.get("id") == self.last_id:
                if "error" in answer:
                    raise Refused(answer["error"]["data"]["code"])
                return answer["result"]

    def start(self):
        self.call("start")

    def stop(self):
        self.call("stop")

    def mute(self, role, is_muted):
        return self.call("mute", role=role, is_muted=is_muted)["position_ns"]

    def gain(self, role, db):
        self.call("gain", role=role, gain_db=db)

    def camera(self, is_visible):
        self.call("camera", is_visible=is_visible)

    def pause(self):
        self.call("pause")

    def resume(self):
        self.call("resume")

    def marker(self, label):
        self.call("marker", label=label)

    def seen(self):
        now = self.call("snapshot")
        return {
            "is_active": now["state"] in ("recording", "paused", "stopping"),
            "is_paused": now["state"] == "paused",
            "mic": (now["is_mic_muted"], round(now["mic_gain_db"], 6)),
            "system": (now["is_system_muted"], round(now["system_gain_db"], 6)),
            "camera": now["overlay"]["is_visible"],
        }


INPUT = {"mic": "Microphone", "system": "System Audio"}
CAMERA = {"sceneName": "Recording", "sceneItemId": 2}


class Obs:
    """The same words in the nouns of OBS."""

    def __init__(self, client):
        self.client = client

    def call(self, name, **data):
        answer = self.client.call(name, data or None)
        if not answer["requestStatus"]["result"]:
            raise Refused(answer["requestStatus"]["code"])
        return answer.get("responseData")

    def start(self):
        self.call("StartRecord")
        self._until("STARTED")

    def stop(self):
        self.call("StopRecord")
        self._until("STOPPED")

    def _until(self, state):
        while True:
            event = self.client.event("RecordStateChanged")["eventData"]
            if event["outputState"] == f"OBS_WEBSOCKET_OUTPUT_{state}":
                return

    def mute(self, role, is_muted):
        self.call("SetInputMute", inputName=INPUT[role], inputMuted=is_muted)

    def gain(self, role, db):
        self.call("SetInputVolume", inputName=INPUT[role], inputVolumeDb=db)

    def camera(self, is_visible):
        self.call("SetSceneItemEnabled", **CAMERA, sceneItemEnabled=is_visible)

    def pause(self):
        self.call("PauseRecord")

    def resume(self):
        self.call("ResumeRecord")

    def marker(self, label):
        self.call("CreateRecordChapter", **({"chapterName": label} if label else {}))

    def seen(self):
        status = self.call("GetRecordStatus")

        def sound(role):
            name = INPUT[role]
            muted = self.call("GetInputMute", inputName=name)["inputMuted"]
            return (muted, round(self.call("GetInputVolume", inputName=name)["inputVolumeDb"], 6))

        return {
            "is_active": status["outputActive"],
            "is_paused": status["outputPaused"],
            "mic": sound("mic"),
            "system": sound("system"),
            "camera": self.call("GetSceneItemEnabled", **CAMERA)["sceneItemEnabled"],
        }


@contextlib.contextmanager
def _stdio(controller):
    requests, to_engine = os.pipe()
    from_engine, answers = os.pipe()
    with (
        os.fdopen(requests, "rb") as stdin,
        os.fdopen(answers, "wb") as stdout,
        os.fdopen(from_engine, "rb") as lines,
    ):
        engine = threading.Thread(target=run_stdio, args=(controller, stdin, stdout))
        engine.start()
        yield Native(lambda line: os.write(to_engine, line.encode() + b"\n"), lines.readline)
        os.close(to_engine)
        engine.join()


@contextlib.contextmanager
def _socket(controller):
    server = ControlSocket(controller, "transport")
    server.start()
    try:
        with ControlClient("transport") as client:
            native = Native(
                lambda line: client._socket.sendall(line.encode() + b"\n"), client._lines.readline
            )
            yield native
    finally:
        server.stop()


@contextlib.contextmanager
def _obs(controller):
    server = ObsServer(controller, 0, Secret("password"))
    server.start()
    client = ObsClient(server.port, "password", is_msgpack=True)
    try:
        yield Obs(client)
    finally:
        client.close()
        server.stop()


@contextlib.contextmanager
def _panel(controller):
    server = PanelServer(controller)
    server.start()
    try:
        with connect(f"ws://127.0.0.1:{server.port}/", proxy=None, close_timeout=1) as client:
            client.send(json.dumps({"token": server.new_url().partition("#t=")[2]}))
            client.recv(5)
            yield Native(client.send, lambda: client.recv(60))
    finally:
        server.stop()


TRANSPORTS = {"stdio": _stdio, "socket": _socket, "obs": _obs, "panel": _panel}


def transport(name, controller):
    """Return a context that yields a client of the controller over this transport."""
    return TRANSPORTS[name](controller)
