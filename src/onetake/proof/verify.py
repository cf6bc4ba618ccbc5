"""Is the take really saved? The finished file is opened again and looked at before anybody says so.

Invariant: of pictures and sound only a few key frames and the last seconds are read, however long
the take; what grows with it is the table of contents (`bench/finish.py`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import av
import av.error
import numpy as np

from onetake.model.devices import Role
from onetake.model.report import SourceStatistics
from onetake.model.take_report import TrackReport
from onetake.model.units import NS_PER_S

__all__ = ["Problem", "Verification", "VerifyCode", "verify"]

DECODE_LIMIT_S = 0.3
"""How long the last pictures are decoded at most. Smaller: a bad tail of a large picture may go
unseen. Larger: saving a 4K take takes over a second."""

SAMPLED_AT = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Where, as shares of the length, a key frame is looked at for blackness; the last picture is too.
More cost time; fewer call a take black that shows something in between."""

BLACK_LUMA = 24
"""A picture none of whose pixels is brighter is black: limited range has black at 16, and encoders
ring by a few values."""

SOUND_TAIL_S = 0.5
"""How much of the end of each audio track is decoded."""

SOUND_TOLERANCE_S = 1024 / 48_000
"""One AAC frame: what players that ignore the edit list hear more."""

_Stream = av.VideoStream | av.AudioStream

_FFMPEG = (av.error.FFmpegError, OSError, ValueError)
"""What PyAV raises for files it cannot read."""


