"""Copies the packets of a torn recording into an ordinary MP4, as far as they can be decoded.

Invariant: no packet is changed, moved in time or encoded again; what cannot be decoded at the end
is left out, with everything of its track after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any

import av
import av.error
from av.stream import Stream

from onetake.errors import InvalidRecording
from onetake.model.chapters import Chapter
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.proof.fragments import FragmentView

__all__ = ["Remuxed", "remux"]

TAIL_S = 3.0
"""How much of the end is decoded to see whether it can be: what one sync of the disk and one
fragment may have left torn, with room. Longer costs time; shorter may let garbage through."""

_BROKEN = (av.error.FFmpegError, ValueError, ArithmeticError)
"""What PyAV raises for damaged bytes; an OSError is about the disk and is let through."""


@dataclass(frozen=True, slots=True)
class Remuxed:
    """What was copied."""

    duration_s: float
    frames: int
    audio_tracks: int
    left_out: int
    """Packets at the end that could not be decoded."""


class _Lane:
    """One track on its way."""

    def __init__(self, source: av.VideoStream | av.AudioStream) -> None:
        self.source = source
        self.is_video = source.type == "video"
        self.check_from: int | None = None
        """Decode packets from this PTS on, to see whether they can be; None = none of them."""
        self.is_over = False
        self.last_dts: int | None = None
        self.held: av.Packet[Stream] | None = None
        """The newest packet: how long it lasts is only known when the next one, or the end, is."""
        self.target: Stream | None = None
        self.count = 0
        self.left_out = 0

    @property
    def base(self) -> Fraction:
        """Seconds in a tick of the source."""
        base = self.source.time_base
        return Fraction(base.numerator, base.denominator) if base else Fraction(1)

    def takes(self, packet: av.Packet[Stream]) -> bool:
        """Whether the packet belongs into the new file."""
        if self.is_over or not packet.size or packet.pts is None or packet.dts is None:
            return False
        if packet.is_corrupt:
            self._end()
            return False
        if self.last_dts is None and self.is_video and not packet.is_keyframe:
            # Its reference was lost with what came before.
            return False
        if self.last_dts is not None and packet.dts <= self.last_dts:
            return False
        if self.check_from is not None and packet.pts >= self.check_from and not _decodes(packet):
            self._end()
            return False
        self.last_dts = packet.dts
        self.count += 1
        return True

    def _end(self) -> None:
        self.is_over = True
        self.left_out += 1

    def end_s(self) -> Fraction:
        """Where the track ends by what was taken."""
        if self.held is None or self.held.pts is None:
            return Fraction(0)
        return (self.held.pts + (self.held.duration or 0)) * self.base


def _decodes(packet: av.Packet[Stream]) -> bool:
    try:
        packet.decode()
    except _BROKEN:
        return False
    return True


def remux(view: FragmentView, file: IO[bytes], chapters: Callable[[int], list[Chapter]]) -> Remuxed:
    """Copy what is sound in `view` into `file`, which is empty, seekable and stays open.

    `chapters` is asked for the chapters once the end (in ns) is known. Raises InvalidRecording when
    there is nothing to copy, OSError when `file` cannot be written.
    """
    try:
        with _opened(view) as source:
            lanes = [_Lane(s) for s in source.streams if isinstance(s, _KINDS)]
            checks = _survey(source, lanes)
        view.seek(0)
        with _opened(view) as source:
            lanes = [_Lane(s) for s in source.streams if isinstance(s, _KINDS)]
            lanes = [lane for lane in lanes if lane.source.index in checks]
            for lane in lanes:
                lane.check_from = checks[lane.source.index]
            return _copy(source, lanes, file, chapters)
    except OSError:
        raise
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        raise InvalidRecording(f"the recording cannot be read: {reason}") from error


_KINDS = (av.VideoStream, av.AudioStream)


@contextlib.contextmanager
def _opened(view: FragmentView) -> Iterator[av.container.InputContainer]:
    """Open the view; a file that is no recording is no error of the disk."""
    try:
        container = av.open(view, "r", format="mp4", buffer_size=1 << 20)
    except (*_BROKEN, OSError) as error:
        reason = " ".join(str(error).split())
        raise InvalidRecording(f"the recording cannot be read: {reason}") from error
    with container:
        yield container


def _packets(
    source: av.container.InputContainer, lanes: list[_Lane]
) -> Iterator[av.Packet[Stream]]:
    """Yield packets until the end, or until the reader gives up on damaged bytes."""
    if not lanes:
        # PyAV takes no streams for all streams.
        return
    with contextlib.suppress(*_BROKEN):
        yield from source.demux([lane.source for lane in lanes])


def _survey(source: av.container.InputContainer, lanes: list[_Lane]) -> dict[int, int]:
    """Return for each track with content the PTS from which on its packets are to be decoded:
    a key frame that lies `TAIL_S` before the end."""
    keys: dict[int, list[int]] = {lane.source.index: [] for lane in lanes}
    last: dict[int, int] = {}
    for packet in _packets(source, lanes):
        if packet.size and packet.pts is not None:
            last[packet.stream_index] = packet.pts
            if packet.is_keyframe:
                keys[packet.stream_index].append(packet.pts)
    checks = {}
    for lane in lanes:
        index = lane.source.index
        if index in last and keys[index]:
            tail = last[index] - int(TAIL_S / lane.base)
            checks[index] = max([k for k in keys[index] if k <= tail], default=keys[index][0])
    if not checks:
        raise InvalidRecording("the recording holds no complete picture or sound")
    return checks


def _copy(
    source: av.container.InputContainer,
    lanes: list[_Lane],
    file: IO[bytes],
    chapters: Callable[[int], list[Chapter]],
) -> Remuxed:
    by_index = {lane.source.index: lane for lane in lanes}
    options = {"movie_timescale": str(SAMPLE_RATE_HZ)}
    with av.open(file, "w", format="mp4", buffer_size=1 << 20, container_options=options) as target:
        for lane in lanes:
            lane.target = target.add_stream_from_template(lane.source, opaque=True)
            lane.target.metadata.update(lane.source.metadata)
            lane.target.disposition = lane.source.disposition
        for packet in _packets(source, lanes):
            # The empty packets at the end bear the number 0, whatever their track.
            if packet.size and by_index[packet.stream_index].takes(packet):
                holder = by_index[packet.stream_index]
                _mux(target, holder)
                holder.held = packet
        end_s = max((lane.end_s() for lane in lanes), default=Fraction(0))
        for lane in lanes:
            if lane.is_video and lane.held is not None and lane.held.pts is not None:
                # The last picture stays as long as there is sound.
                lane.held.duration = max(1, round(end_s / lane.base) - lane.held.pts)
            _mux(target, lane)
        _set_chapters(target, chapters(round(end_s * NS_PER_S)))
    return Remuxed(
        duration_s=float(end_s),
        frames=sum(lane.count for lane in lanes if lane.is_video),
        audio_tracks=sum(not lane.is_video for lane in lanes),
        left_out=sum(lane.left_out for lane in lanes),
    )


def _mux(target: av.container.OutputContainer, lane: _Lane) -> None:
    if lane.held is not None and lane.target is not None:
        lane.held.stream = lane.target
        target.mux(lane.held)


def _set_chapters(target: av.container.OutputContainer, chapters: list[Chapter]) -> None:
    entries: list[Any] = [
        {
            "id": number,
            "start": chapter.start_sample,
            "end": chapter.end_sample,
            "time_base": Fraction(1, SAMPLE_RATE_HZ),
            "metadata": {"title": chapter.title},
        }
        for number, chapter in enumerate(chapters)
    ]
    if entries:
        target.set_chapters(entries)
