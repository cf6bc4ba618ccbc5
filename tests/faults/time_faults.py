"""Damage to time itself: the processor taken away, clocks that jump, the power cut."""

from __future__ import annotations

import mmap
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.disk_faults import EXT4_SHUTDOWN, WITHOUT_LOG, own_drive, tell_drive
from tests.faults.killed import Killed, measure_killed
from tests.faults.outcome import AFTER_S, AT_S, SYNC_MS, Outcome, common
from tests.faults.rig import Recording, Rig, recorder
from tests.stage.processes import absent, require
from tests.stage.stage import changed_environment

from onetake.errors import ExitCode

__all__ = ["TIME_FAULTS", "cut_power_once"]

TAKEN_S = 5.0
PERIOD_US, QUOTA_US = 100_000, 1_000
"""What is left of the processor: 1 %, the least that Linux grants."""

HOUR_NS = 3_600_000_000_000

CGROUP_V1, CGROUP_V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


@contextmanager
def starved(process_id: int) -> Iterator[None]:
    """Leave a program hardly any processor for the length of the block; skips where that is not
    allowed."""
    is_old = (CGROUP_V1 / "cpu.cfs_quota_us").exists() or (CGROUP_V1 / "tasks").exists()
    root = CGROUP_V1 if is_old else CGROUP_V2
    group = root / f"onetake-{process_id}"
    try:
        group.mkdir()
        if is_old:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
        else:
            (group / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(process_id))
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        absent(f"the right to limit a program's processor ({error})")
    try:
        yield
    finally:
        with suppress(OSError):  # it may have ended
            (root / "cgroup.procs").write_text(str(process_id))
        group.rmdir()


