"""The sync matrix: how far off is the sound, for every kind of clock, stamp and fault?

    python bench/sync_matrix.py            half an hour a case, two seeds          (4 min)
    python bench/sync_matrix.py --quick    seven minutes a case, one seed          (< 60 s)
    python bench/sync_matrix.py --long     four hours a case, one seed             (8 min)
    python bench/sync_matrix.py --full     four hours a case, five seeds           (40 min)

Simulated devices with a known truth go through the product's own estimator and follower; "error" is
the absolute distance, constant bias included, between the place a sample was taken from and the
place it belongs to. Faults are rendered as sound and measured from the sound. Ends with 1 when a
bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from onetake.audio.follow import STRETCH, Follower
from onetake.audio.lane import CALM_LOOK_AHEAD_NS, LOOK_AHEAD_NS, VAGUE_START_NS
from onetake.audio.resample import interpolate, kernel_for
from onetake.audio.track import VAGUE_S
from onetake.model.devices import Role
from onetake.model.media import StampKind
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.testing import clocksim
from onetake.testing.clocksim import ClockScript, DeviceLog, Jitter, Wander, simulate
from onetake.testing.lanesim import play
from onetake.testing.soundtruth import broadband, broadband_delays_s, thd_n_db
from onetake.timeline.device_clock import DeviceClock

SAMPLE_MS = 1e3 / SAMPLE_RATE_HZ
FIRST_S = 60.0
"""Length of the start, which has bounds of its own."""
NEAR_S = 3.0
"""How long after a fault its own bound holds."""
GO_S = 0.1
"""How often the lane looks whether all is calm again."""
BEGIN_S = 0.5
"""Where the take begins, after the device did."""


@dataclass(frozen=True)
class Case:
    """A clock, its stamps, and what is promised (ms)."""

    name: str
    script: ClockScript
    after_ms: float
    first_ms: float = 1.25
    kind: StampKind = StampKind.CAPTURE
    fault: Callable[[DeviceLog], DeviceLog] = field(default=lambda log: log)
    fault_s: tuple[float, ...] = ()
    """When faults happen; the errors within 3 s of them have the bound `near_ms`."""
    near_ms: float = 1.0
    breaks: int = 0
    """How many re-alignments are right."""


@dataclass(frozen=True)
class Errors:
    """What a run showed: absolute errors in ms at the output times `times_s`."""

    times_s: NDArray[np.float64]
    signed_ms: NDArray[np.float64]
    breaks: int


@dataclass
class _Run:
    first_frame: int
    clock: DeviceClock
    follower: Follower


class _Rehearsal:
    """The track without the sound: clocks, forks and followers, 10 places a second."""

    def __init__(self, log: DeviceLog, kind: StampKind) -> None:
        self._log = log
        self._stamps_ns = log.stamps_ns()
        self._shift_s = (self._stamps_ns[0] - log.start_ns) / NS_PER_S
        clock = DeviceClock(log.rate_hz, kind, self._stamps_ns[0])
        self._runs = [_Run(0, clock, Follower(clock))]
        self._playing = 0
        self._fed = 0
        self.breaks = 0

    def feed(self, until_s: float) -> None:
        """Hand over everything that has arrived by then."""
        end = int(np.searchsorted(self._log.arrival_s, until_s, side="right"))
        frames = self._log.block_frames
        clock = self._runs[-1].clock
        for index in range(self._fed, end):
            found = clock.add(self._stamps_ns[index], index * frames)
            if found is not None:
                clock = clock.fork(found)
                self._runs.append(_Run(found.frame, clock, Follower(clock)))
                self.breaks += 1
        self._fed = max(self._fed, end)

    def feed_for(self, time_s: float) -> None:
        """Hand over what has arrived when the lane plays `time_s`: soon while all is calm."""
        now_s, last_s = time_s + CALM_LOOK_AHEAD_NS / NS_PER_S, time_s + LOOK_AHEAD_NS / NS_PER_S
        self.feed(now_s)
        while now_s < last_s and not self._runs[-1].clock.is_calm:
            now_s = min(now_s + GO_S, last_s)
            self.feed(now_s)

    @property
    def is_vague(self) -> bool:
        clock = self._runs[-1].clock
        return not clock.is_ready or clock.state.offset_sd_at(BEGIN_S) > VAGUE_S

    def place(self, sample: int, host_s: float) -> float:
        """Return the delivered frame played at `host_s`."""
        host_s -= self._shift_s
        while self._playing + 1 < len(self._runs):
            following = self._runs[self._playing + 1]
            if following.clock.host_s_of(following.first_frame) > host_s:
                break
            self._playing += 1
        run = self._runs[self._playing]
        run.follower.seek(sample, host_s)
        return run.follower.frame_at(sample)


def rehearse(log: DeviceLog, kind: StampKind) -> Errors:
    """Play a whole log without sound and return how far off every 0.1 s of it was."""
    rehearsal = _Rehearsal(log, kind)
    vague_s = VAGUE_START_NS / NS_PER_S
    now_s = BEGIN_S + CALM_LOOK_AHEAD_NS / NS_PER_S
    rehearsal.feed_for(BEGIN_S)
    while rehearsal.is_vague and now_s < vague_s:
        now_s += 0.1
        rehearsal.feed(now_s)
    step_s = STRETCH / SAMPLE_RATE_HZ
    count = int((log.end_s[-1] - BEGIN_S - LOOK_AHEAD_NS / NS_PER_S) / step_s)
    places = np.empty(count)
    times_s = BEGIN_S + np.arange(count) * step_s
    for index in range(count):
        rehearsal.feed_for(float(times_s[index]))
        places[index] = rehearsal.place(index * STRETCH, float(times_s[index]))
    signed_ms = (log.host_s_of(places) - times_s) * 1e3
    return Errors(times_s, signed_ms, rehearsal.breaks)


def _script(jitter: Jitter, jitter_ms: float, ppm: float, **more: object) -> ClockScript:
    script = ClockScript(ppm=ppm, jitter=jitter, jitter_s=jitter_ms * 1e-3)
    return replace(script, **more)  # type: ignore[arg-type]


def cases(faults: int) -> list[Case]:
    """Return the matrix; `faults`: how many faults a faulty take has."""
    none, gauss, even = Jitter.NONE, Jitter.GAUSS, Jitter.UNIFORM
    late = {"late_share": 0.01}
    slow, fast, steps = ({"wander": wander} for wander in (Wander.SLOW, Wander.FAST, Wander.STEPS))
    arrival = StampKind.ARRIVAL
    exact = 0.01 * SAMPLE_MS
    every_300 = {**steps, "step_every_s": 300.0}
    return [
        Case("exact, +500 ppm", _script(none, 0, 500), exact),
        Case("exact, -500 ppm, 44.1 kHz", _with_rate(44_100, -500), exact),
        Case("exact, +300 ppm, 16 kHz", _with_rate(16_000, 300), exact),
        Case("exact, wander", _script(none, 0, 300, **slow), exact),
        Case("20 us, +50 ppm", _script(gauss, 0.02, 50), SAMPLE_MS, 0.5),
        Case("0.1 ms, +500 ppm", _script(gauss, 0.1, 500), SAMPLE_MS, 0.5),
        Case("0.1 ms, wander", _script(gauss, 0.1, 300, **slow), SAMPLE_MS, 0.5),
        Case("1 ms, -500 ppm", _script(gauss, 1, -500), 0.15, 0.5),
        Case("1 ms, wander", _script(gauss, 1, 300, **slow), 0.15, 0.5),
        Case("1 ms + 50 ms late, -300 ppm", _script(gauss, 1, -300, **late), 0.15, 0.5),
        Case("1 ms, fast wander", _script(gauss, 1, 300, **fast), 0.5, 0.5),
        Case("1 ms, 100 ppm steps", _script(gauss, 1, 0, **every_300), 1.0, 0.5),
        Case("exact, 100 ppm steps", _script(none, 0, 0, **every_300), 1.0, 0.5),
        Case("+-5 ms, +500 ppm", _script(even, 5, 500), 0.5),
        Case("+-10 ms, +500 ppm", _script(even, 10, 500), 0.5),
        Case("+-10 ms, -500 ppm", _script(even, 10, -500), 0.5),
        Case("+-10 ms, wander", _script(even, 10, 300, **slow), 0.5),
        Case("+-10 ms + 50 ms late", _script(even, 10, 500, **late), 0.5),
        Case("0-10 ms (arrival)", _script(Jitter.ONE_SIDED, 10, 500), 0.5, kind=arrival),
        Case("exp 2 ms (arrival)", _script(Jitter.EXPONENTIAL, 2, 50), 0.25, kind=arrival),
        Case(
            "exp 2 ms + late, wander (arrival)",
            _script(Jitter.EXPONENTIAL, 2, 300, **late, **slow),
            0.25,
            kind=arrival,
        ),
        *_faulty_cases(faults),
    ]


def _with_rate(rate_hz: int, ppm: float) -> ClockScript:
    return ClockScript(ppm=ppm, rate_hz=rate_hz, block_frames=rate_hz // 100)


def _faulty_cases(faults: int) -> list[Case]:
    """Many faults a take, so that the worst of them is seen."""
    spots = tuple(120.0 + 60.0 * index for index in range(faults))
    count = len(spots)
    found = []
    for label, jitter, jitter_ms, after_ms in (
        ("20 us", Jitter.GAUSS, 0.02, SAMPLE_MS),
        ("1 ms", Jitter.GAUSS, 1.0, 0.15),
        ("+-10 ms", Jitter.UNIFORM, 10.0, 0.5),
    ):
        script = _script(jitter, jitter_ms, 300)

        def faulty(
            name: str,
            fault: Callable[[DeviceLog, float], DeviceLog],
            breaks: int,
            script: ClockScript = script,
            label: str = label,
            after_ms: float = after_ms,
        ) -> Case:
            def spoil(log: DeviceLog) -> DeviceLog:
                for at_s in spots:
                    log = fault(log, at_s)
                return log

            first_ms = 1.25 if label == "+-10 ms" else 0.5
            return Case(
                f"{label}: {name}",
                script,
                after_ms,
                first_ms,
                fault=spoil,
                fault_s=spots,
                breaks=breaks,
            )

        found += [
            faulty("1 block lost", lambda log, at_s: clocksim.lose_blocks(log, at_s, 1), count),
            faulty("25 blocks lost", lambda log, at_s: clocksim.lose_blocks(log, at_s, 25), count),
            faulty("block doubled", clocksim.double_block, count),
            faulty("1.5 s stall", lambda log, at_s: clocksim.stall(log, at_s, 1.5), 0),
            faulty(
                "0.7 s stall, lost",
                lambda log, at_s: clocksim.stall(log, at_s, 0.7, lost_s=0.7),
                count,
            ),
            faulty("0.5 s frozen", lambda log, at_s: clocksim.freeze_stamps(log, at_s, 0.5), 0),
        ]
        repeating = replace(faulty("every 2nd repeated", lambda log, _: log, 0), fault_s=())
        early = replace(faulty("5 % are 50 ms early", lambda log, _: log, 0), fault_s=())
        found.append(replace(repeating, fault=clocksim.repeat_every_second))
        found.append(replace(early, fault=lambda log: clocksim.make_early(log, 0.05, 0.05)))
    return found


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    first_ms: float
    worst_ms: float
    p95_ms: float
    median_ms: float
    bias_ms: float
    near_ms: float | None
    breaks: int
    misses: tuple[str, ...]


def measure(case: Case, duration_s: float, seeds: int) -> Row:
    """Run a case over some seeds and judge the worst of them."""
    firsts, afters, nears, biases, breaks = [], [], [], [], 0
    duration_s = max(duration_s, case.fault_s[-1] + 60 if case.fault_s else 0.0)
    for seed in range(1, seeds + 1):
        script = replace(case.script, duration_s=duration_s, seed=seed)
        log = case.fault(simulate(script))
        errors = rehearse(log, case.kind)
        breaks += abs(errors.breaks - case.breaks)
        is_sound = ~_discontinuities(log, errors.times_s)
        is_near = _near(case.fault_s, errors.times_s)
        error_ms = np.abs(errors.signed_ms)
        is_first = errors.times_s < BEGIN_S + FIRST_S
        firsts.append(error_ms[is_first & is_sound])
        afters.append(error_ms[~is_first & ~is_near & is_sound])
        nears.append(error_ms[~is_first & is_near & is_sound])
        biases.append(float(errors.signed_ms[~is_first & ~is_near & is_sound].mean()))
    first, after, near = map(np.concatenate, (firsts, afters, nears))
    near_ms = float(near.max()) if len(near) else None
    bias_ms = max(biases, key=abs)
    row = Row(
        case.name,
        float(first.max()),
        float(after.max()),
        float(np.quantile(after, 0.95)),
        float(np.median(after)),
        bias_ms,
        near_ms,
        breaks,
        (),
    )
    return replace(row, misses=_misses(row, case))


def _misses(row: Row, case: Case) -> tuple[str, ...]:
    """Say which promises the row breaks."""
    misses = []
    if row.first_ms > case.first_ms:
        misses.append(f"first minute > {case.first_ms:.3g}")
    if row.worst_ms > case.after_ms:
        misses.append(f"worst > {case.after_ms:.3g}")
    if row.near_ms is not None and row.near_ms > case.near_ms:
        misses.append(f"near a fault > {case.near_ms:.3g}")
    if abs(row.bias_ms) > 0.25:
        misses.append("bias > 0.25")
    if row.breaks:
        misses.append(f"{row.breaks} false or missed re-alignments")
    return tuple(misses)


def _near(fault_s: tuple[float, ...], times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    near = np.zeros(len(times_s), bool)
    for at_s in fault_s:
        near |= (times_s >= at_s - 0.5) & (times_s <= at_s + 2.0 + NEAR_S)
    return near


def _discontinuities(log: DeviceLog, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where the device itself has no (or two) sounds to offer, and 0.1 s around it."""
    inside = np.zeros(len(times_s), bool)
    steps = log.true_s[1:] - log.end_s[:-1]
    for index in np.flatnonzero(np.abs(steps) > 1e-3):
        begin, end = sorted((float(log.end_s[index]), float(log.true_s[index + 1])))
        inside |= (times_s >= begin - 0.1) & (times_s <= end + 0.1)
    return inside


