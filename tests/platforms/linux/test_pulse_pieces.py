"""The small pieces of sound a server sends become blocks: a libpulse without a server."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.platforms.collecting import Collected

from onetake.clock import VirtualClock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.model.settings import Settings
from onetake.platforms.linux.platform import LinuxPlatform
from onetake.platforms.linux.pulse import PulseSource

RATE_HZ = 48_000
FRAME_BYTES = 8


class Sent:
    """What libpulse holds of a stream: numbered frames, and None for a hole of so many."""

    def __init__(self, index: int, pieces: list[tuple[int, bool]]) -> None:
        self.is_told = True
        self._index = index
        self._pieces = pieces
        self._kept = ctypes.create_string_buffer(0)

    def pa_stream_get_timing_info(self, _stream: object) -> Any:
        """Tell which byte is next."""
        info = SimpleNamespace(contents=SimpleNamespace(read_index=self._index))
        return info if self.is_told else None

    def pa_stream_peek(self, _stream: object, data: Any, size: Any) -> int:
        """Show the next piece."""
        data._obj.value, size._obj.value = None, 0
        if self._pieces:
            frames, is_hole = self._pieces[0]
            first = self._index // FRAME_BYTES
            numbers = np.arange(first, first + frames, dtype=np.float32).repeat(2)
            self._kept = ctypes.create_string_buffer(numbers.tobytes(), frames * FRAME_BYTES)
            data._obj.value = None if is_hole else ctypes.addressof(self._kept)
            size._obj.value = frames * FRAME_BYTES
        return 0

    def pa_stream_readable_size(self, _stream: object) -> int:
        """Tell how many bytes there are."""
        return FRAME_BYTES * sum(frames for frames, is_hole in self._pieces if not is_hole)

    def pa_stream_drop(self, _stream: object) -> None:
        """Let it go."""
        self._index += self._pieces.pop(0)[0] * FRAME_BYTES


def delivering(sent: Sent, next_frame: int | None = None) -> tuple[Collected, bool]:
    """Let a source that expects `next_frame` take what was sent; what it handed on, and whether it
    says there was any."""
    source = LinuxPlatform().source(Role.SYSTEM, "pulse:any", Settings(), VirtualClock())
    assert isinstance(source, PulseSource)
    source._pulse, source._rate_hz, source._channels = sent, RATE_HZ, 2
    source._next_frame = next_frame
    found = Collected()
    time = SimpleNamespace(host_ns=lambda device_ns: device_ns)
    return found, source._deliver(found, time)  # type: ignore[arg-type]


def test_pieces_are_joined_and_numbered() -> None:
    """All that has arrived is one block, stamped by the number of its first frame."""
    found, has_any = delivering(Sent(4800 * FRAME_BYTES, [(150, False), (151, False)]))
    assert has_any
    (block,) = found.blocks
    assert block.stamp_ns == 100_000_000
    assert np.array_equal(block.samples[:, 0], np.arange(4800, 5101))


@pytest.mark.parametrize(
    ("pieces", "first_frames", "lost"),
    [
        ([(100, False), (50, True), (100, False)], [0, 150], [0, 50]),
        ([(50, True), (100, False), (100, False)], [50], [0]),
        ([(100, False), (20, True), (30, True), (100, False)], [0, 150], [0, 50]),
        ([(100, False), (50, True)], [0], [0]),
    ],
)
def test_a_hole_begins_a_block_of_its_own(
    pieces: list[tuple[int, bool]], first_frames: list[int], lost: list[int]
) -> None:
    """What lies behind it keeps its number, and says how much is missing before it."""
    found, has_any = delivering(Sent(0, pieces))
    assert has_any
    assert [block.samples[0, 0] for block in found.blocks] == first_frames
    assert [block.lost_frames for block in found.blocks] == lost
    assert [block.stamp_ns for block in found.blocks] == [
        first * 10**9 // RATE_HZ for first in first_frames
    ]


def test_nothing_and_holes_alone_are_no_sound() -> None:
    """A device that sends neither counts as silent after a while."""
    for pieces in ([], [(50, True)]):
        found, has_any = delivering(Sent(0, list(pieces)))
        assert not has_any
        assert not found.blocks


def test_what_has_no_number_stays_where_it_is() -> None:
    """A server that does not tell which frame is next loses nothing."""
    sent = Sent(0, [(100, False)])
    sent.is_told = False
    found, has_any = delivering(sent)
    assert not has_any
    assert not found.blocks
    sent.is_told = True
    found, has_any = delivering(sent)
    assert has_any
    assert len(found.blocks[0].samples) == 100


def test_frames_that_are_missing_before_a_little_sound_are_declared() -> None:
    """Numbers that jump without a hole: what is there lies behind the gap."""
    found, _ = delivering(Sent(4800 * FRAME_BYTES, [(480, False)]), next_frame=4700)
    assert [block.lost_frames for block in found.blocks] == [100]


def test_frames_that_are_missing_somewhere_in_a_backlog_are_not_placed() -> None:
    """Ten seconds of which nobody knows where some are missing are given up."""
    backlog = [(RATE_HZ, False)] * 10
    with pytest.raises(DeviceUnavailable, match="dropped sound"):
        delivering(Sent(4800 * FRAME_BYTES, backlog), next_frame=4700)
    found, _ = delivering(Sent(4800 * FRAME_BYTES, backlog), next_frame=4800)
    assert [block.lost_frames for block in found.blocks] == [0]
