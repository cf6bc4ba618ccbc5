"""Sound waits in order for a writer that is not ready, and not for ever."""

from __future__ import annotations

import pytest

from onetake.errors import OutputFailed
from onetake.file import waiting_sound
from onetake.file.waiting_sound import WaitingSound


class Track:
    """Takes buffers while it is ready."""

    def __init__(self) -> None:
        self.is_ready = True
        self.taken: list[int] = []

    def queue(self) -> WaitingSound[int]:
        """Return what waits for this track."""
        return WaitingSound(lambda _: self.is_ready, self.taken.append)


def test_order_is_kept_and_readiness_is_asked_each_time() -> None:
    """A track that takes two at a time gets two at a time, in their order."""
    taken: list[int] = []
    waiting = WaitingSound[int](lambda _: len(taken) % 3 != 2, taken.append)
    waiting.put([1, 2, 3])
    assert waiting.pour()
    assert taken == [1, 2]
    assert not waiting.pour()
    taken.append(0)
    assert waiting.pour()
    assert taken == [1, 2, 0, 3]


def test_too_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A track that is never ready again ends the file before memory runs out."""
    monkeypatch.setattr(waiting_sound, "MOST_WAITING", 20)
    waiting = Track().queue()
    waiting.put(range(20))
    with pytest.raises(OutputFailed, match="too long"):
        waiting.put([20])


def test_draining_ends() -> None:
    """What waits at the end is taken, or given up after a time."""
    track = Track()
    waiting = track.queue()
    waiting.put([1, 2])
    waiting.drain(waiting.pour, 5.0)
    assert track.taken == [1, 2]
    track.is_ready = False
    waiting.put([3])
    with pytest.raises(OutputFailed, match="in time"):
        waiting.drain(waiting.pour, 0.0)


def test_waiting_ends_with_the_first_buffer() -> None:
    """With something there nobody waits."""
    waiting = Track().queue()
    waiting.put([1])
    waiting.wait(60.0)
