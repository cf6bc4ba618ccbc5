"""The few errors of onetake, each because a caller branches on it.

OnetakeError
├── UsageError            a value the user gave makes no sense                     exit 2
├── PermissionDenied      the system refuses screen, microphone or camera          exit 3
├── DeviceUnavailable     a device is unknown, missing, busy or went away          exit 4
├── OutputFailed          the file cannot be written or finished                   exit 1
│   └── DiskFull          no room left; the file up to there is finished           exit 6
├── EncoderUnavailable    no working encoder for the wanted codec                  exit 1
├── InvalidState          the command does not fit the state (already recording)   exit 7
└── InvalidRecording      a file to be read is no recording or is damaged          exit 1

Foreign exceptions (PyAV, OSError, X errors, NSError) are mapped to these at the edge, `from` the
original. Warnings are events, never exceptions. docs/reference/exit-codes.md is made from here.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "DeviceUnavailable",
    "DiskFull",
    "EncoderUnavailable",
    "ExitCode",
    "InvalidRecording",
    "InvalidState",
    "OnetakeError",
    "OutputFailed",
    "PermissionDenied",
    "UsageError",
]


class ExitCode(IntEnum):
    """With what every command ends; manual and reference are made from these lines."""

    OK = 0
    """Done; also after Ctrl-C, SIGTERM or SIGHUP, which stop and finish the file."""
    FAILURE = 1
    """The file could not be written or read, or no encoder works."""
    USAGE = 2
    """A flag, value or file name makes no sense, or the file exists already."""
    PERMISSION = 3
    """The system refuses screen, microphone or camera."""
    DEVICE = 4
    """A device is unknown, missing or busy."""
    DEGRADED = 5
    """The file is saved and valid, but not as good as asked for; the report says why."""
    DISK_FULL = 6
    """The disk is full; the file up to there is finished."""
    ALREADY_RECORDING = 7
    """A take is running already."""


class OnetakeError(Exception):
    """Base of all errors that are meant for a person.

    Attributes:
        code: stable identifier for programs (`device-unavailable`).
        message: what happened, one line, no trailing full stop.
        hint: what to do about it, one line; may be empty.
        exit_code: with what the command line ends.
    """

    code = "failed"
    exit_code = ExitCode.FAILURE

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(hint)  # A traceback shows it, too.
        if code is not None:
            self.code = code

    def to_dict(self) -> dict[str, str]:
        """Return the error object as `--json` prints it."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class UsageError(OnetakeError):
    """A value the user gave makes no sense."""

    code = "usage"
    exit_code = ExitCode.USAGE


class PermissionDenied(OnetakeError):
    """The operating system does not let us at a screen, microphone or camera."""

    code = "permission-denied"
    exit_code = ExitCode.PERMISSION


class DeviceUnavailable(OnetakeError):
    """A device is unknown, missing, busy, or went away. In mid-take the engine tries again."""

    code = "device-unavailable"
    exit_code = ExitCode.DEVICE


class OutputFailed(OnetakeError):
    """The file cannot be created, written or finished."""

    code = "output-failed"


class DiskFull(OutputFailed):
    """The disk has no room left; what was written is finished and valid."""

    code = "disk-full"
    exit_code = ExitCode.DISK_FULL


class EncoderUnavailable(OnetakeError):
    """No working encoder for the wanted codec."""

    code = "encoder-unavailable"


class InvalidState(OnetakeError):
    """The command does not fit the state of the session."""

    code = "invalid-state"
    exit_code = ExitCode.ALREADY_RECORDING


class InvalidRecording(OnetakeError):
    """A file to be read is not a recording, or too damaged to say anything about."""

    code = "invalid-recording"
