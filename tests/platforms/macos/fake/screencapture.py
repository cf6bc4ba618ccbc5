"""ScreenCaptureKit: what can be shown, filters, and streams that run on their own thread."""

from __future__ import annotations

import threading
import time
from typing import Any

from tests.platforms.macos.fake.coremedia import HOST_CLOCK, INVALID, CMTime, Sample, pcm
from tests.platforms.macos.fake.foundation import NSError
from tests.platforms.macos.fake.quartz import CGRect, lend_surface, rect
from tests.platforms.macos.fake.queues import Queue
from tests.platforms.macos.fake.runtime import (
    Framework,
    Outs,
    Unmodelled,
    Weak,
    check_block,
    scene,
)
from tests.platforms.macos.fake.signals import SYSTEM_HZ, heard, seen
from tests.platforms.macos.fake.world import NS_PER_S, AppSpec, DisplaySpec, Mac, WindowSpec

COMPLETE, IDLE = 0, 1
SCREEN, AUDIO = 0, 1
BLOCK_FRAMES = 960


def stream_error(code: int) -> NSError:
    """Return an error of ScreenCaptureKit."""
    return NSError("com.apple.ScreenCaptureKit.SCStreamErrorDomain", code, f"stream error {code}")


class SCDisplay(Framework):
    """A display."""

    def __init__(self, spec: DisplaySpec) -> None:
        self._spec = spec

    def displayID(self) -> int:
        """Its CGDirectDisplayID."""
        return self._spec.number

    def frame(self) -> CGRect:
        """Its place on the desktop."""
        return rect(0, 0, self._spec.width_pt, self._spec.height_pt)


class SCRunningApplication(Framework):
    """An application."""

    def __init__(self, spec: AppSpec) -> None:
        self._spec = spec

    def bundleIdentifier(self) -> str:
        """Its id."""
        return self._spec.bundle_id

    def applicationName(self) -> str:
        """Its name."""
        return self._spec.name

    def processID(self) -> int:
        """Its process."""
        return self._spec.pid


class SCWindow(Framework):
    """A window."""

    def __init__(self, mac: Mac, spec: WindowSpec) -> None:
        self._owner = mac
        self._spec = spec

    def windowID(self) -> int:
        """Its CGWindowID."""
        return self._spec.number

    def title(self) -> str:
        """Its title."""
        return self._spec.title

    def windowLayer(self) -> int:
        """0 = an ordinary window."""
        return self._spec.layer

    def frame(self) -> CGRect:
        """Its place on the desktop."""
        spec = self._spec
        return rect(spec.x_pt, spec.y_pt, spec.width_pt, spec.height_pt)

    def owningApplication(self) -> Any:
        """Its application."""
        specs = [a for a in self._owner.apps if a.bundle_id == self._spec.app]
        return SCRunningApplication(specs[0]) if specs else None


def _content(mac: Mac) -> type:
    class SCShareableContent(Framework):
        """What can be shown."""

        @classmethod
        def getShareableContentExcludingDesktopWindows_onScreenWindowsOnly_completionHandler_(
            cls, no_desktop: bool, only_visible: bool, handler: Any
        ) -> None:
            """Answer on a private queue."""
            check_block(handler, 2)
            if mac.is_content_mute:
                return
            code = mac.content_error or (None if mac.has_screen_grant else -3801)
            if code is not None:
                if not mac.has_screen_grant:
                    mac.asked.append("screen content")
                mac.answer(lambda: handler(None, stream_error(code)), "content")
                return
            mac.answer(lambda: handler(cls(), None), "content")

        def displays(self) -> list[SCDisplay]:
            """Those that are on."""
            return [SCDisplay(d) for d in mac.displays if not d.is_asleep]

        def windows(self) -> list[SCWindow]:
            """All of them."""
            return [SCWindow(mac, w) for w in mac.windows]

        def applications(self) -> list[SCRunningApplication]:
            """All of them."""
            return [SCRunningApplication(a) for a in mac.apps]

    return SCShareableContent


