"""The menu-bar item: a dot and the time, and what can be done to the take.

Invariant: AppKit belongs to the main thread, which `run` occupies; everything else is told through
`actions`, which must return at once. AppKit's menu classes are outside of the API table, so their
selectors go through `send` and are looked for on a real Mac by the self-test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import AppKit
import Foundation
import objc
from Foundation import NSObject

from onetake.model.events import Snapshot, TakeState
from onetake.model.units import NS_PER_S
from onetake.platforms.macos.bridge import guarded, send

__all__ = ["Action", "MenuBar", "titles"]

REFRESH_S = 0.5
"""How often the item is brought up to date. Shorter wakes the CPU for nothing; longer makes the
seconds skip."""

VARIABLE_LENGTH = -1.0
"""NSVariableStatusItemLength: as wide as its title."""


class Action(StrEnum):
    """What can be chosen, in the menu's order; hotkeys use the same names."""

    RECORD = "record"
    PAUSE = "pause"
    MUTE_MIC = "mute-mic"
    MUTE_SYSTEM = "mute-system"
    CAMERA = "camera"
    STOP = "stop"
    QUIT = "quit"
    WARNING = "warning"


def titles(now: Snapshot) -> tuple[str, dict[Action, str]]:
    """Return the item's title and the entries that make sense now, with their titles.

    The newest warning is an entry, too; choosing it asks what to do about it.
    """
    title, entries = _titles(now)
    if now.warnings:
        entries[Action.WARNING] = f"⚠ {now.warnings[-1].message}"
    return title, entries


def _titles(now: Snapshot) -> tuple[str, dict[Action, str]]:
    is_running = now.state in (TakeState.RECORDING, TakeState.PAUSED)
    if not is_running:
        return "○", {Action.RECORD: "Record", Action.QUIT: "Quit onetake"}
    seconds = now.position_ns // NS_PER_S
    is_paused = now.state is TakeState.PAUSED
    dot = "❚❚" if is_paused else "●"
    return f"{dot} {seconds // 60:02}:{seconds % 60:02}", {
        Action.PAUSE: "Resume" if is_paused else "Pause",
        Action.MUTE_MIC: "Unmute Microphone" if now.is_mic_muted else "Mute Microphone",
        Action.MUTE_SYSTEM: "Unmute System Sound" if now.is_system_muted else "Mute System Sound",
        Action.CAMERA: "Hide Camera" if now.overlay.is_visible else "Show Camera",
        Action.STOP: "Stop",
    }


class MenuTarget(NSObject):  # type: ignore[misc]  # PyObjC has no types
    """Receives what is chosen; on the main thread."""

    def menuItemChosen_(self, item: Any) -> None:  # noqa: N802  its selector
        """Pass the choice on."""
        with guarded(self.owner):
            self.owner.chosen(str(send(item, "representedObject")))


class MenuBar:
    """See the module. Main thread only, but for `quit`.

    Args:
        actions: what to do for each choice; Action.QUIT ends `run` as well.
        snapshot: how the take is doing.
    """

    def __init__(
        self, actions: Mapping[Action, Callable[[], None]], snapshot: Callable[[], Snapshot]
    ) -> None:
        self._actions = actions
        self._snapshot = snapshot
        self._is_quitting = False
        self._failure: BaseException | None = None
        self._shown: tuple[str, dict[Action, str]] | None = None
        self._app: Any = None
        self._item: Any = None
        self._target: Any = None

    def run(self) -> None:
        """Show the item until `quit`; raise what an action or the snapshot raised."""
        self._app = AppKit.NSApplication.sharedApplication()
        self._app.setActivationPolicy_(AppKit.NSApplicationActivationPolicyAccessory)
        bar = send(objc.lookUpClass("NSStatusBar"), "systemStatusBar")
        self._item = send(bar, "statusItemWithLength:", VARIABLE_LENGTH)
        self._target = MenuTarget.alloc().init()
        self._target.owner = self
        self._refresh()
        timer = Foundation.NSTimer.scheduledTimerWithTimeInterval_repeats_block_(
            REFRESH_S, True, self._tick
        )
        self._app.run()
        timer.invalidate()
        send(bar, "removeStatusItem:", self._item)
        if self._failure is not None:
            raise self._failure

    def quit(self) -> None:
        """Let `run` return within half a second. Any thread."""
        self._is_quitting = True

    def chosen(self, name: str) -> None:
        """Do what was chosen."""
        action = Action(name)
        if action in self._actions:
            self._actions[action]()
        if action is Action.QUIT:
            self.quit()
        self._refresh()

    def fail(self, failure: BaseException) -> None:
        """Remember what went wrong in a callback, and quit."""
        self._failure = self._failure or failure
        self.quit()

    def _tick(self, _timer: Any) -> None:
        with guarded(self):
            self._refresh()
        if self._is_quitting:
            self._app.stop_(None)
            # `stop:` ends the loop after the next event: so there has to be one.
            event = send(
                objc.lookUpClass("NSEvent"),
                "otherEventWithType:location:modifierFlags:timestamp:windowNumber:context:subtype:"
                "data1:data2:",
                *(AppKit.NSEventTypeApplicationDefined, (0, 0), 0, 0, 0, None, 0, 0, 0),
            )
            self._app.postEvent_atStart_(event, True)

    def _refresh(self) -> None:
        wanted = titles(self._snapshot())
        if wanted == self._shown:
            return
        self._shown = wanted
        title, entries = wanted
        send(send(self._item, "button"), "setTitle:", title)
        menu = objc.lookUpClass("NSMenu").alloc().init()
        for action, text in entries.items():
            entry = send(
                objc.lookUpClass("NSMenuItem").alloc(),
                "initWithTitle:action:keyEquivalent:",
                *(text, "menuItemChosen:", ""),
            )
            send(entry, "setTarget:", self._target)
            send(entry, "setRepresentedObject:", action.value)
            send(menu, "addItem:", entry)
        send(self._item, "setMenu:", menu)
