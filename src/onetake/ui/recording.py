"""One take from the command line, with keys, signals and a live line.

The main thread owns the terminal and the signals; the take runs on its own threads and is never
slowed by a slow terminal.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import TextIO

import msgspec

from onetake.control.config import Keys
from onetake.control.controller import Controller
from onetake.control.relay import Listening
from onetake.engine.broadcast import never
from onetake.engine.recorder import Recorder
from onetake.engine.take import Take
from onetake.errors import ExitCode, InvalidState
from onetake.model.commands import (
    Command,
    Marker,
    Pause,
    Resume,
    SetMute,
    ShowCamera,
    command_text,
)
from onetake.model.devices import Role
from onetake.model.events import (
    ControlChanged,
    Event,
    FileChanged,
    Finished,
    Meters,
    Snapshot,
    SourceChanged,
    Started,
    StateChanged,
    TakeState,
    Warned,
)
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.ui.keys import TerminalKeys
from onetake.ui.status_line import clock_text, size_text, status_text

__all__ = ["exit_code_of", "run_take"]

REFRESH_S = 0.1
"""How often signals are looked at and the live line is drawn. Slower makes Ctrl-C feel slow; faster
costs CPU for nothing a person could see."""

LAST_EVENT_S = 2.0
"""How long the last word of a take is waited for after its end; it is on its way by then."""

_LAST_STATES = (TakeState.FINISHED, TakeState.FAILED)
"""Nothing is said after one of these, and everybody else who listens has heard all before."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_take(
    recorder: Recorder, controller: Controller, settings: Settings, *, keys: Keys, as_json: bool
) -> Finished | None:
    """Run one take to its end and return what became of it; None when it was stopped before its
    first frame. Raises OnetakeError when there is no file."""
    display = _JsonLines() if as_json else _Words(sys.stderr)
    with _stop_signals() as stop_signals, contextlib.closing(controller.subscribe(never)) as events:
        recorder.plan(settings)
        if not _count_down(settings.countdown_s, stop_signals, as_json=as_json):
            return None
        controller.start(msgspec.structs.replace(settings, countdown_s=0.0))
        take = recorder.take
        assert take is not None
        _follow(take, controller, events, display, stop_signals=stop_signals, keys=keys)
        return take.wait()


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect stop signals: the first is a wish, the second ends the program (the file stays
    recoverable)."""
    seen: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, remember) for number in _SIGNALS}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _count_down(seconds: float, stop_signals: list[int], *, as_json: bool) -> bool:
    """Wait before the take; whether it still is wanted."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        if stop_signals:
            return False
        if not as_json:
            print(f"\rstarting in {left_s:.0f} ", end="", file=sys.stderr, flush=True)
        time.sleep(min(0.1, left_s))
    if seconds > 0 and not as_json:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return True


def _follow(
    take: Take,
    controller: Controller,
    events: Listening,
    display: _Display,
    *,
    stop_signals: list[int],
    keys: Keys,
) -> None:
    """Show what happens and pass keys on until the take is over."""
    is_last_shown = False
    with TerminalKeys() as terminal:
        while not take.is_ended and not is_last_shown:
            if stop_signals:
                take.stop()
            if terminal.is_usable:
                # Waits here, so that a key is taken the moment it is pressed.
                _press(take, controller, terminal.poll(REFRESH_S), keys)
                is_last_shown = _show_waiting(events, display, 0.0)
            else:
                is_last_shown = _show_waiting(events, display, REFRESH_S)
            display.refresh(take.snapshot())
    if not is_last_shown:
        _show_waiting(events, display, LAST_EVENT_S)


def _show_waiting(events: Listening, display: _Display, most_s: float) -> bool:
    """Show the events that wait, and those of the next moment; returns after the take's last one,
    and whether that was it."""
    until_s = time.monotonic() + most_s
    while True:
        event = events.get(max(0.0, until_s - time.monotonic()))
        if event is None:
            return False
        display.show(event)
        if isinstance(event, StateChanged) and event.state in _LAST_STATES:
            return True


def _press(take: Take, controller: Controller, key: str, keys: Keys) -> None:
    if not key:
        return
    if key == keys.stop:
        take.stop()
        return
    command = _command_of(key, keys, take.snapshot())
    if command is not None:
        # A key pressed a moment too late or twice needs no explanation.
        with contextlib.suppress(InvalidState):
            controller.send(command)


def _command_of(key: str, keys: Keys, now: Snapshot) -> Command | None:
    choices: dict[str, Command] = {
        keys.mute_mic: SetMute(Role.MIC, not now.is_mic_muted),
        keys.mute_system: SetMute(Role.SYSTEM, not now.is_system_muted),
        keys.hide_camera: ShowCamera(not now.overlay.is_visible),
        keys.pause: Resume() if now.state is TakeState.PAUSED else Pause(),
        keys.marker: Marker(),
    }
    return choices.get(key)


class _Display:
    """How a take is shown."""

    def show(self, event: Event) -> None:
        """Something happened."""

    def refresh(self, snapshot: Snapshot) -> None:
        """Time passed."""


_TOLD = Started | ControlChanged | SourceChanged | FileChanged | Warned | Finished
"""What programs are told; meters and mere state changes would drown it."""


class _JsonLines(_Display):
    """One JSON object a line, for programs."""

    def show(self, event: Event) -> None:
        """Print the event; meters and mere state changes are left out."""
        if isinstance(event, _TOLD):
            line = {**msgspec.to_builtins(event), **_seconds(event)}
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
            sys.stdout.flush()


def _seconds(event: Event) -> dict[str, float]:
    position_ns = getattr(event, "position_ns", None)
    return {} if position_ns is None else {"position_s": position_ns / NS_PER_S}


class _Words(_Display):
    """A live line on a terminal, plain lines elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_live = out.isatty()

    def show(self, event: Event) -> None:
        """Say what a person should know."""
        match event:
            case Started():
                self._line(f"recording to {event.path}")
            case Warned():
                hint = f" ({event.hint})" if event.hint else ""
                self._line(f"{clock_text(event.position_ns)} warning: {event.message}{hint}")
            case ControlChanged():
                self._line(f"{clock_text(event.position_ns)} {command_text(event.command)}")
            case SourceChanged() if event.reason:
                self._line(
                    f"{clock_text(event.position_ns)} {event.role} {event.state}: {event.reason}"
                )
            case FileChanged():
                self._line(f"{clock_text(event.position_ns)} going on in {event.path}")
            case Finished():
                self._finished(event)
            case Meters() | _:
                pass

    def refresh(self, snapshot: Snapshot) -> None:
        """Draw the live line again."""
        if self._is_live and snapshot.state in (
            TakeState.RECORDING,
            TakeState.PAUSED,
            TakeState.STOPPING,
        ):
            width = shutil.get_terminal_size().columns - 1
            self._out.write("\r\x1b[K" + status_text(snapshot, width))
            self._out.flush()

    def _finished(self, event: Finished) -> None:
        self._line(
            f"saved {event.path}: {event.duration_s:.1f} s, {size_text(event.size_bytes)}, "
            f"{event.verdict}" + "".join(f"; {reason}" for reason in event.reasons)
        )

    def _line(self, text: str) -> None:
        self._out.write(("\r\x1b[K" if self._is_live else "") + text + "\n")
        self._out.flush()


def exit_code_of(finished: Finished | None) -> ExitCode:
    """Return with what a command ends whose take became this."""
    if finished is None or finished.verdict == "good":
        return ExitCode.OK
    return ExitCode.DISK_FULL if finished.stop_reason == "disk-full" else ExitCode.DEGRADED
