"""A sender's clock is tied to the host by the arrivals that were not delayed."""

from __future__ import annotations

import random

from onetake.platforms.network.arrival import ArrivalClock

MS = 1_000_000


def test_jitter_of_the_network_is_gone() -> None:
    """With up to 50 ms of delay, stamps are even to 1 ms and late by the shortest way only."""
    clock, random_ = ArrivalClock(), random.Random(1)
    errors_ms = []
    for number in range(3000):
        sent_ns = number * 33_333_333
        clock.see(sent_ns, 10**12 + sent_ns + 2 * MS + int(random_.expovariate(1 / (8 * MS))))
        if number > 100:
            errors_ms.append((clock.host_ns(sent_ns) - 10**12 - sent_ns) / MS)
    assert min(errors_ms) >= 2.0
    assert max(errors_ms) < 3.0


def test_a_clock_that_drifts_is_followed() -> None:
    """After an hour at 200 ppm the stamps are within 2.5 ms: the window forgets."""
    clock, error_ns = ArrivalClock(), 0
    for number in range(0, 30 * 3600, 10):
        truth_ns = number * 33_333_333
        sent_ns = round(truth_ns * 1.0002)
        clock.see(sent_ns, truth_ns)
        error_ns = clock.host_ns(sent_ns) - truth_ns
        assert abs(error_ns) < 2.5 * MS


def test_a_restarted_camera_is_a_new_clock() -> None:
    """When the sender's count begins anew, the old difference is forgotten at once."""
    clock = ArrivalClock()
    clock.see(10**12, 10**10)
    clock.see(0, 2 * 10**10)
    assert clock.host_ns(0) == 2 * 10**10
