"""When a picture was sent, from when it arrived and what the sender's own clock says.

Networks only ever delay. So the smallest difference between arrival and the sender's stamp, over
some seconds, is the way without waiting, and sender stamp + that difference is free of the
network's jitter. What remains is the constant way itself (a few ms nearby) and the camera's own
delay, which `camera_offset_ms` is for.
"""

from __future__ import annotations

from collections import deque

from onetake.model.units import NS_PER_S

__all__ = ["ArrivalClock"]

WINDOW_NS = 10 * NS_PER_S
"""Over which the smallest difference is taken. Shorter catches no undelayed picture on a busy
network; longer lets the camera's clock drift (100 ppm are 1 ms in 10 s)."""

JUMP_NS = 2 * NS_PER_S
"""A difference that changes by more than this is a new clock: the camera restarted its count."""


class ArrivalClock:
    """Pure: it is told the times."""

    def __init__(self) -> None:
        self._candidates: deque[tuple[int, int]] = deque()
        """(arrival, difference), differences ascending: the first is the smallest in the window."""

    def see(self, sender_ns: int, arrival_ns: int) -> None:
        """Take in that something the sender stamped `sender_ns` arrived at `arrival_ns`."""
        difference_ns = arrival_ns - sender_ns
        window = self._candidates
        if window and abs(difference_ns - window[0][1]) > JUMP_NS:
            window.clear()
        while window and window[-1][1] >= difference_ns:
            window.pop()
        window.append((arrival_ns, difference_ns))
        while arrival_ns - window[0][0] > WINDOW_NS:
            window.popleft()

    def host_ns(self, sender_ns: int) -> int:
        """Return the host time of a sender's stamp. Something must have been seen before."""
        return sender_ns + self._candidates[0][1]
