"""Global hotkeys through RegisterEventHotKey: the one way that needs no permission.

The main thread has to run an event loop (`menubar.MenuBar.run`); the callbacks come on it. Carbon
has no PyObjC package, so this is ctypes; names and numbers are Carbon's own (Events.h,
CarbonEvents.h).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

from onetake.errors import UsageError

__all__ = ["DEFAULT_KEYS", "Hotkeys", "parse_keys"]

_CARBON = "/System/Library/Frameworks/Carbon.framework/Carbon"
_MODIFIERS = {"cmd": 0x0100, "shift": 0x0200, "opt": 0x0800, "ctrl": 0x1000}
_LAYOUT = "asdfhgzxcv§bqweryt123465=97-80]ou[ip\rlj'k;\\,/nm"
_KEY_CODES = {key: code for code, key in enumerate(_LAYOUT) if key.isalnum()}
"""Virtual key codes: places on an ANSI keyboard, whatever the layout prints on them."""

_KEYBOARD, _PRESSED = 0x6B657962, 5  # kEventClassKeyboard 'keyb', kEventHotKeyPressed
_DIRECT_OBJECT, _HOT_KEY_ID = 0x2D2D2D2D, 0x686B6964  # '----', typeEventHotKeyID 'hkid'
_SIGNATURE = 0x6F6E6574  # 'onet'

DEFAULT_KEYS = {
    "pause": "ctrl+opt+cmd+p",
    "mute-mic": "ctrl+opt+cmd+m",
    "mute-system": "ctrl+opt+cmd+s",
    "camera": "ctrl+opt+cmd+c",
    "stop": "ctrl+opt+cmd+x",
}
"""Keys that no application we know of uses."""


class _EventType(ctypes.Structure):
    _fields_ = (("kind_class", ctypes.c_uint32), ("kind", ctypes.c_uint32))


class _KeyId(ctypes.Structure):
    _fields_ = (("signature", ctypes.c_uint32), ("number", ctypes.c_uint32))


_Handler = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def parse_keys(text: str) -> tuple[int, int]:
    """Return `ctrl+opt+cmd+m` as (key code, modifiers). Raises UsageError."""
    *modifiers, key = text.lower().split("+")
    if key not in _KEY_CODES or not modifiers or any(m not in _MODIFIERS for m in modifiers):
        raise UsageError(
            f"'{text}' is no hotkey",
            hint="write it as ctrl+opt+cmd+m: a letter or digit, some modifiers",
        )
    return _KEY_CODES[key], sum({_MODIFIERS[m] for m in modifiers})


class Hotkeys:
    """Hotkeys that are registered until `close`. Main thread only.

    Args:
        keys: action -> `ctrl+opt+cmd+m`. Raises UsageError.
        pressed: told the action; must return at once.
        carbon: the Carbon library; None = the system's.
    """

    def __init__(
        self, keys: Mapping[str, str], pressed: Callable[[str], None], *, carbon: Any = None
    ) -> None:
        parsed = {action: parse_keys(text) for action, text in keys.items()}
        self._carbon = ctypes.CDLL(_CARBON) if carbon is None else carbon
        self._pressed = pressed
        self._actions: dict[int, str] = {}
        self._refs: list[ctypes.c_void_p] = []
        self.taken: list[str] = []
        """Actions whose keys another application has."""
        self._carbon.GetApplicationEventTarget.restype = ctypes.c_void_p
        target = ctypes.c_void_p(self._carbon.GetApplicationEventTarget())
        self._handler = _Handler(self._handle)  # held: Carbon keeps only the address
        kind = _EventType(_KEYBOARD, _PRESSED)
        self._carbon.InstallEventHandler(target, self._handler, 1, ctypes.byref(kind), None, None)
        for number, (action, (code, modifiers)) in enumerate(parsed.items(), 1):
            self._register(number, action, code, modifiers, target)

    def close(self) -> None:
        """Give the keys back. Idempotent."""
        while self._refs:
            self._carbon.UnregisterEventHotKey(self._refs.pop())

    def _register(
        self, number: int, action: str, code: int, modifiers: int, target: ctypes.c_void_p
    ) -> None:
        ref = ctypes.c_void_p()
        status = self._carbon.RegisterEventHotKey(
            code, modifiers, _KeyId(_SIGNATURE, number), target, 0, ctypes.byref(ref)
        )
        if status:
            self.taken.append(action)
            return
        self._actions[number] = action
        self._refs.append(ref)

    def _handle(self, _call: int, event: int, _data: int) -> int:
        """Pass a key on; called by Carbon on the main thread. An exception would only be printed
        by ctypes, never passed on."""
        found = _KeyId()
        status = self._carbon.GetEventParameter(
            ctypes.c_void_p(event),
            _DIRECT_OBJECT,
            _HOT_KEY_ID,
            None,
            ctypes.sizeof(found),
            None,
            ctypes.byref(found),
        )
        if status == 0 and found.signature == _SIGNATURE and found.number in self._actions:
            self._pressed(self._actions[found.number])
        return 0
