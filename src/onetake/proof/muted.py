"""Whether muted spans really hold none of the muted source.

Three probes, each with its own reach. The pattern's chirps: one of the muted source would begin
here, is there a trace of it? Safety tracks: how much of the source's own track is in the mix?
Digital silence: where nothing else was recorded either, every sample must be zero. Without any of
them the sources cannot be told apart.

Invariant: one probe that sees the source is enough to say that it is there; to say that it is not
takes one that could have seen it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.pattern import CHIRP_AMPLITUDE, CHIRP_NS
from onetake.model.settings import Tracks
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.companion import Companion
from onetake.proof.events import SeenEvents
from onetake.proof.results import MutedSpan, PathOffsets
from onetake.proof.scan import Scan
from onetake.proof.separate import Share, muted_shares
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

_SHARE_DB = -45.0
"""Share of the source's own track that is a leak. Coding noise of two tracks at 160 kb/s is alike
by up to -50 dB."""

_HIDING_DB = -30.0
"""If more than this could hide, the safety tracks say nothing."""

_SAFETY_TRACKS = 3
"""With separate tracks: the mix, the microphone, the system sound, in this order."""

_Part = tuple[int, int]


def muted_spans(
    found: Scan,
    companion: Companion,
    events: SeenEvents | None,
    offsets: Sequence[PathOffsets],
) -> list[MutedSpan]:
    """Hold the mixed track, the first audio track, against every muted span of the report."""
    if not found.sounds or not companion.muted:
        return []
    mix = found.sounds[0]
    spans = [
        (part.role, part.start_ns, mix.end_ns if part.end_ns is None else part.end_ns)
        for part in companion.muted
    ]
    shares: list[Share | None] = [None] * len(spans)
    if companion.report.settings.tracks is Tracks.SEPARATE and len(found.sounds) >= _SAFETY_TRACKS:
        _, mic, system = (sound.track.index for sound in found.sounds[:_SAFETY_TRACKS])
        own = {Role.MIC: mic, Role.SYSTEM: system}
        shares = muted_shares(found.path, spans, own, mix.track.index)
    judged = []
    for (role, start_ns, end_ns), share in zip(spans, shares, strict=True):
        span = (start_ns, end_ns)
        residuals = []
        if events is not None:
            residuals = _residuals_db(role, span, events, offsets, mix)
        silent = _is_silent(role, span, companion, mix)
        judged.append(_judge(role, span, residuals, silent, share))
    return judged


def _judge(
    role: Role,
    span: _Part,
    residuals: list[tuple[float, bool]],
    silent: bool | None,
    share: Share | None,
) -> MutedSpan:
    residual_db = max((level for level, _ in residuals), default=None)
    is_seen = (
        silent is False
        or any(is_chirp and level > LEAK_DB for level, is_chirp in residuals)
        or (share is not None and share.is_seen and share.share_db > _SHARE_DB)
    )
    is_masked = any(level > _MASKED_DB for level, is_chirp in residuals if not is_chirp)
    could_be_seen = (
        silent is True
        or (bool(residuals) and not is_masked)
        or (share is not None and share.share_db <= _HIDING_DB)
    )
    return MutedSpan(
        role=role,
        start_s=span[0] / NS_PER_S,
        end_s=span[1] / NS_PER_S,
        probes=len(residuals),
        residual_db=None if residual_db is None else round(residual_db, 1),
        share_db=None if share is None else share.share_db,
        is_exactly_silent=silent,
        is_clean=False if is_seen else (True if could_be_seen else None),
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


def _is_silent(role: Role, span: _Part, companion: Companion, sound: SoundTrack) -> bool | None:
    """Whether the samples are digital silence where the other source is muted as well."""
    silences = sound.silence_spans_ns()
    both = [
        (start + _SMEAR_NS, end - _SMEAR_NS)
        for start, end in _other_muted(role, span, companion, sound.end_ns)
        if end - start > 3 * _SMEAR_NS
    ]
    if not both:
        return None
    return all(any(low <= start and end <= high for low, high in silences) for start, end in both)


def _other_muted(role: Role, span: _Part, companion: Companion, file_end_ns: int) -> list[_Part]:
    """Return where within the span the other source is muted or was never recorded."""
    (other,) = (name for name in AUDIO_ROLES if name is not role)
    if other in companion.absent:
        return [span]
    spans = []
    for muted in companion.muted:
        if muted.role is other:
            end_ns = file_end_ns if muted.end_ns is None else muted.end_ns
            spans.append((max(span[0], muted.start_ns), min(span[1], end_ns)))
    return [(start, end) for start, end in spans if end > start]
