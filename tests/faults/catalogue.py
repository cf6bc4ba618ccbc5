"""Every kind of damage that is done to a running take, and what has to be true afterwards."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import av
from tests.faults.judge import Found, look_at
from tests.faults.rig import SIZE_PX, Recorded, Recording, Rig, recorder
from tests.stage.processes import absent

from onetake.errors import ExitCode
from onetake.proof.repair import repair

__all__ = [
    "DEVICE_FAULTS",
    "LONG_FAULTS",
    "OTHER_FAULTS",
    "Killed",
    "Outcome",
    "common",
    "kill_once",
    "measure_killed",
    "own_drive",
    "run_device_fault",
    "tell_drive",
]

AT_S = 4.0
"""Position at which the damage is done: three events before it."""

AWAY_S = 2.0
"""How long something stays away."""

AFTER_S = 5.0
"""How long the take goes on afterwards."""

SYNC_MS = 3.0
"""How near sound and picture have to be before and after a fault."""

PLACE_MS = 12.0
"""How near each single beep has to be to where it belongs by the host's clock, right after a device
came back too, when little is known of its clock."""

COME_BACK_S = 1.8
"""How long after its return a source may still be missing: the back-off, and opening it."""


@dataclass
class Outcome:
    """What one damaged take showed."""

    fault: str
    code: int
    lost_s: float = 0.0
    """What is missing in the file beyond the time the thing itself was away."""
    is_valid: bool = False
    told: str = ""
    before_ms: float | None = None
    after_ms: float | None = None
    troubles: list[str] = field(default_factory=list)
    """What was promised and is not so; empty = all is."""

    def expect(self, is_so: object, otherwise: str) -> None:
        """Note a broken promise."""
        if not is_so:
            self.troubles.append(otherwise)


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


def common(outcome: Outcome, ended: Recorded, rig: Rig) -> Found:
    """Look at what every take has to have, whatever happened to it."""
    outcome.expect("Traceback" not in ended.err, f"a traceback: {ended.err}")
    paths = ended.stopped.get("parts") or [ended.stopped.get("path", ended.path)]
    stalls = rig.disturbances()
    found = look_at([Path(path) for path in paths], rig.start_ns, rig.schedule_id, stalls)
    outcome.is_valid = found.is_valid
    outcome.expect(found.is_valid, f"check: {found.findings}")
    worst_ms = found.worst_error_ms()
    outcome.expect(worst_ms <= PLACE_MS, f"a beep is {worst_ms} ms off")
    return found


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


def all_sources_gone(rig: Rig, folder: Path) -> Outcome:
    """Screen and sound go for good: the take ends by itself, with a whole file."""
    path = folder / "all-gone.mp4"
    with rig.recording(path) as take:
        take.wait_position(AT_S)
        rig.kill_sound()
        rig.kill_screen()
        hurt_s = take.position_s
        ended = take.ended(20)
    outcome = Outcome("all sources gone", ended.code)
    found = common(outcome, ended, rig)
    outcome.lost_s = max(0.0, hurt_s - found.end_s)
    outcome.told = ended.stopped.get("stop_reason", "")
    outcome.expect(ended.told("warning", code="all-sources-gone"), "nothing was told")
    outcome.expect(outcome.lost_s < 1.0, f"lost {outcome.lost_s}")
    outcome.expect(ended.code == ExitCode.DEGRADED, f"exit code {ended.code}")
    outcome.before_ms = found.sync_ms(0.0, AT_S)
    rig.restart_screen()
    rig.restart_sound()
    return outcome


# --- disks ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[Path]:
    """Mount a small file system; skips where that is not allowed."""
    place = folder / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(words, check=False).returncode:
        absent("the right to mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def _disk_fault(
    name: str,
    rig: Rig,
    folder: Path,
    size_mb: int,
    hurt: Callable[[Path, Recording], None],
    *more: str,
) -> tuple[Outcome, Recorded]:
    with small_disk(folder, size_mb) as place:
        path = place / "take.mp4"
        with rig.recording(path, *more) as take:
            take.wait_position(AT_S)
            hurt(place, take)
            hurt_s = take.position_s
            ended = take.ended(60)
        outcome = Outcome(name, ended.code)
        if ended.stopped:
            found = common(outcome, ended, rig)
            asked_s = ended.stopped["duration_s"]
            outcome.lost_s = max(0.0, asked_s - found.end_s)
            outcome.before_ms = found.sync_ms(0.0, min(hurt_s, found.end_s))
            lost = [s for sound in ("system", "mic") for s in found.lost(sound, [])]
            outcome.expect(not lost, f"events lost at {lost}")
        outcome.told = ended.stopped.get("stop_reason", "") or str(ended.told("warning"))
    return outcome, ended


def disk_runs_full(rig: Rig, folder: Path) -> Outcome:
    """A disk too small for the take: a clean stop, exit code 6, a valid file."""

    def noise(place: Path, take: Recording) -> None:
        """Somebody else takes most of the room, slowly, as a download does."""
        with (place / "download").open("wb") as file:
            while take.process.poll() is None and not take.has_told("warning", code="disk-full"):
                file.write(bytes(1 << 20))
                file.flush()
                time.sleep(0.1)

    outcome, ended = _disk_fault("disk runs full", rig, folder, 64, noise)
    outcome.expect(ended.code == ExitCode.DISK_FULL, f"exit code {ended.code}")
    return outcome


def disk_full_at_once(rig: Rig, folder: Path) -> Outcome:
    """Another program fills the disk between two writes."""

    def fill(place: Path, take: Recording) -> None:
        with (place / "flood").open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
                file.flush()

    outcome, ended = _disk_fault("disk filled at once", rig, folder, 64, fill)
    outcome.expect(ended.code == ExitCode.DISK_FULL, f"exit code {ended.code}")
    return outcome


@contextlib.contextmanager
def own_drive(folder: Path) -> Iterator[Path]:
    """Mount an ext4 file system of its own, which can be frozen and broken, and which becomes
    read-only when it finds a fault in itself; skips where that is not allowed."""
    image, place = folder / "drive.img", folder / "drive"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 << 20)
    made = shutil.which("mkfs.ext4") and not any(
        subprocess.run(words, check=False).returncode
        for words in (
            ["mkfs.ext4", "-q", image],
            ["mount", "-o", "loop,errors=remount-ro", image, place],
        )
    )
    if not made:
        absent("the right to mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()
        image.unlink()


def tell_drive(place: Path, request: int, argument: bytes) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, request, argument)
    finally:
        os.close(handle)


FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
EXT4_SHUTDOWN, WITHOUT_LOG = 0x8004587D, b"\2\0\0\0"
"""Requests to a file system (linux/fs.h, fs/ext4/ext4.h)."""


def disk_hangs(rig: Rig, folder: Path) -> Outcome:
    """The disk takes nothing for 10 s, as a network drive does: nothing at all is missing."""
    with own_drive(folder) as place:
        with rig.recording(place / "take.mp4") as take:
            take.wait_position(AT_S)
            hurt_s = take.position_s
            tell_drive(place, FIFREEZE, bytes(4))
            time.sleep(10.0)
            tell_drive(place, FITHAW, bytes(4))
            take.wait_position(take.position_s + AFTER_S)
            ended = take.stop()
        outcome = Outcome("disk hangs for 10 s", ended.code)
        found = common(outcome, ended, rig)
    outcome.told = ", ".join(event["code"] for event in ended.told("warning"))
    outcome.before_ms = found.sync_ms(0.0, hurt_s)
    outcome.after_ms = found.sync_ms(hurt_s, 1e9)
    lost = [s for sound in ("system", "mic") for s in found.lost(sound, [])]
    outcome.expect(not lost, f"events lost at {lost}")
    outcome.expect("disk-stalled" in outcome.told, "nothing was told")
    outcome.expect(ended.code == ExitCode.OK, f"exit code {ended.code}")
    return outcome


def drive_gone(rig: Rig, folder: Path) -> Outcome:
    """The drive is pulled out: the take goes on elsewhere, and what was written is there when the
    drive is back."""

    def pull_out(place: Path) -> None:
        tell_drive(place, EXT4_SHUTDOWN, WITHOUT_LOG)

    return _drive_fails("drive pulled out", rig, folder, pull_out, errno.EIO)


def drive_read_only(rig: Rig, folder: Path) -> Outcome:
    """The system finds a fault in the drive and makes it read-only, as it does with worn cards and
    sticks: the take goes on elsewhere."""

    def make_read_only(place: Path) -> None:
        device = place.stat().st_dev
        known = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        trigger = Path("/sys/fs/ext4", known, "trigger_fs_error")
        if not trigger.exists():
            absent("a kernel that lets an ext4 find a fault when asked")
        trigger.write_text("a fault")
        try:
            (place / "new").touch()
        except OSError as error:
            if error.errno == errno.EROFS:
                return
        raise RuntimeError("the drive is not read-only")

    return _drive_fails("drive turns read-only", rig, folder, make_read_only, errno.EROFS)


def _drive_fails(
    name: str, rig: Rig, folder: Path, hurt: Callable[[Path], None], number: int
) -> Outcome:
    """Hurt the drive that is recorded onto so that it answers with this error from then on."""
    with own_drive(folder) as place:
        path = place / "take.mp4"
        with rig.recording(path) as take:
            take.wait_position(AT_S)
            hurt_s = take.position_s
            hurt(place)
            take.wait_position(take.position_s + AFTER_S)
            ended = take.stop() if take.process.poll() is None else take.ended()
        subprocess.run(["umount", str(place)], check=True)
        subprocess.run(["mount", "-o", "loop", place.with_suffix(".img"), place], check=True)
        outcome = Outcome(name, ended.code)
        ended.stopped["parts"] = [ended.stopped["path"]]
        found = common(outcome, ended, rig)
        kept_s = playable_s(repair(path).path)
    outcome.told = ", ".join(event["code"] for event in ended.told("warning"))
    outcome.after_ms = found.sync_ms(hurt_s, 1e9)
    outcome.lost_s = max(0.0, hurt_s - min(kept_s))
    outcome.expect(hurt_s - kept_s[0] <= 1.6, f"kept {kept_s} of {hurt_s}")
    lost = [s for sound in ("system", "mic") for s in found.lost(sound, [])]
    outcome.expect(not lost, f"events lost at {lost}")
    reasons = [event["message"] for event in ended.told("warning", code="file-failed")]
    outcome.expect(os.strerror(number) in " ".join(reasons), f"told: {reasons}")
    outcome.expect(ended.code == ExitCode.DEGRADED, f"exit code {ended.code}")
    return outcome


def folder_removed(rig: Rig, folder: Path) -> Outcome:
    """Somebody deletes the folder with everything in it, in mid-take."""
    place = folder / "videos"
    place.mkdir()
    with rig.recording(place / "take.mp4") as take:
        take.wait_position(AT_S)
        hurt_s = take.position_s
        shutil.rmtree(place)
        take.wait_position(hurt_s + AFTER_S)
        ended = take.stop()
    outcome = Outcome("folder removed", ended.code)
    outcome.expect("Traceback" not in ended.err, ended.err)
    outcome.expect(ended.stopped, f"no file at all: {ended.events[-1:]}")
    if ended.stopped:
        found = common(outcome, ended, rig)
        outcome.lost_s = max(0.0, ended.stopped["duration_s"] - found.end_s)
        outcome.before_ms = found.sync_ms(0.0, hurt_s)
        outcome.after_ms = found.sync_ms(hurt_s, 1e9)
        lost = [s for sound in ("system", "mic") for s in found.lost(sound, [])]
        outcome.expect(not lost, f"events lost at {lost}")
    outcome.told = ", ".join(event["code"] for event in ended.told("warning"))
    outcome.expect(outcome.told, "nothing was told")
    return outcome


OTHER_FAULTS: dict[str, Callable[[Rig, Path], Outcome]] = {
    "all sources gone": all_sources_gone,
    "disk runs full": disk_runs_full,
    "disk filled at once": disk_full_at_once,
    "disk hangs for 10 s": disk_hangs,
    "drive pulled out": drive_gone,
    "drive turns read-only": drive_read_only,
    "folder removed": folder_removed,
}
"""Damage that ends the take, or may."""


# --- killed --------------------------------------------------------------------------------------


@dataclass
class Killed:
    """What was left of a killed take."""

    reached_s: float
    picture_s: float
    sound_s: float
    repaired_s: float
    troubles: list[str]

    @property
    def lost_picture_s(self) -> float:
        """Picture that was recorded and is not there."""
        return self.reached_s - self.picture_s

    @property
    def lost_sound_s(self) -> float:
        """Sound that was recorded and is not there."""
        return self.reached_s - self.sound_s


def kill_once(path: Path, after_s: float, words: list[str], env: dict[str, str]) -> Killed:
    """Record, kill -9 at a position, and look at what is there, before and after a repair."""
    with recorder(path, ["record", str(path), "--json", *words], env) as take:
        take.wait_position(after_s)
        reached_s = take.position_s
        take.process.kill()
        take.process.wait()
    return measure_killed(path, reached_s)


def kill_real_once(rig: Rig, path: Path, after_s: float) -> Killed:
    """The same of the rig's screen, sound and microphone."""
    with rig.recording(path) as take:
        take.wait_position(after_s)
        reached_s = take.position_s
        take.process.kill()
        take.process.wait()
    return measure_killed(path, reached_s)


def measure_killed(path: Path, reached_s: float) -> Killed:
    """Look at what is left of a take that reached a position, before and after a repair."""
    troubles: list[str] = []
    picture_s, sound_s = playable_s(path)
    mended = repair(path)
    if mended.report is None:
        troubles.append("no report was made from the journal")
    both = playable_s(mended.path)
    if min(both) + 0.1 < min(picture_s, sound_s):
        troubles.append(f"the repair lost something: {both} of {picture_s, sound_s}")
    return Killed(reached_s, picture_s, sound_s, max(both), troubles)


def playable_s(path: Path) -> tuple[float, float]:
    """Return how much picture and sound can be decoded, in s."""
    with av.open(str(path)) as container:
        # Before the first sound is mixed there may be no track of it.
        ends = {"video": 0.0, "audio": 0.0}
        for packet in container.demux(*container.streams.video, *container.streams.audio):
            for frame in packet.decode():
                length_s = getattr(frame, "samples", 0) / 48_000
                ends[packet.stream.type] = float(frame.time or 0.0) + length_s
    return ends["video"], ends["audio"]


def is_alive(process_id: int) -> bool:
    """Whether a process is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, 0)
        return True
    return False