def print_header() -> None:
    """Print the first line of the estimator's table."""
    print(
        f"{'case (errors in ms)':36s} {'1st min':>8s} {'worst':>8s} {'95 %':>8s} {'median':>8s}"
        f" {'bias':>8s} {'fault':>7s}  verdict"
    )


def print_row(row: Row) -> None:
    """Print a line of it, at once: a full run takes an hour."""
    near = "" if row.near_ms is None else f"{row.near_ms:.3f}"
    verdict = "ok" if not row.misses else "MISSED: " + ", ".join(row.misses)
    print(
        f"{row.name:36s} {row.first_ms:8.4f} {row.worst_ms:8.4f} {row.p95_ms:8.4f}"
        f" {row.median_ms:8.4f} {row.bias_ms:+8.4f} {near:>7s}  {verdict}",
        flush=True,
    )


@dataclass(frozen=True)
class Check:
    """A single figure with its bound."""

    name: str
    value: float
    unit: str
    most: float

    @property
    def is_met(self) -> bool:
        return self.value <= self.most


def rendered_checks() -> list[Check]:
    """Measure sound that went through the whole lane."""
    checks = []
    for label, jitter, jitter_s, most_ms in (
        ("20 us", Jitter.GAUSS, 20e-6, SAMPLE_MS),
        ("1 ms", Jitter.GAUSS, 1e-3, 0.5),
        ("+-10 ms", Jitter.UNIFORM, 10e-3, 1.25),
    ):
        script = ClockScript(duration_s=24, ppm=300, jitter=jitter, jitter_s=jitter_s)
        for name, fault in (
            ("whole", lambda log: log),
            ("25 blocks lost", lambda log: clocksim.lose_blocks(log, 14, 25)),
            ("block doubled", lambda log: clocksim.double_block(log, 14)),
            ("1.5 s stall", lambda log: clocksim.stall(log, 14, 1.5)),
        ):
            log = fault(simulate(script))
            take = play({Role.MIC: (log, broadband)}, t0_s=1.0, end_s=23.0)
            delays_s, likeness = broadband_delays_s(take.track(), 1.0)
            worst_ms = float(np.abs(delays_s[likeness > 0.9]).max()) * 1e3
            checks.append(Check(f"sound, {label}, {name}: worst delay", worst_ms, "ms", most_ms))
    return checks


