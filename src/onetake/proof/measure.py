"""The measurements that need both picture and sound: offsets of every path, wrong speeds.

Invariant: paths are measured in the track that is played by default (the first audio track) and,
where further tracks were recorded, in each of them as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.chirps import BANDS
from onetake.proof.events import SeenEvents
from onetake.proof.offsets import Matched, match, path_offsets, summarise
from onetake.proof.results import Fault, Finding, PathOffsets, Severity
from onetake.proof.scan import Scan, wrong_speed
from onetake.proof.sound import SoundTrack

__all__ = ["all_offsets", "speed_findings"]

_LEAST_EVENTS = 3
"""Fewer matches than this are chance."""

_LEAST_SHARE = 0.15
"""Least share of the events that must be heard for a path to be there at all; a take may be muted
for most of its length, but speech and music match less than 1 in 20."""

_CHIRP_RESOLUTION_NS = 20_000
"""How exactly two chirps in one track can be told apart: some microseconds, 20 with noise."""


def all_offsets(events: SeenEvents | None, sounds: Sequence[SoundTrack]) -> list[PathOffsets]:
    """Return the offsets of every path in every audio track."""
    results: list[PathOffsets] = []
    for sound in sounds:
        tick_ns = float(sound.track.time_base * NS_PER_S)
        matches: dict[str, Matched] = {}
        if events is not None:
            for path in BANDS:
                measured = path_offsets(
                    path, sound.track.index, events, sound.chirps[path], tick_ns=tick_ns
                )
                if measured is None or not _is_real(measured[0], len(events.times_ns)):
                    continue
                results.append(measured[0])
                matches[path] = measured[1]
        results += _between_paths(sound, matches)
    return results


def _is_real(path: PathOffsets, event_count: int) -> bool:
    return path.events >= max(_LEAST_EVENTS, _LEAST_SHARE * event_count) or (
        path.events == event_count > 0
    )


def _between_paths(sound: SoundTrack, matches: dict[str, Matched]) -> list[PathOffsets]:
    """Return microphone against system sound, which needs no picture."""
    system, mic = (
        np.array([chirp.start_ns for chirp in sound.chirps[path]], dtype=np.int64)
        for path in ("system", "mic")
    )
    if "system" in matches and "mic" in matches:
        _, one, other = np.intersect1d(
            matches["system"].events, matches["mic"].events, return_indices=True
        )
        system_index = matches["system"].chirps[one]
        mic_index = matches["mic"].chirps[other]
    else:
        pairs = match(system, mic, is_regular=True)
        system_index, mic_index = pairs.events, pairs.chirps
        if len(system_index) < max(5, _LEAST_SHARE * len(system)):
            return []
    if len(system_index) < _LEAST_EVENTS:
        return []
    return [
        summarise(
            "mic-system",
            sound.track.index,
            system[system_index],
            mic[mic_index] - system[system_index],
            missing=len(system) - len(system_index),
            resolution_ns=_CHIRP_RESOLUTION_NS,
            method="sound",
        )
    ]


def speed_findings(
    found: Scan, events: SeenEvents | None, offsets: Sequence[PathOffsets]
) -> Iterator[Finding]:
    """Yield a finding where the beeps are there but play too fast or too slow.

    Looked for only where the picture shows events that no path of the first track was heard for.
    """
    if events is None or not found.sounds or len(events.times_ns) < _LEAST_EVENTS:
        return
    first = found.sounds[0]
    heard_ns = np.array(
        sorted(
            round(time_s * NS_PER_S)
            for path in offsets
            if path.track == first.track.index
            for time_s, _ in path.offsets_ms
        ),
        dtype=np.int64,
    )
    unheard = [
        time_ns
        for time_ns in events.times_ns.tolist()
        if len(heard_ns) == 0 or np.abs(heard_ns - time_ns).min() > 200 * NS_PER_MS
    ]
    if len(unheard) < _LEAST_EVENTS:
        return
    start_ns, end_ns = unheard[0] - NS_PER_S, unheard[-1] + NS_PER_S
    speed = wrong_speed(found.path, start_ns, end_ns)
    if speed is not None:
        message = (
            f"audio track {first.track.index} plays {speed[0]:.3f} times too fast "
            f"({speed[1]} beeps at that speed)"
        )
        at_s = max(0.0, start_ns / NS_PER_S)
        yield Finding(Fault.AUDIO_WRONG_SPEED, Severity.DEGRADED, message, at_s=at_s)
