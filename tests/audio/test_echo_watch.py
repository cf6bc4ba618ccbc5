"""An echo is told within seconds, once; nothing else is taken for one."""

from __future__ import annotations

import tracemalloc
from functools import cache

import numpy as np
import pytest
from tests.audio.rooms import (
    RATE_HZ,
    Sound,
    first_told_s,
    hum,
    level_to,
    listen,
    music,
    noise,
    room,
    through,
    voice,
)

from onetake.audio.echo_watch import GONE_LOOKS, KEPT_NS, EchoWatch
from onetake.model import pattern
from onetake.model.devices import Role
from onetake.model.media import AudioBlock
from onetake.platforms.synthetic.sound import speech

TOLD = "mic-hears-speakers"
QUICK_S = 5.0
"""How soon an echo is told that is not drowned by talk: seconds of playing."""

SECONDS = 10.0


@cache
def speaker(seed: int, seconds: float = SECONDS) -> Sound:
    """Return what the system plays: somebody who talks."""
    return voice(np.random.default_rng(seed), seconds)


@cache
def talker(seed: int, seconds: float = SECONDS) -> Sound:
    """Return who sits before the microphone, at -25 dBFS, in a quiet room."""
    random = np.random.default_rng(1000 + seed)
    talk = level_to(voice(random, seconds), -25)
    return talk + noise(random, len(talk), -68)


def echo(seed: int, level_db: float, delay_ms: float, sound: Sound | None = None) -> Sound:
    """Return the system's sound as a microphone in a quiet room has it, so far below it."""
    random = np.random.default_rng(2000 + seed)
    played = speaker(seed) if sound is None else sound
    late = level_to(through(played, room(random), delay_ms), -20 + level_db)
    return late + noise(random, len(late), -68)


@pytest.mark.parametrize("level_db", [-6, -20, -35])
@pytest.mark.parametrize("delay_ms", [5, 60, 250])
def test_an_echo_is_told_within_seconds(level_db: float, delay_ms: float) -> None:
    """A voice from the speakers, 6 to 35 dB softer and 5 to 250 ms late, clocks 200 ppm apart."""
    for seed in range(3):
        at_s = first_told_s(speaker(seed), echo(seed, level_db, delay_ms), mic_ppm=200)
        assert at_s is not None
        assert at_s <= QUICK_S


def test_an_echo_of_music_is_told() -> None:
    """Not only speech is found."""
    song = music(np.random.default_rng(5), SECONDS)
    at_s = first_told_s(song, echo(5, -30, 40, song))
    assert at_s is not None
    assert at_s <= QUICK_S


def test_an_echo_is_told_while_somebody_talks() -> None:
    """The pauses between words suffice, 15 dB below the talk."""
    for seed in range(3):
        at_s = first_told_s(speaker(seed), echo(seed, -20, 60) + talker(seed), mic_ppm=200)
        assert at_s is not None
        assert at_s <= QUICK_S


def test_stamps_that_scatter_do_not_hide_an_echo() -> None:
    """Of stamps with 10 ms of noise the median is good enough."""
    told = listen(EchoWatch(), speaker(1), echo(1, -20, 60), jitter_ms=10.0)
    assert told
    assert told[0][0] <= QUICK_S


@pytest.mark.parametrize("seed", range(4))
def test_somebody_who_talks_is_no_echo(seed: int) -> None:
    """Half a minute of talk over an independent voice, music, and nothing."""
    random = np.random.default_rng(seed)
    talk = talker(seed, 30.0)
    assert first_told_s(speaker(seed, 30.0), talk) is None
    assert first_told_s(music(random, 30.0), talk) is None
    assert first_told_s(np.zeros_like(talk), talk) is None


def test_two_pieces_of_music_in_tune_are_no_echo() -> None:
    """The same notes at the same time are not the same sound."""
    random = np.random.default_rng(9)
    assert first_told_s(music(random, 30.0), music(random, 30.0)) is None


def test_the_same_hum_on_both_is_no_echo() -> None:
    """A ground loop is in both sources at once, alone and with a voice in each."""
    mains = hum(20.0)
    assert first_told_s(level_to(mains, -30), level_to(mains, -45)) is None
    assert first_told_s(level_to(mains, -30), level_to(mains, -45), mic_ppm=200) is None
    system = speaker(3, 20.0) + level_to(mains, -40)
    assert first_told_s(system, talker(3, 20.0) + level_to(mains, -45)) is None


