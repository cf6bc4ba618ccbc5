"""What can happen to a session, and what it can ask of the engine: plain values."""

from __future__ import annotations

from dataclasses import dataclass

from onetake.model.commands import TimedCommand
from onetake.model.devices import Role
from onetake.model.events import Event

__all__ = [
    "Apply",
    "Begin",
    "BeginStop",
    "CommandReceived",
    "DiskRunsOut",
    "Effect",
    "Finalised",
    "OpenNextPart",
    "OpenWriter",
    "PartFailed",
    "Publish",
    "SessionEvent",
    "SourceDelivered",
    "SourceLost",
    "Stalled",
    "Starved",
    "SwitchSource",
    "Tick",
    "TimelineStarted",
    "TookFailure",
]

# What happens to a session.


@dataclass(frozen=True, slots=True)
class Begin:
    """The take was asked for; its sources are being opened."""

    host_ns: int


@dataclass(frozen=True, slots=True)
class SourceDelivered:
    """A source delivered its first picture or sound since it was (re)opened."""

    role: Role
    device_id: str
    host_ns: int
    first_ns: int = 0
    """Host time of the first thing it delivered: ahead of `host_ns` for what will be heard only
    when it has left the speakers."""


@dataclass(frozen=True, slots=True)
class SourceLost:
    """A source went away; the engine is searching for it with back-off."""

    role: Role
    device_id: str
    host_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class TimelineStarted:
    """The first frame was accepted: its PTS is position 0."""

    t0_ns: int


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """Somebody gave a command."""

    timed: TimedCommand


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""

    host_ns: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """The whole program was kept from running between these host times."""

    from_ns: int
    host_ns: int


@dataclass(frozen=True, slots=True)
class Starved:
    """The program has been getting too little of the processor between these host times."""

    from_ns: int
    host_ns: int
    is_over: bool
    """Whether that is the whole span; else it was noticed at `host_ns` and goes on."""


@dataclass(frozen=True, slots=True)
class TookFailure:
    """The file cannot go on."""

    code: str
    message: str
    host_ns: int


@dataclass(frozen=True, slots=True)
class PartFailed:
    """One file cannot go on; the take can, in another one."""

    message: str
    host_ns: int


@dataclass(frozen=True, slots=True)
class DiskRunsOut:
    """There is just enough room left to finish the file."""

    host_ns: int


@dataclass(frozen=True, slots=True)
class Finalised:
    """The file is finished and was read again."""


SessionEvent = (
    Begin
    | SourceDelivered
    | SourceLost
    | TimelineStarted
    | CommandReceived
    | Tick
    | Stalled
    | Starved
    | TookFailure
    | PartFailed
    | DiskRunsOut
    | Finalised
)


# What the engine has to do about it.


@dataclass(frozen=True, slots=True)
class OpenWriter:
    """Start the writer, then accept the next screen frame as the first one."""

    not_before_ns: int = 0
    """Host time from which every source has something; no earlier frame is the first."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Hand the command to the lanes, in order with what the sources deliver."""

    timed: TimedCommand
    position_ns: int


@dataclass(frozen=True, slots=True)
class OpenNextPart:
    """Go on in a new file."""

    reason: str
    """Empty when it was asked for, else what the last file died of."""


@dataclass(frozen=True, slots=True)
class SwitchSource:
    """Fill the role with another device."""

    role: Role
    device_id: str


@dataclass(frozen=True, slots=True)
class BeginStop:
    """End both tracks at this host time and finish the file."""

    end_host_ns: int


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell everybody who listens."""

    event: Event


Effect = OpenWriter | OpenNextPart | Apply | SwitchSource | BeginStop | Publish
