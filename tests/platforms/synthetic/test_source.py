"""The sources play their scripts in real time, and misbehave as their ids say."""

import itertools
import threading
import time

import pytest

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.devices import Role
from onetake.model.geometry import Rect
from onetake.model.media import AudioBlock, Frame
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_MS
from onetake.platforms.contract import Source
from onetake.platforms.synthetic.platform import SyntheticPlatform
from onetake.testing.conformance import check_source

CLOCK = HostClock()


def source(device_id: str, platform: SyntheticPlatform | None = None, **wish: object) -> Source:
    """Make the source of an id, for the role in it."""
    role = Role(device_id.partition(":")[2].partition("?")[0])
    return (platform or SyntheticPlatform()).source(role, device_id, Settings(**wish), CLOCK)


class Keep:
    """A sink that keeps what comes with the time at which it came."""

    def __init__(self) -> None:
        self.got: list[tuple[int, Frame | AudioBlock]] = []

    def frame(self, frame: Frame) -> None:
        """Keep and release."""
        self.got.append((time.monotonic_ns(), frame))
        frame.release()

    def audio(self, block: AudioBlock) -> None:
        """Keep."""
        self.got.append((time.monotonic_ns(), block))

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Ignore."""


def run(opened: Source, seconds: float) -> tuple[Keep, BaseException | None]:
    """Run a source for some time; return what it delivered and raised."""
    sink, stop, raised = Keep(), threading.Event(), []

    def body() -> None:
        try:
            opened.run(sink, stop)
        except DeviceUnavailable as error:
            raised.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(seconds)
    stop.set()
    thread.join(1)
    assert not thread.is_alive()
    return sink, raised[0] if raised else None


@pytest.mark.parametrize(
    "device_id",
    [
        "synthetic:screen",
        "synthetic:screen?size=641x481&fps=60",
        "synthetic:system?rate=44100",
        "synthetic:mic?drift_ppm=208&jitter_ms=1",
        "synthetic:mic?stamps=arrival&jitter_ms=2",
        "synthetic:camera",
        "synthetic:camera?format=rgb24",
    ],
)
def test_it_conforms(device_id: str) -> None:
    """Every synthetic device does what the contract of sources asks for."""
    platform = SyntheticPlatform()
    report = check_source(lambda: source(device_id, platform), run_s=0.5)
    assert report.warnings == []
    assert report.frames > 10 or report.blocks > 30


def test_stamps_do_not_depend_on_this_machine() -> None:
    """Stamps lie on the device's own grid however late they arrive; arrival is the real time."""
    opened = source("synthetic:mic")
    opened.open()
    sink, _ = run(opened, 0.4)
    stamps = [block.stamp_ns for _, block in sink.got]
    assert {b - a for a, b in itertools.pairwise(stamps)} == {10 * NS_PER_MS}
    for at_ns, block in sink.got:
        assert block.stamp_ns + 15 * NS_PER_MS <= block.arrival_ns <= at_ns


def test_a_camera_that_never_delivers_opens_and_stops() -> None:
    """never=1: it opens, says nothing, and stops at once when asked."""
    opened = source("synthetic:camera?never=1")
    opened.open()
    sink, error = run(opened, 0.1)
    assert (sink.got, error) == ([], None)


def test_a_lost_device_raises_and_comes_back() -> None:
    """lost_at_s ends the run with DeviceUnavailable; it opens again from back_at_s on only."""
    platform = SyntheticPlatform()
    device_id = "synthetic:mic?lost_at_s=0.2&back_at_s=0.6"
    first = source(device_id, platform)
    first.open()
    sink, error = run(first, 2.0)
    assert isinstance(error, DeviceUnavailable)
    assert 1 <= len(sink.got) < 20
    with pytest.raises(DeviceUnavailable):
        source(device_id, platform).open()
    threading.Event().wait(0.4)
    back = source(device_id, platform)
    back.open()
    sink, error = run(back, 0.1)
    assert sink.got
    assert error is None


def test_refusals_are_as_the_id_says() -> None:
    """refuse=device and refuse=permission fail `open` with their own errors."""
    with pytest.raises(DeviceUnavailable):
        source("synthetic:mic?refuse=device").open()
    with pytest.raises(PermissionDenied):
        source("synthetic:mic?refuse=permission").open()


def test_a_region_outside_the_screen_is_refused() -> None:
    """A region no pixel of which lies on the screen cannot be opened."""
    with pytest.raises(DeviceUnavailable):
        source("synthetic:screen", region=Rect(4000, 0, 10, 10)).open()


def test_pictures_are_given_up_rather_than_late() -> None:
    """After the machine stood still, the pictures of that time are skipped."""

    class StandsStill(Keep):
        def frame(self, frame: Frame) -> None:
            super().frame(frame)
            if len(self.got) == 3:
                threading.Event().wait(0.6)

    opened = source("synthetic:screen?size=320x240")
    opened.open()
    sink, stop = StandsStill(), threading.Event()
    thread = threading.Thread(target=opened.run, args=(sink, stop))
    thread.start()
    thread.join(1.2)
    stop.set()
    thread.join(1)
    stamps = [frame.pts_ns for _, frame in sink.got]
    gaps_ms = [(b - a) / NS_PER_MS for a, b in itertools.pairwise(stamps)]
    assert max(gaps_ms) > 400
