"""Whether a muted source is in the mix, where safety tracks tell what it sounds like.

With separate tracks the unmuted microphone and system sound are in the file beside the mix. In a
muted span the mix must be made of the other source alone, so the share of the muted one in it,
fitted by least squares, must be nothing. This works with any sound, not only with the pattern.

Invariant: a share is reported only together with the smallest share that could have been seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.units import NS_PER_S
from onetake.proof.read import Picture, Recording, Sound

__all__ = ["Share", "muted_shares"]

_CHUNK_S = 0.5
"""Length of one fit. Shorter: fewer independent samples; longer: the limiter's gain moves in it."""

_LEAST_RMS = 10 ** (-60 / 20)
"""A source quieter than this, full scale 1, leaves no trace that could be told from coding."""

_MOST_LIKENESS = 0.9
"""Highest correlation of the two sources in a chunk: a microphone that hears the loudspeakers is
the system sound as well."""

_SMEAR_S = 0.06
"""Left out at both ends of a span: the mute's ramp and two frames of the codec."""

_INDEPENDENT = 8
"""Samples per independent one: coding noise lies in bands of some kHz."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a muted source is in the mix."""

    share_db: float
    """Relative to its own track; the largest of what was fitted and what could hide."""
    is_seen: bool
    """Whether it is there for certain (three standard deviations)."""


@dataclass(slots=True)
class _Fit:
    """The sums of one span's fits, weighted by how sure each is."""

    weight: float = 0.0
    weighted: float = 0.0

    def add(
        self, mix: NDArray[np.float32], own: NDArray[np.float32], other: NDArray[np.float32]
    ) -> None:
        """Fit one chunk, each float32, shape (samples,): mix = a x other + b x own + rest."""
        signals = np.stack([other, own]).astype(np.float64)
        powers = signals @ signals.T
        if powers[1, 1] < _LEAST_RMS**2 * len(own):
            return
        likeness = powers[0, 1] / np.sqrt(max(powers[0, 0] * powers[1, 1], 1e-30))
        if abs(likeness) > _MOST_LIKENESS:
            return
        # A silent other source must not make the equations singular.
        powers[0, 0] += 1e-12 * len(own)
        shares = np.linalg.solve(powers, signals @ mix)
        rest = mix - shares @ signals
        noise = float(rest @ rest) / len(mix) * _INDEPENDENT
        variance = noise / (powers[1, 1] * (1 - likeness**2)) + 1e-12
        self.weight += 1 / variance
        self.weighted += shares[1] / variance

    def result(self) -> Share | None:
        """Return the share over all chunks, None when no chunk could be fitted."""
        if self.weight == 0.0:
            return None
        share, sigma = self.weighted / self.weight, self.weight**-0.5
        level = max(abs(share), 3 * sigma)
        return Share(round(float(20 * np.log10(level)), 1), bool(abs(share) > 3 * sigma))


@dataclass(slots=True)
class _Line:
    """The samples of one track that have not been used yet."""

    parts: list[NDArray[np.float32]] = field(default_factory=list)
    start: int | None = None
    """Position of the first one in samples."""
    length: int = 0

    def add(self, sound: Sound) -> None:
        """Put a run of samples behind the others."""
        if self.start is None:
            self.start = round((sound.pts_ns or 0) * sound.rate_hz / NS_PER_S)
        self.parts.append(sound.samples.mean(axis=0))
        self.length += sound.samples.shape[1]

    @property
    def end(self) -> int:
        """Position behind the last sample."""
        return (self.start or 0) + self.length

    def take(self, start: int, end: int) -> NDArray[np.float32]:
        """Return the samples from `start` to `end` and forget all before `end`."""
        assert self.start is not None
        line = np.concatenate(self.parts)
        chunk = line[start - self.start : end - self.start]
        rest = line[end - self.start :]
        self.parts, self.start, self.length = [rest], end, len(rest)
        return chunk


def muted_shares(
    path: Path, spans: Sequence[tuple[Role, int, int]], tracks: Mapping[Role, int], mix: int
) -> list[Share | None]:
    """Return for each span (role, start and end in ns) how much of the role is in the mix.

    Args:
        path: the recording; it is read once more, sound only.
        spans: where which role is muted.
        tracks: index of each role's own track; both roles must be there.
        mix: index of the mixed track.

    Raises InvalidRecording when the file cannot be opened.
    """
    fits = [_Fit() for _ in spans]
    lines = {index: _Line() for index in (mix, *tracks.values())}
    with Recording(path, kinds=("audio",)) as recording:
        for piece in recording.pieces():
            if isinstance(piece, Picture) or piece.track.index not in lines:
                continue
            lines[piece.track.index].add(piece)
            chunk = round(_CHUNK_S * piece.rate_hz)
            starts = [line.start for line in lines.values() if line.start is not None]
            if len(starts) < len(lines):
                continue
            start = max(starts)
            if min(line.end for line in lines.values()) < start + chunk:
                continue
            taken = {index: line.take(start, start + chunk) for index, line in lines.items()}
            _fit_chunk(fits, spans, tracks, taken, (mix, start, piece.rate_hz))
    return [fit.result() for fit in fits]


def _fit_chunk(
    fits: Sequence[_Fit],
    spans: Sequence[tuple[Role, int, int]],
    tracks: Mapping[Role, int],
    taken: Mapping[int, NDArray[np.float32]],
    place: tuple[int, int, int],
) -> None:
    """Add one chunk to every span it lies in; `place` = (mix track, first sample, rate)."""
    mix, start, rate_hz = place
    end = start + len(taken[mix])
    for fit, (role, start_ns, end_ns) in zip(fits, spans, strict=True):
        first = (start_ns / NS_PER_S + _SMEAR_S) * rate_hz
        last = (end_ns / NS_PER_S - _SMEAR_S) * rate_hz
        if first <= start and end <= last:
            (other,) = (name for name in AUDIO_ROLES if name is not role)
            fit.add(taken[mix], taken[tracks[role]], taken[tracks[other]])
