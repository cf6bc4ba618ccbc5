"""The sound of one device as a run of blocks: where a hole is a loss, and where it is silence.

Invariant: blocks never overlap, and what stands for sound that did not come is never later than
that sound's own time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onetake.clock import Clock
from onetake.model.media import AudioBlock
from onetake.model.units import CHANNELS, NS_PER_MS, NS_PER_S, SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SoundRun", "samples_of"]

LEAST_HOLE_NS = 5 * NS_PER_MS
"""A step between two blocks from which sound is missing. Smaller steps are rounding and the noise
of a clock conversion; a hole this long is heard."""

QUIET_NS = 1_400 * NS_PER_MS
"""Sound that has not come after so long is silence. Shorter cuts sound that is only late on a busy
machine; longer comes too late for the mixer, which works two seconds behind."""

FIRST_QUIET_NS = 500 * NS_PER_MS
"""The same before the first sound: a take waits for it to begin, and has nothing to lose yet."""


def samples_of(
    pcm: bytes, frame_count: int, channels: int, *, is_planar: bool
) -> NDArray[np.float32]:
    """Return 32-bit float PCM as samples, shape (frames, channels), the caller's own. `is_planar`:
    all of one channel, then all of the next."""
    flat = np.frombuffer(pcm, np.float32)[: frame_count * channels]
    shape = (channels, frame_count) if is_planar else (frame_count, channels)
    return np.ascontiguousarray(flat.reshape(shape).T if is_planar else flat.reshape(shape))


class SoundRun:
    """Makes blocks of one device's samples, whose stamps count samples.

    A step between them is a declared loss, except with `is_quiet_silent`: such a device may send
    nothing at all while nothing plays, and then a hole is silence and is delivered as such. Called
    with the delivery's lock held, by the device's thread and the engine's.
    """

    def __init__(self, clock: Clock, *, is_quiet_silent: bool = False) -> None:
        self._clock = clock
        self._is_quiet_silent = is_quiet_silent
        self._begin_ns = clock.now_ns()
        self._end_ns: int | None = None
        self._has_sound = False

    def blocks(
        self, samples: NDArray[np.float32], rate_hz: int, stamp_ns: int | None
    ) -> list[AudioBlock]:
        """Return samples, (frames, channels), as a block, and the silence before it. None for
        `stamp_ns`: they ended now at the latest."""
        self._has_sound = True
        arrival_ns = self._clock.now_ns()
        if stamp_ns is None:
            stamp_ns = arrival_ns - len(samples) * NS_PER_S // rate_hz
        step = 0 if self._end_ns is None else (stamp_ns - self._end_ns) * rate_hz // NS_PER_S
        is_hole = step * NS_PER_S > LEAST_HOLE_NS * rate_hz
        before = self.silence(stamp_ns) if is_hole and self._is_quiet_silent else []
        # Later than the silence that stands for it; a frame or two is rounding.
        if step < -2 and self._is_quiet_silent:
            samples, stamp_ns = samples[-step:], stamp_ns - step * NS_PER_S // rate_hz
        lost = step if is_hole and not before else 0
        self._end_ns = stamp_ns + len(samples) * NS_PER_S // rate_hz
        block = AudioBlock(stamp_ns, samples, rate_hz, arrival_ns, lost)
        return [*before, block] if len(samples) else before

    def quiet(self) -> list[AudioBlock]:
        """Return the silence of a device that has sent nothing for too long."""
        lag_ns = QUIET_NS if self._has_sound else FIRST_QUIET_NS
        return self.silence(self._clock.now_ns() - lag_ns)

    def silence(self, until_ns: int) -> list[AudioBlock]:
        """Return silence from the last block to `until_ns`."""
        begin_ns = self._begin_ns if self._end_ns is None else self._end_ns
        frames = (until_ns - begin_ns) * SAMPLE_RATE_HZ // NS_PER_S
        if frames <= 0:
            return []
        self._end_ns = begin_ns + frames * NS_PER_S // SAMPLE_RATE_HZ
        zeros = np.zeros((frames, CHANNELS), np.float32)
        return [AudioBlock(begin_ns, zeros, SAMPLE_RATE_HZ, self._clock.now_ns())]
