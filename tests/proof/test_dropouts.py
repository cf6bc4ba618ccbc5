"""Holes and clicks are told from what sources do themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.proof.making import Samples

from onetake.model import pattern
from onetake.platforms.synthetic.sound import speech
from onetake.proof.dropouts import DropoutFinder

RATE_HZ = 48_000


def find(mono: Samples, cut: int = 1024) -> DropoutFinder:
    """Feed the samples in blocks of `cut`."""
    finder = DropoutFinder(RATE_HZ)
    for start in range(0, len(mono), cut):
        finder.feed(mono[start : start + cut])
    finder.finish()
    return finder


def sine(seconds: float, hz: float = 440, amplitude: float = 0.2) -> Samples:
    """Return a tone."""
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)


def noise(seconds: float, seed: int = 0) -> Samples:
    """Return white noise at -20 dBFS."""
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    start_ms=st.integers(100, 4400),
    length_ms=st.integers(12, 380),
    kind=st.sampled_from(["tone", "noise"]),
    cut=st.integers(500, 100_000),
)
def test_hole_is_found(start_ms: int, length_ms: int, kind: str, cut: int) -> None:
    """A hole of any length and place is found once, to 3 ms, in tones and in noise."""
    mono = sine(5) if kind == "tone" else noise(5)
    start, length = start_ms * RATE_HZ // 1000, length_ms * RATE_HZ // 1000
    mono[start : start + length] = 0
    (hole,) = find(mono, cut).holes
    assert abs(hole.start_sample - start) <= 3 * RATE_HZ // 1000
    assert abs(hole.length_samples - length) <= 3 * RATE_HZ // 1000


def test_hole_in_beating_tones() -> None:
    """Where two tones beat, a cut in a lull looks like a fade: 18 of 20 holes are found."""
    rng = np.random.default_rng(1)
    found = 0
    for start in rng.integers(RATE_HZ // 5, 2 * RATE_HZ, 20).tolist():
        mono = sine(3) + sine(3, 557) + sine(3, 3000, 0.05)
        mono[start : start + RATE_HZ // 25] = 0
        found += len(find(mono).holes)
    assert 18 <= found <= 20


@pytest.mark.parametrize("seed", range(3))
def test_speech_has_no_holes(seed: int) -> None:
    """Speech-like sound with its pauses and pulses has neither holes nor clicks."""
    finder = find(speech(seed, 0, 30 * RATE_HZ, RATE_HZ))
    assert finder.holes == []
    assert finder.clicks == []


def test_pattern_has_no_holes() -> None:
    """Chirps with silence between them are meant."""
    schedule = pattern.EventSchedule(1)
    mono = pattern.mic_sound(schedule, 0, 30 * RATE_HZ, RATE_HZ)
    finder = find(mono + pattern.system_sound(schedule, 0, 30 * RATE_HZ, RATE_HZ))
    assert finder.holes == []
    assert finder.clicks == []


def test_another_tone_after_a_pause_is_no_hole() -> None:
    """Dialling tones with pauses between them are different sounds, not one with holes."""
    parts = []
    for hz in (697, 1209, 852, 1477, 941, 1336):
        parts += [sine(0.1, hz), np.zeros(RATE_HZ // 20, dtype=np.float32)]
    assert find(np.concatenate(parts)).holes == []


def test_ramped_pauses_are_no_holes() -> None:
    """A pause with ramps of 10 ms, as a mute makes them, is meant."""
    x = np.linspace(0, 1, RATE_HZ // 100, dtype=np.float32)
    fade = 1 - x**3 * (10 - 15 * x + 6 * x * x)
    mono = sine(4)
    for start_s in (1.0, 2.0, 3.0):
        start, stop = round(start_s * RATE_HZ), round((start_s + 0.15) * RATE_HZ)
        mono[start : start + len(fade)] *= fade
        mono[start + len(fade) : stop - len(fade)] = 0
        mono[stop - len(fade) : stop] *= fade[::-1]
    assert find(mono).holes == []


@settings(max_examples=20, deadline=None)
@given(at_ms=st.integers(150, 2800), lost=st.integers(200, 2000))
def test_splice_in_a_tone_clicks(at_ms: int, lost: int) -> None:
    """Samples lost from a tone leave a click at the splice, unless the phase happens to fit."""
    whole = sine(4, 997)
    cut = at_ms * RATE_HZ // 1000
    spliced = np.concatenate([whole[:cut], whole[cut + lost :]])
    jump = abs(spliced[cut] - 2 * spliced[cut - 1] + spliced[cut - 2])
    clicks = find(spliced).clicks
    if jump > 0.12:
        (click,) = clicks
        assert abs(click - cut) <= 2 * RATE_HZ // 1000
    else:
        assert len(clicks) <= 1


def test_steady_sound_has_no_clicks() -> None:
    """Noise and tones have none."""
    assert find(noise(10)).clicks == []
    assert find(sine(10, 5000)).clicks == []