def resampler_checks() -> list[Check]:
    """Measure the resampler while its ratio wanders by 300 ppm."""
    checks = []
    for rate_hz, tone_hz, most_db in (
        (48_000, 997.0, -120.0),
        (48_000, 10_000.0, -110.0),
        (48_000, 20_000.0, -100.0),
        (44_100, 997.0, -120.0),
        (44_100, 10_000.0, -110.0),
        (16_000, 997.0, -120.0),
        (96_000, 997.0, -120.0),
        (96_000, 10_000.0, -110.0),
    ):
        value = _swept_thd_n_db(rate_hz, tone_hz)
        name = f"THD+N {tone_hz:.0f} Hz, {rate_hz} Hz +-300 ppm"
        checks.append(Check(name, value, "dB", most_db))
    for tone_hz in (18_000.0, 20_000.0):
        loss_db = _passband_loss_db(tone_hz)
        checks.append(Check(f"deviation from flat at {tone_hz:.0f} Hz", loss_db, "dB", 0.01))
    return checks


def _swept_positions(rate_hz: int, seconds: float) -> NDArray[np.float64]:
    times_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    swing_s = 300e-6 * 20 / (2 * np.pi) * (1 - np.cos(2 * np.pi * times_s / 20))
    positions: NDArray[np.float64] = 200 + rate_hz * (times_s + swing_s)
    return positions


