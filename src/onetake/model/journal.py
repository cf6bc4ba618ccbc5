"""The lines of a take's journal: what is known of it should the process die in this instant.

One JSON object a line; `entry` tells them apart. Invariant: a line is only ever appended, so a
torn journal is a good one with fewer lines.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from onetake.model.commands import Pause
from onetake.model.devices import Role
from onetake.model.events import ControlChanged, Event, FileChanged, Started
from onetake.model.report import SourceStatistics
from onetake.model.settings import Settings
from onetake.model.take_report import Report, changes_among, in_part
from onetake.model.units import NS_PER_S
from onetake.model.video_report import VideoStatistics

__all__ = [
    "JOURNAL_VERSION",
    "Entry",
    "Happened",
    "Measured",
    "Opened",
    "decode_entries",
    "encode_entry",
    "report_of",
]

JOURNAL_VERSION = 1

MAX_LINE_BYTES = 1 << 20
"""A longer line is no line of ours; reading on would only cost memory."""


class _Entry(msgspec.Struct, frozen=True, tag_field="entry"):
    """Base of all lines."""


class Opened(_Entry, frozen=True, tag="opened", kw_only=True):
    """The first line: what is being recorded."""

    journal_version: int = JOURNAL_VERSION
    recorder: str = ""
    file: str = ""
    """Name of the recording, without its folder."""
    part: int = 1
    """Which file of the take it is: 1, 2, …"""
    started_at: str = ""
    """Wall clock of the start, ISO 8601 with offset."""
    width_px: int = 0
    height_px: int = 0
    encoder: str = ""
    devices: dict[Role, str] = {}
    settings: Settings = Settings()


class Happened(_Entry, frozen=True, tag="event"):
    """Something happened: a control took effect, a source came or went, a warning was given."""

    event: Event


class Measured(_Entry, frozen=True, tag="measured", kw_only=True):
    """What the sources and the picture have done so far; the last one counts."""

    position_ns: int
    t0_ns: int = 0
    video: VideoStatistics = VideoStatistics()
    sources: dict[Role, SourceStatistics] = {}


Entry = Opened | Happened | Measured
"""Every kind of line."""


def encode_entry(entry: Entry) -> bytes:
    """Return the line, newline included."""
    return msgspec.json.encode(entry) + b"\n"


def decode_entries(data: bytes) -> list[Entry]:
    """Return what can be read of a journal; torn, foreign and oversized lines are passed over."""
    decoder = msgspec.json.Decoder(Entry)
    entries: list[Entry] = []
    for line in data.split(b"\n"):
        if line and len(line) <= MAX_LINE_BYTES:
            try:
                entries.append(decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
    return entries


def report_of(entries: Iterable[Entry]) -> Report:
    """Return the report as far as the journal knows it, not yet judged. Its positions are the
    file's, the journal's are the take's."""
    opened, measured = Opened(), Measured(position_ns=0)
    events: list[Event] = []
    for entry in entries:
        match entry:
            case Opened():
                opened = entry
            case Measured():
                measured = entry
            case Happened():
                events.append(entry.event)
    start_ns, end_ns = _bounds(opened.part, events)
    own = [shifted for event in events if (shifted := in_part(event, start_ns, end_ns)) is not None]
    controls, source_changes, warnings = changes_among(own)
    has_pause = any(_is_pause_before(event, start_ns) for event in events)
    t0_ns = measured.t0_ns or _t0_of(events)
    return Report(
        recorder=opened.recorder,
        file=opened.file,
        started_at=opened.started_at,
        # How long a pause was only the clock of the process knew.
        t0_ns=0 if has_pause else t0_ns + start_ns,
        part=opened.part,
        part_start_s=start_ns / NS_PER_S,
        width_px=opened.width_px,
        height_px=opened.height_px,
        encoder=opened.encoder,
        devices=opened.devices,
        settings=opened.settings,
        video=measured.video,
        sources=measured.sources,
        controls=controls,
        source_changes=source_changes,
        warnings=warnings,
    )


def _t0_of(events: Iterable[Event]) -> int:
    return next((event.t0_ns for event in events if isinstance(event, Started)), 0)


def _bounds(part: int, events: Iterable[Event]) -> tuple[int, int]:
    """Return from where to where in the take a part reaches, as far as that is known."""
    cuts_ns = [0, *(event.position_ns for event in events if isinstance(event, FileChanged))]
    start_ns = cuts_ns[part - 1] if 1 <= part <= len(cuts_ns) else 0
    end_ns = cuts_ns[part] if 0 <= part < len(cuts_ns) else 1 << 62
    return start_ns, end_ns


def _is_pause_before(event: Event, start_ns: int) -> bool:
    match event:
        case ControlChanged(command=Pause(), position_ns=position_ns):
            return position_ns < start_ns
        case _:
            return False
