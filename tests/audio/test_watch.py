"""Wrong silence and clipping are told at once, and not again and again."""

from __future__ import annotations

from onetake.audio.watch import SILENCE_NS, SoundWatch
from onetake.model.devices import Role
from onetake.model.units import NS_PER_MS, NS_PER_S


def told(watch: SoundWatch, role: Role, peaks: list[float], *, is_muted: bool = False) -> list[str]:
    codes = []
    for number, peak in enumerate(peaks):
        for warned in watch.heard(role, number * 20 * NS_PER_MS, peak, is_muted=is_muted):
            codes.append(warned.code)
    return codes


BLOCKS = SILENCE_NS // (20 * NS_PER_MS)


def test_zeros_on_the_microphone_are_told_once_after_three_seconds() -> None:
    """Three seconds of exact zeros warn, once, and not a block earlier."""
    assert told(SoundWatch(), Role.MIC, [0.0] * BLOCKS) == []
    assert told(SoundWatch(), Role.MIC, [0.0] * 5 * BLOCKS) == ["mic-digital-silence"]


def test_a_quiet_room_is_not_silence() -> None:
    """One sample that is not zero is a live microphone."""
    assert told(SoundWatch(), Role.MIC, ([0.0] * (BLOCKS - 1) + [1e-7]) * 5) == []


def test_silence_of_a_muted_microphone_or_of_the_system_is_right() -> None:
    """Muted, or nothing playing: zeros are what was asked for."""
    assert told(SoundWatch(), Role.MIC, [0.0] * 5 * BLOCKS, is_muted=True) == []
    assert told(SoundWatch(), Role.SYSTEM, [0.0] * 5 * BLOCKS) == []


def test_silence_that_comes_back_is_told_again() -> None:
    """A second failure is a second warning."""
    peaks = [0.0] * 2 * BLOCKS + [0.1] + [0.0] * 2 * BLOCKS
    assert told(SoundWatch(), Role.MIC, peaks) == ["mic-digital-silence"] * 2


def test_clipping_is_told_but_a_click_is_not() -> None:
    """Five clipped blocks within two seconds warn once in half a minute."""
    assert told(SoundWatch(), Role.MIC, [0.5, 1.0, 0.5]) == []
    assert told(SoundWatch(), Role.SYSTEM, [1.0] * 100) == ["system-clipping"]
    spread = ([1.0] + [0.5] * 99) * 10
    assert told(SoundWatch(), Role.MIC, spread) == []


def test_a_long_time_of_clipping_is_told_every_half_minute() -> None:
    """A minute of clipping is two warnings."""
    minute = [1.0] * (60 * NS_PER_S // (20 * NS_PER_MS))
    assert told(SoundWatch(), Role.MIC, minute) == ["mic-clipping"] * 2
