"""Chirps are found where they are, whatever surrounds them and however the samples are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.proof.making import Samples

from onetake.model import pattern
from onetake.model.units import NS_PER_S
from onetake.proof.chirps import BANDS, FLOOR_DB, ChirpFinder

RATE_HZ = 48_000
RENDER = {"system": pattern.system_sound, "mic": pattern.mic_sound}


def find(
    mono: Samples, *, rate_hz: int = RATE_HZ, cut: int = 4096, speed: float = 1
) -> ChirpFinder:
    """Feed the samples in blocks of `cut`."""
    finder = ChirpFinder(rate_hz, speed)
    for start in range(0, len(mono), cut):
        finder.feed(mono[start : start + cut])
    finder.finish()
    return finder


def errors_us(finder: ChirpFinder, path: str, start_ns: float, seconds: float) -> list[float]:
    """Return found minus true position of each chirp; every event must be found once."""
    events = pattern.EventSchedule(2).times_ns(
        round(start_ns), round(seconds * NS_PER_S + start_ns)
    )
    whole = [time for time in events if time + pattern.CHIRP_NS <= seconds * NS_PER_S + start_ns]
    found = [chirp.sample / finder.rate_hz * NS_PER_S + start_ns for chirp in finder.found[path]]
    assert len(found) in (len(whole), len(whole) + 1)
    return [(one - other) / 1000 for one, other in zip(found, whole, strict=False)]


@pytest.mark.parametrize("path", BANDS)
@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000, 96_000])
@settings(max_examples=8, deadline=None)
@given(start_us=st.integers(60_000, 900_000))
def test_position_is_exact_between_samples(path: str, rate_hz: int, start_us: int) -> None:
    """The position is true to 1 us at any fraction of a sample and any place in a block."""
    mono = RENDER[path](pattern.EventSchedule(2), start_us * 1000, 6 * rate_hz, rate_hz)
    finder = find(mono, rate_hz=rate_hz)
    assert np.abs(errors_us(finder, path, start_us * 1000, 6)).max() < 1.0
    (other,) = (name for name in BANDS if name != path)
    assert finder.found[other] == []


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(100, 200_000))
def test_cut_does_not_matter(cut: int) -> None:
    """However the samples are cut into blocks, the same chirps are found."""
    rng = np.random.default_rng(1)
    mono = sum(
        render(pattern.EventSchedule(2), 0, 6 * RATE_HZ, RATE_HZ) for render in RENDER.values()
    )
    mono = (mono + 0.01 * rng.standard_normal(len(mono))).astype(np.float32)
    assert find(mono, cut=cut).found == find(mono, cut=1024).found


@pytest.mark.parametrize("gain_db", [0, -30, -60])
def test_noise_as_loud_as_the_chirp(gain_db: int) -> None:
    """White noise with the chirp's own RMS moves it by less than 50 us, however quiet both are."""
    rng = np.random.default_rng(2)
    mono = pattern.system_sound(pattern.EventSchedule(2), 1e8, 20 * RATE_HZ, RATE_HZ)
    mono = mono + 0.17 * rng.standard_normal(len(mono))
    finder = find((mono * 10 ** (gain_db / 20)).astype(np.float32))
    assert np.abs(errors_us(finder, "system", 1e8, 20)).max() < 50
    amplitudes = [chirp.amplitude for chirp in finder.found["system"]]
    expected = pattern.CHIRP_AMPLITUDE * 10 ** (gain_db / 20)
    assert np.median(amplitudes) == pytest.approx(expected, rel=0.1)


def test_inverted_polarity() -> None:
    """A microphone with inverted polarity is heard at the same place."""
    mono = pattern.mic_sound(pattern.EventSchedule(2), 1e8, 4 * RATE_HZ, RATE_HZ)
    assert find(-mono).found == find(mono).found


def test_nothing_is_found_in_other_sound() -> None:
    """Noise, tones and clicks are no chirps."""
    rng = np.random.default_rng(3)
    seconds = 60
    times_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    mono = 0.1 * rng.standard_normal(len(times_s)) + 0.1 * np.sin(2 * np.pi * 1200 * times_s)
    mono[:: RATE_HZ // 3] = 0.9
    finder = find(mono.astype(np.float32))
    assert finder.found == {"system": [], "mic": []}


@pytest.mark.parametrize("speed", [3.0, 48 / 44.1, 0.5])
def test_other_speed(speed: float) -> None:
    """Chirps that play too fast are found by a finder for that speed and by no other."""
    mono = pattern.mic_sound(pattern.EventSchedule(2), 1e8, 16 * RATE_HZ, RATE_HZ / speed)
    assert len(find(mono, speed=speed).found["mic"]) >= 6
    assert find(mono).found["mic"] == []


def test_ceilings() -> None:
    """What could hide at most: all of a chirp at a chirp, nothing in silence."""
    mono = pattern.mic_sound(pattern.EventSchedule(0), 5e8, 4 * RATE_HZ, RATE_HZ)
    finder = find(mono)
    chirp_at = RATE_HZ // 2
    assert finder.ceiling_db("mic", chirp_at) == pytest.approx(0, abs=1)
    assert find(mono * 0.01).ceiling_db("mic", chirp_at) == pytest.approx(-40, abs=1)
    assert finder.ceiling_db("mic", chirp_at + RATE_HZ // 2) == FLOOR_DB
    assert finder.ceiling_db("system", chirp_at) < -40
