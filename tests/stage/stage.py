"""The whole stage at once: picture, system sound and microphone of one pattern.

with stage() as there, there.environment():
    ... record there.screen_id, there.system_id, there.mic_id ...
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.stage.processes import child, wait_until
from tests.stage.sound import MIC_ID, SYSTEM_ID, SoundServer, pulseaudio
from tests.stage.xserver import Screen, xvfb

__all__ = ["FAST_MIC_HZ", "Stage", "changed_environment", "stage"]

FAST_MIC_HZ = 48010.0
"""True rate of the stage's microphone: 208 ppm fast, 750 ms an hour if nobody corrects it."""

LEAD_S = 1.0
"""Seconds from the start of the programs to the pattern's position 0."""


@contextlib.contextmanager
def changed_environment(changes: dict[str, str]) -> Iterator[None]:
    """Set variables for the length of the block; an empty value unsets."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        for name, value in changes.items():
            _set(name, value or None)
        yield
    finally:
        for name, old in before.items():
            _set(name, old)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


@dataclass(frozen=True)
class Stage:
    """What a recorder finds there, and the truth about it."""

    screen: Screen
    sound: SoundServer
    start_ns: int
    """Host time of the pattern's position 0."""
    schedule_id: int
    mic_hz: float

    screen_id = property(lambda self: self.screen.device_id)
    system_id = SYSTEM_ID
    mic_id = MIC_ID

    @property
    def env(self) -> dict[str, str]:
        """What a recorder needs in its environment."""
        return {**self.screen.env, **self.sound.env}

    def environment(self) -> contextlib.AbstractContextManager[None]:
        """Give this process that environment for the length of a block."""
        return changed_environment(self.env)

    def card(self) -> dict[str, Any]:
        """Return the sound card's log; `heard` lists [event position, host time heard] in ns."""
        truth: dict[str, Any] = json.loads((self.sound.folder / "card.json").read_text())
        return truth


@contextlib.contextmanager
def stage(
    width_px: int = 1280,
    height_px: int = 720,
    *,
    schedule_id: int = 1,
    dac_hz: float = 48000.0,
    mic_hz: float = FAST_MIC_HZ,
    tick_ms: float = 5.0,
) -> Iterator[Stage]:
    """Set everything up and wait until the first sound was truly heard."""
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(xvfb(width_px, height_px))
        sound = stack.enter_context(pulseaudio())
        start_ns = time.monotonic_ns() + int(LEAD_S * 1e9)
        there = Stage(screen, sound, start_ns, schedule_id, mic_hz)
        module = [sys.executable, "-m"]
        when = [str(start_ns), str(schedule_id)]
        flasher = [*module, "tests.stage.flasher", *when, str(tick_ms)]
        card = [*module, "tests.stage.soundcard", str(sound.folder), *when, str(dac_hz)]
        for name, command in (("flasher", flasher), ("card", [*card, str(mic_hz)])):
            log = sound.folder / f"{name}.log"
            stack.enter_context(child(command, env=there.env, log=log, is_hardware=True))
        wait_until((sound.folder / "card.json").exists, "the sound card", 15)
        if not there.card()["is_playing"]:
            raise RuntimeError((sound.folder / "card.log").read_text() or "nothing was heard")
        yield there
