"""One client's conversation with the obs-websocket adapter, without its socket.

    Hello ─▶ Identify ─▶ Identified ─▶ (Request, RequestBatch, Reidentify)*

Invariant: nothing but Hello is sent before the client has identified itself, and no event outside
the mask it asked for; clients that subscribe to nothing read the next frame as their answer.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any

from onetake.control.guard import Secret
from onetake.control.obs.constants import OBS_VERSION, OBS_WEBSOCKET_VERSION
from onetake.control.obs.context import Context
from onetake.control.obs.events import ObsEvent
from onetake.control.obs.fields import RequestError, Status
from onetake.control.obs.requests import answer
from onetake.control.obs.wire import (
    ALREADY,
    AUTHENTICATION,
    DEFAULT_SUBSCRIPTIONS,
    MISSING,
    NOT_IDENTIFIED,
    RPC_VERSION,
    TYPE,
    UNKNOWN_OP,
    VALUE,
    VERSION,
    Close,
    Op,
    Wire,
    is_authentic,
)

__all__ = ["MAX_BATCH", "ObsSession"]

MAX_BATCH = 200
"""Most requests in a batch. Companion sends some 20 when it connects."""

_SERIAL_FRAME = 1


class ObsSession:
    """`receive` from one thread at a time.

    Args:
        password: None = no authentication.
        salt: the server's, the same for all its sessions.
        on_wrong_password: told before the session is closed for it.
    """

    def __init__(
        self,
        context: Context,
        wire: Wire,
        *,
        password: Secret | None,
        salt: str,
        on_wrong_password: Callable[[], None],
    ) -> None:
        self._context = context
        self._wire = wire
        self._password = password
        self._salt = salt
        self._on_wrong_password = on_wrong_password
        self._challenge = base64.b64encode(secrets.token_bytes(32)).decode()
        self._subscriptions = 0
        self.is_identified = False

    def hello(self) -> bytes:
        """Return the first message."""
        data: dict[str, Any] = {
            "obsStudioVersion": OBS_VERSION,
            "obsWebSocketVersion": OBS_WEBSOCKET_VERSION,
            "rpcVersion": RPC_VERSION,
        }
        if self._password is not None:
            data["authentication"] = {"challenge": self._challenge, "salt": self._salt}
        return self._wire.encode(Op.HELLO, data)

    def receive(self, message: bytes | str) -> bytes | None:
        """Carry out one message and return the answer. Raises Close."""
        op, data = self._wire.decode(message)
        if op == Op.IDENTIFY:
            return self._identify(data)
        if op not in (Op.REIDENTIFY, Op.REQUEST, Op.BATCH):
            raise Close(UNKNOWN_OP, f"Unknown op `{op % 1000}`.")
        if not self.is_identified:
            raise Close(NOT_IDENTIFIED, "You are not identified; send an `Identify` first.")
        match op:
            case Op.REIDENTIFY:
                self._subscribe(data)
                return self._wire.encode(Op.IDENTIFIED, {"negotiatedRpcVersion": RPC_VERSION})
            case Op.REQUEST:
                _needed(data, "requestId")
                return self._wire.encode(Op.RESPONSE, self._outcome(data, has_id=True))
            case _:
                return self._wire.encode(Op.BATCH_RESPONSE, self._batch(data))

    def event(self, event: ObsEvent) -> bytes | None:
        """Return the event as a message, None when the client did not ask for it."""
        if not self.is_identified or not self._subscriptions & event.bit:
            return None
        data = {"eventType": event.name, "eventIntent": int(event.bit), "eventData": event.data}
        return self._wire.encode(Op.EVENT, data)

    def _identify(self, data: dict[str, Any]) -> bytes:
        if self.is_identified:
            raise Close(ALREADY, "You are already identified.")
        self._authenticate(data)
        version = _needed(data, "rpcVersion")
        if isinstance(version, bool) or not isinstance(version, int):
            raise Close(TYPE, "Your `rpcVersion` is not a number.")
        if version != RPC_VERSION:
            raise Close(VERSION, f"Your requested RPC version is not supported; use {RPC_VERSION}.")
        self._subscriptions = DEFAULT_SUBSCRIPTIONS
        self._subscribe(data)
        self.is_identified = True
        return self._wire.encode(Op.IDENTIFIED, {"negotiatedRpcVersion": RPC_VERSION})

    def _authenticate(self, data: dict[str, Any]) -> None:
        if self._password is None:
            return
        if data.get("authentication") is None:
            raise Close(
                AUTHENTICATION,
                "Your payload is missing an `authentication` string, which this server requires.",
            )
        if not is_authentic(data["authentication"], self._password, self._salt, self._challenge):
            self._on_wrong_password()
            raise Close(AUTHENTICATION, "Authentication failed.")

    def _subscribe(self, data: dict[str, Any]) -> None:
        wanted = data.get("eventSubscriptions")
        if wanted is None:
            return
        if isinstance(wanted, bool) or not isinstance(wanted, int):
            raise Close(TYPE, "Your `eventSubscriptions` is not a number.")
        if wanted < 0:
            raise Close(VALUE, "Your `eventSubscriptions` is negative.")
        self._subscriptions = wanted

    def _outcome(self, request: dict[str, Any], *, has_id: bool) -> dict[str, Any]:
        """Carry out one request and return what is said of it."""
        request_type = request.get("requestType")
        outcome: dict[str, Any] = {"requestType": request_type or ""}
        if has_id or request.get("requestId") is not None:
            outcome["requestId"] = request.get("requestId")
        try:
            if not request_type:
                raise RequestError(
                    Status.MISSING_REQUEST_TYPE, "Your request is missing a `requestType`."
                )
            if not isinstance(request_type, str):
                raise Close(TYPE, "Your `requestType` is not a string.")
            response = answer(self._context, request_type, request.get("requestData"))
        except RequestError as error:
            status = {"result": False, "code": int(error.code), "comment": error.comment}
            return {**outcome, "requestStatus": status}
        outcome["requestStatus"] = {"result": True, "code": int(Status.SUCCESS)}
        if response is not None:
            outcome["responseData"] = response
        return outcome

    def _batch(self, data: dict[str, Any]) -> dict[str, Any]:
        batch_id = _needed(data, "requestId")
        requests = _needed(data, "requests")
        halts = data.get("haltOnFailure") or False
        mode = data.get("executionType") or 0
        if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
            raise Close(TYPE, "Your `requests` is not an array of objects.")
        if not isinstance(halts, bool):
            raise Close(TYPE, "Your `haltOnFailure` is not a boolean.")
        if isinstance(mode, bool) or not isinstance(mode, int):
            raise Close(TYPE, "Your `executionType` is not a number.")
        if mode not in (0, _SERIAL_FRAME, 2) or len(requests) > MAX_BATCH:
            raise Close(VALUE, "Your `executionType` or the number of requests is out of range.")
        results = []
        for request in requests:
            if mode == _SERIAL_FRAME:
                outcome = _refused_by_frame(request)
            else:
                outcome = self._outcome(request, has_id=False)
            results.append(outcome)
            if halts and not outcome["requestStatus"]["result"]:
                break
        return {"requestId": batch_id, "results": results}


def _needed(data: dict[str, Any], name: str) -> Any:
    if data.get(name) is None:
        raise Close(MISSING, f"Your payload is missing a `{name}`.")
    return data[name]


def _refused_by_frame(request: dict[str, Any]) -> dict[str, Any]:
    code = int(Status.UNSUPPORTED_BATCH)
    comment = "Batches are not executed frame by frame here; commands carry their own time."
    outcome: dict[str, Any] = {
        "requestType": request.get("requestType") or "",
        "requestStatus": {"result": False, "code": code, "comment": comment},
    }
    if request.get("requestId") is not None:
        outcome["requestId"] = request["requestId"]
    return outcome
