"""Find the pattern's chirps in a stream of samples, to a few microseconds.

A matched filter in the frequency domain, one forward transform a block for both bands:

    samples ─▶ FFT ─┬─ band ─▶ x conj(template) ─▶ IFFT ─▶ envelope: how much of a chirp
                    └─ band ─────────────────────▶ IFFT ─▶ energy:   how much of anything

Only where most of the energy in the band is chirp (`_MIN_SCORE`) there is one, however quiet; its
instant is the peak of the envelope, refined by a parabola. The envelope knows no polarity, so an
inverted microphone does not matter.

Invariant: the result does not depend on how the samples are cut into blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.pattern import (
    CHIRP_AMPLITUDE,
    MIC_BAND_HZ,
    SYSTEM_BAND_HZ,
    mic_chirp,
    system_chirp,
)

__all__ = ["BANDS", "Chirp", "ChirpFinder"]

BANDS = {"system": SYSTEM_BAND_HZ, "mic": MIC_BAND_HZ}
"""Path name to band."""

_BLOCK_S = 1.3
"""Least length of a transform in s. Shorter wastes overlap, longer only memory."""

_SIDE_HZ = 300.0
"""How far beyond the chirp's own band its filter reaches: the chirp's edges need about 200 Hz."""

_MIN_SCORE = 0.6
"""Share of amplitude in the band that is chirp. Noise of this bandwidth reaches 0.6 about once in
half an hour, music and speech less than 0.5; a chirp with as much other sound in its band has 0.7.
Wrong finds do no harm: they match no event."""

_MIN_AMPLITUDE = 10 ** (-100 / 20)
"""Full scale 1. Quieter than this is a codec's numerical dust."""

_APART_S = 0.06
"""Two finds nearer than this are one: the longest chirp's length plus a little."""

_HOP_S = 0.05
"""Step of the record of how much chirp there could be at most (`ChirpFinder.ceilings_db`)."""

FLOOR_DB = -127
"""Least value of `ceilings_db`, relative to a chirp of CHIRP_AMPLITUDE."""


@dataclass(frozen=True, slots=True)
class Chirp:
    """One found chirp."""

    sample: float
    """Sample index of its first sample, counted from the first sample that was fed."""
    amplitude: float
    """Its peak, full scale 1."""
    score: float
    """How much of the sound in its band it is, 0..1."""


