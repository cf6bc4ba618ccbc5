"""Sound that is not mixed for good yet, at the end of a growing file, until it is.

    [ fragments, for good ............ ][ provisional fragment ]
                                        ▲ cut off before the next one for good is written

The mixer stays up to some seconds behind while a clock is not known well or a stamp was odd. What
it would write if the take ended now stands at the end of the file meanwhile, so that a killed take
has it, without a repair. Invariant: the provisional fragment begins where the sound on the disk
ends, and nothing of it is left where the sound for good has come.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from onetake.file.encoders import audio_context, audio_frame
from onetake.file.fragment_times import sound_fragment

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from numpy.typing import NDArray

__all__ = ["AAC_FRAME", "ProvisionalEncoder", "ProvisionalSound", "TimedBytes"]

AAC_FRAME = 1024
"""Samples in an AAC packet (ISO/IEC 14496-3, low complexity)."""

_RUN_UP = 6
"""Packets that an encoder begins before the one wanted: one for the overlap of the transforms, the
others because an encoder takes its own beginning for an attack and chooses short windows. With
three there was a click of 0.3 of full scale at every seam; six give the very same samples for a
sweep. More only costs."""

_QUICK = {
    "flags": "+qscale",
    "global_quality": "472",  # 4 in FFmpeg's units of 118
    **dict.fromkeys(("aac_ms", "aac_tns", "aac_pns", "aac_is"), "0"),
}
"""A constant quality instead of a bit rate. An encoder that is to meet a rate encodes every packet
several times, and pure tones, which never need that much, most often; here the bytes are gone in a
moment. The tools that save bits are left out, too. 0.1 to 0.2 ms for a packet, against 0.2 to 0.5.
Lower: worse than the track at its usual 160 kbit/s from 2 units on, and louder seams. Higher: more
than twice the bytes of the track, for nothing. Seams are as good as with its rate (measured)."""

TimedBytes = tuple[int, bytes]
"""A packet: its first sample of the track, and its bytes."""


class ProvisionalEncoder:
    """Encodes what may follow on one track, leaving the track's own encoder alone. One thread.

    An AAC encoder cannot be copied nor take a sample back, so another one is opened each time, a
    little before the place at which it is to continue. It is a quicker one, and not worse.

    Args:
        kbps: of the track, in thousands of bits a second.
        priming: samples that the encoder puts before the first one it is given.
    """

    def __init__(self, kbps: int, priming: int) -> None:
        self._kbps = kbps
        self._count = 0
        self._recent = np.zeros((0, 2), np.float32)
        self._next = -priming

    def follow(self, samples: NDArray[np.float32], packets: list[Packet[Stream]]) -> None:
        """Learn what the track's own encoder was given, float32 of shape (n, 2), and what came
        out."""
        self._count += len(samples)
        kept = (_RUN_UP + 1) * AAC_FRAME
        self._recent = np.concatenate((self._recent[-kept:], samples))[-kept:]
        for packet in packets:
            if packet.pts is not None:
                self._next = packet.pts + AAC_FRAME

    def encode(self, samples: NDArray[np.float32]) -> list[TimedBytes]:
        """Return the packets that would follow if these were the last samples.

        Raises FFmpegError, ValueError.
        """
        begin = max(0, (self._count // AAC_FRAME - _RUN_UP) * AAC_FRAME)
        known = self._recent[len(self._recent) - (self._count - begin) :]
        whole = np.concatenate((known, samples))
        whole = whole[: len(whole) // AAC_FRAME * AAC_FRAME]
        context = audio_context(self._kbps, _QUICK)
        packets = context.encode(audio_frame(whole, begin)) if len(whole) else []
        packets += context.encode(None)
        timed = [(packet.pts, bytes(packet)) for packet in packets if packet.pts is not None]
        return [(pts, data) for pts, data in timed if pts >= self._next]


class ProvisionalSound:
    """What of the sound is not on the disk for good: encoded for good, or provisional.

    Not for several threads at once, but for `replace`.

    Args:
        first_ticks: for each track id the tick of its media at position 0.
    """

    def __init__(self, first_ticks: dict[int, int]) -> None:
        self._first_ticks = first_ticks
        self._on_the_way: dict[int, deque[TimedBytes]] = {track: deque() for track in first_ticks}
        self._tail: dict[int, list[TimedBytes]] = {}
        self._made_of: tuple[object, int] = (None, 0)

    def replace(self, tail: dict[int, list[TimedBytes]]) -> None:
        """Take newer provisional packets of every track. Any thread."""
        self._tail = tail

    def add(self, track: int, packet: Packet[Stream]) -> None:
        """Learn that a packet for good is on its way to the disk."""
        if packet.pts is not None and track in self._on_the_way:
            self._on_the_way[track].append((packet.pts, bytes(packet)))

    def fragment(self, sequence: int, on_disk: dict[int, int]) -> bytes:
        """Return the fragment to stand at the end of the file now; empty = nothing new.

        Args:
            sequence: number of the fragment in the file.
            on_disk: for each track id the media tick at which the sound on the disk ends.
        """
        if self._made_of[0] is self._tail and self._made_of[1] == sequence:
            return b""
        tail, tracks = self._tail, {}
        self._made_of = (tail, sequence)
        for track, way in self._on_the_way.items():
            shift = self._first_ticks[track]
            while way and way[0][0] + shift < on_disk[track]:
                way.popleft()
            end = way[-1][0] + AAC_FRAME if way else on_disk[track] - shift
            ahead = [packet for packet in tail.get(track, ()) if packet[0] >= end]
            if ahead and ahead[0][0] == end:
                tracks[track] = [(pts + shift, data) for pts, data in (*way, *ahead)]
        return sound_fragment(sequence, tracks, AAC_FRAME) if tracks else b""
