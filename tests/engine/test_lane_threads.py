"""Where a take begins: at the first screen frame from which on every source has something."""

from __future__ import annotations

import threading

import numpy as np

from onetake.clock import HostClock
from onetake.engine.lane_queue import Arm, End, LaneQueue
from onetake.engine.lane_threads import WAIT_AT_END_S, VideoLaneThread, WriterThread
from onetake.engine.readings import Readings
from onetake.model.devices import Role
from onetake.model.media import Frame, PixelFormat
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_MS
from onetake.video.compositor import CpuCompositor
from onetake.video.lane import VideoLane


def frame(pts_ns: int) -> Frame:
    return Frame(pts_ns, 16, 16, np.zeros((16, 16, 4), np.uint8), PixelFormat.BGRA)


def test_a_take_begins_where_every_source_has_something() -> None:
    """Sound that a device stamps ahead of now is waited for: earlier frames are not the first."""
    clock = HostClock()
    begin_ns = clock.now_ns()
    heard_ns = begin_ns + 80 * NS_PER_MS
    started: list[int] = []
    has_started = threading.Event()

    def on_started(t0_ns: int) -> None:
        started.append(t0_ns)
        has_started.set()

    lane = VideoLane(Settings(), CpuCompositor((16, 16)), lambda _position_ns, _image: True)
    queue = LaneQueue()
    thread = VideoLaneThread(
        lane,
        queue,
        clock,
        readings=Readings(),
        on_started=on_started,
        on_error=lambda error: started.append(-1),
    )
    thread.start()
    queue.put(Arm(heard_ns))
    for pts_ns in (begin_ns, heard_ns - 1, heard_ns + 7, heard_ns + 40 * NS_PER_MS):
        queue.put_frame(Role.SCREEN, frame(pts_ns))
    assert has_started.wait(10)
    queue.put(End(heard_ns + 50 * NS_PER_MS))
    assert thread.join(10)
    assert started == [heard_ns + 7]


def test_a_writer_whose_lanes_end_looks_out_more_often() -> None:
    """A stop does not wait for a writer that waits for packets that never come."""
    waits_s: list[float] = []
    has_waited = threading.Semaphore(0)

    class Idle:
        def pump(self, wait_s: float) -> bool:
            waits_s.append(wait_s)
            has_waited.release()
            return False

    thread = WriterThread(Idle(), lambda: None, lambda _error: None)  # type: ignore[arg-type]
    thread.hurry()
    thread.start()
    assert has_waited.acquire(timeout=10)
    assert thread.finish_up(10)
    assert set(waits_s) == {WAIT_AT_END_S}
