"""Clocks, answers and errors at the edge."""

from __future__ import annotations

import threading
import time

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.coremedia import INVALID, Clock
from tests.platforms.macos.fake.foundation import NSError
from tests.platforms.macos.making import Collector, back_end

from onetake.clock import HostClock, VirtualClock
from onetake.errors import DeviceUnavailable

NS_PER_S = 1_000_000_000


def test_host_time_is_the_host_clock(mac: Mac) -> None:
    """A CoreMedia time of now is the host clock's now, to the tick."""
    import CoreMedia

    host = back_end("bridge").HostTime(HostClock())
    before_ns = time.monotonic_ns()
    now_ns = host.ns(CoreMedia.CMClockGetTime(host.host_clock))
    assert before_ns <= now_ns <= time.monotonic_ns()


def test_clocks_with_another_epoch_are_told_apart(mac: Mac) -> None:
    """Should the two clocks ever differ, the difference is taken into account."""
    import CoreMedia

    class Other(HostClock):
        def now_ns(self) -> int:
            return super().now_ns() + 7 * NS_PER_S

    clock = Other()
    host = back_end("bridge").HostTime(clock)
    now_ns = host.ns(CoreMedia.CMClockGetTime(host.host_clock))
    assert abs(now_ns - clock.now_ns()) < 50_000_000


def test_other_scales_and_session_clocks(mac: Mac) -> None:
    """Times of any scale, and of a clock that drifts, become host ns exactly."""
    import CoreMedia

    host = back_end("bridge").HostTime(HostClock())
    assert host.ns(CoreMedia.CMTimeMake(3, 2)) == 1_500_000_000
    assert host.ns(CoreMedia.CMTimeMake(10**15, 10**9)) == 10**15
    clock = Clock(ppm=250.0, offset_ns=-5 * NS_PER_S)
    moment_ns = time.monotonic_ns() + 100 * NS_PER_S
    assert abs(host.ns(clock.stamp(moment_ns), clock) - moment_ns) <= 2


def test_a_time_that_is_none(mac: Mac) -> None:
    """Invalid times are None, never 0 and never an exception."""
    assert back_end("bridge").HostTime(HostClock()).ns(INVALID) is None


def test_answers_are_waited_for_with_a_limit(mac: Mac) -> None:
    """An answer is returned as it came; none in time is None."""
    reply = back_end("bridge").Reply()
    assert reply.wait(0.01) is None
    threading.Thread(target=reply.two, args=("content", None)).start()
    assert reply.wait(1.0) == ("content", None)


def test_errors_are_described_with_what_lies_under_them(mac: Mac) -> None:
    """Domain, code and the underlying code are in the text; no error is said, too."""
    bridge = back_end("bridge")
    under = NSError("NSOSStatusErrorDomain", -16364, "bad stamp")
    text = bridge.describe(NSError("AVFoundationErrorDomain", -11800, "it failed", under))
    assert "-11800" in text
    assert "-16364" in text
    assert bridge.describe(None) == "no reason given"


def test_delivery_tells_the_first_failure(mac: Mac) -> None:
    """The first failure stays; it ends `watch` and is mapped, with its cause."""
    bridge = back_end("bridge")
    delivery = bridge.Delivery(bridge.HostTime(HostClock()))
    with bridge.guarded(delivery):
        raise ZeroDivisionError("first")
    delivery.fail(RuntimeError("second"))
    with pytest.raises(DeviceUnavailable, match="first") as caught:
        delivery.watch(Collector(), threading.Event(), lambda: None)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_nothing_is_handed_over_before_and_after_watch(mac: Mac) -> None:
    """Callbacks find a sink only while the source runs."""
    bridge = back_end("bridge")
    delivery = bridge.Delivery(bridge.HostTime(HostClock()))
    seen = []
    delivery.hand_over(seen.append)
    sink, stop = Collector(), threading.Event()
    stop.set()
    delivery.watch(sink, stop, lambda: None)
    delivery.hand_over(seen.append)
    assert seen == []


def test_silence_is_measured_on_the_given_clock(mac: Mac) -> None:
    """How long nothing came is told in the engine's time."""
    bridge = back_end("bridge")
    clock = VirtualClock(5)
    delivery = bridge.Delivery(bridge.HostTime(clock))
    clock.advance_to(25)
    assert delivery.silent_ns() == 20
