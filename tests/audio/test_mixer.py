"""The mixer: a plain sum, limited, with raw tracks beside it."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.audio.limiter import CEILING
from onetake.audio.mixer import Mixer
from onetake.model.devices import Role
from onetake.model.settings import Settings


def _noise(seed: int, size: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-size, size, (9600, 2)).astype(np.float32)


def _mixed(mixer: Mixer, sources: dict[Role, np.ndarray]) -> tuple[np.ndarray, ...]:
    first = mixer.mix(0, 9600, sources)
    return tuple(np.concatenate(pair) for pair in zip(first, mixer.flush(), strict=True))


def test_mix_is_the_sum() -> None:
    """Below the ceiling the mix is system + microphone in float32."""
    system, mic = _noise(1), _noise(2)
    (mix,) = _mixed(Mixer(Settings(), ()), {Role.MIC: mic, Role.SYSTEM: system})
    assert np.array_equal(mix, system + mic)


def test_gains_and_mutes_of_the_settings_hold_from_the_start() -> None:
    """What is muted or turned down before the take is so from sample 0, without a ramp."""
    settings = Settings(is_mic_muted=True, system_gain_db=-6.0)
    system = _noise(1)
    (mix,) = _mixed(Mixer(settings, ()), {Role.MIC: _noise(2), Role.SYSTEM: system})
    assert np.allclose(mix, system * 10 ** (-6 / 20), rtol=1e-6)


def test_loud_sum_is_limited() -> None:
    """Two full sources never exceed the ceiling."""
    (mix,) = _mixed(Mixer(Settings(), ()), {Role.MIC: _noise(1, 0.9), Role.SYSTEM: _noise(2, 0.9)})
    assert np.abs(mix).max() <= CEILING * (1 + 1e-6)


def test_raw_tracks_belong_to_the_mix() -> None:
    """Raw tracks are unmuted, before gain, and as long as the mix in every call."""
    mixer = Mixer(Settings(is_mic_muted=True), (Role.MIC, Role.SYSTEM))
    mic, system = _noise(1), _noise(2)
    first = mixer.mix(0, 9600, {Role.MIC: mic, Role.SYSTEM: system})
    assert len({len(track) for track in first}) == 1
    mix, raw_mic, raw_system = (
        np.concatenate(pair) for pair in zip(first, mixer.flush(), strict=True)
    )
    assert np.array_equal(raw_mic, mic)
    assert np.array_equal(raw_system, system)
    assert np.array_equal(mix, system)


def test_no_source_is_silence() -> None:
    """Without any source there is as much silence as was asked for."""
    mixer = Mixer(Settings(), (Role.MIC,))
    mix, raw = _mixed(mixer, {})
    assert mix.shape == raw.shape == (9600, 2)
    assert not mix.any()
    assert mixer.levels == {}


def test_levels_are_of_each_source() -> None:
    """Each source has its own level."""
    mixer = Mixer(Settings(mic_gain_db=6.0206), ())
    mixer.mix(0, 480, {Role.MIC: np.full((480, 2), 0.25, np.float32)})
    level = mixer.levels[Role.MIC]
    assert level.peak_db == pytest.approx(-6.02, abs=0.01)
    assert level.input_peak_db == pytest.approx(-12.04, abs=0.01)
