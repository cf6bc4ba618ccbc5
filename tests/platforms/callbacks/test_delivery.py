"""What callbacks hand over, and what they may not do."""

from __future__ import annotations

import threading

import pytest

from onetake.clock import HostClock, VirtualClock
from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.media import AudioBlock, Frame
from onetake.platforms.callbacks.delivery import Delivery


class NoSink:
    """A sink that is never given anything."""

    def frame(self, frame: Frame) -> None:
        """Refuse a frame."""
        raise AssertionError

    def audio(self, block: AudioBlock) -> None:
        """Refuse a block."""
        raise AssertionError

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Refuse a warning."""
        raise AssertionError


def test_the_first_failure_is_told() -> None:
    """It stays, ends `watch`, and is mapped with its cause."""
    delivery = Delivery(HostClock())
    first = ZeroDivisionError("first")
    delivery.fail(first)
    delivery.fail(RuntimeError("second"))
    with pytest.raises(DeviceUnavailable, match="first") as caught:
        delivery.watch(NoSink(), threading.Event(), lambda: None)
    assert caught.value.__cause__ is first
    assert delivery.has_arrived.is_set()


def test_our_own_errors_stay_as_they_are() -> None:
    """A refusal is not turned into a missing device."""
    delivery = Delivery(HostClock())
    delivery.fail(PermissionDenied("no"))
    with pytest.raises(PermissionDenied):
        delivery.check()


def test_nothing_is_handed_over_before_and_after_watch() -> None:
    """Callbacks find a sink only while the source runs."""
    delivery = Delivery(HostClock())
    seen: list[object] = []
    delivery.hand_over(seen.append)
    stop = threading.Event()
    stop.set()
    delivery.watch(NoSink(), stop, lambda: None)
    delivery.hand_over(seen.append)
    assert seen == []


def test_silence_is_measured_on_the_given_clock() -> None:
    """How long nothing came is told in the engine's time; what is no sign of life does not end it,
    and too much of it is a dead device."""
    clock = VirtualClock(5)
    delivery = Delivery(clock)
    clock.advance_to(25)
    delivery.hand_over(lambda sink: None, is_sign_of_life=False)
    assert delivery.silent_ns() == 20
    delivery.check_silence(20, "the microphone")
    clock.advance_to(26)
    with pytest.raises(DeviceUnavailable, match="the microphone has gone silent"):
        delivery.check_silence(20, "the microphone")
    delivery.hand_over(lambda sink: None)
    assert delivery.silent_ns() == 0
