"""JSON-RPC 2.0, one object a line: the native protocol, whatever carries the lines.

    client ──request line──▶ RpcSession ──▶ Controller
    client ◀──answers, events── Outbox ◀──┘

Invariant: one line in, at most one answer out; an answer is one line of UTF-8 without a raw
carriage return or line feed. Nothing a client sends can raise out of `receive`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from onetake._version import __version__
from onetake.control.controller import Controller, Origin
from onetake.control.methods import METHODS, Method
from onetake.control.outbox import Importance, Outbox
from onetake.control.protocol import PROTOCOL, EventName, Hello, Nothing, Problem, Subscribed
from onetake.errors import OnetakeError
from onetake.model.events import Event, Meters

__all__ = ["MAX_LINE_BYTES", "RpcSession", "event_line"]

MAX_LINE_BYTES = 64 * 1024
"""Longest request. All settings at once are 2 KiB; more is a mistake or an attack."""

MAX_SLOW_CALLS = 4
"""Most starts, stops and device lists of one client under way: a client that asks for more is
broken, and each holds a thread."""

_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602
_INTERNAL = -32603
_FAILED = -32000
"""JSON-RPC's codes. Errors of the recorder are `_FAILED`; their own code is in `data`."""


class _Request(msgspec.Struct, frozen=True):
    """One line of a client. `id` keeps its type; left out = nobody waits for an answer."""

    jsonrpc: Literal["2.0"]
    method: str
    params: msgspec.Raw = msgspec.Raw()
    id: str | int | float | msgspec.UnsetType | None = msgspec.UNSET


class _OwnMethods:
    """Names of the methods that concern the connection only."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    SCHEMA = "schema"
    ALL = (SUBSCRIBE, UNSUBSCRIBE, SCHEMA)


_decoder = msgspec.json.Decoder(_Request)


def event_line(event: Event) -> bytes:
    """Return an event as a notification line."""
    return _line({"jsonrpc": "2.0", "method": "event", "params": event})


class RpcSession:
    """One client's conversation. `receive` on one thread; `offer` on another.

    Args:
        outbox: where answers and events go; the caller writes them to the client.
        origin: who the client is, for announcements and for what it may ask.
    """

    def __init__(self, controller: Controller, outbox: Outbox, origin: Origin) -> None:
        self._controller = controller
        self._outbox = outbox
        self._origin = origin
        self._wanted: frozenset[str] = frozenset()
        self._slow_calls = threading.BoundedSemaphore(MAX_SLOW_CALLS)

    def greet(self) -> None:
        """Say hello."""
        methods = [*METHODS, *_OwnMethods.ALL]
        hello = Hello(PROTOCOL, "onetake", __version__, os.getpid(), methods)
        self._put({"jsonrpc": "2.0", "method": "hello", "params": hello})

    def receive(self, line: bytes) -> None:
        """Carry out one line and answer it. Slow methods are answered later, from a thread of
        their own. Never raises for what the line says."""
        try:
            request = _decoder.decode(line)
        except msgspec.ValidationError as error:
            problem = Problem("invalid-request", str(error))
            self._refuse(_id_of(line), _INVALID_REQUEST, problem)
        except (msgspec.DecodeError, RecursionError):
            self._refuse(None, _PARSE_ERROR, Problem("parse-error", "the line is no JSON object"))
        else:
            self._carry_out(request)

    def offer(self, event: Event, encode: Callable[[Event], bytes]) -> None:
        """Pass an event on if the client wants it. Never blocks."""
        if event.__struct_config__.tag in self._wanted:
            is_passing = isinstance(event, Meters)
            self._outbox.put(encode(event), Importance.PASSING if is_passing else Importance.EVENT)

    def _carry_out(self, request: _Request) -> None:
        method = METHODS.get(request.method)
        if method is not None and method.is_slow:
            self._carry_out_aside(request, method)
        else:
            self._answer(request, method)

    def _carry_out_aside(self, request: _Request, method: Method) -> None:
        if not self._slow_calls.acquire(blocking=False):
            problem = Problem("busy", "too many requests are under way")
            self._refuse(request.id, _FAILED, problem)
            return

        def run() -> None:
            try:
                self._answer(request, method)
            finally:
                self._slow_calls.release()

        threading.Thread(target=run, name=f"control-{request.method}", daemon=True).start()

    def _answer(self, request: _Request, method: Method | None) -> None:
        try:
            result = self._result(request, method)
        except _NoMethodError as error:
            self._refuse(request.id, _NO_METHOD, _problem(error))
        except OnetakeError as error:
            self._refuse(request.id, _FAILED, _problem(error))
        except (msgspec.ValidationError, RecursionError) as error:
            self._refuse(request.id, _INVALID_PARAMS, Problem("invalid-params", str(error)))
        except Exception as error:  # noqa: BLE001  one bad request must not end the conversation
            problem = Problem("internal", f"{type(error).__name__}: {error}")
            self._refuse(request.id, _INTERNAL, problem)
        else:
            if request.id is not msgspec.UNSET:
                self._put({"jsonrpc": "2.0", "id": request.id, "result": result})

    def _result(self, request: _Request, method: Method | None) -> Any:
        if method is not None:
            parameters = _parameters(request.params, method.takes)
            return method.call(self._controller, self._origin, parameters)
        match request.method:
            case _OwnMethods.SUBSCRIBE:
                wanted: Subscribed = _parameters(request.params, Subscribed)
                self._wanted = frozenset(wanted.events)
                return wanted
            case _OwnMethods.UNSUBSCRIBE:
                _parameters(request.params, Nothing)
                self._wanted = frozenset()
                return Subscribed([])
            case _OwnMethods.SCHEMA:
                from onetake.control.schema import schema

                return schema()
            case _:
                raise _NoMethodError(f"no method '{request.method[:80]}'")

    def _refuse(self, request_id: Any, number: int, problem: Problem) -> None:
        if request_id is not msgspec.UNSET:
            error = {"code": number, "message": problem.message, "data": problem}
            self._put({"jsonrpc": "2.0", "id": request_id, "error": error})

    def _put(self, message: dict[str, Any]) -> None:
        self._outbox.put(_line(message), Importance.ANSWER)


class _NoMethodError(OnetakeError):
    """The method does not exist."""

    code = "no-method"


def _problem(error: OnetakeError) -> Problem:
    return Problem(error.code, error.message, error.hint, type(error).code)


def _parameters(raw: msgspec.Raw, kind: Any) -> Any:
    """Return the parameters as their struct; left out or null = none. Raises ValidationError."""
    text = bytes(raw)
    if text in (b"", b"null"):
        text = b"{}"
    return msgspec.json.decode(text, type=kind)


def _id_of(line: bytes) -> str | int | float | None:
    """Return the id of a request that is otherwise wrong, so that its sender can tell which."""

    class OnlyId(msgspec.Struct):
        id: str | int | float | None = None

    try:
        return msgspec.json.decode(line, type=OnlyId).id
    except (msgspec.DecodeError, RecursionError):
        return None


def _line(message: object) -> bytes:
    return msgspec.json.encode(message) + b"\n"


assert set(EventName) == {kind.__struct_config__.tag for kind in Event.__args__}
