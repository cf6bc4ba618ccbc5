"""The device clock against simulated devices with a known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.model.media import StampKind
from onetake.testing.clocksim import (
    ClockScript,
    DeviceLog,
    Jitter,
    double_block,
    freeze_stamps,
    lose_blocks,
    make_early,
    repeat_every_second,
    simulate,
    stall,
)
from onetake.timeline.device_clock import ClockBreak, DeviceClock

NS = 1_000_000_000


def _fed(
    log: DeviceLog, kind: StampKind = StampKind.CAPTURE
) -> tuple[list[DeviceClock], list[ClockBreak]]:
    """Feed a whole log, forking as the track does; the last clock is the newest."""
    stamps_ns = log.stamps_ns()
    clocks, breaks = [DeviceClock(log.rate_hz, kind, stamps_ns[0])], []
    for index, stamp_ns in enumerate(stamps_ns):
        found = clocks[-1].add(stamp_ns, index * log.block_frames)
        if found is not None:
            breaks.append(found)
            clocks.append(clocks[-1].fork(found))
    return clocks, breaks


def _error_s(clock: DeviceClock, log: DeviceLog, frame: float) -> float:
    """Return by how much the clock misplaces a delivered frame."""
    true_s = float(log.host_s_of(np.array([frame]))[0])
    return (clock.host_ns_of(frame) - log.start_ns) / NS - true_s


@given(
    ppm=st.floats(-500, 500),
    rate_hz=st.sampled_from([8_000, 16_000, 44_100, 48_000, 96_000]),
    start_ns=st.integers(0, 10**15),
    block_ms=st.sampled_from([5, 10, 20]),
)
@settings(deadline=None, max_examples=40)
def test_exact_stamps_give_the_map_to_a_hundredth_of_a_sample(
    ppm: float, rate_hz: int, start_ns: int, block_ms: int
) -> None:
    """Any drift, rate, start and block size: the map is right to 0.01 sample, both ways."""
    frames = rate_hz * block_ms // 1000
    script = ClockScript(5.0, rate_hz, frames, ppm, start_ns=start_ns)
    log = simulate(script)
    clock = _fed(log)[0][-1]
    for frame in (0, 2 * rate_hz, 4 * rate_hz):
        host_s = float(log.host_s_of(np.array([frame]))[0])
        relative_s = host_s - (clock.anchor_ns - start_ns) / NS
        assert abs(clock.frame_at(relative_s) - frame) < 0.01 * rate_hz / 48_000
        assert abs(_error_s(clock, log, frame)) < 0.01 / 48_000 + 1e-9
    assert clock.drift_ppm == pytest.approx(ppm, abs=0.2)


@pytest.mark.parametrize(("ppm", "jitter_s"), [(208, 1e-3), (-50, 0.1e-3), (500, 10e-3)])
def test_drift_is_known_to_its_own_uncertainty(ppm: float, jitter_s: float) -> None:
    """After five minutes the drift is within four of the sigmas it is told with."""
    log = simulate(ClockScript(300.0, ppm=ppm, jitter=Jitter.GAUSS, jitter_s=jitter_s))
    clock = _fed(log)[0][-1]
    assert abs(clock.drift_ppm - ppm) < 4 * clock.drift_sd_ppm
    assert clock.jitter_s == pytest.approx(jitter_s, rel=0.25)


def test_odd_seconds_bend_the_mean_drift_little() -> None:
    """The last four of twenty seconds lie 0.7 ms late: on the whole the drift stays within 45 ppm,
    and within four of the sigmas it is told with."""
    log = simulate(ClockScript(20.0, ppm=208, jitter=Jitter.GAUSS, jitter_s=0.1e-3))
    log = replace(log, stamp_s=log.stamp_s + np.where(log.true_s >= 16.0, 0.7e-3, 0.0))
    clocks, breaks = _fed(log)
    clocks[-1].settle()
    drift_ppm, sd_ppm = clocks[-1].mean_drift_ppm()
    assert breaks == []
    assert abs(drift_ppm - 208) < min(45, 4 * sd_ppm)


def test_arrival_stamps_are_taken_at_their_edge() -> None:
    """One-sided lateness leaves no bias when it is declared, and its mean when it is not."""
    script = ClockScript(120.0, ppm=100, jitter=Jitter.EXPONENTIAL, jitter_s=2e-3)
    log = simulate(script)
    frame = 100 * 48_000
    right = _error_s(_fed(log, StampKind.ARRIVAL)[0][-1], log, frame)
    wrong = _error_s(_fed(log, StampKind.CAPTURE)[0][-1], log, frame)
    assert abs(right) < 0.1e-3
    assert wrong > 1e-3


@pytest.mark.parametrize("jitter_s", [0.0, 1e-3])
@pytest.mark.parametrize("blocks", [1, 25])
@pytest.mark.parametrize("at_s", [20.0, 20.25, 20.5, 20.75])
def test_loss_is_found_to_the_block(jitter_s: float, blocks: int, at_s: float) -> None:
    """Lost blocks break the clock once, where they are missing, by their length; wherever that is
    within a bin."""
    script = ClockScript(40.0, ppm=300, jitter=Jitter.GAUSS, jitter_s=jitter_s)
    log = lose_blocks(simulate(script), at_s, blocks)
    clocks, breaks = _fed(log)
    assert len(breaks) == 1
    assert abs(breaks[0].frame - at_s * 48_000 * (1 + 300e-6)) < 2 * 480
    assert breaks[0].shift_s == pytest.approx(blocks * 0.01, abs=0.6e-3)
    assert abs(_error_s(clocks[-1], log, 30 * 48_000)) < 0.1e-3
    assert abs(_error_s(clocks[0], log, 10 * 48_000)) < 0.1e-3


def test_doubled_block_is_found() -> None:
    """A block delivered twice breaks the clock by minus its length."""
    log = double_block(simulate(ClockScript(40.0, ppm=-300)), 20.0)
    _, breaks = _fed(log)
    assert [round(found.shift_s, 4) for found in breaks] == [-0.01]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda log: stall(log, 20.0, 0.3),
        lambda log: stall(log, 20.0, 1.5),
        lambda log: stall(log, 20.0, 5.0),
        lambda log: freeze_stamps(log, 20.0, 0.5),
        repeat_every_second,
        lambda log: make_early(log, 0.05, 0.05),
    ],
    ids=["stall 0.3 s", "stall 1.5 s", "stall 5 s", "frozen", "repeated", "early"],
)
@pytest.mark.parametrize("jitter_s", [20e-6, 1e-3])
def test_what_is_only_late_breaks_nothing(spoil, jitter_s: float) -> None:  # type: ignore[no-untyped-def]
    """Stalls without loss, frozen, repeated and early stamps are no discontinuity."""
    script = ClockScript(40.0, ppm=300, jitter=Jitter.GAUSS, jitter_s=jitter_s)
    log = spoil(simulate(script))
    clocks, breaks = _fed(log)
    assert breaks == []
    assert abs(_error_s(clocks[-1], log, 35 * 48_000)) < 0.2 * jitter_s + 2e-6


def test_odd_stamps_are_counted() -> None:
    """Duplicate, backward and late stamps appear in the counts."""
    log = freeze_stamps(simulate(ClockScript(10.0)), 5.0, 0.5)
    counts = _fed(log)[0][-1].counts
    assert counts.duplicate == 49
    assert counts.backward == 0
    jittery = simulate(ClockScript(10.0, jitter=Jitter.UNIFORM, jitter_s=10e-3, late_share=0.01))
    counts = _fed(jittery)[0][-1].counts
    assert counts.backward > 50
    assert counts.late > 0


def test_short_run_can_be_settled() -> None:
    """A source that gave a single block has a map all the same."""
    clock = DeviceClock(48_000, StampKind.CAPTURE, 5 * NS)
    clock.add(5 * NS, 0)
    assert not clock.is_ready
    clock.settle()
    assert clock.is_ready
    assert clock.host_ns_of(480) == 5 * NS + 10_000_000


def test_hours_cost_no_precision() -> None:
    """Ten hours in, exact stamps still place a frame to the nanosecond."""
    clock = DeviceClock(44_100, StampKind.CAPTURE, 123)
    for index in range(3_600):
        frame = index * 441_000
        clock.add(123 + frame * NS // 44_100, frame)
    frame = 3_599 * 441_000
    assert abs(clock.host_ns_of(frame) - 123 - frame * NS // 44_100) <= 2


@pytest.mark.parametrize(
    ("jitter_s", "is_calm"), [(0.0, True), (0.1e-3, True), (1e-3, True), (5e-3, False)]
)
def test_a_clock_is_calm_while_stamps_tell_a_loss_at_once(jitter_s: float, is_calm: bool) -> None:
    """Little scatter is calm, much is not, for a loss of one block would not be seen in it."""
    clocks, _ = _fed(simulate(ClockScript(duration_s=10, jitter=Jitter.UNIFORM, jitter_s=jitter_s)))
    assert clocks[-1].is_calm is is_calm


@pytest.mark.parametrize("by_s", [0.01, -0.01])
def test_the_first_odd_stamp_ends_the_calm(by_s: float) -> None:
    """One stamp that is not where it was foretold is enough, and the next one may mend it."""
    log = simulate(ClockScript(duration_s=10))
    (clock,), _ = _fed(log)
    frame, stamp_ns = len(log) * log.block_frames, int(log.stamps_ns()[-1])
    block_ns = log.block_frames * NS // log.rate_hz
    clock.add(stamp_ns + block_ns + round(by_s * NS / 2), frame)
    assert not clock.is_calm
    clock.add(stamp_ns + 2 * block_ns, frame + log.block_frames)
    assert clock.is_calm
