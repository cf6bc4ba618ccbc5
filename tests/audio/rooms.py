"""Voices, music and rooms for tests of what a microphone hears: random, but no recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onetake.audio.echo_watch import EchoWatch
from onetake.audio.meter import peak_of
from onetake.model.devices import Role
from onetake.model.media import AudioBlock
from onetake.model.units import NS_PER_S

__all__ = [
    "RATE_HZ",
    "first_told_s",
    "hum",
    "level_to",
    "listen",
    "music",
    "noise",
    "rms_db",
    "room",
    "through",
    "voice",
]

RATE_HZ = 16_000
"""What everything here is made at; half of it is more than the echo watch listens to."""

Sound = NDArray[np.float32]


def rms_db(sound: Sound) -> float:
    """Return the level of a whole stretch, dBFS."""
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


def level_to(sound: Sound, level_db: float) -> Sound:
    """Return it at this RMS level, dBFS."""
    return (sound * 10 ** ((level_db - rms_db(sound)) / 20)).astype(np.float32)


def voice(random: np.random.Generator, seconds: float) -> Sound:
    """Return somebody who talks: syllables of voice and hiss, words, breaths, at -20 dBFS RMS."""
    sound = np.zeros(int(seconds * RATE_HZ), np.float32)
    pitch_hz = random.uniform(85, 250)
    at = 0
    while at < len(sound):
        for _ in range(random.integers(4, 16)):
            syllable = _syllable(random, pitch_hz * random.uniform(0.8, 1.25))
            part = sound[at : at + len(syllable)]
            part += syllable[: len(part)]
            at += int(len(syllable) * random.uniform(0.9, 1.3))
        at += int(random.uniform(0.15, 0.7) * RATE_HZ)
    return level_to(sound, -20)


def _syllable(random: np.random.Generator, pitch_hz: float) -> NDArray[np.float64]:
    times_s = np.arange(int(random.uniform(0.12, 0.3) * RATE_HZ)) / RATE_HZ
    through = times_s / times_s[-1]
    glide = random.uniform(-0.25, 0.25)
    cycles = np.cumsum(pitch_hz * (1 + glide * through)) / RATE_HZ
    harmonics = np.arange(1, int(5000 / pitch_hz))
    formants_hz = random.uniform((300, 900, 2200), (800, 2200, 3200))
    peaks = np.exp(-(((harmonics[:, None] * pitch_hz - formants_hz) / 150) ** 2)).sum(axis=1)
    weights = (0.05 + peaks) / harmonics**0.7
    phases = random.uniform(0, 2 * np.pi, len(harmonics))
    vowel = np.sin(2 * np.pi * np.outer(cycles, harmonics) + phases) @ weights
    sound = vowel * np.sin(np.pi * np.clip((through - 0.2) / 0.8, 0, 1)) ** 0.7
    hiss = np.diff(random.normal(0, random.uniform(0.05, 0.4), len(times_s) + 1))
    return np.asarray(sound + hiss * np.clip(1 - through / 0.3, 0, 1), np.float64)


def music(random: np.random.Generator, seconds: float) -> Sound:
    """Return a band that plays in time and in tune: chords, bass, drums, at -20 dBFS RMS."""
    sound = np.zeros(int(seconds * RATE_HZ), np.float32)
    beat = int(60 / random.uniform(80, 140) * RATE_HZ)
    times_s = np.arange(2 * beat) / RATE_HZ
    for number, at in enumerate(range(0, len(sound), beat)):
        note = 55 * 2 ** (random.integers(0, 12) / 12) * np.array([1, 2, 2.52, 3, 4, 5.04, 6, 8])
        phases = random.uniform(0, 2 * np.pi, len(note))
        decay = np.exp(-times_s * random.uniform(1, 5))
        struck = (np.sin(2 * np.pi * np.outer(times_s, note) + phases).sum(axis=1)) * decay
        drum = random.normal(0, 4, len(times_s)) * np.exp(-times_s * (20 if number % 2 else 50))
        part = sound[at : at + len(struck)]
        part += (struck + drum)[: len(part)]
    return level_to(sound, -20)


def room(random: np.random.Generator, *, reverb_s: float = 0.35, direct_db: float = 0.0) -> Sound:
    """Return the impulse response from a speaker to a microphone: the direct sound, then a tail
    that takes `reverb_s` to fall by 60 dB and is as loud as the direct sound less `direct_db`."""
    times_s = np.arange(int(reverb_s * RATE_HZ)) / RATE_HZ
    tail = random.normal(0, 1, len(times_s)) * 10 ** (-3 * times_s / reverb_s)
    tail[: int(0.003 * RATE_HZ)] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[:12] += np.array([0.5, 1, 0.3, -0.5, -0.3, 0.1, 0.05, -0.1, 0, 0.05, 0, 0]) / 1.35
    return tail.astype(np.float32)


def through(sound: Sound, response: Sound, delay_ms: float) -> Sound:
    """Return the sound as it arrives this much later, and as long."""
    size = 1 << (len(sound) + len(response)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    delay = round(delay_ms * RATE_HZ / 1000)
    return np.concatenate([np.zeros(delay, np.float32), heard.astype(np.float32)])[: len(sound)]


def noise(random: np.random.Generator, count: int, level_db: float) -> Sound:
    """Return what a microphone hears of an empty room."""
    return level_to(random.normal(0, 1, count).astype(np.float32), level_db)


def hum(seconds: float) -> Sound:
    """Return the hum of the mains with 40 overtones, always in the same phase."""
    period = np.arange(RATE_HZ // 50) / RATE_HZ
    wave = np.sin(2 * np.pi * np.outer(period, 50 * np.arange(1, 41))).sum(axis=1)
    return np.tile(wave.astype(np.float32), int(seconds * 50))


def listen(
    watch: EchoWatch,
    system: Sound,
    heard: Sound,
    *,
    mic_ppm: float = 0.0,
    block_ms: int = 20,
    jitter_ms: float = 0.0,
    muted: Role | None = None,
    start_s: float = 0.0,
) -> list[tuple[float, str]]:
    """Let the watch hear both, in step; return (seconds since the start, code) of what it says."""
    count = RATE_HZ * block_ms // 1000
    random = np.random.default_rng(1)
    told = []
    for first in range(0, len(system) - count + 1, count):
        for role, sound, ppm in ((Role.SYSTEM, system, 0.0), (Role.MIC, heard, mic_ppm)):
            at_s = start_s + first / (RATE_HZ * (1 + ppm * 1e-6))
            at_s += random.normal(0, jitter_ms) / 1000 if jitter_ms else 0.0
            samples = sound[first : first + count, None]
            block = AudioBlock(round(at_s * NS_PER_S), samples, RATE_HZ, 0)
            for warned in watch.heard(role, block, peak_of(samples), is_muted=role is muted):
                told.append(((first + count) / RATE_HZ, warned.code))
    return told


def first_told_s(system: Sound, heard: Sound, *, mic_ppm: float = 0.0) -> float | None:
    """Return after how many seconds a fresh watch says something, None if it never does."""
    told = listen(EchoWatch(), system, heard, mic_ppm=mic_ppm)
    return told[0][0] if told else None
