"""When the encoder is changed on a slow machine, on a clock of the test's own."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.video.ladder import (
    BEHIND_FRAMES,
    CLEAR_NS,
    LONGEST_CLEAR_NS,
    RELAPSE_NS,
    EncoderLadder,
    Step,
)

INTERVAL_NS = NS_PER_S // 30


class Machine:
    """A lane that encodes 30 frames a second as fast as it can, and drops what comes meanwhile.

    `cost_ms` is what a frame costs the usual encoder; the cheaper one takes `saving` of it.
    """

    def __init__(self, saving: float = 0.6) -> None:
        self.ladder = EncoderLadder()
        self.now_ns = 5 * NS_PER_S
        self.dropped = 0
        self.steps: list[tuple[float, Step]] = []
        self.saving = saving

    def run(self, seconds: float, cost_ms: float, *, blame: float = 1.0) -> None:
        """Let time pass; of what a frame takes the encoder is to blame for a share."""
        end_ns = self.now_ns + round(seconds * NS_PER_S)
        while self.now_ns < end_ns:
            share = self.saving if self.ladder.is_cheaper else 1.0
            spent_ns = round(cost_ms * share * NS_PER_MS)
            missed, left_ns = divmod(spent_ns, INTERVAL_NS)
            self.dropped += missed
            self.now_ns += (missed + 1) * INTERVAL_NS if left_ns else spent_ns
            step = self.ladder.saw(self.now_ns, round(spent_ns * blame), self.dropped)
            if step is not None:
                self.ladder.stepped(step, self.now_ns)
                self.steps.append((self.now_ns / NS_PER_S - 5, step))

    @property
    def directions(self) -> list[Step]:
        return [step for _, step in self.steps]


def test_an_encoder_that_cannot_keep_up_is_relieved_within_a_second() -> None:
    """Frames of 40 ms, one in two dropped: the step comes with the third frame that was late."""
    machine = Machine()
    machine.run(3, cost_ms=40)
    assert machine.directions == [Step.CHEAPER]
    assert machine.steps[0][0] < 0.5
    assert machine.dropped == BEHIND_FRAMES


def test_hiccups_change_nothing() -> None:
    """One frame of half a second drops a dozen pictures, and says nothing of the next one; nor
    does one every few seconds."""
    machine = Machine()
    for _ in range(10):
        machine.run(0.4, cost_ms=500)
        machine.run(2.0, cost_ms=10)
    assert machine.dropped > 100
    assert machine.steps == []


def test_hiccups_of_a_busy_encoder_change_nothing() -> None:
    """It is at work for two thirds of the time and keeps up, but for a moment every two seconds."""
    machine = Machine()
    for _ in range(20):
        machine.run(0.05, cost_ms=70)
        machine.run(1.95, cost_ms=22)
    assert machine.dropped >= 20
    assert machine.steps == []


def test_a_slow_compositor_changes_nothing() -> None:
    """The lane is behind, but not for the encoder, which needs a quarter of the time."""
    machine = Machine()
    machine.run(30, cost_ms=50, blame=0.25)
    assert machine.dropped > 100
    assert machine.steps == []


def test_the_usual_encoder_comes_back_when_there_is_room() -> None:
    """Ten seconds in which even the usual encoder would have had room, and not before."""
    machine = Machine()
    machine.run(5, cost_ms=40)
    machine.run(20, cost_ms=8)
    assert machine.directions == [Step.CHEAPER, Step.USUAL]
    assert 15 <= machine.steps[1][0] < 17


def test_room_for_the_cheaper_encoder_alone_is_no_room() -> None:
    """The cheaper one keeps up at ease; the usual one would not, so it stays away."""
    machine = Machine()
    machine.run(120, cost_ms=40)
    assert machine.directions == [Step.CHEAPER]
    dropped = machine.dropped
    machine.run(10, cost_ms=30)
    assert (machine.dropped, machine.directions) == (dropped, [Step.CHEAPER])


def test_a_pause_is_no_room() -> None:
    """Nothing is encoded in a pause, so nothing is known of the machine."""
    machine = Machine()
    machine.run(5, cost_ms=40)
    machine.now_ns += 60 * NS_PER_S
    machine.run(CLEAR_NS / NS_PER_S - 1, cost_ms=8)
    assert machine.directions == [Step.CHEAPER]


def test_a_machine_that_lures_is_believed_less_each_time() -> None:
    """Room that is gone as soon as the usual encoder is back: the waits double, up to a bound."""
    machine = Machine()
    for _ in range(2000):
        machine.run(1, cost_ms=8 if machine.ladder.is_cheaper else 40)
    waits = [
        after - before
        for (before, down), (after, up) in zip(machine.steps, machine.steps[1:], strict=False)
        if (down, up) == (Step.CHEAPER, Step.USUAL)
    ]
    assert [round(wait / 10) * 10 for wait in waits[:6]] == [10, 20, 40, 80, 160, 320]
    assert max(waits) < LONGEST_CLEAR_NS / NS_PER_S + 5


def test_a_later_load_is_another_one() -> None:
    """More than a minute after the return, falling behind is met as for the first time."""
    machine = Machine()
    for number in range(3):
        machine.run(5, cost_ms=40)
        eased_s = machine.now_ns / NS_PER_S - 5
        machine.run(20 + RELAPSE_NS / NS_PER_S, cost_ms=8)
        assert machine.directions == [Step.CHEAPER, Step.USUAL] * (number + 1)
        assert machine.steps[-1][0] - eased_s < 12


def test_who_has_no_other_encoder_is_not_asked_again() -> None:
    """After a refusal pictures are dropped, and nothing else is tried."""
    machine = Machine()
    machine.ladder.refused()
    machine.run(60, cost_ms=60)
    assert machine.steps == []


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.floats(0.2, 15), st.floats(0.1, 400), st.sampled_from([0.2, 1.0])),
        max_size=12,
    ),
    st.floats(0.3, 1.0),
)
def test_steps_alternate_and_keep_their_distance(
    stretches: list[tuple[float, float, float]], saving: float
) -> None:
    """Whatever the load: down and up by turns, no way back up within ten seconds of the step down,
    and no step at all where nothing was dropped."""
    machine = Machine(saving)
    for seconds, cost_ms, blame in stretches:
        machine.run(seconds, cost_ms, blame=blame)
    wanted = [Step.CHEAPER, Step.USUAL] * len(machine.steps)
    assert machine.directions == wanted[: len(machine.steps)]
    assert machine.dropped or not machine.steps
    downs = machine.steps[0::2]
    for (down_s, _), (up_s, _) in zip(downs, machine.steps[1::2], strict=False):
        assert up_s - down_s >= CLEAR_NS / NS_PER_S


@given(st.lists(st.booleans(), min_size=100, max_size=200))
@settings(max_examples=30)
def test_no_picture_is_dropped_in_the_ten_seconds_before_a_return(drops: list[bool]) -> None:
    """Any drop while the cheaper encoder works puts the return off by ten seconds."""
    machine = Machine()
    machine.run(2, cost_ms=40)
    dropped_ns = machine.now_ns
    for is_dropped in drops:
        if not machine.ladder.is_cheaper:
            break
        machine.dropped += is_dropped
        if is_dropped:
            dropped_ns = machine.now_ns + INTERVAL_NS
        machine.run(INTERVAL_NS / NS_PER_S, cost_ms=5)
    machine.run(30, cost_ms=5)
    assert machine.directions == [Step.CHEAPER, Step.USUAL]
    assert machine.steps[1][0] - (dropped_ns / NS_PER_S - 5) >= CLEAR_NS / NS_PER_S - 0.001