def _resampled(rate_hz: int, tone_hz: float, positions: NDArray[np.float64]) -> np.ndarray:
    """Sample a tone so that it comes out steady when read at `positions`."""
    times_s = np.arange(len(positions)) / SAMPLE_RATE_HZ
    frames = np.arange(int(positions[-1]) + 400)
    host_s = np.interp(frames, positions, times_s)
    edge = frames < positions[0]
    host_s[edge] = (frames[edge] - positions[0]) / rate_hz
    wave = (0.5 * np.sin(2 * np.pi * tone_hz * host_s)).astype(np.float32)
    out = np.empty((len(positions), 2), np.float32)
    whole = np.floor(positions)
    source = np.stack((wave, wave))
    interpolate(kernel_for(rate_hz), source, whole.astype(np.int64), positions - whole, out)
    return out[4800:-4800, 0]


def _swept_thd_n_db(rate_hz: int, tone_hz: float) -> float:
    return thd_n_db(_resampled(rate_hz, tone_hz, _swept_positions(rate_hz, 10.0)), tone_hz)


def _passband_loss_db(tone_hz: float) -> float:
    out = _resampled(SAMPLE_RATE_HZ, tone_hz, _swept_positions(SAMPLE_RATE_HZ, 4.0))
    rms = float(np.sqrt(np.mean(np.square(out, dtype=np.float64))))
    return abs(20 * float(np.log10(rms / (0.5 / np.sqrt(2)))))


