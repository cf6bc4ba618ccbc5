"""The sync pattern: both sides of the measurement read the same numbers from one place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.model import pattern
from onetake.model.units import NS_PER_MS, NS_PER_S


@given(units=st.integers(0, (1 << 30) - 1), schedule_id=st.integers(0, 15))
def test_code_round_trip(units: int, schedule_id: int) -> None:
    """What is written into the bits is read from them, rounded down to 0.1 ms."""
    position_ns = units * pattern.CODE_UNIT_NS
    bits = pattern.code_bits(position_ns + pattern.CODE_UNIT_NS - 1, schedule_id)
    assert pattern.code_from_bits(bits) == pattern.PictureCode(position_ns, schedule_id)


@given(
    units=st.integers(0, (1 << 30) - 1),
    flipped=st.sets(st.integers(0, pattern.CODE_BITS - 1), min_size=1, max_size=2),
)
def test_one_or_two_wrong_bits_are_noticed(units: int, flipped: set[int]) -> None:
    """A code with one or two bits read wrongly is refused, never believed."""
    bits = list(pattern.code_bits(units * pattern.CODE_UNIT_NS, 3))
    for index in flipped:
        bits[index] = not bits[index]
    assert pattern.code_from_bits(bits) is None


def test_black_and_white_blocks_say_nothing() -> None:
    """A block that is all black or all white is no code."""
    assert pattern.code_from_bits([False] * pattern.CODE_BITS) is None
    assert pattern.code_from_bits([True] * pattern.CODE_BITS) is None


def test_regular_schedule_is_each_whole_second() -> None:
    """The synthetic devices' event k is at k seconds."""
    times = pattern.EventSchedule().times_ns(0, 4 * NS_PER_S)
    assert times == [0, NS_PER_S, 2 * NS_PER_S, 3 * NS_PER_S]


@given(schedule_id=st.sampled_from(list(pattern.IRREGULAR_IDS)), start_s=st.integers(0, 400))
def test_irregular_schedule(schedule_id: int, start_s: int) -> None:
    """Irregular intervals are 0.9-1.3 s, and a part of the schedule equals the whole of it."""
    schedule = pattern.EventSchedule(schedule_id)
    part = pattern.EventSchedule(schedule_id).times_ns(start_s * NS_PER_S, 500 * NS_PER_S)
    whole = schedule.times_ns(0, 500 * NS_PER_S)
    assert part == [time for time in whole if time >= start_s * NS_PER_S]
    gaps_ms = np.diff(whole) // NS_PER_MS
    assert gaps_ms.min() >= 900
    assert gaps_ms.max() <= 1300
    assert len(set(gaps_ms.tolist())) > 100


def test_unknown_schedule_is_refused() -> None:
    """Only the ids that fit into the block exist."""
    with pytest.raises(ValueError, match="no such schedule"):
        pattern.EventSchedule(16)


@given(position_ns=st.integers(-2 * NS_PER_S, 50 * NS_PER_S))
def test_flash_and_neighbours(position_ns: int) -> None:
    """The flash is on for 100 ms from each event; nearest and latest agree with the list."""
    schedule = pattern.EventSchedule(2)
    times = schedule.times_ns(0, 60 * NS_PER_S)
    assert schedule.is_flash(position_ns) == any(
        time <= position_ns < time + pattern.FLASH_NS for time in times
    )
    number, time_ns = schedule.nearest(position_ns)
    assert times[number] == time_ns
    assert abs(time_ns - position_ns) == min(abs(time - position_ns) for time in times)


@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (1280, 720), (1366, 768), (641, 481)])
def test_drawn_block_is_read_back(size: tuple[int, int]) -> None:
    """The cells of a drawn picture hold the bits at any size, in flash and out of it."""
    width_px, height_px = size
    image = np.zeros((height_px, width_px, 4), dtype=np.uint8)
    schedule = pattern.EventSchedule(5)
    for position_ns in (0, 123_456_789, 3_600 * NS_PER_S):
        pattern.draw(image, position_ns, schedule)
        bits = [
            bool(
                image[upper.y_px + 3, upper.x_px + 3, 0] > image[lower.y_px + 3, lower.x_px + 3, 0]
            )
            for upper, lower in pattern.cell_rects(width_px, height_px)
        ]
        assert pattern.code_from_bits(bits) == pattern.PictureCode(
            position_ns // pattern.CODE_UNIT_NS * pattern.CODE_UNIT_NS, 5
        )
        is_white = image[0, 0, 0] == 255
        assert is_white == schedule.is_flash(position_ns)
        assert (image[..., 3] == 255).all()


@given(
    cut=st.integers(1, 4799),
    rate_hz=st.sampled_from([48_000.0, 44_100.0, 16_000.0, 48_009.98]),
)
def test_sound_in_blocks_equals_sound_in_one(cut: int, rate_hz: float) -> None:
    """A chirp that straddles blocks is the same as one rendered in one go."""
    schedule = pattern.EventSchedule()
    start_ns = 0.98 * NS_PER_S
    whole = pattern.mic_sound(schedule, start_ns, 4800, rate_hz)
    first = pattern.mic_sound(schedule, start_ns, cut, rate_hz)
    rest = pattern.mic_sound(schedule, start_ns + cut * NS_PER_S / rate_hz, 4800 - cut, rate_hz)
    np.testing.assert_allclose(np.concatenate([first, rest]), whole, atol=2e-6)


def test_chirps_are_where_and_what_they_should_be() -> None:
    """A chirp begins at its event, ends 50 ms later, peaks at -12 dBFS, stays in its band."""
    for sound, chirp, (low_hz, high_hz) in (
        (pattern.system_sound, pattern.system_chirp, pattern.SYSTEM_BAND_HZ),
        (pattern.mic_sound, pattern.mic_chirp, pattern.MIC_BAND_HZ),
    ):
        samples = sound(pattern.EventSchedule(), 0.5 * NS_PER_S, 48_000, 48_000.0)
        assert samples.dtype == np.float32
        np.testing.assert_allclose(samples[24_000:26_400], chirp(48_000.0), atol=1e-6)
        assert not samples[:24_000].any()
        assert not samples[26_400:].any()
        assert 0.24 < np.abs(samples).max() <= 0.25
        power = np.abs(np.fft.rfft(samples)) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / 48_000)
        inside = power[(hz > low_hz - 150) & (hz < high_hz + 150)].sum()
        assert inside / power.sum() > 0.999
