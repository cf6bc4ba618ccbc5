"""Global hotkeys, on a stand-in for Carbon."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from onetake.errors import UsageError
from onetake.ui.macos.hotkeys import DEFAULT_KEYS, Hotkeys, parse_keys


class Function:
    """A C function: has a `restype`, is called by position."""

    def __init__(self, body: Any) -> None:
        self.restype: Any = None
        self._body = body

    def __call__(self, *arguments: Any) -> Any:
        return self._body(*arguments)


class Carbon:
    """The five functions we use."""

    def __init__(self, taken: tuple[int, ...] = ()) -> None:
        self.registered: dict[int, tuple[int, int]] = {}
        self.handler: Any = None
        self._taken = taken
        self._pressed = (0, 0)
        self.GetApplicationEventTarget = Function(lambda: 0x7FFF_1234_5678)

    def InstallEventHandler(self, target: Any, handler: Any, count: int, *rest: Any) -> int:
        assert target.value == 0x7FFF_1234_5678, "a pointer cut to 32 bits"
        assert count == 1
        self.handler = handler
        return 0

    def RegisterEventHotKey(
        self, code: int, modifiers: int, key_id: Any, target: Any, options: int, out: Any
    ) -> int:
        if code in self._taken:
            return -9878  # eventHotKeyExistsErr
        self.registered[key_id.number] = (code, modifiers)
        out._obj.value = key_id.number
        return 0

    def UnregisterEventHotKey(self, ref: Any) -> int:
        del self.registered[ref.value]
        return 0

    def GetEventParameter(
        self, event: Any, name: int, kind: int, actual: Any, size: int, got: Any, out: Any
    ) -> int:
        assert size == ctypes.sizeof(out._obj)
        out._obj.signature, out._obj.number = self._pressed
        return 0

    def press(self, number: int, signature: int = 0x6F6E6574) -> None:
        self._pressed = (signature, number)
        assert self.handler(None, 1, None) == 0


@pytest.mark.parametrize(
    ("text", "code", "modifiers"),
    [
        ("ctrl+opt+cmd+m", 46, 0x1000 | 0x0800 | 0x0100),
        ("CMD+Shift+A", 0, 0x0100 | 0x0200),
        ("cmd+p", 35, 0x0100),
        ("cmd+5", 23, 0x0100),
    ],
)
def test_keys_are_parsed(text: str, code: int, modifiers: int) -> None:
    """Letters and digits have the key codes of an ANSI keyboard."""
    assert parse_keys(text) == (code, modifiers)


@pytest.mark.parametrize("text", ["m", "cmd+", "cmd+§", "hyper+m", "cmd+mm", ""])
def test_nonsense_is_refused(text: str) -> None:
    """What is no hotkey is a usage error that shows how to write one."""
    with pytest.raises(UsageError, match="no hotkey"):
        parse_keys(text)


def test_pressed_keys_reach_their_action() -> None:
    """Each registered key calls with its own action; others' events are left alone."""
    carbon, pressed = Carbon(), []
    keys = Hotkeys(DEFAULT_KEYS, pressed.append, carbon=carbon)
    assert len(carbon.registered) == 5
    assert keys.taken == []
    carbon.press(2)
    carbon.press(5)
    carbon.press(9)
    carbon.press(1, signature=7)
    assert pressed == ["mute-mic", "stop"]
    keys.close()
    keys.close()
    assert carbon.registered == {}


def test_keys_of_other_applications_are_told() -> None:
    """A key that is taken is listed, and the others work."""
    carbon, pressed = Carbon(taken=(46,)), []
    keys = Hotkeys(DEFAULT_KEYS, pressed.append, carbon=carbon)
    assert keys.taken == ["mute-mic"]
    carbon.press(1)
    assert pressed == ["pause"]
