"""Damage to devices and to the process, all of which heals: the take goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults.outcome import AFTER_S, AT_S, AWAY_S, SYNC_MS, Outcome, common
from tests.faults.rig import SIZE_PX, Recording, Rig

from onetake.errors import ExitCode

__all__ = ["DEVICE_FAULTS", "LONG_FAULTS", "run_device_fault"]

COME_BACK_S = 1.8
"""How long after its return a source may still be missing: the back-off, and opening it."""


@dataclass(frozen=True)
class Damage:
    """What is done to a device, and what that may cost."""

    do: Callable[[Rig, Recording], None]
    roles: tuple[str, ...]
    """Whose spans have to stand in the report."""
    silent: tuple[str, ...] = ()
    """Which sounds may be missing meanwhile."""
    has_camera: bool = False
    mic: str = "pulse:vmic"
    system: str = "pulse:dac.monitor"
    told: tuple[str, ...] = ()
    """Warnings that have to be told, besides those sources lost and live again."""
    come_back_s: float = COME_BACK_S


def run_device_fault(name: str, rig: Rig, folder: Path) -> Outcome:
    """Do one damage to a take of the whole stage and look at what is left."""
    damage = (DEVICE_FAULTS | LONG_FAULTS)[name]
    path = folder / f"{name.replace(' ', '-')}.mp4"
    camera = "none"
    if damage.has_camera:
        camera = rig.start_camera(is_silent=name == "camera joins late")
    with rig.recording(path, mic=damage.mic, system=damage.system, camera=camera) as take:
        take.wait_position(AT_S)
        hurt_s = take.position_s
        damage.do(rig, take)
        healed_s = take.position_s
        take.wait_position(healed_s + AFTER_S)
        ended = take.stop()
    rig.camera.end()
    outcome = Outcome(name, ended.code)
    found = common(outcome, ended, rig)
    spans = [span for span in ended.report.get("degraded", []) if span["role"] in damage.roles]
    start_s = 0.0 if name == "camera joins late" else hurt_s
    for role in damage.roles:
        own = [
            (span["position_ns"] / 1e9, (span["position_ns"] + span["length_ns"]) / 1e9)
            for span in spans
            if span["role"] == role
        ]
        outcome.expect(own, f"no span of {role} in the report")
        if own:
            outcome.expect(
                abs(own[0][0] - start_s) < 0.7, f"{role}: span starts at {own[0][0]:.1f}"
            )
            late_s = own[-1][1] - healed_s
            outcome.lost_s = max(outcome.lost_s, late_s)
            outcome.expect(late_s <= damage.come_back_s, f"{role} came back {late_s:.1f} s late")
    outcome.told = ended.words
    for wanted in (*(f"{role} lost, live" for role in damage.roles), *damage.told):
        outcome.expect(wanted in outcome.told, f"not told: {wanted}, but {outcome.told}")
    everywhere = [(start_s, healed_s + damage.come_back_s)]
    for sound in ("system", "mic"):
        lost = found.lost(sound, everywhere if sound in damage.silent else [])
        outcome.expect(not lost, f"{sound} events lost at {lost}")
    outcome.before_ms = found.sync_ms(0.0, hurt_s)
    outcome.after_ms = found.sync_ms(healed_s + damage.come_back_s, 1e9)
    for when, sync_ms in (("before", outcome.before_ms), ("after", outcome.after_ms)):
        outcome.expect(
            sync_ms is not None and abs(sync_ms) <= SYNC_MS, f"sync {when}: {sync_ms} ms"
        )
    outcome.expect(ended.code == ExitCode.DEGRADED, f"exit code {ended.code}")
    return outcome


def _sound_server(rig: Rig, take: Recording) -> None:
    rig.kill_sound()
    time.sleep(AWAY_S)
    rig.restart_sound()


def _microphone(rig: Rig, take: Recording) -> None:
    modules = rig.sound_server.ctl("list", "short", "modules").splitlines()
    number, _, words = next(line for line in modules if "module-pipe-source" in line).split("\t")[
        :3
    ]
    rig.sound_server.ctl("unload-module", number)
    time.sleep(AWAY_S)
    rig.card.kill()
    rig.sound_server.mic_fifo.unlink(missing_ok=True)
    rig.sound_server.ctl("load-module", "module-pipe-source", *words.split())
    rig.start_card()


def _default_output(rig: Rig, take: Recording) -> None:
    rig.sound_server.ctl("set-default-sink", "quiet")
    time.sleep(AWAY_S)
    rig.sound_server.ctl("set-default-sink", "dac")


def _screen(rig: Rig, take: Recording) -> None:
    rig.kill_screen()
    time.sleep(AWAY_S)
    rig.restart_screen()


def _camera(rig: Rig, take: Recording) -> None:
    rig.camera.kill()
    time.sleep(AWAY_S)
    rig.start_camera()


def _late_camera(rig: Rig, take: Recording) -> None:
    rig.camera.kill()
    rig.start_camera()


def _stopped(for_s: float, rig: Rig, take: Recording) -> None:
    take.send(signal.SIGSTOP)
    time.sleep(for_s)
    take.send(signal.SIGCONT)


def _display_mode(rig: Rig, take: Recording) -> None:
    """Half as wide and half as high, and back: what a projector or a game does."""
    xrandr = ["xrandr", "-d", rig.screen.there.display]
    small = ["320", "330", "340", "350", "180", "183", "187", "190"]
    for words in (
        ["--newmode", "small", "6", *small],
        ["--addmode", "screen", "small"],
        ["--output", "screen", "--mode", "small"],
    ):
        # The mode is there already when this is not its first run.
        subprocess.run([*xrandr, *words], check="--output" in words, stderr=subprocess.DEVNULL)
    time.sleep(AWAY_S)
    width_px, height_px = SIZE_PX
    words = ["--output", "screen", "--mode", f"{width_px}x{height_px}"]
    subprocess.run([*xrandr, *words], check=True)


DEVICE_FAULTS: dict[str, Damage] = {
    "sound server restarted": Damage(_sound_server, ("mic", "system"), ("mic", "system")),
    "microphone unplugged": Damage(_microphone, ("mic",), ("mic", "system")),
    "default output switched": Damage(
        _default_output, ("system",), ("system",), system="pulse:@DEFAULT_MONITOR@"
    ),
    "X server restarted": Damage(_screen, ("screen",)),
    "network camera gone": Damage(_camera, ("camera",), has_camera=True),
    "camera joins late": Damage(_late_camera, ("camera",), has_camera=True),
    "display mode changed": Damage(_display_mode, ("screen",)),
    "stopped for 5 s": Damage(partial(_stopped, 5.0), ("screen",), told=("stalled",)),
}
"""Damage to devices and to the process, by name. All of it heals."""

LONG_FAULTS: dict[str, Damage] = {
    "stopped for 12 s": Damage(
        partial(_stopped, 12.0), ("screen",), ("mic", "system"), told=("stalled",)
    ),
    "stopped for 30 s": Damage(
        partial(_stopped, 30.0), ("screen",), ("mic", "system"), told=("stalled",)
    ),
}
"""The same, for which there is no time in the suite."""