def _filter(mac: Mac) -> type:
    class SCContentFilter(Framework):
        """What a stream shows."""

        _display: DisplaySpec
        _hidden: list[str]
        _window: Any

        def initWithDesktopIndependentWindow_(self, window: SCWindow) -> Any:
            """One window."""
            if not mac.is_connected:
                raise Unmodelled("CGS_REQUIRE_INIT: no connection to the window server yet")
            self._display, self._window, self._hidden = mac.displays[0], window, []
            return self

        def initWithDisplay_excludingApplications_exceptingWindows_(
            self, display: SCDisplay, apps: Any, windows: Any
        ) -> Any:
            """A display without some applications."""
            self._display, self._window = display._spec, None
            self._hidden = [a.bundleIdentifier() for a in apps]
            return self

        def initWithDisplay_includingApplications_exceptingWindows_(
            self, display: SCDisplay, apps: Any, windows: Any
        ) -> Any:
            """Some applications on a display."""
            self._display, self._window, self._hidden = display._spec, None, []
            if not apps:
                raise Unmodelled("no application")
            return self

        def pointPixelScale(self) -> float:
            """The Retina scale."""
            return self._display.scale

    return SCContentFilter


class SCStreamConfiguration(Framework):
    """How a stream is set up."""

    def init(self) -> Any:
        """Initialise."""
        self._values: dict[str, Any] = {}
        return self

    def setWidth_(self, value: int) -> None:
        """Pixels."""
        self._values["width"] = _whole(value)

    def setHeight_(self, value: int) -> None:
        """Pixels."""
        self._values["height"] = _whole(value)

    def setSourceRect_(self, value: CGRect) -> None:
        """Points of the display."""
        self._values["source"] = value

    def setScalesToFit_(self, value: bool) -> None:
        """Scale up, too."""
        self._values["fits"] = value

    def setMinimumFrameInterval_(self, value: CMTime) -> None:
        """1 / fps."""
        self._values["interval_s"] = value.value / value.timescale

    def setPixelFormat_(self, value: int) -> None:
        """BGRA."""
        self._values["format"] = value

    def setColorSpaceName_(self, value: str) -> None:
        """SRGB."""
        self._values["space"] = value

    def setQueueDepth_(self, value: int) -> None:
        """Surfaces."""
        if not 1 <= value <= 8:
            raise Unmodelled("a queue depth outside of 1..8")
        self._values["depth"] = value

    def setShowsCursor_(self, value: bool) -> None:
        """Draw the pointer."""
        self._values["cursor"] = value

    def setCapturesAudio_(self, value: bool) -> None:
        """System sound."""
        self._values["audio"] = value

    def setSampleRate_(self, value: int) -> None:
        """Hz."""
        self._values["rate"] = value

    def setChannelCount_(self, value: int) -> None:
        """Channels."""
        self._values["channels"] = value

    def setExcludesCurrentProcessAudio_(self, value: bool) -> None:
        """Not our own sound."""
        self._values["excludes_us"] = value


def _whole(value: int) -> int:
    if value % 2 or value <= 0:
        raise Unmodelled(f"an odd size of {value}")
    return value


