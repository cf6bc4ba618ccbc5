"""A bare obs-websocket client, as strict as the protocol: it notices what others overlook."""

from __future__ import annotations

import contextlib

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from onetake.control.obs.wire import authentication


class ObsClient:
    """One connection. Events that come while an answer is awaited are kept."""

    def __init__(self, port, password=None, *, is_msgpack=False, subprotocol=True, mask=None,
                 identify=True):  # fmt: skip
        name = "obswebsocket.msgpack" if is_msgpack else "obswebsocket.json"
        self.codec = msgspec.msgpack if is_msgpack else msgspec.json
        self.is_msgpack = is_msgpack
        self._open = contextlib.ExitStack()
        self.socket = self._open.enter_context(
            connect(
                f"ws://127.0.0.1:{port}",
                subprotocols=[name] if subprotocol else None,
                compression=None,
                proxy=None,
                close_timeout=1,
            )
        )
        self.events = []
        try:
            self.hello = self.read()
            if identify:
                self._identify(password, mask)
        except BaseException:
            self._open.close()
            raise

    def _identify(self, password, mask):
        data = {"rpcVersion": 1}
        if password is not None:
            given = self.hello["d"]["authentication"]
            data["authentication"] = authentication(password, given["salt"], given["challenge"])
        if mask is not None:
            data["eventSubscriptions"] = mask
        self.send(1, data)
        assert self.read()["op"] == 2

    def send(self, op, data):
        self.send_raw(self.codec.encode({"op": op, "d": data}))

    def send_raw(self, message):
        self.socket.send(message if self.is_msgpack else message.decode("utf-8", "replace"))

    def read(self, timeout=5):
        message = self.socket.recv(timeout=timeout)
        assert isinstance(message, bytes) is self.is_msgpack
        return self.codec.decode(message)

    def call(self, request_type, data=None, request_id="1"):
        request = {"requestType": request_type, "requestId": request_id}
        if data is not None:
            request["requestData"] = data
        self.send(6, request)
        return self.answer()["d"]

    def answer(self):
        while True:
            message = self.read()
            if message["op"] != 5:
                return message
            self.events.append(message["d"])

    def data(self, request_type, data=None):
        answer = self.call(request_type, data)
        assert answer["requestStatus"]["result"], answer
        return answer.get("responseData")

    def code(self, request_type, data=None):
        return self.call(request_type, data)["requestStatus"]["code"]

    def event(self, name=None):
        while True:
            event = self.events.pop(0) if self.events else self.read()["d"]
            if name in (None, event["eventType"]):
                return event

    def closed(self):
        """Return code and reason with which the server ends the conversation."""
        try:
            while True:
                self.socket.recv(timeout=15)
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason

    def close(self):
        self._open.close()
