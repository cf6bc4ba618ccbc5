"""Clocks, answers and errors at the edge."""

from __future__ import annotations

import threading
import time

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.coremedia import INVALID, Clock
from tests.platforms.macos.fake.foundation import NSError
from tests.platforms.macos.making import back_end

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable
from onetake.platforms.callbacks.delivery import Delivery

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


def test_an_exception_in_a_callback_is_kept_and_does_not_leave_it(mac: Mac) -> None:
    """The body of a callback ends, the failure waits for the engine's thread."""
    bridge = back_end("bridge")
    delivery = Delivery(HostClock())
    with bridge.guarded(delivery):
        raise ZeroDivisionError("in a callback")
    with pytest.raises(DeviceUnavailable, match="in a callback") as caught:
        delivery.check()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
