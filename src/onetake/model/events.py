"""What a take tells: state changes, control changes with their position, warnings, meters."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from onetake.model.commands import Command
from onetake.model.devices import Role
from onetake.model.geometry import Overlay

__all__ = [
    "ControlChanged",
    "Event",
    "FileChanged",
    "Finished",
    "Level",
    "Meters",
    "Snapshot",
    "SourceChanged",
    "SourceState",
    "Started",
    "StateChanged",
    "TakeState",
    "Warned",
]


class TakeState(StrEnum):
    """Where a take stands. Legal order: idle, starting, recording, (paused, recording)*,
    stopping, finished; failed can follow any of them."""

    IDLE = "idle"
    STARTING = "starting"
    RECORDING = "recording"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"


class SourceState(StrEnum):
    """How a source is doing."""

    ABSENT = "absent"
    """Not asked for."""
    STARTING = "starting"
    """Opened, nothing delivered yet."""
    LIVE = "live"
    """Delivering."""
    LOST = "lost"
    """Went away; being searched for with back-off."""


class Level(msgspec.Struct, frozen=True):
    """Loudness of one source over the last meter interval, dBFS, -120 = silence."""

    peak_db: float = -120.0
    """Highest sample after gain and mute: what goes into the file."""
    rms_db: float = -120.0
    """Root mean square after gain and mute."""
    input_peak_db: float = -120.0
    """Highest sample before gain and mute: shows "muted but talking"."""


class _Event(msgspec.Struct, frozen=True, tag_field="event"):
    """Base of all events; on the wire the field `event` tells them apart."""


class StateChanged(_Event, frozen=True, tag="state"):
    """The take moved to another state."""

    state: TakeState
    """The new one."""
    position_ns: int = 0
    """Length of the take at that moment."""


class Started(_Event, frozen=True, tag="started"):
    """The first frame is in the file."""

    path: str
    """The file."""
    t0_ns: int
    """Host time of position 0."""
    devices: dict[Role, str]
    """What was opened for each role."""
    width_px: int
    """Width of the picture."""
    height_px: int
    """Height of the picture."""


class ControlChanged(_Event, frozen=True, tag="control"):
    """A command took effect."""

    command: Command
    """What was commanded."""
    position_ns: int
    """Where in the file it is heard and seen."""


class SourceChanged(_Event, frozen=True, tag="source"):
    """A source came, went or joined late."""

    role: Role
    """Which of the four."""
    state: SourceState
    """How it is now."""
    device_id: str
    """The device it is about."""
    position_ns: int
    """Where in the take it happened."""
    reason: str = ""
    """What the system said, for people."""


class Warned(_Event, frozen=True, tag="warning"):
    """Something a person should know now; the take goes on."""

    code: str
    """Stable, for programs."""
    message: str
    """What happened, one line."""
    hint: str = ""
    """What to do about it; may be empty."""
    position_ns: int = 0
    """Where in the take it happened."""


class FileChanged(_Event, frozen=True, tag="file"):
    """The take goes on in a new file, without a lost frame or sample."""

    path: str
    """The new file."""
    position_ns: int
    """Position of the take at which it begins."""
    reason: str = ""
    """Empty for a split that was asked for, else what the last file died of."""


class Meters(_Event, frozen=True, tag="meters"):
    """Levels of the audio sources, about 20 times a second. May be dropped for slow readers."""

    levels: dict[Role, Level]
    """Since the last event of this kind."""
    position_ns: int
    """Where in the take they were read."""


class Finished(_Event, frozen=True, tag="stopped"):
    """The file is finished and was read again."""

    path: str
    """The file; of a split take, the last one."""
    duration_s: float
    """Length without pauses."""
    size_bytes: int
    """Of the file."""
    verdict: str
    """`good` or `degraded`."""
    reasons: list[str] = []
    """Why it is degraded, one line each."""
    stop_reason: str = "asked"
    """`asked`, `duration`, `all-sources-gone`, `disk-full`, or the code of what went wrong."""
    report: dict[str, object] = {}
    """The report, as in NAME.onetake.json."""
    parts: list[str] = []
    """All files of the take in order, when it was split; empty for the usual single one."""


Event = (
    StateChanged
    | Started
    | ControlChanged
    | SourceChanged
    | FileChanged
    | Warned
    | Meters
    | Finished
)
"""Every event there is."""


class Snapshot(msgspec.Struct, frozen=True):
    """Everything a user interface shows, at one instant."""

    state: TakeState = TakeState.IDLE
    """Where the take stands."""
    path: str = ""
    """The file it goes into."""
    position_ns: int = 0
    """Length of the take so far, without pauses."""
    size_bytes: int = 0
    """Of the file so far."""
    frames: int = 0
    """Frames in the file."""
    dropped_frames: int = 0
    """Pictures the writer had no room for."""
    fps: float = 0.0
    """Frames a second over the last second."""
    is_mic_muted: bool = False
    """Whether the microphone is muted."""
    is_system_muted: bool = False
    """Whether the system sound is muted."""
    mic_gain_db: float = 0.0
    """Gain of the microphone."""
    system_gain_db: float = 0.0
    """Gain of the system sound."""
    overlay: Overlay = Overlay()
    """How the camera is laid over the screen."""
    sources: dict[Role, SourceState] = {}
    """How each role is doing."""
    devices: dict[Role, str] = {}
    """What fills each role."""
    levels: dict[Role, Level] = {}
    """The latest of each sound."""
    drift_ppm: dict[Role, float] = {}
    """By how much each device's clock runs fast."""
    alignment_error_ms: dict[Role, float] = {}
    """How exactly each sound is placed, as estimated."""
    free_bytes: int = 0
    """Room on the disk."""
    minutes_left: float | None = None
    """How long the room lasts; None = not known yet."""
    warnings: list[Warned] = []
    """The latest, newest last, at most 20."""
