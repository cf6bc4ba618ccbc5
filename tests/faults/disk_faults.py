"""Damage that ends the take, or may: full, hanging and vanishing disks, all sources gone."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.killed import playable_s
from tests.faults.outcome import AFTER_S, AT_S, Outcome, common
from tests.faults.rig import Recorded, Recording, Rig
from tests.stage.processes import absent

from onetake.errors import ExitCode
from onetake.proof.repair import repair

__all__ = ["OTHER_FAULTS", "own_drive", "tell_drive"]


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
