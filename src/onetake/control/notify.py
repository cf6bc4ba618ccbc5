"""Desktop notifications: whoever sits at the machine sees that a recording runs, whoever began it.

Invariant: a missing or hanging notifier costs nothing but the notification.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

from onetake.control.controller import Controller
from onetake.control.event_pump import EventPump
from onetake.engine.broadcast import never
from onetake.model.events import Event, Finished, Started, Warned

__all__ = ["Notifier", "notifier_command"]

TIMEOUT_S = 5.0
"""How long the notifier may take; a desktop that does not answer is left alone."""

_TOLD_WARNINGS = ("remote-opened", "remote-start", "obs-password", "start-failed")
"""Warnings about what others do; those about the recording are on every surface anyway."""


class Notifier:
    """Shows notifications from `start` to `stop`, where the desktop has a notifier."""

    def __init__(self, controller: Controller) -> None:
        self._pump = EventPump(controller, "notify", self._on_event, wants_meters=never)

    def start(self) -> None:
        """Begin to show."""
        self._pump.start()

    def stop(self) -> None:
        """Show no more."""
        self._pump.stop()

    def _on_event(self, event: Event) -> None:
        match event:
            case Started():
                _show("Recording", Path(event.path).name)
            case Finished():
                _show("Recording finished", f"{Path(event.path).name}: {event.verdict}")
            case Warned() if event.code in _TOLD_WARNINGS:
                _show("onetake", event.message)
            case _:
                return


def _show(title: str, text: str) -> None:
    command = notifier_command(title, text)
    if command is not None:
        threading.Thread(target=_run, args=(command,), name="notify-show", daemon=True).start()


def notifier_command(title: str, text: str, platform: str = sys.platform) -> list[str] | None:
    """Return the program that shows a notification, None where there is none."""
    if platform == "darwin":
        # The texts are arguments, never part of the script.
        script = "on run {t, x}\ndisplay notification x with title t\nend run"
        return ["osascript", "-e", script, title, text]
    program = shutil.which("notify-send")
    return None if program is None else [program, "--app-name=onetake", "--", title, text]


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return
