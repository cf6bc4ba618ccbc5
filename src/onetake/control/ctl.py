"""The other end of the control socket: what `onetake ctl` says, for people and programs.

Invariant: every verb is one request; what comes back is the method's result, or the error the
recorder raised, with its code.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from onetake.control.session_files import live_sessions
from onetake.control.unix_socket import socket_path
from onetake.control.verbs import VERBS
from onetake.errors import OnetakeError, OutputFailed, UsageError
from onetake.model.units import NS_PER_S

__all__ = ["ControlClient", "Reply", "chosen_session", "send", "told"]

CONNECT_TIMEOUT_S = 5.0
"""How long a recorder may take to answer the door."""

ANSWER_TIMEOUT_S = 150.0
"""How long an answer may take: a stop is answered when the file is finished."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    method: str
    result: Any
    """Plain values, as decoded from JSON."""


class ControlClient:
    """One connection to a recorder's control socket. One thread."""

    def __init__(self, session_id: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_TIMEOUT_S)
        self._lines = self._socket.makefile("rb")
        self._last_id = 0
        self.events: list[dict[str, Any]] = []
        """Events that came while an answer was awaited."""
        try:
            self._socket.connect(str(socket_path(session_id)))
            self.hello: dict[str, Any] = self._read()["params"]
        except (OSError, OutputFailed) as error:
            self.close()
            raise _not_running(session_id) from error

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> Any:
        """Return the result of a method as plain values. Raises what the recorder raised."""
        self._last_id += 1
        request = {
            "jsonrpc": "2.0",
            "id": self._last_id,
            "method": method,
            "params": {} if parameters is None else parameters,
        }
        self._socket.settimeout(ANSWER_TIMEOUT_S)
        try:
            self._socket.sendall(msgspec.json.encode(request) + b"\n")
            while True:
                message = self._read()
                if message.get("id") == self._last_id:
                    return _result(message)
                if message.get("method") == "event":
                    self.events.append(message["params"])
        except OSError as error:
            raise OutputFailed("the recorder does not answer", code="no-answer") from error

    def next_event(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next event after a `subscribe`; None when none comes in time."""
        if self.events:
            return self.events.pop(0)
        self._socket.settimeout(timeout_s)
        try:
            message = self._read()
        except TimeoutError:
            return None
        params: dict[str, Any] = message["params"]
        return params

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise OutputFailed("the recorder hung up", code="no-answer")
        message: dict[str, Any] = msgspec.json.decode(line)
        return message

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def send(words: Sequence[str], session_id: str | None = None) -> Reply:
    """Carry out what the words say (`["mute", "mic"]`) and return the answer.

    Args:
        session_id: which recorder; None = the only one that runs.

    Raises UsageError for words that mean nothing, and what the recorder raised.
    """
    verb = VERBS.get(words[0] if words else "")
    if verb is None:
        said = f"'{words[0]}' is nothing a recorder does" if words else "nothing was said"
        raise UsageError(said, hint="say one of: " + ", ".join(VERBS))
    method, parameters = verb.request(list(words[1:]))
    with ControlClient(chosen_session(session_id)) as client:
        return Reply(method, client.call(method, parameters))


def chosen_session(session_id: str | None) -> str:
    """Return the session to talk to. Raises UsageError when it is not clear which."""
    if session_id is not None:
        return session_id
    running = live_sessions()
    if not running:
        raise _not_running(None)
    if len(running) > 1:
        raise UsageError(
            "several recorders run",
            hint="say which with --session: " + ", ".join(one.id for one in running),
            code="several-sessions",
        )
    return running[0].id


def told(reply: Reply) -> str:
    """Return the answer in words, for a terminal."""
    result = reply.result
    match reply.method:
        case "snapshot":
            return _status_text(result)
        case "devices":
            devices = [f"{one['role']:7} {one['id']}  {one['name']}" for one in result["devices"]]
            return "\n".join([*devices, *result["problems"]])
        case "stop" if result is None:
            return "stopped before the first frame; there is no file"
        case "stop":
            return f"saved {result['path']}: {result['duration_s']:.1f} s, {result['verdict']}"
        case "start":
            return f"recording to {result['path']}"
        case _:
            return f"at {result['position_ns'] / NS_PER_S:.3f} s"


def _status_text(now: dict[str, Any]) -> str:
    mic = "muted" if now["is_mic_muted"] else "live"
    system = "muted" if now["is_system_muted"] else "live"
    camera = "shown" if now["overlay"]["is_visible"] else "hidden"
    words = [now["state"], f"{now['position_ns'] / NS_PER_S:.1f} s", now["path"]]
    told = {"mic": mic, "system": system, "camera": camera}
    words += [
        f"{role} {how}"
        for role, how in told.items()
        if not now["devices"] or role in now["devices"]
    ]
    words += [f"{now['frames']} frames", f"{now['dropped_frames']} dropped"]
    return ", ".join(word for word in words if word)


def _not_running(session_id: str | None) -> OnetakeError:
    name = f" named {session_id}" if session_id else ""
    return OnetakeError(
        f"no recorder{name} runs",
        hint="start one with 'onetake record' or 'onetake engine'",
        code="no-session",
    )


def _result(message: dict[str, Any]) -> Any:
    error = message.get("error")
    if error is None:
        return message.get("result")
    data = error.get("data", {})
    kinds = {kind.code: kind for kind in _error_kinds(OnetakeError)}
    kind = kinds.get(data.get("kind", ""), OnetakeError)
    raise kind(error["message"], hint=data.get("hint", ""), code=data.get("code", kind.code))


def _error_kinds(base: type[OnetakeError]) -> list[type[OnetakeError]]:
    return [base, *(kind for below in base.__subclasses__() for kind in _error_kinds(below))]