def test_two_tones_that_swell_together_are_no_echo() -> None:
    """As loud as each other at every instant, but of another pitch: nothing of one is in the
    other."""
    times_s = np.arange(len(speaker(3))) / RATE_HZ
    loudness = np.sqrt(np.convolve(speaker(3) ** 2, np.full(400, 1 / 400), "same"))
    tones = [
        (loudness * np.sin(2 * np.pi * hz * times_s)).astype(np.float32) for hz in (1e3, 2.3e3)
    ]
    assert first_told_s(tones[0], tones[1]) is None
    assert first_told_s(tones[0], np.roll(tones[1], 60 * RATE_HZ // 1000)) is None


def test_ones_own_voice_from_the_speakers_is_no_echo() -> None:
    """Where the microphone was first, headphones that play it back are all there is."""
    own = np.roll(talker(4), RATE_HZ // 40)
    assert first_told_s(own, talker(4)) is None


def test_the_test_pattern_is_no_echo() -> None:
    """Demo and self-test beep on both sources in time, and even a microphone that does hear the
    speakers' few beeps is no reason to complain."""
    count = int(30 * RATE_HZ)
    schedule = pattern.EventSchedule()
    system = pattern.system_sound(schedule, 0, count, RATE_HZ)
    mic = pattern.mic_sound(schedule, 0, count, RATE_HZ) + speech(0, 0, count, RATE_HZ)
    assert first_told_s(system, mic) is None
    random = np.random.default_rng(0)
    assert first_told_s(system, mic + through(system, room(random), 20)) is None


def test_an_echo_that_goes_on_is_told_once() -> None:
    """Twenty seconds of echo are one warning."""
    system = speaker(6, 20.0)
    told = listen(EchoWatch(), system, echo(6, -20, 60, system))
    assert [code for _, code in told] == [TOLD]


def test_an_echo_that_comes_back_is_told_again() -> None:
    """Headphones that are taken off after more than half a minute of sound: a second warning."""
    watch = EchoWatch()
    loud, system = echo(7, -20, 60), speaker(7)
    told = listen(watch, system, loud)
    away_s = GONE_LOOKS * 0.5 / 0.6 + SECONDS
    random, at_s = np.random.default_rng(7), SECONDS
    while at_s < SECONDS + away_s:
        told += listen(watch, system, noise(random, len(system), -68), start_s=at_s)
        at_s += SECONDS
    assert [code for _, code in told] == [TOLD]
    assert [code for _, code in listen(watch, system, loud, start_s=at_s)] == [TOLD]


@pytest.mark.parametrize("muted", [Role.MIC, Role.SYSTEM])
def test_nothing_is_said_of_what_is_not_in_the_file(muted: Role) -> None:
    """While one of the two is muted there is nothing to complain about; live again, there is."""
    watch = EchoWatch()
    assert listen(watch, speaker(8), echo(8, -20, 60), muted=muted) == []
    assert listen(watch, speaker(8), echo(8, -20, 60), start_s=SECONDS)


def test_a_source_that_comes_back_elsewhere_in_time_is_heard() -> None:
    """After a hole, or stamps that jump back, looks go on."""
    for start_s in (100.0, 3600.0):
        watch = EchoWatch()
        quiet = noise(np.random.default_rng(1), len(speaker(1)), -68)
        assert listen(watch, speaker(1), quiet, start_s=start_s) == []
        assert listen(watch, speaker(1), echo(1, -20, 60), start_s=200.0)


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_hole_within_a_source_moves_nothing(is_declared: bool) -> None:
    """Sound from before a loss, declared or seen by the stamps alone, is not laid beside sound from
    after it: with one every half a second there is nothing to look at."""
    watch, system, heard = EchoWatch(), speaker(2), echo(2, -20, 60)
    count, told = RATE_HZ // 50, []
    for number, first in enumerate(range(0, len(system) - count, count)):
        at_ns = number * 20_000_000
        late_ns = 0 if is_declared else number // 25 % 2 * 60_000_000
        lost = int(is_declared and number % 25 == 0)
        for role, sound, stamp_ns, lost_frames in (
            (Role.SYSTEM, system, at_ns, 0),
            (Role.MIC, heard, at_ns + late_ns, lost),
        ):
            samples = sound[first : first + count, None]
            block = AudioBlock(stamp_ns, samples, RATE_HZ, stamp_ns, lost_frames)
            told += watch.heard(role, block, 0.1, is_muted=False)
    assert told == []


def test_a_single_source_costs_no_memory() -> None:
    """Without system sound, no more than a few seconds of the microphone are kept."""
    watch = EchoWatch()
    for number in range(1000):
        samples = np.zeros((320, 1), np.float32)
        block = AudioBlock(number * 20_000_000, samples, RATE_HZ, 0)
        assert watch.heard(Role.MIC, block, 0.0, is_muted=False) == []
    kept = watch._mic.blocks
    assert len(kept) <= KEPT_NS // 20_000_000 + 2


def test_blocks_that_cannot_be_compared_are_let_pass() -> None:
    """Empty blocks, and rates below the compared band, are no error."""
    watch = EchoWatch()
    for rate_hz, count in ((6000, 120), (RATE_HZ, 0)):
        block = AudioBlock(0, np.zeros((count, 1), np.float32), rate_hz, 0)
        assert watch.heard(Role.MIC, block, 0.0, is_muted=False) == []


def test_a_block_longer_than_what_is_kept_is_let_in() -> None:
    """After a standstill all that waited comes as one block; no take may end of that."""
    watch = EchoWatch()
    for role in (Role.SYSTEM, Role.MIC):
        block = AudioBlock(0, np.full((10 * RATE_HZ, 1), 0.1, np.float32), RATE_HZ, 0)
        for stamp_ns in (0, 10_000_000_000):
            block = AudioBlock(stamp_ns, block.samples, RATE_HZ, stamp_ns)
            assert watch.heard(role, block, 0.1, is_muted=False) == []


def test_a_standstill_leaves_no_memory_taken() -> None:
    """What is looked at is as long as ever, however long the block was that it lies in."""
    watch = EchoWatch()
    sound = speaker(5)

    def listen_on(first: int, end: int, step: int) -> None:
        for begin in range(first, end, step):
            stamp_ns = begin * 1_000_000_000 // RATE_HZ
            for role in (Role.SYSTEM, Role.MIC):
                block = AudioBlock(stamp_ns, sound[begin : begin + step, None], RATE_HZ, stamp_ns)
                watch.heard(role, block, 0.1, is_muted=False)

    listen_on(0, 3 * RATE_HZ, RATE_HZ // 50)
    tracemalloc.start()
    try:
        waiting = 3 * RATE_HZ // 2
        listen_on(3 * RATE_HZ, 3 * RATE_HZ + waiting, waiting)
        listen_on(3 * RATE_HZ + waiting, 9 * RATE_HZ, RATE_HZ // 50)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 4 * waiting