def _stream(mac: Mac) -> type:
    class SCStream(Framework):
        """A stream; its samples are made on a thread of its own."""

        def initWithFilter_configuration_delegate_(
            self, content_filter: Any, configuration: SCStreamConfiguration, delegate: Any
        ) -> Any:
            """Initialise."""
            self._filter, self._values = content_filter, dict(configuration._values)
            self._delegate = Weak(mac, delegate)
            self._outputs: dict[int, tuple[Any, Queue]] = {}
            self._state = "new"
            self._is_frozen = False
            self._thread: threading.Thread | None = None
            return self

        def addStreamOutput_type_sampleHandlerQueue_error_(
            self, output: Any, kind: int, queue: Any, error: Any
        ) -> Any:
            """Add an output."""
            if not isinstance(queue, Queue) or error is not None:
                raise Unmodelled("a queue and None for the error")
            if not callable(getattr(output, "stream_didOutputSampleBuffer_ofType_", None)):
                raise Unmodelled("the output does not take samples")
            self._outputs[kind] = (Weak(mac, output), queue)
            return Outs((True, None))

        def startCaptureWithCompletionHandler_(self, handler: Any) -> None:
            """Start; the answer comes on a private queue."""
            check_block(handler, 1)
            code = mac.start_error or (None if mac.has_screen_grant else -3801)
            if code == -3818 and not self._values["audio"]:
                code = None
            if code is not None:
                mac.answer(lambda: handler(stream_error(code)), "start")
                return
            self._state = "running"
            mac.running.append(self)
            mac.streams_started += 1
            self._thread = threading.Thread(target=self._produce, name="SCStream", daemon=True)
            self._thread.start()
            mac.answer(lambda: handler(None), "start")

        def stopCaptureWithCompletionHandler_(self, handler: Any) -> None:
            """Stop."""
            check_block(handler, 1)
            was_running, self._state = self._state == "running", "stopped"
            if self in mac.running:
                mac.running.remove(self)
            error = None if was_running else stream_error(-3808)
            mac.answer(lambda: handler(error), "stop")

        def synchronizationClock(self) -> Any:
            """The clock of the stamps: the host clock, in every measurement there is."""
            return HOST_CLOCK

        @scene
        def die(self, code: int) -> None:
            """End with an error, as the system does."""
            self._state = "dead"
            if self in mac.running:
                mac.running.remove(self)
            delegate = self._delegate.held()
            mac.answer_pooled(lambda: delegate.stream_didStopWithError_(self, stream_error(code)))

        @scene
        def freeze(self) -> None:
            """Deliver nothing any more, without a word."""
            self._is_frozen = True

        def _produce(self) -> None:
            start_ns = time.monotonic_ns()
            interval_ns = round(self._values["interval_s"] * NS_PER_S)
            next_frame_ns = start_ns + round(mac.audio_lead_s * NS_PER_S)
            block_ns = BLOCK_FRAMES * NS_PER_S // 48_000
            next_block_ns = start_ns
            self._last_pts_ns, self._overlapped_ns, self._count = 0, 0, 0
            self._was_bright = None
            while self._state == "running":
                due_ns = min(next_frame_ns, next_block_ns + block_ns)
                mac.sleep_until(due_ns)
                # On a busy machine sound comes late, but all of it; pictures are left out.
                while time.monotonic_ns() >= next_block_ns + block_ns:
                    self._sound(next_block_ns)
                    next_block_ns += block_ns
                behind = (time.monotonic_ns() - next_frame_ns) // interval_ns
                if behind >= 0:
                    self._picture(next_frame_ns + behind * interval_ns)
                    next_frame_ns += (behind + 1) * interval_ns

        def _picture(self, due_ns: int) -> None:
            if self._is_frozen or SCREEN not in self._outputs:
                return
            ahead_ns = round(mac.random.uniform(0, mac.pts_ahead_s) * NS_PER_S)
            pts_ns = max(due_ns + ahead_ns, self._last_pts_ns + NS_PER_S // 1000)
            self._last_pts_ns = pts_ns
            self._count += 1
            if mac.overlap_every and self._count % mac.overlap_every == 0:
                pts_ns = self._overlapped_ns - round(mac.random.uniform(2e5, 19e5))
            self._overlapped_ns = pts_ns
            is_bright = mac.is_flashing(pts_ns)
            if mac.is_static and is_bright == self._was_bright:
                stamp = HOST_CLOCK.stamp(pts_ns) if mac.random.random() < 0.5 else INVALID
                self._give(SCREEN, Sample(stamp, [{"SCStreamFrameInfoStatus": IDLE}]))
                return
            self._was_bright = is_bright
            if mac.surfaces >= self._values["depth"]:
                mac.stalled_frames += 1
                return
            pixels = seen(mac, pts_ns, self._values["width"], self._values["height"])
            image = lend_surface(mac, pixels)
            info = [{"SCStreamFrameInfoStatus": COMPLETE}]
            self._give(SCREEN, Sample(HOST_CLOCK.stamp(pts_ns), info, image))

        def _sound(self, first_ns: int) -> None:
            if self._is_frozen or not self._values["audio"] or AUDIO not in self._outputs:
                return
            samples = heard(mac, first_ns, BLOCK_FRAMES, 48_000, 2, SYSTEM_HZ)
            if mac.is_silent_without_sound and not samples.any():
                return
            stamp = HOST_CLOCK.stamp(first_ns)
            self._give(AUDIO, pcm(stamp, samples, 48_000.0, is_planar=mac.is_planar))

        def _give(self, kind: int, sample: Sample) -> None:
            if self._state != "running":
                return
            output, queue = self._outputs[kind]
            held = output.held()
            if held is not None:
                queue.submit(lambda: held.stream_didOutputSampleBuffer_ofType_(self, sample, kind))

    return SCStream


def make(mac: Mac) -> dict[str, Any]:
    """Return what the `ScreenCaptureKit` module exports."""
    return {
        "SCShareableContent": _content(mac),
        "SCContentFilter": _filter(mac),
        "SCStreamConfiguration": SCStreamConfiguration,
        "SCStream": _stream(mac),
    }
