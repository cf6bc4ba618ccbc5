"""A copy of the system's sound is found at its delay; what only happens at the same time is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from onetake.audio.echo import WHOLE_S, Look, find_echo, to_mono

Sound = NDArray[np.float32]


def white(seed: int, rate_hz: int, level: float = 0.1) -> Sound:
    """Return more than enough of noise, mono, at a rate."""
    random = np.random.default_rng(seed)
    return random.normal(0, level, (round(WHOLE_S * rate_hz), 1)).astype(np.float32)


def look(system: Sound, mic: Sound, rate_hz: int = 48_000, mic_hz: int = 48_000) -> Look | None:
    """Look as the watch does."""
    return find_echo(*to_mono(system, rate_hz), *to_mono(mic, mic_hz))


def tone(hz: float, rate_hz: int) -> Sound:
    """Return a tone as long as a look."""
    times_s = np.arange(round(WHOLE_S * rate_hz)) / rate_hz
    return (0.1 * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)[:, None]


@given(delay=st.integers(0, 300), level_db=st.floats(-35, 0), seed=st.integers(0, 999))
def test_a_copy_is_found_at_its_delay(delay: int, level_db: float, seed: int) -> None:
    """From 0 to 300 ms late and down to 35 dB softer, to half a millisecond."""
    system = white(seed, 16_000)
    mic = np.roll(system, 16 * delay, axis=0) * np.float32(10 ** (level_db / 20))
    found = look(system, mic, 16_000, 16_000)
    assert found is not None
    assert found.delay_s == pytest.approx(delay / 1000, abs=0.5e-3)


def test_where_the_microphone_was_first_the_delay_is_negative() -> None:
    """A system that plays the user's own voice is not mistaken for speakers that are heard."""
    mic = white(1, 48_000)
    found = look(np.roll(mic, 48 * 20, axis=0), mic)
    assert found is not None
    assert found.delay_s == pytest.approx(-0.02, abs=0.5e-3)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 96_000, 192_000])
def test_devices_of_any_two_rates_are_compared(rate_hz: int) -> None:
    """The same sound at 48 kHz and at another rate is the same sound."""
    system_hz, delay_s = 48_000, 0.05
    random = np.random.default_rng(3)
    bins = np.arange(round(100 * WHOLE_S), round(3500 * WHOLE_S))
    waves = np.exp(2j * np.pi * random.uniform(0, 1, len(bins)))

    def at(rate: int, late_s: float) -> Sound:
        count = round(WHOLE_S * rate)
        spectrum = np.zeros(count // 2 + 1, np.complex128)
        spectrum[bins] = waves * np.exp(-2j * np.pi * bins * late_s / WHOLE_S) * rate / 4000
        return np.fft.irfft(spectrum, count).astype(np.float32)[:, None]

    found = look(at(system_hz, 0.0), at(rate_hz, delay_s), system_hz, rate_hz)
    assert found is not None
    assert found.delay_s == pytest.approx(delay_s, abs=0.5e-3)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_all_channels_count(channels: int) -> None:
    """What is played on any one channel is looked for."""
    system = np.zeros((round(WHOLE_S * 48_000), channels), np.float32)
    system[:, -1:] = white(5, 48_000)
    found = look(system, np.roll(system[:, -1:], 4800, axis=0))
    assert found is not None
    assert found.delay_s == pytest.approx(0.1, abs=0.5e-3)


def test_another_sound_is_none() -> None:
    """Of 200 looks at independent noise, none finds an echo."""
    found = [
        look(white(seed, 16_000), white(1000 + seed, 16_000), 16_000, 16_000) for seed in range(200)
    ]
    assert found == [Look(None)] * 200


def test_the_same_tone_is_none() -> None:
    """A tone, and a hum with all its overtones, fit at many delays: they show nothing."""
    assert look(tone(440, 48_000), tone(440, 48_000)) == Look(None)
    overtones = np.arange(50, 3000, 50)
    hum = np.sum([tone(float(hz), 48_000) for hz in overtones], axis=0, dtype=np.float32) / 20
    assert look(hum, hum * np.float32(0.1)) == Look(None)


def test_too_little_to_go_by_is_no_look() -> None:
    """Silence, a sound below -55 dBFS, a few beeps, and a dead microphone say nothing at all."""
    loud, silent = white(6, 48_000), np.zeros((round(WHOLE_S * 48_000), 1), np.float32)
    beeps = silent.copy()
    beeps[5000:7400], beeps[30_000:32_400] = loud[5000:7400], loud[30_000:32_400]
    assert look(silent, loud) is None
    assert look(loud * np.float32(0.01), loud) is None
    assert look(beeps, beeps) is None
    assert look(loud, silent) is None


def test_hum_of_any_phase_is_none() -> None:
    """The same mains in both, cut anywhere and sampled by clocks 200 ppm apart, is no echo, since
    the compared stretches end smoothly."""
    random = np.random.default_rng(2)
    times_s = np.arange(round(WHOLE_S * 16_000)) / 16_000

    def hum(mains_hz: float) -> Sound:
        angles = 2 * np.pi * mains_hz * (times_s + random.uniform(0, 1))
        waves = [np.sin(number * angles) for number in range(1, 60)]
        return (np.sum(waves, axis=0) / 60).astype(np.float32)[:, None]

    for _ in range(20):
        mains_hz = random.uniform(49.8, 50.2)
        mic = 0.1 * hum(mains_hz * 1.0002) + white(7, 16_000, 4e-4)
        assert look(hum(mains_hz), mic, 16_000, 16_000) == Look(None)
