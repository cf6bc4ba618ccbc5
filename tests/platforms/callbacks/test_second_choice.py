"""A second way to a device takes over where the first cannot be had or has died for good."""

from __future__ import annotations

from threading import Event

import pytest

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.media import AudioBlock, Frame, StampKind
from onetake.platforms.callbacks.second_choice import SecondChoice


class Way:
    """A way to the microphone that fails as it is told."""

    stamp_kind = StampKind.CAPTURE

    def __init__(self, name: str, *, refuses: str = "", dies: str = "") -> None:
        self.device = Device("coreaudio:A", name, Role.MIC)
        self.refuses, self.dies = refuses, dies
        self.is_open, self.was_closed = False, False

    def open(self) -> None:
        """Open, or refuse."""
        if self.refuses:
            raise DeviceUnavailable(f"{self.device.name} refuses", code=self.refuses)
        self.is_open = True

    def size_px(self) -> tuple[int, int]:
        """No pictures."""
        return (0, 0)

    def run(self, sink: Sink, stop: Event) -> None:
        """Run, or die."""
        if self.dies:
            raise DeviceUnavailable("dead", code=self.dies)

    def close(self) -> None:
        """Let go."""
        self.was_closed = True


class Sink:
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def frame(self, frame: Frame) -> None:
        """Take nothing."""

    def audio(self, block: AudioBlock) -> None:
        """Take nothing."""

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Take a warning."""
        self.warnings.append(f"{code}: {message}")


def _choice(first: Way, second: Way, spent: set[str] | None = None) -> SecondChoice:
    return SecondChoice(
        first,
        second,
        spent=set() if spent is None else spent,
        deadly="route-changed",
        notice=("mic-fallback", "the other way", "it changed"),
    )


def test_the_first_way_is_preferred() -> None:
    """Where it opens, the second is not touched and nobody is told anything."""
    first, second, sink = Way("tap"), Way("session"), Sink()
    choice = _choice(first, second)
    choice.open()
    choice.run(sink, Event())
    assert (choice.device.name, second.is_open, sink.warnings) == ("tap", False, [])


def test_the_second_way_takes_over_and_says_why() -> None:
    """A first way that cannot be had is told with its reason."""
    choice, sink = _choice(Way("tap", refuses="no-format"), Way("session")), Sink()
    choice.open()
    choice.run(sink, Event())
    assert choice.device.name == "session"
    assert sink.warnings == ["mic-fallback: the other way: tap refuses"]


def test_a_missing_device_has_no_second_way() -> None:
    """What is unplugged is gone both ways."""
    second = Way("session")
    with pytest.raises(DeviceUnavailable):
        _choice(Way("tap", refuses="device-gone"), second).open()
    assert not second.is_open


@pytest.mark.parametrize(("code", "is_spent"), [("route-changed", True), ("device-silent", False)])
def test_only_a_deadly_error_spends_the_first_way(code: str, is_spent: bool) -> None:
    """After it the device's next source goes the second way; other losses change nothing."""
    spent: set[str] = set()
    choice = _choice(Way("tap", dies=code), Way("session"), spent)
    choice.open()
    with pytest.raises(DeviceUnavailable):
        choice.run(Sink(), Event())
    assert bool(spent) is is_spent
    again, sink = _choice(Way("tap"), Way("session"), spent), Sink()
    again.open()
    again.run(sink, Event())
    assert again.device.name == ("session" if is_spent else "tap")
    assert bool(sink.warnings) is is_spent


def test_both_are_closed() -> None:
    """Whichever was opened, nothing stays open."""
    first, second = Way("tap"), Way("session")
    _choice(first, second).close()
    assert first.was_closed
    assert second.was_closed
