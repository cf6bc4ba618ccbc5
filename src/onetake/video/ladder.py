"""When to encode with less work, and when to go back: the first rung on a slow machine. Pure.

    usual ──pictures dropped, the encoder to blame──▶ cheaper ──10 s of clear room──▶ usual

The second rung, dropping pictures evenly, needs no decision: a full queue does it. Sound is on no
rung. Invariant: a step back up comes at least `CLEAR_NS` after the step down and after the last
picture dropped, and later each time that it has turned out to be too early.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from onetake.model.units import NS_PER_S

__all__ = [
    "BEHIND_FRAMES",
    "BUSY_SHARE",
    "CLEAR_NS",
    "LONGEST_CLEAR_NS",
    "RELAPSE_NS",
    "WITHIN_NS",
    "EncoderLadder",
    "Step",
]

BEHIND_FRAMES = 3
"""Frames before which pictures were dropped, within `WITHIN_NS`, that are a machine too slow. One
is a hiccup: it fills the queue once, however long it is. More: more pictures lost before."""

WITHIN_NS = 3 * NS_PER_S
"""How close together they are. Longer: hiccups add up. Shorter: a machine that encodes two frames
a second is never helped."""

BUSY_SHARE = 0.5
"""Share of that time spent encoding from which on the encoder is to blame. Smaller: a slow
compositor makes the picture worse for nothing. Larger: half the load is left where it is."""

CLEAR_NS = 10 * NS_PER_S
"""How long there must have been room for the usual encoder. Shorter: a pause in the motion counts.
Longer: the picture stays worse for nothing."""

LONGEST_CLEAR_NS = 320 * NS_PER_S
"""The longest that `CLEAR_NS` grows to, doubling. Longer: an hour's take hardly ever goes back."""

RELAPSE_NS = 60 * NS_PER_S
"""Falling behind so soon after a step up means that it was too early. Longer: another, later load
counts as that."""

COST_RATIO = 2.2
"""How many times the cheaper encoder's time the usual one is taken to need (bench/rungs.py: up to
2.1). Smaller: it falls behind again. Larger: it stays away though there would be room."""

ROOM_SHARE = 0.7
"""Most of each second that the usual encoder may need to be room: the rest composes."""


class Step(StrEnum):
    """What to do with the encoder."""

    CHEAPER = "cheaper"
    USUAL = "usual"


class EncoderLadder:
    """Shown each frame that was encoded; one thread. Times are host ns."""

    def __init__(self) -> None:
        self.is_cheaper = False
        self._is_alone = False
        self._dropped = 0
        self._last_ns: int | None = None
        self._recent: deque[tuple[int, int, bool]] = deque()
        """(end, time spent, whether pictures were dropped before) of the frames of late."""
        self._clear_since_ns = 0
        self._needed_ns = CLEAR_NS
        self._second_ns = 0
        self._second_spent_ns = 0
        self._up_ns: int | None = None

    def saw(self, now_ns: int, spent_ns: int, dropped: int) -> Step | None:
        """Take a frame into account and return the step that is due; None = stay.

        Args:
            now_ns: when it was encoded.
            spent_ns: how long the encoder took for it.
            dropped: pictures dropped so far because the lane was behind; not those that a slow
                disk costs, which a cheaper encoder gives more bytes.
        """
        is_behind, self._dropped = dropped > self._dropped, dropped
        if self._is_alone:
            return None
        if self.is_cheaper:
            return self._rise(now_ns, spent_ns, is_behind=is_behind)
        return self._sink(now_ns, spent_ns, is_behind=is_behind)

    def stepped(self, step: Step, now_ns: int) -> None:
        """Remember that the encoder was changed."""
        self.is_cheaper = step is Step.CHEAPER
        self._recent.clear()
        if self.is_cheaper:
            is_relapse = self._up_ns is not None and now_ns - self._up_ns < RELAPSE_NS
            grown_ns = min(2 * self._needed_ns, LONGEST_CLEAR_NS)
            self._needed_ns = grown_ns if is_relapse else CLEAR_NS
            self._begin_clear(now_ns)
        else:
            self._up_ns = now_ns

    def refused(self) -> None:
        """Remember that there is no other encoder: no more steps are asked for."""
        self._is_alone = True

    def _sink(self, now_ns: int, spent_ns: int, *, is_behind: bool) -> Step | None:
        recent = self._recent
        recent.append((now_ns, spent_ns, is_behind))
        # The oldest is a frame after a drop: what was before tells nothing of being behind.
        while recent and (not recent[0][2] or now_ns - recent[0][0] > WITHIN_NS):
            recent.popleft()
        if sum(behind for _, _, behind in recent) < BEHIND_FRAMES:
            return None
        spent = sum(spent_ns for _, spent_ns, _ in recent) - recent[0][1]
        is_to_blame = spent >= BUSY_SHARE * (now_ns - recent[0][0])
        return Step.CHEAPER if is_to_blame else None

    def _rise(self, now_ns: int, spent_ns: int, *, is_behind: bool) -> Step | None:
        last_ns, self._last_ns = self._last_ns, now_ns
        # A pause, or a standstill: nothing is known of the room there was meanwhile.
        is_unknown = last_ns is None or now_ns - last_ns > NS_PER_S
        if is_behind or is_unknown:
            self._begin_clear(now_ns)
            return None
        self._second_spent_ns += spent_ns
        elapsed_ns = now_ns - self._second_ns
        if elapsed_ns < NS_PER_S:
            return None
        if self._second_spent_ns * COST_RATIO > ROOM_SHARE * elapsed_ns:
            self._begin_clear(now_ns)
            return None
        self._second_ns, self._second_spent_ns = now_ns, 0
        is_clear = now_ns - self._clear_since_ns >= self._needed_ns
        return Step.USUAL if is_clear else None

    def _begin_clear(self, now_ns: int) -> None:
        """Begin to count anew how long there is room."""
        self._clear_since_ns = self._second_ns = self._last_ns = now_ns
        self._second_spent_ns = 0
