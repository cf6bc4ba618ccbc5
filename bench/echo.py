"""How well and how soon an echo is told, how often falsely, and what that costs.

    python bench/echo.py [--takes 8] [--minutes 30]

- cost: of the echo watch for 48 kHz stereo against mono, in % of one core: the least that any of 60
  spells of 2 s took, since other programs only add to it.
- echo: a voice or a band from the speakers, heard through a room (0.35 s of reverberation) over
  noise of -68 dBFS, 200 ppm apart, in takes of 20 s: how many are told, and after how many seconds
  of playing (median, worst). `talk`: somebody talks meanwhile, at -25 dBFS. The level is the echo's
  below the system's, which is at -20 dBFS.
- false: what is told where there is no echo, in how many minutes.

Voices, music and rooms are random and made by tests/audio/rooms.py; the same in each run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests.audio

from tests.audio.rooms import (  # noqa: E402
    RATE_HZ,
    first_told_s,
    hum,
    level_to,
    music,
    noise,
    room,
    through,
    voice,
)

from onetake.audio.echo_watch import EchoWatch  # noqa: E402
from onetake.model.devices import Role  # noqa: E402
from onetake.model.media import AudioBlock  # noqa: E402
from onetake.model.units import NS_PER_MS  # noqa: E402

Sound = NDArray[np.float32]

TAKE_S = 20.0
LEVELS_DB = (6, 20, 30, 35)
DELAYS_MS = (5, 60, 250)
NOISE_DB = -68.0
TALK_DB = -25.0


def cost_percent(system_level: float, block_ms: int) -> float:
    """Return the least that spell of 2 s costs, in % of one core."""
    random = np.random.default_rng(1)
    count = 48 * block_ms
    played = [random.normal(0, system_level, (count, 2)).astype(np.float32) for _ in range(100)]
    heard = [random.normal(0, 0.1, (count, 1)).astype(np.float32) for _ in range(97)]
    watch, costs_s = EchoWatch(), []
    blocks = 2000 // block_ms
    for part in range(60):
        begin_s = time.process_time()
        for number in range(part * blocks, (part + 1) * blocks):
            at_ns = number * block_ms * NS_PER_MS
            system = AudioBlock(at_ns, played[number % 100], 48000, at_ns)
            watch.heard(Role.SYSTEM, system, system_level, is_muted=False)
            mic = AudioBlock(at_ns, heard[number % 97], 48000, at_ns)
            watch.heard(Role.MIC, mic, 0.1, is_muted=False)
        costs_s.append(time.process_time() - begin_s)
    return min(costs_s) / 2 * 100


def echo_takes(
    kind: Callable[[np.random.Generator, float], Sound],
    level_db: float,
    delay_ms: float,
    *,
    takes: int,
    has_talk: bool,
) -> list[float | None]:
    """Return after how many seconds each take is told of its echo."""
    found = []
    for seed in range(takes):
        random = np.random.default_rng(seed)
        system = kind(random, TAKE_S)
        echo = level_to(through(system, room(random), delay_ms), -20 - level_db)
        heard = echo + noise(random, len(system), NOISE_DB)
        if has_talk:
            heard += level_to(voice(random, TAKE_S), TALK_DB)
        found.append(first_told_s(system, heard, mic_ppm=200))
    return found


def no_echo(random: np.random.Generator, seconds: float) -> Iterator[tuple[str, Sound, Sound]]:
    """Yield (name, system sound, microphone) of takes in which nothing is to be told."""
    speaker, talker = voice(random, seconds), level_to(voice(random, seconds), TALK_DB)
    song, other = music(random, seconds), level_to(music(random, seconds), TALK_DB)
    buzz, quiet = hum(seconds), noise(random, len(speaker), NOISE_DB)
    yield "voice, a quiet room", speaker, quiet
    yield "voice, another voice", speaker, talker + quiet
    yield "music, a voice", song, talker + quiet
    yield "music, other music in tune", song, other + quiet
    yield (
        "voice and hum, voice and hum",
        speaker + level_to(buzz, -40),
        talker + level_to(buzz, -45),
    )
    yield "hum, the same hum", level_to(buzz, -30), level_to(buzz, -45) + quiet
    own = np.concatenate([np.zeros(RATE_HZ // 50, np.float32), talker])[: len(talker)]
    yield "one's own voice played back", own, talker + quiet


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30)
    options = parser.parse_args()
    for block_ms in (10, 20, 40):
        plays, silent = cost_percent(0.1, block_ms), cost_percent(0.0, block_ms)
        print(f"cost, {block_ms} ms blocks: {plays:.3f} % of a core, {silent:.3f} in silence")
    print("\nplayed  talk  echo dB  delay ms  told    s median  worst")
    for kind in (voice, music):
        for has_talk in (False, True):
            for level_db in LEVELS_DB:
                for delay_ms in DELAYS_MS:
                    found = echo_takes(
                        kind, level_db, delay_ms, takes=options.takes, has_talk=has_talk
                    )
                    told = [seconds for seconds in found if seconds is not None]
                    times = (
                        f"{np.median(told):8.1f}  {max(told):5.1f}" if told else "       -      -"
                    )
                    print(
                        f"{kind.__name__:6s}  {'yes' if has_talk else 'no':4s}  {-level_db:7d}  "
                        f"{delay_ms:8d}  {len(told)} of {len(found)}  {times}",
                        flush=True,
                    )
    false: dict[str, int] = {}
    rounds = round(options.minutes)
    for seed in range(rounds):
        for name, system, heard in no_echo(np.random.default_rng(1000 + seed), 60.0):
            false[name] = false.get(name, 0) + (first_told_s(system, heard) is not None)
    print(f"\nfalse, in {rounds} minutes each:")
    for name, count in false.items():
        print(f"{count:3d}  {name}", flush=True)


if __name__ == "__main__":
    main()
