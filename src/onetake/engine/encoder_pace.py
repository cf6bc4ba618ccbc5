"""Encodes at the pace the machine can keep: times the encoder and changes it when it must be.

    frame ──▶ (a step that is due) ──▶ encode, timed ──▶ ladder

Invariant: a step is told at the position of the first frame that it holds for, whatever the frame
before has cost.
"""

from __future__ import annotations

from collections.abc import Callable

from onetake.clock import Clock
from onetake.engine.parts import PartChain
from onetake.model.events import Warned
from onetake.video.ladder import EncoderLadder, Step

__all__ = ["EncoderPace"]

_TOLD = {
    Step.CHEAPER: (
        "encoder-cheaper",
        "the machine is too slow: the picture is encoded with less work, and is a little worse",
        "sound is not affected; close other programs, or record with fewer frames a second",
    ),
    Step.USUAL: (
        "encoder-usual",
        "the machine keeps up again: the picture is as good as before",
        "",
    ),
}


class EncoderPace:
    """In front of the files, on the video lane's thread.

    Args:
        count_behind: returns how many pictures were dropped because the lane was behind.
        note: told (position, whether the cheaper encoder begins there) of each step.
        tell: told what a person should know.
    """

    def __init__(
        self,
        parts: PartChain,
        clock: Clock,
        *,
        count_behind: Callable[[], int],
        note: Callable[[int, bool], None],
        tell: Callable[[Warned], None],
    ) -> None:
        self._parts = parts
        self._clock = clock
        self._count_behind = count_behind
        self._note = note
        self._tell = tell
        self._ladder = EncoderLadder()
        self._due: Step | None = None

    def write(self, position_ns: int, image: object) -> None:
        """Encode a frame, with another encoder if it is time for one. Raises DiskFull."""
        if self._due is not None:
            self._change(self._due, position_ns)
        begin_ns = self._clock.now_ns()
        self._parts.write_video(position_ns, image)
        now_ns = self._clock.now_ns()
        self._due = self._ladder.saw(now_ns, now_ns - begin_ns, self._count_behind())

    def _change(self, step: Step, position_ns: int) -> None:
        is_cheaper = step is Step.CHEAPER
        if not self._parts.encode_cheaper(is_cheaper):
            self._ladder.refused()
            return
        self._ladder.stepped(step, self._clock.now_ns())
        self._note(position_ns, is_cheaper)
        code, message, hint = _TOLD[step]
        self._tell(Warned(code, message, hint, position_ns))