class _Band:
    """The matched filter of one chirp for one block length. Pure after construction."""

    def __init__(
        self, band_hz: tuple[float, float], rate_hz: int, block: int, speed: float
    ) -> None:
        low_hz, high_hz = band_hz[0] * speed, band_hz[1] * speed
        side_hz = _SIDE_HZ * speed
        bin_hz = rate_hz / block
        self.first_bin = max(1, int((low_hz - side_hz) / bin_hz))
        self.last_bin = min(block // 2, int((high_hz + side_hz) / bin_hz) + 1)
        self.points = 1 << int(np.ceil(np.log2(8 * (self.last_bin - self.first_bin))))
        self.samples_per_point = block / self.points
        template = _template(band_hz, rate_hz, speed)
        self.length = len(template)
        spectrum = np.fft.rfft(template, block)[self.first_bin : self.last_bin]
        self.conjugate = np.conj(spectrum)
        self.energy = float((np.abs(spectrum) ** 2).sum()) * 2 / block
        self.window_points = max(1, round(self.length / self.samples_per_point))

    def analyse(
        self, spectrum: NDArray[np.complex128], block: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (amplitude, score) at each point of the block; the last `length` are invalid."""
        part = spectrum[self.first_bin : self.last_bin]
        scale = 2 * self.points / block
        envelope = np.abs(self._to_time(part * self.conjugate)) * scale
        power = np.abs(self._to_time(part) * scale) ** 2
        total = np.concatenate([[0.0], np.cumsum(power)]) * self.samples_per_point / 2
        energy = np.maximum(total[self.window_points :] - total[: -self.window_points], 1e-30)
        count = len(energy)
        score = envelope[:count] / np.sqrt(energy * self.energy)
        return envelope[:count] / self.energy * CHIRP_AMPLITUDE, score

    def _to_time(self, part: NDArray[np.complex128]) -> NDArray[np.complex128]:
        padded = np.zeros(self.points, dtype=np.complex128)
        padded[: len(part)] = part
        return np.fft.ifft(padded)


class ChirpFinder:
    """Finds the chirps of both bands in one mono stream. Not to be shared between threads.

    Args:
        rate_hz: rate of the samples.
        speed: how much too fast the sound plays (3.0: 16 kHz written as 48 kHz).

    Attributes:
        found: path name -> chirps so far, in order.
        ceilings_db: path name -> for every 50 ms the largest amount of chirp that could hide
            there, dB relative to a chirp of CHIRP_AMPLITUDE.
    """

    def __init__(self, rate_hz: int, speed: float = 1.0) -> None:
        self.rate_hz = rate_hz
        self.found: dict[str, list[Chirp]] = {name: [] for name in BANDS}
        self.ceilings_db: dict[str, bytearray] = {name: bytearray() for name in BANDS}
        self._block = 1 << int(np.ceil(np.log2(_BLOCK_S * rate_hz)))
        self._bands = {
            name: _Band(band_hz, rate_hz, self._block, speed)
            for name, band_hz in BANDS.items()
            # A band beyond half the rate is not in the samples.
            if (band_hz[1] + _SIDE_HZ) * speed < rate_hz / 2
        }
        longest = max((band.length for band in self._bands.values()), default=1)
        self._overlap = _whole_hops(2 * longest, rate_hz)
        self._hop = round(_HOP_S * rate_hz)
        self._buffer = np.zeros(self._block)
        self._filled = self._overlap
        self._start = -self._overlap

    def feed(self, mono: NDArray[np.float32]) -> None:
        """Take the next samples, float32, shape (frames,)."""
        offset = 0
        while offset < len(mono):
            count = min(len(mono) - offset, self._block - self._filled)
            self._buffer[self._filled : self._filled + count] = mono[offset : offset + count]
            self._filled += count
            offset += count
            if self._filled == self._block:
                self._analyse()

    def finish(self) -> None:
        """Search what is left; nothing may be fed afterwards."""
        remaining = self._filled
        self._buffer[remaining:] = 0.0
        self._analyse()
        if remaining > self._block - self._overlap:
            self._buffer[self._overlap :] = 0.0
            self._analyse()

    def ceiling_db(self, path: str, sample: float) -> float:
        """Return how much chirp could at most begin near this sample, dB; FLOOR_DB = nothing."""
        record = self.ceilings_db[path]
        centre = int(sample) // self._hop
        values = record[max(0, centre - 1) : centre + 2]
        return float(max(values, default=0)) + FLOOR_DB

    def _analyse(self) -> None:
        """Search the whole buffer, then keep its last `overlap` samples."""
        step = self._block - self._overlap
        spectrum = np.fft.rfft(self._buffer)
        for name, band in self._bands.items():
            amplitude, score = band.analyse(spectrum, self._block)
            self._note_ceiling(name, band, amplitude)
            self._search(name, band, amplitude, score)
        self._buffer[: self._overlap] = self._buffer[step:]
        self._filled = self._overlap
        self._start += step

    def _search(
        self, name: str, band: _Band, amplitude: NDArray[np.float64], score: NDArray[np.float64]
    ) -> None:
        """Add the chirps that begin in the part of this block that no other block covers better."""
        half = self._overlap / 2
        apart = round(_APART_S * self.rate_hz / band.samples_per_point)
        good = np.flatnonzero((score >= _MIN_SCORE) & (amplitude >= _MIN_AMPLITUDE))
        while len(good):
            inside = good[good <= good[0] + apart]
            peak = int(inside[np.argmax(amplitude[inside])])
            good = good[good > max(peak + apart, inside[-1])]
            position = (peak + _parabola(amplitude, peak)) * band.samples_per_point
            # A quarter-overlap at either edge belongs to the neighbouring block.
            if half / 2 <= position < self._block - self._overlap + half / 2:
                sample = self._start + position
                self.found[name].append(Chirp(sample, float(amplitude[peak]), float(score[peak])))

    def _note_ceiling(self, name: str, band: _Band, amplitude: NDArray[np.float64]) -> None:
        """Remember the largest envelope of each hop that begins in this block."""
        record = self.ceilings_db[name]
        per_hop = self._hop / band.samples_per_point
        while True:
            begin = (len(record) * self._hop - self._start) / band.samples_per_point
            if begin + per_hop > len(amplitude) - band.window_points:
                return
            part = amplitude[max(0, int(begin)) : int(begin + per_hop) + 1]
            level_db = 20 * np.log10(max(float(part.max()), 1e-9) / CHIRP_AMPLITUDE)
            record.append(int(np.clip(np.ceil(level_db) - FLOOR_DB, 0, 255)))


def _whole_hops(samples: int, rate_hz: int) -> int:
    hop = round(_HOP_S * rate_hz)
    return -(-samples // hop) * hop


def _template(band_hz: tuple[float, float], rate_hz: int, speed: float) -> NDArray[np.float64]:
    """Return the chirp as it sounds when played `speed` times too fast."""
    make = system_chirp if band_hz == SYSTEM_BAND_HZ else mic_chirp
    return make(rate_hz / speed).astype(np.float64)


def _parabola(values: NDArray[np.float64], peak: int) -> float:
    """Return where between its neighbours the peak really is, -0.5..0.5 points."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    left, middle, right = np.log(np.maximum(values[peak - 1 : peak + 2], 1e-30))
    curvature = left - 2 * middle + right
    return 0.0 if curvature >= 0 else float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5))
