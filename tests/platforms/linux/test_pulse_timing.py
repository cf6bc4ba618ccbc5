"""Host times from what the sound server says about its device's time."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from onetake.clock import VirtualClock
from onetake.platforms.linux import pulse_timing
from onetake.platforms.linux.pulse_timing import DeviceTime

MS = 1_000_000
BYTES_PER_S = 48000 * 4


class FakePulse:
    """A libpulse that answers what the test says."""

    def __init__(self) -> None:
        self.info: Any = None
        self.asked = 0
        self.answer: Callable[[], None] = lambda: None

    def pa_stream_update_timing_info(self, stream: object, callback: Any, _: object) -> int:
        self.asked += 1
        self.answer = lambda: callback(stream, 1, None)
        return 1

    def pa_operation_unref(self, operation: object) -> None:
        pass

    def pa_stream_get_timing_info(self, stream: object) -> Any:
        return SimpleNamespace(contents=self.info)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePulse:
    """A fake libpulse in the place of the real one."""
    fake = FakePulse()
    monkeypatch.setattr(pulse_timing, "library", lambda: fake)
    monkeypatch.setattr(pulse_timing, "SuccessCallback", lambda function: function)
    return fake


def info(**changes: int) -> SimpleNamespace:
    """Return timing information: 1 s captured, nothing under way."""
    fields = {
        "transport_us": 0,
        "source_us": 0,
        "sink_us": 0,
        "write_index": BYTES_PER_S,
        "is_write_index_corrupt": 0,
    }
    return SimpleNamespace(**{**fields, **changes})


def answered(fake: FakePulse, clock: VirtualClock, time: DeviceTime, after_ms: int = 5) -> None:
    """Ask, let time pass, answer."""
    time.ask()
    clock.advance_to(clock.now_ns() + after_ms * MS)
    fake.answer()


@pytest.mark.parametrize(
    ("changes", "expected_ms"),
    [
        ({}, 1005),
        ({"source_us": 20_000}, 985),  # captured 20 ms before the server had it
        ({"sink_us": 60_000}, 1065),  # a monitor: heard in 60 ms only
        ({"transport_us": 2_000}, 1003),  # the answer was 2 ms under way
    ],
)
def test_the_end_of_what_was_captured_has_its_host_time(
    fake: FakePulse, changes: dict[str, int], expected_ms: int
) -> None:
    """host time = answer - way - source latency + sink latency, for the sample after the last."""
    clock = VirtualClock(1000 * MS)
    time = DeviceTime("stream", clock, BYTES_PER_S)
    assert not time.is_known
    fake.info = info(**changes)
    answered(fake, clock, time)
    assert time.is_known
    assert time.host_ns(1000 * MS) == expected_ms * MS
    assert time.host_ns(500 * MS) == (expected_ms - 500) * MS


def test_a_step_of_the_wall_clock_is_thrown_away(fake: FakePulse) -> None:
    """libpulse computes the way with the wall clock: longer than we waited cannot be."""
    clock = VirtualClock(0)
    time = DeviceTime("stream", clock, BYTES_PER_S)
    fake.info = info()
    answered(fake, clock, time)
    before_ns = time.host_ns(0)
    fake.info = info(transport_us=3_600_000_000, write_index=2 * BYTES_PER_S)
    answered(fake, clock, time)
    assert time.host_ns(0) == before_ns


def test_what_was_captured_in_a_stall_lies_between_the_answers_before_and_after(
    fake: FakePulse,
) -> None:
    """Over 20 s a device that runs 500 ppm fast would else be 10 ms off; the next answer counts by
    itself again."""
    clock = VirtualClock(0)
    time = DeviceTime("stream", clock, BYTES_PER_S)
    fake.info = info()
    answered(fake, clock, time)
    before = time.latest
    clock.advance_to(20_005 * MS)
    fake.info = info(write_index=BYTES_PER_S * 21 + BYTES_PER_S // 100)
    answered(fake, clock, time)
    assert time.latest.gained_ns(before) == pytest.approx(5 * MS, abs=MS)
    time.bridge(before)
    assert time.host_ns(before.device_ns) == before.host_ns
    assert time.host_ns(time.latest.device_ns) == time.latest.host_ns
    middle_ns = (before.device_ns + time.latest.device_ns) // 2
    assert time.host_ns(middle_ns) == (before.host_ns + time.latest.host_ns) // 2
    after_ns = time.latest.host_ns
    assert time.host_ns(time.latest.device_ns + MS) == after_ns + MS
    answered(fake, clock, time)
    assert time.host_ns(middle_ns) == time.latest.host_ns - (time.latest.device_ns - middle_ns)


def test_one_question_at_a_time_but_a_lost_answer_is_not_waited_for(fake: FakePulse) -> None:
    """A slow server is not flooded; after a second the next question is asked."""
    clock = VirtualClock(0)
    time = DeviceTime("stream", clock, BYTES_PER_S)
    time.ask()
    clock.advance_to(500 * MS)
    time.ask()
    assert fake.asked == 1
    clock.advance_to(1001 * MS)
    time.ask()
    assert fake.asked == 2


def test_an_answer_after_the_end_touches_nothing(fake: FakePulse) -> None:
    """Once closed, the stream's memory may be gone."""
    clock = VirtualClock(0)
    time = DeviceTime("stream", clock, BYTES_PER_S)
    time.ask()
    time.close()
    fake.info = None
    fake.answer()
    assert not time.is_known
