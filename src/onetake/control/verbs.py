"""What can be said after `onetake ctl`, and the request it becomes. Pure and quick to import.

Invariant: every verb is one request of the native protocol; help, manual and completion read the
same table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from onetake.errors import UsageError
from onetake.model.devices import Role

__all__ = ["VERBS", "Verb"]

_SOUNDS = ("mic", "system")


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be said after `onetake ctl`."""

    words: str
    """How it is written, for help: `mute mic|system`."""
    doc: str
    read: Callable[[list[str]], tuple[str, dict[str, Any]]]
    """Does what `request` does, but for the hint of an error."""

    def request(self, words: list[str]) -> tuple[str, dict[str, Any]]:
        """Return method and parameters from the words after the verb. Raises UsageError."""
        try:
            return self.read(words)
        except UsageError as error:
            hint = error.hint or f"write: onetake ctl {self.words}"
            raise UsageError(error.message, hint=hint) from error


def _plain(method: str, **parameters: object) -> Callable[[list[str]], tuple[str, dict[str, Any]]]:
    def request(words: list[str]) -> tuple[str, dict[str, Any]]:
        _count(words, 0, 0)
        return method, dict(parameters)

    return request


def _mute(is_muted: bool) -> Callable[[list[str]], tuple[str, dict[str, Any]]]:
    def request(words: list[str]) -> tuple[str, dict[str, Any]]:
        _count(words, 1, 1)
        return "mute", {"role": _one_of(words[0], _SOUNDS), "is_muted": is_muted}

    return request


def _camera(is_visible: bool) -> Callable[[list[str]], tuple[str, dict[str, Any]]]:
    def request(words: list[str]) -> tuple[str, dict[str, Any]]:
        _count(words, 0, 1)
        if words:
            _one_of(words[0], ("camera",))
        return "camera", {"is_visible": is_visible}

    return request


def _gain(words: list[str]) -> tuple[str, dict[str, Any]]:
    _count(words, 2, 2)
    try:
        gain_db = float(words[1].lower().removesuffix("db"))
    except ValueError as error:
        raise UsageError(f"'{words[1]}' is no number of dB", hint="for example -6") from error
    return "gain", {"role": _one_of(words[0], _SOUNDS), "gain_db": gain_db}


def _toggle(words: list[str]) -> tuple[str, dict[str, Any]]:
    _count(words, 1, 1)
    return "toggle", {"what": _one_of(words[0], ("mic", "system", "camera", "pause"))}


def _marker(words: list[str]) -> tuple[str, dict[str, Any]]:
    return "marker", {"label": " ".join(words)}


def _switch(words: list[str]) -> tuple[str, dict[str, Any]]:
    _count(words, 2, 2)
    return "switch", {"role": _one_of(words[0], tuple(Role)), "device_id": words[1]}


def _count(words: list[str], least: int, most: int) -> None:
    if not least <= len(words) <= most:
        raise UsageError("too few words" if len(words) < least else "too many words")


def _one_of(word: str, allowed: Sequence[str]) -> str:
    if word not in allowed:
        raise UsageError(f"'{word}' is not known here", hint="say " + " or ".join(allowed))
    return word


VERBS = {
    "status": Verb("status", "What the recorder is doing.", _plain("snapshot")),
    "start": Verb("start", "Begin a take (of an engine that waits).", _plain("start")),
    "stop": Verb("stop", "End the take and finish the file.", _plain("stop")),
    "pause": Verb("pause", "Leave out everything from here on.", _plain("pause")),
    "resume": Verb("resume", "Go on.", _plain("resume")),
    "mute": Verb("mute mic|system", "Mute a sound.", _mute(is_muted=True)),
    "unmute": Verb("unmute mic|system", "Unmute a sound.", _mute(is_muted=False)),
    "gain": Verb("gain mic|system DB", "Set the gain of a sound.", _gain),
    "hide": Verb("hide camera", "Hide the camera.", _camera(is_visible=False)),
    "show": Verb("show camera", "Show the camera.", _camera(is_visible=True)),
    "toggle": Verb("toggle mic|system|camera|pause", "The opposite of what is.", _toggle),
    "marker": Verb("marker [LABEL]", "Put a chapter mark here.", _marker),
    "split": Verb("split", "Go on in a new file.", _plain("split")),
    "switch": Verb("switch ROLE DEVICE", "Use another device from here on.", _switch),
    "devices": Verb("devices", "What there is to record from.", _plain("devices")),
}
"""All verbs, in the order of the help."""
