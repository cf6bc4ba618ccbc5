"""The sound devices: what they hear belongs to the instant at which they hear it."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.model import pattern
from onetake.model.devices import Role
from onetake.model.media import AudioBlock
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.synthetic.options import Options
from onetake.platforms.synthetic.sound import sound_blocks, speech

EPOCH_NS = 500 * NS_PER_S
START_NS = EPOCH_NS + 270 * NS_PER_MS


def blocks(role: Role, options: Options, count: int) -> list[tuple[int, AudioBlock]]:
    """Return the first deliveries."""
    return list(islice(sound_blocks(role, options, epoch_ns=EPOCH_NS, start_ns=START_NS), count))


def joined(played: list[tuple[int, AudioBlock]]) -> np.ndarray:
    """Return all samples of the first channel."""
    return np.concatenate([block.samples[:, 0] for _, block in played])


@settings(deadline=None, max_examples=25)
@given(
    drift_ppm=st.floats(-500, 500),
    rate=st.sampled_from([16_000, 44_100, 48_000, 96_000]),
    role=st.sampled_from([Role.MIC, Role.SYSTEM]),
)
def test_chirp_is_heard_at_the_whole_second(drift_ppm: float, rate: int, role: Role) -> None:
    """With any clock, the device's samples around a whole second of the pattern are the chirp,
    evaluated at those samples' true times."""
    options = Options(drift_ppm=drift_ppm, rate=rate, has_events=True)
    true_rate = rate * (1 + drift_ppm * 1e-6)
    sound = joined(blocks(role, options, 180))
    reference = pattern.mic_sound if role is Role.MIC else pattern.system_sound
    offset_ns = START_NS - EPOCH_NS
    expected = reference(pattern.EventSchedule(), offset_ns, len(sound), true_rate)
    if role is Role.MIC:
        expected = expected + speech(0, offset_ns, len(sound), true_rate)
    assert np.abs(expected).max() > 0.2
    assert np.allclose(sound, expected, atol=2e-4)


def test_stamps_are_exact_without_jitter() -> None:
    """A block's stamp is the true time of its first sample, drift included, to the nanosecond."""
    true_rate = 48_000 * (1 + 208e-6)
    for number, (_, block) in enumerate(blocks(Role.MIC, Options(drift_ppm=208), 3000)):
        true_ns = START_NS + number * 480 * NS_PER_S / true_rate
        assert abs(block.stamp_ns - true_ns) <= 1


def test_jitter_is_noise_on_both_sides_of_the_truth() -> None:
    """Capture stamps scatter around the truth with the deviation asked for, and stay in order."""
    played = blocks(Role.MIC, Options(jitter_ms=1.0, seed=3), 5000)
    errors_ms = np.array(
        [
            (block.stamp_ns - START_NS - number * 10 * NS_PER_MS) / NS_PER_MS
            for number, (_, block) in enumerate(played)
        ]
    )
    assert abs(errors_ms.mean()) < 0.05
    assert 0.9 < errors_ms.std() < 1.1
    assert np.abs(errors_ms).max() <= 3.0


def test_arrival_stamps_are_never_early() -> None:
    """Arrival stamps are late by the jitter on average, and never early."""
    played = blocks(Role.MIC, Options(jitter_ms=1.0, stamps="arrival"), 3000)
    errors_ms = np.array(
        [
            (block.stamp_ns - START_NS - number * 10 * NS_PER_MS) / NS_PER_MS
            for number, (_, block) in enumerate(played)
        ]
    )
    assert errors_ms.min() >= 0
    assert 0.8 < errors_ms.mean() < 1.2


def test_nothing_is_delivered_before_it_was_heard() -> None:
    """Deliveries never go back, and come after the block's last sample and the latency."""
    played = blocks(Role.MIC, Options(jitter_ms=4.0, latency_ms=7.0), 500)
    for number, (delivery_ns, _) in enumerate(played):
        assert delivery_ns >= START_NS + (number + 1) * 10 * NS_PER_MS + 7 * NS_PER_MS
    times = [delivery_ns for delivery_ns, _ in played]
    assert times == sorted(times)


@pytest.mark.parametrize(("role", "channels"), [(Role.SYSTEM, 2), (Role.MIC, 1)])
def test_shape_and_rate_are_as_asked(role: Role, channels: int) -> None:
    """Blocks are float32 (frames, channels) of the nominal rate."""
    _, block = blocks(role, Options(), 1)[0]
    assert block.samples.dtype == np.float32
    assert block.samples.shape == (480, channels)
    _, block = blocks(role, Options(rate=16_000, channels=3, block_ms=20), 1)[0]
    assert (block.samples.shape, block.rate_hz) == ((320, 3), 16_000)


def test_system_is_silent_between_the_chirps() -> None:
    """System sound is exact silence outside the chirps; has_events=0 leaves nothing."""
    played = blocks(Role.SYSTEM, Options(), 60)
    assert not joined(played)[:30_000].any()
    assert not joined(blocks(Role.SYSTEM, Options(has_events=False), 120)).any()


def test_level_is_a_gain_on_everything() -> None:
    """level_db=-20 is a tenth of the amplitude."""
    loud = joined(blocks(Role.MIC, Options(), 100))
    soft = joined(blocks(Role.MIC, Options(level_db=-20), 100))
    assert np.allclose(soft, loud / 10, atol=1e-7)


def test_speech_leaves_the_chirps_their_bands() -> None:
    """Below both bands and above them there is voice; in them hardly any of its energy."""
    voice = speech(1, 0, 480_000, 48_000)
    spectrum = np.abs(np.fft.rfft(voice)) ** 2
    frequencies = np.fft.rfftfreq(len(voice), 1 / 48_000)
    total = spectrum.sum()
    for low_hz, high_hz in (pattern.SYSTEM_BAND_HZ, pattern.MIC_BAND_HZ):
        inside = (frequencies >= low_hz) & (frequencies <= high_hz)
        assert spectrum[inside].sum() < 0.01 * total
    assert 0.02 < np.abs(voice).max() <= 0.16


def test_speech_is_the_same_however_it_is_cut() -> None:
    """The voice is a function of time: pieces of it fit together."""
    whole = speech(7, 0, 9600, 48_000)
    pieces = [speech(7, k * 10 * NS_PER_MS, 480, 48_000) for k in range(20)]
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-6)
