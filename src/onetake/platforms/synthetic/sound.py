"""What the synthetic sound devices hear, and when their own clocks say they heard it.

Invariant: sample k of a device is the sound at host time `start + k / true rate`, evaluated at that
very instant, not resampled from a 48 kHz original; only the stamps carry noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from onetake.model import pattern
from onetake.model.devices import Role
from onetake.model.media import AudioBlock
from onetake.model.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onetake.platforms.synthetic.options import Options

__all__ = ["sound_blocks", "speech"]

_SYLLABLE_S = 0.22
"""Time from one syllable to the next, s: 4 to 5 a second, as people talk."""

_PHRASE_SYLLABLES = 12
"""Syllables until the speaker takes a breath for two of them."""

_VOICE_TOP_HZ = 700.0
"""The voice ends below pattern.SYSTEM_BAND_HZ, so that it does not hide the chirps."""

_HISS_HZ = (4700.0, 5130.0, 5570.0, 6110.0, 6530.0, 7070.0)
"""Partials of the consonants, above pattern.MIC_BAND_HZ; incommensurate, so they sound as noise."""

_VOICE_PEAK = 0.12
"""Peak of the voice, full scale 1: with both chirps on top still below the limiter."""

_STAMP_CUT = 3.0
"""Noise of the stamps is cut at this many standard deviations: devices do not stamp at random."""


def sound_blocks(
    role: Role, options: Options, *, epoch_ns: int, start_ns: int
) -> Iterator[tuple[int, AudioBlock]]:
    """Yield (delivery time, block) for ever, for a device whose clock starts at `start_ns`.

    `epoch_ns` is the host time of position 0 of the pattern.
    """
    random = np.random.default_rng((options.seed, start_ns % (1 << 32)))
    schedule = pattern.EventSchedule()
    true_rate_hz = options.rate * (1 + options.drift_ppm * 1e-6)
    frame_count = max(1, round(options.rate * options.block_ms / 1000))
    channels = options.channel_count(role)
    first, delivery_ns = 0, 0
    while True:
        offset_ns = first * NS_PER_S / true_rate_hz
        heard_ns = start_ns - epoch_ns + offset_ns
        mono = _hear(
            role,
            options,
            schedule,
            start_ns=heard_ns,
            frame_count=frame_count,
            true_rate_hz=true_rate_hz,
        )
        first += frame_count
        complete_ns = start_ns + round(first * NS_PER_S / true_rate_hz)
        noise_ns = _stamp_noise_ns(options, random)
        late_ns = round(options.latency_ms * NS_PER_MS) + abs(noise_ns)
        delivery_ns = max(delivery_ns, complete_ns + late_ns)
        samples = np.repeat(mono[:, None], channels, axis=1)
        stamp_ns = start_ns + round(offset_ns) + noise_ns
        yield delivery_ns, AudioBlock(stamp_ns, samples, options.rate, delivery_ns)


def speech(seed: int, start_ns: float, frame_count: int, rate_hz: float) -> NDArray[np.float32]:
    """Return something that sounds like a voice from position `start_ns` on: float32, (n,)."""
    times_s = start_ns / NS_PER_S + np.arange(frame_count) / rate_hz
    samples = np.zeros(frame_count)
    for number in range(int(times_s[0] // _SYLLABLE_S), int(times_s[-1] // _SYLLABLE_S) + 1):
        if number < 0 or number % (_PHRASE_SYLLABLES + 2) >= _PHRASE_SYLLABLES:
            continue
        first = int(np.searchsorted(times_s, number * _SYLLABLE_S))
        end = int(np.searchsorted(times_s, (number + 1) * _SYLLABLE_S))
        since_s = times_s[first:end] - number * _SYLLABLE_S
        samples[first:end] = _say(_choose(seed, number), since_s, rate_hz)
    return samples.astype(np.float32)


def _hear(
    role: Role,
    options: Options,
    schedule: pattern.EventSchedule,
    *,
    start_ns: float,
    frame_count: int,
    true_rate_hz: float,
) -> NDArray[np.float32]:
    """Return what the device hears from position `start_ns` on: float32, (frame_count,)."""
    heard = np.zeros(frame_count, dtype=np.float32)
    if role is Role.MIC:
        heard += speech(options.seed, start_ns, frame_count, true_rate_hz)
    if options.has_events:
        play = pattern.mic_sound if role is Role.MIC else pattern.system_sound
        heard += play(schedule, start_ns, frame_count, true_rate_hz)
    if options.level_db:
        heard *= np.float32(10 ** (options.level_db / 20))
    return heard


@dataclass(frozen=True, slots=True)
class _Syllable:
    """What is chosen at random about one syllable."""

    pitch_hz: float
    glide_hz_per_s: float
    harmonics: NDArray[np.int64]
    weights: NDArray[np.float64]
    hiss_phases: NDArray[np.float64]


@lru_cache(maxsize=16)
def _choose(seed: int, number: int) -> _Syllable:
    """Return the syllable of a number; several blocks in a row need the same one."""
    random = np.random.default_rng((seed, number))
    pitch_hz = random.uniform(105, 170)
    glide_hz_per_s = random.uniform(-80, 60)
    formant_hz = random.uniform(250, 600)
    harmonics = np.arange(1, int(_VOICE_TOP_HZ / (pitch_hz + 15)) + 1)
    weights = np.exp(-(((harmonics * pitch_hz - formant_hz) / 250) ** 2)) + 0.2
    phases = random.uniform(0, 2 * np.pi, len(_HISS_HZ))
    return _Syllable(pitch_hz, glide_hz_per_s, harmonics, weights / weights.sum(), phases)


def _say(syllable: _Syllable, since_s: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Return a consonant and a vowel that rise and fall within one syllable."""
    through = since_s / _SYLLABLE_S
    sound = np.zeros(len(since_s))
    voiced = (through > 0.15) & (through < 0.9)
    if voiced.any():
        cycles = (syllable.pitch_hz + syllable.glide_hz_per_s / 2 * since_s) * since_s
        vowel = np.sin(2 * np.pi * cycles[voiced, None] * syllable.harmonics) @ syllable.weights
        sound[voiced] = vowel * np.sin(np.pi * (through[voiced] - 0.15) / 0.75) ** 2
    hissed = through < 0.3
    if hissed.any():
        audible = np.array(_HISS_HZ) < 0.45 * rate_hz
        angles = 2 * np.pi * since_s[hissed, None] * np.array(_HISS_HZ) + syllable.hiss_phases
        hiss = np.sin(angles) @ audible / len(_HISS_HZ)
        sound[hissed] += 0.3 * hiss * np.sin(np.pi * through[hissed] / 0.3) ** 2
    return _VOICE_PEAK * sound


def _stamp_noise_ns(options: Options, random: np.random.Generator) -> int:
    """Return how far the stamp is from the truth: both ways, or only late for arrival stamps."""
    if options.jitter_ms == 0:
        return 0
    if options.stamps == "arrival":
        noise = min(random.exponential(), _STAMP_CUT)
    else:
        noise = float(np.clip(random.standard_normal(), -_STAMP_CUT, _STAMP_CUT))
    return round(noise * options.jitter_ms * NS_PER_MS)