_CLOCK_C = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long long *offset_ns;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("ONETAKE_TEST_CLOCK"), O_RDONLY);
    offset_ns = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    real = dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t id, struct timespec *now) {
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, now);
    if (!failed && offset_ns && offset_ns != MAP_FAILED &&
        (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_BOOTTIME)) {
        long long ns = now->tv_sec * 1000000000LL + now->tv_nsec + *offset_ns;
        now->tv_sec = ns / 1000000000LL;
        now->tv_nsec = ns % 1000000000LL;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec fine;
    (void)zone;
    int failed = clock_gettime(CLOCK_REALTIME, &fine);
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *where) {
    struct timespec fine;
    clock_gettime(CLOCK_REALTIME, &fine);
    if (where) *where = fine.tv_sec;
    return fine.tv_sec;
}
"""


class WallClock:
    """The wall clock (and the one that goes on while suspended) of the programs that are started
    with `env`, which can be set; the monotonic clock is left alone, as the system does."""

    def __init__(self, folder: Path) -> None:
        require("gcc")
        self._file = folder / "clock"
        self._file.write_bytes(bytes(8))
        source, library = folder / "clock.c", folder / "clock.so"
        source.write_text(_CLOCK_C)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.env = {"LD_PRELOAD": str(library), "ONETAKE_TEST_CLOCK": str(self._file)}

    def set(self, offset_ns: int) -> None:
        """Let it be this far from the true time from now on."""
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), 8) as shared:
            shared[:] = struct.pack("q", offset_ns)


def _through(
    name: str, rig: Rig, folder: Path, hurt: Callable[[Recording], None], *, may_be_silent: bool
) -> Outcome:
    """Hurt a take that has to go on as if nothing had been; return what it showed."""
    path = folder / f"{name.replace(' ', '-')}.mp4"
    with rig.recording(path) as take:
        take.wait_position(AT_S)
        hurt_s = take.position_s
        hurt(take)
        healed_s = take.position_s
        take.wait_position(healed_s + AFTER_S)
        ended = take.stop()
    outcome = Outcome(name, ended.code)
    found = common(outcome, ended, rig)
    span = [(hurt_s, healed_s + 1.0)]
    for sound in ("system", "mic"):
        lost = found.lost(sound, span if may_be_silent else [])
        outcome.expect(not lost, f"{sound} events lost at {lost}")
        inside = [at_s for at_s in found.lost(sound, []) if at_s not in lost]
        outcome.lost_s = max(outcome.lost_s, float(len(inside)))
    outcome.before_ms = found.sync_ms(0.0, hurt_s)
    outcome.after_ms = found.sync_ms(healed_s + 1.0, 1e9)
    for when, sync_ms in (("before", outcome.before_ms), ("after", outcome.after_ms)):
        is_together = sync_ms is not None and abs(sync_ms) <= SYNC_MS
        outcome.expect(is_together, f"sync {when}: {sync_ms} ms")
    outcome.told = ended.words or "nothing: the take goes on"
    return outcome


def processor_taken(rig: Rig, folder: Path) -> Outcome:
    """Other programs leave the recorder 1 % of a core for 5 s."""

    told_s: list[float] = []

    def take_it(take: Recording) -> None:
        with starved(take.process.pid):
            begun_s = time.monotonic()
            while (since_s := time.monotonic() - begun_s) < TAKEN_S:
                if not told_s and take.has_told("warning"):
                    told_s.append(since_s)
                time.sleep(0.05)

    outcome = _through("processor taken for 5 s", rig, folder, take_it, may_be_silent=True)
    # Which one depends on how long the longest of its waits is.
    is_told = "starved" in outcome.told or "stalled" in outcome.told
    outcome.expect(is_told, f"told: {outcome.told}")
    outcome.told += f" (after {told_s[0]:.1f} s)" if told_s else " (afterwards)"
    outcome.expect("screen lost" in outcome.told, "no span of the screen")
    outcome.expect(outcome.code == ExitCode.DEGRADED, f"exit code {outcome.code}")
    return outcome


@contextmanager
def _own_clock(folder: Path) -> Iterator[tuple[Rig, WallClock]]:
    """A stage of its own, all of whose programs go by one wall clock that can be set."""
    clock = WallClock(folder)
    with changed_environment(clock.env), Rig(more_env=clock.env) as rig:
        yield rig, clock


def wall_clock_stepped(_rig: Rig, folder: Path) -> Outcome:
    """The wall clock is set an hour ahead, then an hour back: nobody may notice."""
    with _own_clock(folder) as (rig, clock):

        def step(_take: Recording) -> None:
            for offset_ns in (HOUR_NS, -HOUR_NS):
                clock.set(offset_ns)
                time.sleep(1.5)

        name = "wall clock stepped by an hour"
        outcome = _through(name, rig, folder, step, may_be_silent=False)
    outcome.expect(outcome.code == ExitCode.OK, f"exit code {outcome.code}")
    return outcome


def suspended(_rig: Rig, folder: Path) -> Outcome:
    """What a program sees of an hour's suspend: it does not run, and then the wall clock is an hour
    later while the monotonic one is not."""
    with _own_clock(folder) as (rig, clock):

        def suspend(take: Recording) -> None:
            take.send(signal.SIGSTOP)
            clock.set(HOUR_NS)
            time.sleep(3.0)
            take.send(signal.SIGCONT)

        return _through("suspended for an hour", rig, folder, suspend, may_be_silent=True)


TIME_FAULTS: dict[str, Callable[[Rig, Path], Outcome]] = {
    "processor taken": processor_taken,
    "wall clock stepped": wall_clock_stepped,
    "suspended": suspended,
}
"""Damage to time, by name. The take goes on through all of it."""


def cut_power_once(folder: Path, after_s: float, words: list[str], env: dict[str, str]) -> Killed:
    """Record onto a drive of its own, let everything go that the drive has not got, and look at
    what is there when it comes back."""
    with own_drive(folder) as place:
        path = place / "take.mp4"
        with recorder(path, ["record", str(path), "--json", *words], env) as take:
            take.wait_position(after_s)
            reached_s = take.position_s
            tell_drive(place, EXT4_SHUTDOWN, WITHOUT_LOG)
            take.process.kill()
            take.process.wait()
        subprocess.run(["umount", str(place)], check=True)
        subprocess.run(["mount", "-o", "loop", place.with_suffix(".img"), place], check=True)
        return measure_killed(path, reached_s)
