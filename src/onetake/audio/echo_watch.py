"""Tells that the microphone hears the speakers: then the file has everything twice. Pure.

One look can be deceived, so it takes several that find the same delay. Invariant: nothing is said
of sound that is not in the file (muted), and nothing twice of one echo.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from statistics import median

import numpy as np
from numpy.typing import NDArray

from onetake.audio.echo import LEAST_RATE_HZ, WHOLE_S, find_echo, to_mono
from onetake.model.devices import Role
from onetake.model.events import Warned
from onetake.model.media import AudioBlock
from onetake.model.units import NS_PER_MS, NS_PER_S

__all__ = ["EchoWatch"]

WHOLE_NS = round(WHOLE_S * NS_PER_S)

STEP_NS = 500 * NS_PER_MS
"""Time from one look to the next: each of the microphone's moments is in one. More often costs CPU
for little; less often leaves some unseen."""

KEPT_NS = WHOLE_NS + 1500 * NS_PER_MS
"""How much is kept of a source until the other one has delivered the same time, too. Shorter: a
sound server that delivers late is never compared. Longer: memory, 400 kB a second."""

BREAK_NS = 50 * NS_PER_MS
"""A stamp so far from where the block before ended is a hole or another device. Smaller: stamps of
arrival, which scatter by 10 ms, never last for a look. Larger: holes blur the delay."""

LOUD_PEAK = 0.003
"""A block of the system's below this (-50 dBFS) plays nothing, and is not worth a look."""

LOUD_SHARE = 0.3
"""Share of blocks that play anything, below which nothing is computed at all."""

EARLIEST_ECHO_S = -0.01
"""Earlier than this the microphone was first. Stamps are better than 10 ms, if not by much."""

SAME_S = 0.004
"""How near two delays are to be one: stamps that scatter, and clocks 200 ppm apart for 10 s."""

LOOKS = 20
"""How many of the last looks count: 10 s of sound. Fewer: an echo below a voice takes longer, as
it is seen in a few looks only. More: accidents add up."""

ENOUGH = 3
"""Looks that have to find the same delay. Two: accidents, once an hour between two pieces of music
in one key. Four: half a second later."""

GONE_LOOKS = 60
"""After so many looks in a row without an echo (30 s of sound) the next one is told again."""


class _Ear:
    """What was heard of a source, without holes, up to `KEPT_NS` of it."""

    def __init__(self) -> None:
        self.blocks: deque[tuple[AudioBlock, bool]] = deque()
        """Each with whether it is loud."""
        self.end_ns = 0
        self._joint = np.empty((0, 0), np.float32)

    def hear(self, block: AudioBlock, *, is_loud: bool) -> None:
        """Take a block in, which must not be empty."""
        if self.blocks:
            last = self.blocks[-1][0]
            is_other = (
                block.rate_hz != last.rate_hz
                or block.samples.shape[1] != last.samples.shape[1]
                or block.lost_frames > 0
                or abs(block.stamp_ns - self.end_ns) > BREAK_NS
            )
            if is_other:
                self.blocks.clear()
        self.blocks.append((block, is_loud))
        self.end_ns = block.stamp_ns + len(block.samples) * NS_PER_S // block.rate_hz
        # The newest one stays, though it be longer: after a standstill one holds all that waited.
        while len(self.blocks) > 1 and self.blocks[0][0].stamp_ns < self.end_ns - KEPT_NS:
            self.blocks.popleft()

    def is_playing(self, start_ns: int) -> bool:
        """Whether there is anything to hear in the stretch from `start_ns` on."""
        end_ns = start_ns + WHOLE_NS
        louds = [loud for block, loud in self.blocks if start_ns <= block.stamp_ns < end_ns]
        return sum(louds) > LOUD_SHARE * len(louds)

    def stretch(self, start_ns: int) -> tuple[NDArray[np.float32], float] | None:
        """Return the `WHOLE_S` from `start_ns` on as `to_mono` does; None = not all is there."""
        blocks = [block for block, _ in self.blocks]
        rate_hz = blocks[0].rate_hz
        begins_ns, firsts = [], [0]
        for block in blocks:
            begins_ns.append(block.stamp_ns - firsts[-1] * NS_PER_S // rate_hz)
            firsts.append(firsts[-1] + len(block.samples))
        # Single stamps scatter; a device's samples follow each other exactly.
        begin = round((start_ns - median(begins_ns)) * rate_hz / NS_PER_S)
        end = begin + round(WHOLE_S * rate_hz)
        if begin < 0 or end > firsts[-1]:
            return None
        first = bisect_right(firsts, begin) - 1
        last = bisect_left(firsts, end)
        # Of a block that holds what waited in a standstill only what is needed.
        parts = [
            block.samples[max(begin - at, 0) : end - at]
            for at, block in zip(firsts[first:last], blocks[first:last], strict=True)
        ]
        return to_mono(self._joined(parts), rate_hz)

    def _joined(self, parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return them in one, valid until the next call: asking the system for so much memory twice
        a second costs more than all that is computed with it."""
        shape = (sum(len(part) for part in parts), parts[0].shape[1])
        if self._joint.shape != shape:
            self._joint = np.empty(shape, np.float32)
        return np.concatenate(parts, out=self._joint)


class EchoWatch:
    """Told of every block; one thread."""

    def __init__(self) -> None:
        self._mic, self._system = _Ear(), _Ear()
        self._look_ns = 0
        self._delays_s: deque[float | None] = deque(maxlen=LOOKS)
        self._is_told = False
        self._unheard = 0

    def heard(self, role: Role, block: AudioBlock, peak: float, *, is_muted: bool) -> list[Warned]:
        """Take a block and its peak (before gain) in; return what it gives reason to say.

        While one of the two is muted, the file has nothing twice: its blocks are passed over.
        """
        ear = self._mic if role is Role.MIC else self._system
        if is_muted or not len(block.samples) or block.rate_hz < LEAST_RATE_HZ:
            ear.blocks.clear()
            return []
        ear.hear(block, is_loud=peak >= LOUD_PEAK)
        end_ns = min(self._mic.end_ns, self._system.end_ns)
        if abs(end_ns - self._look_ns) > KEPT_NS:  # the first, or back after a hole
            self._look_ns = end_ns - WHOLE_NS
        if end_ns < self._look_ns + WHOLE_NS:
            return []
        start_ns, self._look_ns = self._look_ns, self._look_ns + STEP_NS
        return self._look(start_ns)

    def _look(self, start_ns: int) -> list[Warned]:
        mic, system = self._mic, self._system
        if not (system.blocks and mic.blocks and system.is_playing(start_ns)):
            return []
        played, heard = system.stretch(start_ns), mic.stretch(start_ns)
        look = None if played is None or heard is None else find_echo(*played, *heard)
        return [] if look is None else self._judge(look.delay_s)

    def _judge(self, delay_s: float | None) -> list[Warned]:
        is_echo = delay_s is not None and delay_s >= EARLIEST_ECHO_S
        self._delays_s.append(delay_s if is_echo else None)
        self._unheard = 0 if is_echo else self._unheard + 1
        if self._unheard >= GONE_LOOKS:
            self._is_told = False
        if self._is_told or delay_s is None or not is_echo:
            return []
        same = sum(other is not None and abs(other - delay_s) <= SAME_S for other in self._delays_s)
        if same < ENOUGH:
            return []
        self._is_told = True
        return [
            Warned(
                "mic-hears-speakers",
                "the microphone hears the speakers: what they play is in the file twice",
                "use headphones, or mute the microphone or the system sound",
            )
        ]
