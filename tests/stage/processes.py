"""Child processes that certainly end, also when the test run is killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

__all__ = ["child", "kill", "missing_programs", "require", "root_folder", "wait_until"]

HARDWARE_PRIORITY = 5
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

root_folder = Path(__file__).resolve().parents[2]
"""The repository: children run there so that `-m tests.stage.x` works."""


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _be_hardware() -> None:
    """Run before everything else, as the hardware that is played would; where that is allowed."""
    _die_with_parent()
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(HARDWARE_PRIORITY))


def make_hardware(process_id: int) -> None:
    """Give all threads of a running program the priority of hardware, where that is allowed."""
    for task in Path(f"/proc/{process_id}/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(HARDWARE_PRIORITY))


def missing_programs(*programs: str) -> list[str]:
    """Return those of `programs` that are not installed."""
    return [program for program in programs if shutil.which(program) is None]


def require(*programs: str) -> None:
    """Skip the test, naming what is missing; fail instead where real devices are demanded."""
    missing = missing_programs(*programs)
    if sys.platform != "linux":
        missing = ["a Linux system"]
    if missing:
        absent(", ".join(missing))


def absent(what: str) -> None:
    """Skip because `what` is missing, or fail when ONETAKE_REQUIRE_REAL=1."""
    message = f"missing for real devices: {what} (scripts/system-packages.sh installs them)"
    if os.environ.get("ONETAKE_REQUIRE_REAL") == "1":
        pytest.fail(message)
    pytest.skip(message)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process: politely, then for sure."""
    for signal_number, patience_s in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


@contextlib.contextmanager
def child(
    command: Sequence[str],
    *,
    env: dict[str, str] | None = None,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = subprocess.DEVNULL,
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
    is_hardware: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of the block. Its standard error goes to `log`.

    `is_hardware` gives it real-time priority: it plays a device whose clock does not wait.
    """
    with contextlib.ExitStack() as stack:
        stderr = stack.enter_context(log.open("ab")) if log is not None else subprocess.DEVNULL
        process = subprocess.Popen(
            list(command),
            env={**os.environ, **(env or {})},
            cwd=root_folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            preexec_fn=_be_hardware if is_hardware else _die_with_parent,  # noqa: PLW1509
        )
        stack.callback(kill, process)
        yield process


def wait_until(is_true: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    """Wait for something outside this process; fail the test when it does not come."""
    deadline_s = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.01)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder with a short path: sockets allow 107 bytes."""
    return tempfile.TemporaryDirectory(prefix="ot-")
