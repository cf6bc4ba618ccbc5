"""The conformance check lets a good source pass and sees each sin of a bad one."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.geometry import Rect
from onetake.model.media import AudioBlock, Frame, PixelFormat, StampKind
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Sink
from onetake.testing.conformance import NotConforming, check_source


class Good:
    """A screen or microphone that does all it should; the sinners below change one thing."""

    role = Role.SCREEN
    stamp_kind = StampKind.CAPTURE
    opens = 0

    def __init__(self) -> None:
        self.device = Device(f"fake:{self.role}", "Fake", self.role, format="64x48")
        self.image = np.zeros((48, 64, 4), np.uint8)

    def open(self) -> None:
        """Open."""

    def size_px(self) -> tuple[int, int]:
        """Say the size."""
        return (64, 48) if self.role is Role.SCREEN else (0, 0)

    def run(self, sink: Sink, stop: threading.Event) -> None:
        """Deliver at 200 Hz."""
        while not stop.wait(0.005):
            self.deliver(sink)

    def deliver(self, sink: Sink) -> None:
        """Deliver once."""
        if self.role is Role.SCREEN:
            sink.frame(self.frame())
        else:
            sink.audio(self.block())

    def frame(self) -> Frame:
        """Make a good frame."""
        return Frame(
            time.monotonic_ns(), 64, 48, self.image.copy(), PixelFormat.BGRA, (Rect(0, 0, 8, 8),)
        )

    def block(self) -> AudioBlock:
        """Make a good block."""
        now_ns = time.monotonic_ns()
        return AudioBlock(now_ns - 10_000_000, np.zeros((480, 1), np.float32), 48_000, now_ns)

    def close(self) -> None:
        """Close."""


class GoodMic(Good):
    """A microphone."""

    role = Role.MIC


@pytest.mark.parametrize("kind", [Good, GoodMic])
def test_a_good_source_passes(kind: type[Good]) -> None:
    """What conforms is counted and reported."""
    report = check_source(kind, run_s=0.1)
    assert report.frames + report.blocks > 3
    assert report.stop_s < 0.5


def test_a_silent_source_is_refused_unless_allowed() -> None:
    """A device that never delivers fails, unless it is known to."""

    class Silent(Good):
        def deliver(self, sink: Sink) -> None:
            pass

    with pytest.raises(NotConforming, match="nothing was delivered"):
        check_source(Silent, run_s=0.05)
    assert check_source(Silent, run_s=0.05, must_deliver=False).frames == 0


def changed(base: type[Good], **how: object) -> type[Good]:
    """Return a source whose frames or blocks are changed."""

    class Changed(base):
        def frame(self) -> Frame:
            return replace(super().frame(), **how)

        def block(self) -> AudioBlock:
            return replace(super().block(), **how)

    return Changed


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (changed(Good, pts_ns=0), "in the past"),
        (changed(Good, width_px=63), "size is not"),
        (changed(Good, image=np.zeros((48, 64, 3), np.uint8)), "shape"),
        (changed(Good, image=np.zeros((48, 64, 4), np.float32)), "uint8"),
        (changed(Good, damage=(Rect(60, 0, 10, 10),)), "outside"),
        (changed(Good, image=None), "no image"),
        (changed(GoodMic, samples=np.zeros((480, 1), np.float64)), "float64"),
        (changed(GoodMic, samples=np.zeros(480, np.float32)), "shape"),
        (changed(GoodMic, samples=np.full((4, 1), np.nan, np.float32)), "no numbers"),
        (changed(GoodMic, lost_frames=-1), "lost"),
    ],
)
def test_bad_values_are_seen(kind: type[Good], complaint: str) -> None:
    """Each wrong field of a frame or block is named."""
    with pytest.raises(NotConforming, match=complaint):
        check_source(kind, run_s=0.05)


class Future(Good):
    """Stamps a second ahead."""

    def frame(self) -> Frame:
        """Make it."""
        return replace(super().frame(), pts_ns=time.monotonic_ns() + NS_PER_S)


class Backwards(Good):
    """Stamps that go back."""

    def deliver(self, sink: Sink) -> None:
        """Deliver twice, in the wrong order."""
        early, late = self.frame(), self.frame()
        sink.frame(late)
        sink.frame(early)


class BackwardsMic(GoodMic):
    """Stamps that go back."""

    def deliver(self, sink: Sink) -> None:
        """Deliver twice, in the wrong order."""
        early, late = self.block(), self.block()
        sink.audio(late)
        sink.audio(early)


class Overwriting(Good):
    """Draws into what is lent."""

    def frame(self) -> Frame:
        """Lend the same image again."""
        self.image += 1
        return replace(super().frame(), image=self.image)


class OverwritingMic(GoodMic):
    """Writes into what was given away."""

    samples = np.zeros((480, 1), np.float32)

    def block(self) -> AudioBlock:
        """Give the same samples again."""
        self.samples += 1
        return replace(super().block(), samples=self.samples)


class WrongKind(GoodMic):
    """Delivers pictures as a microphone."""

    def deliver(self, sink: Sink) -> None:
        """Deliver a picture."""
        sink.frame(self.frame())


class Stubborn(Good):
    """Takes too long to stop."""

    def run(self, sink: Sink, stop: threading.Event) -> None:
        """Sleep on."""
        self.deliver(sink)
        stop.wait()
        threading.Event().wait(0.9)


class Restless(Good):
    """Delivers after run has returned."""

    def run(self, sink: Sink, stop: threading.Event) -> None:
        """Leave somebody behind who delivers later."""
        super().run(sink, stop)
        threading.Timer(0.02, self.deliver, (sink,)).start()

    def close(self) -> None:
        """Wait for it."""
        threading.Event().wait(0.1)


class Crashing(Good):
    """Raises what is not its to raise."""

    def run(self, sink: Sink, stop: threading.Event) -> None:
        """Crash."""
        raise KeyError("x")


class Changing(Good):
    """Changes its stamp kind."""

    def run(self, sink: Sink, stop: threading.Event) -> None:
        """Change in mid-run."""
        self.stamp_kind = StampKind.ARRIVAL
        super().run(sink, stop)


class Greedy(Good):
    """Does not let the device go."""

    opens = 0

    def open(self) -> None:
        """Open once only."""
        type(self).opens += 1
        if type(self).opens > 1:
            raise DeviceUnavailable("busy")


class Nameless(Good):
    """Says nothing about its format."""

    def __init__(self) -> None:
        super().__init__()
        self.device = Device("fake:screen", "Fake", Role.SCREEN)


class Sizeless(Good):
    """Has no size."""

    def size_px(self) -> tuple[int, int]:
        """Say nothing."""
        return (0, 0)


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Future, "future"),
        (Backwards, "increase"),
        (BackwardsMic, "increase"),
        (Overwriting, "overwritten"),
        (OverwritingMic, "overwritten"),
        (WrongKind, "delivered a picture"),
        (Stubborn, "did not return"),
        (Restless, "after run returned"),
        (Crashing, "KeyError"),
        (Changing, "stamp_kind"),
        (Greedy, "opened again"),
        (Nameless, "format"),
        (Sizeless, "size"),
    ],
)
def test_bad_manners_are_seen(kind: Callable[[], Good], complaint: str) -> None:
    """Each sin against the contract is named."""
    with pytest.raises(NotConforming, match=complaint):
        check_source(kind, run_s=0.05)


def test_what_the_device_says_comes_through() -> None:
    """A device that goes away in the check says so itself."""

    class Gone(Good):
        def run(self, sink: Sink, stop: threading.Event) -> None:
            raise DeviceUnavailable("gone")

    with pytest.raises(DeviceUnavailable):
        check_source(Gone, run_s=0.05)
