"""What a lane would give out next, asked for while it waits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from onetake.audio.lane import COMMAND_NS, AudioLane
from onetake.model.commands import Pause, SetMute, TimedCommand
from onetake.model.devices import Role
from onetake.model.media import AudioBlock, StampKind
from onetake.model.settings import Settings
from onetake.testing.clocksim import ClockScript, Jitter, simulate
from onetake.testing.soundtruth import broadband

NS = 1_000_000_000
START_NS = ClockScript().start_ns
T0_NS = START_NS + NS
HOT = ClockScript(duration_s=9, ppm=300, jitter=Jitter.UNIFORM, jitter_s=10e-3)
"""Stamps too rough to be trusted: the lane stays two seconds behind and begins late."""


def steady(times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """A constant: whatever the gain does to it can be read off."""
    return np.full((len(times_s), 1), 0.25, np.float32)


def run(
    script: ClockScript,
    signal: Callable[[NDArray[np.float64]], NDArray[np.float32]],
    look: Callable[[AudioLane, AudioBlock], None],
    settings: Settings | None = None,
    every: int = 20,
) -> tuple[AudioLane, NDArray[np.float32]]:
    """Play a microphone into a lane, looking at it `every` so many blocks of 10 ms; return all it
    gave out."""
    lane = AudioLane(settings or Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(T0_NS)
    blocks = []
    for number, block in enumerate(simulate(script).blocks(signal)):
        lane.feed(Role.MIC, block)
        blocks += lane.advance(block.arrival_ns)
        if number % every == 0:
            look(lane, block)
    blocks += lane.finish(START_NS + 9 * NS)
    return lane, np.concatenate([block.tracks[0] for block in blocks])


def test_the_rest_reaches_to_a_moment_ago() -> None:
    """What was given out and the rest together lack less than half a second, from the first second
    of a take on, and are the sound itself."""
    behind_s: list[float] = []
    found: list[tuple[int, NDArray[np.float32]]] = []

    def look(lane: AudioLane, block: AudioBlock) -> None:
        if block.arrival_ns < T0_NS + NS:
            return
        rest = lane.rest(block.arrival_ns)
        first = round(lane.position_ns * 48_000 / NS)
        count = 0 if rest is None else len(rest[0])
        behind_s.append((block.arrival_ns - T0_NS) / NS - (first + count) / 48_000)
        if rest is not None:
            found.append((first, rest[0]))

    _, take = run(HOT, broadband, look)
    assert len(behind_s) > 25
    assert max(behind_s) < COMMAND_NS / NS + 0.45
    first, rest = found[-1]
    assert len(rest) > 48_000
    same = take[first : first + len(rest)]
    assert np.corrcoef(rest[:-4800, 0], same[:-4800, 0])[0, 1] > 0.95  # the clock is refined yet


def test_looking_changes_nothing() -> None:
    """A lane that was asked gives out the same samples and figures as one that was not."""

    def look(lane: AudioLane, block: AudioBlock) -> None:
        lane.rest(block.arrival_ns)

    script = ClockScript(duration_s=4, ppm=300, jitter=Jitter.UNIFORM, jitter_s=10e-3)
    asked, heard = run(script, broadband, look)
    left_alone, expected = run(script, broadband, lambda _lane, _block: None)
    assert np.array_equal(heard, expected)
    assert asked.statistics() == left_alone.statistics()


def test_calm_sources_have_no_rest() -> None:
    """Half a second behind there is nothing to be gained, and nothing is spent."""
    rests = []

    def look(lane: AudioLane, block: AudioBlock) -> None:
        if block.arrival_ns > T0_NS + 6 * NS:
            rests.append(lane.rest(block.arrival_ns))

    run(ClockScript(duration_s=9, ppm=300), steady, look)
    assert rests
    assert not any(rest is not None for rest in rests)


@pytest.mark.parametrize("lead_ms", [0.0, 400.0])
def test_nothing_is_shown_that_a_command_may_still_take_back(lead_ms: float) -> None:
    """What a mute silences is in no rest, as late as a command may come and as early as its lead
    lets it begin."""
    mute_ns = T0_NS + 4 * NS
    told = []
    loud: list[NDArray[np.float32]] = []

    def look(lane: AudioLane, block: AudioBlock) -> None:
        if not told and block.arrival_ns >= mute_ns + COMMAND_NS - NS // 20:
            lane.apply(TimedCommand(mute_ns, SetMute(Role.MIC, True)))
            told.append(True)
        rest = lane.rest(block.arrival_ns)
        if rest is not None:
            first = round(lane.position_ns * 48_000 / NS)
            silent = round((4 - lead_ms / 1000) * 48_000)
            loud.append(rest[0][max(0, silent - first) :])

    run(HOT, steady, look, Settings(mute_lead_ms=lead_ms), every=4)
    assert told
    assert sum(map(len, loud)) > 48_000
    assert not any(part.any() for part in loud)


def test_a_pause_ends_the_rest() -> None:
    """Nothing of a pause is in it."""
    pause_ns = T0_NS + 3 * NS
    ends: list[int] = []
    told = []

    def look(lane: AudioLane, block: AudioBlock) -> None:
        if block.arrival_ns >= pause_ns and not told:
            lane.apply(TimedCommand(pause_ns, Pause()))
            told.append(True)
        rest = lane.rest(block.arrival_ns)
        if rest is not None:
            ends.append(round(lane.position_ns * 48_000 / NS) + len(rest[0]))

    run(HOT, steady, look)
    assert max(ends) == 3 * 48_000
