"""The program of the bundle: a menu-bar item without arguments, the command line with some.

Invariant: the main thread belongs to AppKit; whatever may take longer is done on a worker thread.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from onetake.errors import OnetakeError, PermissionDenied
from onetake.model.events import Snapshot, Warned

if TYPE_CHECKING:
    from onetake.control.controller import Controller
    from onetake.ui.macos.hotkeys import Hotkeys
    from onetake.ui.macos.menubar import Action

__all__ = ["App", "main"]


class App:
    """Connects menu and hotkeys to the controller. `run` on the main thread.

    What is chosen is done on a worker thread, since opening devices takes seconds and AppKit must
    not wait. What goes wrong is shown in the menu.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._work: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._problem: OnetakeError | None = None
        self._worker = threading.Thread(target=self._do, name="app-worker")

    def run(self) -> None:
        """Show the item until Quit; a running take is finished then."""
        from onetake.ui.macos.menubar import Action, MenuBar

        bar = MenuBar({a: partial(self.chosen, a) for a in Action}, self.snapshot)
        self._worker.start()
        hotkeys = self._hotkeys()
        try:
            bar.run()
        finally:
            if hotkeys is not None:
                hotkeys.close()
            self._work.put(None)
            self._worker.join()
            self._controller.close()

    def chosen(self, action: Action) -> None:
        """Have an action done soon. Any thread."""
        from onetake.control.protocol import Toggle
        from onetake.ui.macos.menubar import Action

        controller = self._controller
        does: dict[Action, Callable[[], object]] = {
            Action.RECORD: controller.start,
            Action.STOP: controller.stop,
            Action.PAUSE: lambda: controller.toggle(Toggle.PAUSE),
            Action.MUTE_MIC: lambda: controller.toggle(Toggle.MIC),
            Action.MUTE_SYSTEM: lambda: controller.toggle(Toggle.SYSTEM),
            Action.CAMERA: lambda: controller.toggle(Toggle.CAMERA),
            Action.WARNING: self._explain,
        }
        if action in does:
            self._work.put(does[action])

    def snapshot(self) -> Snapshot:
        """Return how the take is doing, with what went wrong in the menu as the newest warning."""
        now = self._controller.snapshot()
        problem = self._problem
        if problem is None:
            return now
        told = Warned(problem.code, problem.message, problem.hint)
        return msgspec.structs.replace(now, warnings=[*now.warnings, told])

    def _do(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                self._problem = None if work != self._explain else self._problem
                work()
            except OnetakeError as error:
                self._problem = error

    def _explain(self) -> None:
        """Open the settings pane of a missing permission, or show the newest warning's hint."""
        from onetake.platforms.grants import KINDS
        from onetake.platforms.macos import permissions

        if isinstance(self._problem, PermissionDenied):
            kinds = [kind for kind in KINDS if kind in self._problem.message]
            permissions.open_settings(kinds[0] if kinds else "screen")
            return
        warnings = self.snapshot().warnings
        if warnings:
            said = f"{warnings[-1].message}. {warnings[-1].hint}"
            script = "on run argv\ndisplay alert (item 1 of argv)\nend run"
            subprocess.run(["osascript", "-e", script, said], check=False)

    def _hotkeys(self) -> Hotkeys | None:
        from onetake.ui.macos.hotkeys import DEFAULT_KEYS, Hotkeys
        from onetake.ui.macos.menubar import Action

        if os.environ.get("ONETAKE_NO_HOTKEYS"):
            return None
        return Hotkeys(DEFAULT_KEYS, lambda name: self.chosen(Action(name)))


def main() -> int:
    """Run the command line if there are arguments, the menu-bar item otherwise.

    In the bundle this program is `sys.executable`, and takes `-m MODULE` as Python does: so the
    self-test starts the programs of its pattern.
    """
    if sys.argv[1:2] == ["-m"]:
        module, sys.argv[1:3] = sys.argv[2], []
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return 0
    if len(sys.argv) > 1:
        from onetake.ui.cli import main as command_line

        return command_line()
    from onetake.control.config import load_config, resolve_settings
    from onetake.control.controller import Controller
    from onetake.engine.recorder import Recorder

    settings = resolve_settings({}, config=load_config()).settings
    App(Controller(Recorder(), settings)).run()
    return 0