class VerifyCode(StrEnum):
    """The names of all problems; a closed set."""

    UNREADABLE = "unreadable"
    TRACK_MISSING = "track-missing"
    DURATION_WRONG = "duration-wrong"
    TAIL_UNDECODABLE = "tail-undecodable"
    BLACK_PICTURE = "black-picture"
    SILENT_MICROPHONE = "silent-microphone"

    @property
    def is_structural(self) -> bool:
        """Whether a repair from the fragments may help: the file, not its content, is wrong."""
        return self not in (self.BLACK_PICTURE, self.SILENT_MICROPHONE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    code: VerifyCode
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What the file said when it was opened again."""

    problems: list[Problem] = field(default_factory=list)
    tracks: list[TrackReport] = field(default_factory=list)
    end_difference_ms: float | None = None
    """End of the picture minus end of the sound; None = not readable."""

    @property
    def needs_repair(self) -> bool:
        """Whether the file itself is wrong, not only what was recorded."""
        return any(problem.code.is_structural for problem in self.problems)


def verify(
    path: Path,
    *,
    duration_ns: int,
    fps: int,
    audio_tracks: int = 1,
    sources: Mapping[Role, SourceStatistics] | None = None,
) -> Verification:
    """Open the finished recording at `path` again and return what is true of it. Never raises.

    Args:
        path: the recording.
        duration_ns: how long it should be.
        fps: frames a second, for the tolerance of one frame.
        audio_tracks: how many audio tracks it should have.
        sources: what is known of the sources, to tell a microphone that was silent all along.
    """
    problems = _silent_microphone(sources or {}, duration_ns)
    try:
        with av.open(str(path)) as container:
            return _Look(container, duration_ns / NS_PER_S, fps, problems).verification(
                audio_tracks
            )
    except _FFMPEG as error:
        reason = " ".join(str(error).split())
        unreadable = Problem(VerifyCode.UNREADABLE, f"the file cannot be opened again: {reason}")
        return Verification([unreadable, *problems])


def _silent_microphone(sources: Mapping[Role, SourceStatistics], duration_ns: int) -> list[Problem]:
    mic = sources.get(Role.MIC)
    if mic is None or not mic.frames:
        return []
    silent_ns = sum(stretch.length_ns for stretch in mic.digital_silence)
    if mic.peak_db > -120 and silent_ns < 0.99 * duration_ns:
        return []
    message = "the microphone delivered nothing but digital silence"
    return [Problem(VerifyCode.SILENT_MICROPHONE, message)]


class _Look:
    """One look at an opened file."""

    def __init__(
        self,
        container: av.container.InputContainer,
        duration_s: float,
        fps: int,
        problems: list[Problem],
    ) -> None:
        self._container = container
        self._duration_s = duration_s
        self._frame_s = 1 / fps
        self._problems = problems
        self._is_black = True

    def verification(self, audio_tracks: int) -> Verification:
        """Look at every track. Raises what PyAV raises."""
        streams = self._container.streams
        if not streams.video:
            self._say(VerifyCode.TRACK_MISSING, "the file has no picture")
        if len(streams.audio) != audio_tracks:
            self._say(
                VerifyCode.TRACK_MISSING,
                f"the file has {len(streams.audio)} audio tracks instead of {audio_tracks}",
            )
        ends: dict[str, float] = {}
        looked_at: list[_Stream] = [*streams.video[:1], *streams.audio]
        for stream in looked_at:
            if not _has_codec(stream):
                self._say(VerifyCode.UNREADABLE, f"{_name(stream)} is of no known codec")
                continue
            end_s = self._tail(stream)
            if end_s is not None:
                # The edit list cuts what the last packet holds too much.
                end_s = min(end_s, _header_s(stream) or end_s)
                ends.setdefault(stream.type, end_s)
                self._check_duration(stream, end_s)
        if streams.video and "video" in ends:
            self._look_for_black(streams.video[0])
        difference_ms = None
        if len(ends) == 2:
            difference_ms = round((ends["video"] - ends["audio"]) * 1000, 3)
        tracks = [_track(stream) for stream in streams]
        return Verification(self._problems, tracks, difference_ms)

    def _say(self, code: VerifyCode, message: str) -> None:
        self._problems.append(Problem(code, message))

    def _check_duration(self, stream: av.stream.Stream, end_s: float) -> None:
        name = _name(stream)
        tolerance_s = self._frame_s if stream.type == "video" else SOUND_TOLERANCE_S
        for what, seconds in (("ends at", end_s), ("says it lasts", _header_s(stream))):
            if abs(seconds - self._duration_s) > tolerance_s:
                self._say(
                    VerifyCode.DURATION_WRONG,
                    f"{name} {what} {seconds:.3f} s instead of {self._duration_s:.3f} s",
                )
                return

    def _tail(self, stream: _Stream) -> float | None:
        """Decode the end of a track; return where it ends in s, None when that cannot be read."""
        back_s = self._frame_s / 2 if stream.type == "video" else SOUND_TAIL_S
        self._seek(stream, max(0.0, _header_s(stream) - back_s))
        if isinstance(stream, av.VideoStream):
            stream.thread_type = "AUTO"
        give_up_s = time.monotonic() + DECODE_LIMIT_S
        end_s: float | None = None
        decoded = 0
        try:
            for packet in self._container.demux(stream):
                if packet.pts is not None and packet.time_base:
                    ticks = packet.pts + (packet.duration or 0)
                    end_s = max(end_s or 0.0, _seconds(ticks, packet.time_base))
                if time.monotonic() > give_up_s and decoded:
                    continue
                for frame in packet.decode():
                    decoded += 1
                    if isinstance(frame, av.VideoFrame):
                        self._is_black = _is_black(frame)
        except _FFMPEG as error:
            reason = " ".join(str(error).split())
            self._say(VerifyCode.TAIL_UNDECODABLE, f"the end of {_name(stream)}: {reason}")
            return end_s
        if not decoded:
            self._say(VerifyCode.TAIL_UNDECODABLE, f"the end of {_name(stream)} shows nothing")
        return end_s

    def _look_for_black(self, stream: av.VideoStream) -> None:
        for share in SAMPLED_AT:
            if not self._is_black:
                return
            self._seek(stream, share * self._duration_s)
            try:
                self._is_black = _is_black(next(self._container.decode(stream)))
            except (StopIteration, *_FFMPEG):
                continue
        if self._is_black:
            self._say(VerifyCode.BLACK_PICTURE, "the picture is black all along")

    def _seek(self, stream: av.VideoStream | av.AudioStream, at_s: float) -> None:
        base = stream.time_base
        ticks = round(at_s * base.denominator / base.numerator) if base else 0
        self._container.seek(ticks, stream=stream, backward=True)


def _is_black(frame: av.VideoFrame) -> bool:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    return int(rows[::2, : frame.width : 2].max(initial=0)) <= BLACK_LUMA


def _seconds(ticks: int, base: object) -> float:
    """Return `ticks` of a rational `base`, Fraction or AVRational alike, in seconds."""
    return float(ticks * base.numerator / base.denominator)  # type: ignore[attr-defined]


def _header_s(stream: av.stream.Stream) -> float:
    """Return how long the header says the track lasts; 0 = it does not say."""
    if stream.duration is None or not stream.time_base:
        return 0.0
    return _seconds(stream.duration, stream.time_base)


def _name(stream: av.stream.Stream) -> str:
    return "the picture" if stream.type == "video" else f"audio track {stream.index}"


def _has_codec(stream: object) -> bool:
    """Whether the track's codec is known; PyAV's types say it always is."""
    return getattr(stream, "codec_context", None) is not None


def _track(stream: av.stream.Stream) -> TrackReport:
    codec = form = ""
    if _has_codec(stream):
        codec = stream.codec_context.name
        if isinstance(stream, av.VideoStream):
            form = f"{stream.width}x{stream.height}"
        elif isinstance(stream, av.AudioStream):
            form = f"{stream.rate} Hz, {stream.channels} channels"
    return TrackReport(
        kind=stream.type,
        codec=codec,
        title=stream.metadata.get("handler_name", ""),
        duration_s=round(_header_s(stream), 6),
        packets=stream.frames,
        format=form,
    )
