"""One pass over a file: every picture looked at, every sample heard, nothing kept but facts.

Invariant: the first video track and all audio tracks are read together in one pass, so that the
cost is that of decoding once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onetake.model.units import NS_PER_S
from onetake.proof.chirps import BANDS, ChirpFinder
from onetake.proof.completeness import missing_bytes
from onetake.proof.frames import FrameLog
from onetake.proof.picture import PictureReader
from onetake.proof.read import Picture, ReadTrouble, Recording, Sound, Track
from onetake.proof.sound import SoundTrack

__all__ = ["Scan", "scan", "wrong_speed"]

_SPEEDS = tuple(
    round(to / made, 6)
    for made, to in (
        (16_000, 48_000),
        (44_100, 48_000),
        (48_000, 44_100),
        (24_000, 48_000),
        (32_000, 48_000),
        (8_000, 48_000),
        (48_000, 16_000),
        (96_000, 48_000),
        (48_000, 32_000),
    )
)
"""How much too fast sound plays when samples of the first rate are written as the second."""

_LISTEN_NS = 60 * NS_PER_S
"""How much sound is searched for chirps at a wrong speed; more only costs time."""


@dataclass(slots=True)
class Scan:
    """What one pass over a file found."""

    path: Path
    container: str
    size_bytes: int
    chapters: int
    missing_bytes: int | None
    tracks: list[Track]
    frames: FrameLog | None
    sounds: list[SoundTrack]
    unknown_tracks: list[int] = field(default_factory=list)
    """Video and audio tracks in a codec that is not known here."""
    trouble: ReadTrouble = field(default_factory=ReadTrouble)


def scan(path: Path) -> Scan:
    """Read the whole file. Raises InvalidRecording when it cannot be opened."""
    with Recording(path) as recording:
        videos = [track for track in recording.tracks if track.kind == "video"]
        log = FrameLog(videos[0]) if videos else None
        sounds = {
            track.index: SoundTrack(track) for track in recording.tracks if track.kind == "audio"
        }
        reader = PictureReader()
        for piece in recording.pieces():
            if isinstance(piece, Sound):
                sounds[piece.track.index].feed(piece)
            elif log is not None and piece.track.index == log.track.index:
                log.add(piece, reader.look(piece.luma))
        for sound in sounds.values():
            sound.finish()
        return Scan(
            path=path,
            container=recording.format_name,
            size_bytes=path.stat().st_size,
            chapters=recording.chapter_count,
            missing_bytes=missing_bytes(path),
            tracks=recording.tracks,
            frames=log,
            sounds=list(sounds.values()),
            unknown_tracks=recording.unknown_tracks,
            trouble=recording.trouble,
        )


def wrong_speed(path: Path, start_ns: int, end_ns: int) -> tuple[float, int] | None:
    """Search a part of the first audio track for chirps at another speed.

    Returns (how much too fast they play, how many) of the most frequent speed, or None when fewer
    than three were found.
    """
    end_ns = min(end_ns, start_ns + _LISTEN_NS)
    finders: dict[float, ChirpFinder] = {}
    with Recording(path, kinds=("audio",)) as recording:
        first = recording.tracks[0].index
        for piece in recording.pieces():
            if isinstance(piece, Picture) or piece.track.index != first or piece.pts_ns is None:
                continue
            if piece.pts_ns >= end_ns:
                break
            if piece.pts_ns < start_ns:
                continue
            if not finders:
                finders = {speed: ChirpFinder(piece.rate_hz, speed) for speed in _SPEEDS}
            mono: NDArray[np.float32] = piece.samples.mean(axis=0)
            for finder in finders.values():
                finder.feed(mono)
    counts = {}
    for speed, finder in finders.items():
        finder.finish()
        counts[speed] = max(len(finder.found[path_name]) for path_name in BANDS)
    if not counts or max(counts.values()) < 3:
        return None
    speed = max(counts, key=lambda speed: counts[speed])
    return speed, counts[speed]
