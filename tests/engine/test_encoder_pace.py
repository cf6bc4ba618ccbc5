"""The encoder is timed, changed when it must be, and every change told where it holds."""

from __future__ import annotations

import itertools

from onetake.clock import VirtualClock
from onetake.engine.encoder_pace import EncoderPace
from onetake.engine.parts import PartChain
from onetake.errors import OutputFailed
from onetake.model.events import Warned
from onetake.model.units import NS_PER_MS, NS_PER_S

INTERVAL_NS = NS_PER_S // 30


class Plain:
    """A writer that takes 50 ms a frame and knows no other way."""

    cost_ns = 50 * NS_PER_MS
    size_bytes = 0

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.frames: list[tuple[int, bool]] = []
        """(position, whether by the cheaper encoder)."""
        self.is_cheaper = False

    def start(self) -> None:
        """Nothing to open."""

    def write_video(self, position_ns: int, image: object) -> None:
        self.clock.advance_to(self.clock.now_ns() + self.cost_ns)
        self.frames.append((position_ns, self.is_cheaper))


class Adapting(Plain):
    """The same, with a cheaper way that takes a tenth."""

    def encode_cheaper(self, is_cheaper: bool) -> bool:
        self.is_cheaper = is_cheaper
        self.cost_ns = (5 if is_cheaper else 50) * NS_PER_MS
        return True


class Breaking(Plain):
    """An encoder that breaks in the change."""

    def encode_cheaper(self, is_cheaper: bool) -> bool:
        raise OutputFailed("the encoder failed")


class Lane:
    """A video lane in front of one kind of writer, 30 pictures a second."""

    def __init__(self, kind: type[Plain]) -> None:
        self.clock = VirtualClock()
        self.writers: list[Plain] = []
        self.failures: list[str] = []
        self.parts = PartChain(self._made, lambda error: self.failures.append(error.message))
        self.kind = kind
        self.parts.open("take.mp4")
        self.told: list[Warned] = []
        self.noted: list[tuple[int, bool]] = []
        self.dropped = 0
        self.position_ns = 0
        self.pace = EncoderPace(
            self.parts,
            self.clock,
            count_behind=lambda: self.dropped,
            note=lambda position_ns, is_cheaper: self.noted.append((position_ns, is_cheaper)),
            tell=self.told.append,
        )

    def _made(self, path: str) -> Plain:
        self.writers.append(self.kind(self.clock))
        return self.writers[-1]

    def run(self, seconds: float) -> None:
        """Encode what comes, as it comes; what comes while a frame is encoded is dropped."""
        end_ns = self.position_ns + round(seconds * NS_PER_S)
        while self.position_ns < end_ns:
            self.pace.write(self.position_ns, None)
            late = max(0, self.clock.now_ns() - self.position_ns) // INTERVAL_NS
            self.dropped += late
            self.position_ns += (late + 1) * INTERVAL_NS
            self.clock.advance_to(max(self.clock.now_ns(), self.position_ns))


def test_the_change_is_told_at_the_first_frame_it_holds_for() -> None:
    """Position of the warning = position of the first frame by the other encoder, down and up."""
    lane = Lane(Adapting)
    lane.run(20)
    frames = lane.writers[0].frames
    changes = [
        (position_ns, now)
        for (_, before), (position_ns, now) in itertools.pairwise(frames)
        if before != now
    ]
    told = [(warned.position_ns, warned.code == "encoder-cheaper") for warned in lane.told]
    assert told == changes[: len(told)] == lane.noted
    assert [warned.code for warned in lane.told[:2]] == ["encoder-cheaper", "encoder-usual"]


def test_a_writer_without_another_way_is_left_alone() -> None:
    """Nothing is told of a step that was not made: what follows is dropped pictures."""
    lane = Lane(Plain)
    lane.run(20)
    assert lane.dropped > 100
    assert (lane.told, lane.noted) == ([], [])


def test_the_next_file_goes_on_as_the_last_one() -> None:
    """A split while the cheaper encoder works does not bring the usual one back."""
    lane = Lane(Adapting)
    lane.run(3)
    lane.parts.open("take part 2.mp4")
    lane.parts.cut(lane.position_ns)
    lane.run(1)
    assert [warned.code for warned in lane.told] == ["encoder-cheaper"]
    assert {is_cheaper for _, is_cheaper in lane.writers[1].frames} == {True}


def test_an_encoder_that_breaks_in_the_change_fails_its_file_alone() -> None:
    """It is a failure of the file like any other: told, and the take can go on in a new one."""
    lane = Lane(Breaking)
    lane.run(3)
    assert lane.failures == ["the encoder failed"]
    assert lane.told == []