def speed_check() -> Check:
    """Measure what two drifting stereo sources cost, feeding and mixing included."""
    seconds = 20.0

    def stereo(times_s: NDArray[np.float64]) -> NDArray[np.float32]:
        wave = (0.7 * np.sin(2 * np.pi * 440 * times_s)).astype(np.float32)
        return np.stack((wave, -wave), axis=1)

    logs = {
        Role.SYSTEM: simulate(ClockScript(duration_s=seconds, ppm=90)),
        Role.MIC: simulate(ClockScript(duration_s=seconds, ppm=-208)),
    }
    prepared = {role: (log, _recorded(log, stereo)) for role, log in logs.items()}
    costs_s = []
    for _ in range(3):  # the least disturbed of three: other programs' load shows in CPU time too
        begin = time.process_time()
        play(prepared, t0_s=0.5, end_s=seconds)
        costs_s.append(time.process_time() - begin)
    share = min(costs_s) / seconds * 100
    return Check("two stereo sources, of one core", share, "%", 5.0)


def _recorded(log: DeviceLog, signal: clocksim.Signal) -> clocksim.Signal:
    """Return a signal that costs nothing to ask for again: one block, repeated."""
    samples = signal(np.arange(log.block_frames) / log.rate_hz)
    return lambda _times_s: samples


def main(arguments: list[str] | None = None) -> int:
    """Run the matrix; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="seven minutes a case, one seed")
    size.add_argument("--long", action="store_true", help="four hours a case, one seed")
    size.add_argument("--full", action="store_true", help="four hours a case, five seeds")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args(arguments)
    duration_s, seeds, faults = 1800.0, 2, 8
    if options.quick:
        duration_s, seeds, faults = 400.0, 1, 3
    elif options.long:
        duration_s, seeds, faults = 14_400.0, 1, 20
    elif options.full:
        duration_s, seeds, faults = 14_400.0, 5, 20
    print(f"{duration_s / 3600:.2f} h a case, {seeds} seed(s); worst of all seeds\n")
    print_header()
    rows = []
    for case in cases(faults):
        if options.only in case.name:
            rows.append(measure(case, 0.0 if case.fault_s else duration_s, seeds))
            print_row(rows[-1])
    checks = [*rendered_checks(), *resampler_checks(), speed_check()] if not options.only else []
    print()
    for check in checks:
        verdict = "ok" if check.is_met else "MISSED"
        print(f"{check.name:52s} {check.value:9.3f} {check.unit:3s} <= {check.most:g}  {verdict}")
    failed = [row.name for row in rows if row.misses]
    failed += [check.name for check in checks if not check.is_met]
    print(f"\n{len(failed)} bound(s) missed" + (": " + "; ".join(failed) if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
