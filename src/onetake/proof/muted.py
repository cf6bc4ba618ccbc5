"""Whether muted spans really hold none of the muted source.

Two probes, each with its own reach. The pattern's chirps: one of the muted source would begin
here, is there a trace of it? Digital silence: where nothing else was recorded either, every sample
must be zero. Anything else in the sound cannot be told apart from the other source.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.pattern import CHIRP_AMPLITUDE, CHIRP_NS
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.companion import Companion, MutedPart
from onetake.proof.events import SeenEvents
from onetake.proof.results import MutedSpan, PathOffsets
from onetake.proof.sound import SoundTrack

__all__ = ["muted_spans"]

_RAMP_NS = 20 * NS_PER_MS
"""The mute's own ramp (10 ms) and a little; sound in it is meant."""

_SMEAR_NS = 60 * NS_PER_MS
"""How far a lossy codec smears sound into silence: two AAC frames and the ramp."""

_NEAR_NS = 20 * NS_PER_MS
"""How far a trace may be from where the chirp would begin."""

LEAK_DB = -60.0
"""Trace of a chirp, relative to an unmuted one, from which a span is not muted. Codecs leave traces
of the other source below -70 dB."""

_MASKED_DB = -40.0
"""With more other sound than this in the chirp's band the probe says nothing."""

_Part = tuple[int, int]


def muted_spans(
    companion: Companion,
    events: SeenEvents | None,
    offsets: Sequence[PathOffsets],
    sound: SoundTrack,
) -> list[MutedSpan]:
    """Hold the mixed track against every muted span of the report."""
    return [
        _judge(part, companion, events=events, offsets=offsets, sound=sound)
        for part in companion.muted
    ]


def _judge(
    part: MutedPart,
    companion: Companion,
    *,
    events: SeenEvents | None,
    offsets: Sequence[PathOffsets],
    sound: SoundTrack,
) -> MutedSpan:
    end_ns = sound.end_ns if part.end_ns is None else part.end_ns
    residuals = []
    if events is not None:
        residuals = _residuals_db(part.role, (part.start_ns, end_ns), events, offsets, sound)
    silent = _is_silent(part, end_ns, companion, sound)
    residual_db = max((level for level, _ in residuals), default=None)
    leaks = any(level > LEAK_DB for level, is_chirp in residuals if is_chirp)
    is_masked = any(level > _MASKED_DB for level, is_chirp in residuals if not is_chirp)
    if leaks or silent is False:
        is_clean: bool | None = False
    elif silent or (residuals and not is_masked):
        is_clean = True
    else:
        is_clean = None
    return MutedSpan(
        role=part.role,
        start_s=part.start_ns / NS_PER_S,
        end_s=end_ns / NS_PER_S,
        probes=len(residuals),
        residual_db=None if residual_db is None else round(residual_db, 1),
        is_exactly_silent=silent,
        is_clean=is_clean,
    )


def _residuals_db(
    role: Role,
    span: _Part,
    events: SeenEvents,
    offsets: Sequence[PathOffsets],
    sound: SoundTrack,
) -> list[tuple[float, bool]]:
    """Return (dB relative to an unmuted chirp, is it a chirp) wherever none is to be heard."""
    path = str(role)
    offset_ms = next((found.median_ms for found in offsets if found.path == path), 0.0)
    expected = events.times_ns + round(offset_ms * NS_PER_MS)
    first_ns, last_ns = span[0] + _RAMP_NS, span[1] - _RAMP_NS - CHIRP_NS
    expected = expected[(expected >= first_ns) & (expected <= last_ns)]
    heard = sound.chirps[path]
    reference = _reference(path, span, sound)
    scale_db = 20 * np.log10(reference / CHIRP_AMPLITUDE)
    starts = np.array([chirp.start_ns for chirp in heard], dtype=np.int64)
    residuals = []
    for begin_ns in expected.tolist():
        near = np.flatnonzero(np.abs(starts - begin_ns) <= _NEAR_NS)
        if len(near):
            loudest = max(heard[index].amplitude for index in near.tolist())
            residuals.append((float(20 * np.log10(loudest / reference)), True))
        else:
            residuals.append((sound.ceiling_db(path, begin_ns) - float(scale_db), False))
    return residuals


def _reference(path: str, span: _Part, sound: SoundTrack) -> float:
    """Return how loud the path's chirps are outside of the span."""
    outside = [
        chirp.amplitude for chirp in sound.chirps[path] if not span[0] <= chirp.start_ns <= span[1]
    ]
    return float(np.percentile(outside, 75)) if outside else CHIRP_AMPLITUDE


def _is_silent(
    part: MutedPart, end_ns: int, companion: Companion, sound: SoundTrack
) -> bool | None:
    """Whether the samples are digital silence where the other source is muted as well."""
    silences = sound.silence_spans_ns()
    both = [
        (start + _SMEAR_NS, end - _SMEAR_NS)
        for start, end in _other_muted(part, end_ns, companion, sound.end_ns)
        if end - start > 3 * _SMEAR_NS
    ]
    if not both:
        return None
    return all(any(low <= start and end <= high for low, high in silences) for start, end in both)


def _other_muted(
    part: MutedPart, end_ns: int, companion: Companion, file_end_ns: int
) -> list[_Part]:
    """Return where within the part the other source is muted or was never recorded."""
    (other,) = (role for role in AUDIO_ROLES if role is not part.role)
    if other in companion.absent:
        return [(part.start_ns, end_ns)]
    spans = []
    for muted in companion.muted:
        if muted.role is other:
            other_end_ns = file_end_ns if muted.end_ns is None else muted.end_ns
            spans.append((max(part.start_ns, muted.start_ns), min(end_ns, other_end_ns)))
    return [(start, end) for start, end in spans if end > start]
