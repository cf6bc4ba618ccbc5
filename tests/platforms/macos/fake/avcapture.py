"""AVCaptureSession: devices, inputs, outputs, and sessions that run on their own thread."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar, NamedTuple

from tests.platforms.macos.fake.coremedia import Clock, CMTime, Sample, pcm
from tests.platforms.macos.fake.foundation import NSError
from tests.platforms.macos.fake.quartz import PixelBuffer
from tests.platforms.macos.fake.queues import Queue
from tests.platforms.macos.fake.runtime import (
    Framework,
    Outs,
    Unmodelled,
    Weak,
    check_block,
    scene,
)
from tests.platforms.macos.fake.signals import MIC_HZ, heard, seen
from tests.platforms.macos.fake.world import NS_PER_S, CameraSpec, Mac, MicSpec

VIDEO, AUDIO = "AVMediaTypeVideo", "AVMediaTypeAudio"
BLOCK_FRAMES = 512


class _Range(NamedTuple):
    low: float
    high: float


class AVFrameRateRange(Framework):
    """A range of frame rates."""

    def __init__(self, spec: CameraSpec) -> None:
        self._range = _Range(1.0, spec.fps)

    def minFrameRate(self) -> float:
        """Slowest."""
        return self._range.low

    def maxFrameRate(self) -> float:
        """Fastest."""
        return self._range.high


class AVCaptureDeviceFormat(Framework):
    """A format."""

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec

    def videoSupportedFrameRateRanges(self) -> list[AVFrameRateRange]:
        """Its frame rates."""
        return [AVFrameRateRange(self._spec)]


def _device(mac: Mac) -> type:
    class AVCaptureDevice(Framework):
        """A camera or microphone; the same object for the same device."""

        _made: ClassVar[dict[str, Any]] = {}
        _spec: CameraSpec | MicSpec
        _is_locked: bool

        @classmethod
        def _of(cls, spec: CameraSpec | MicSpec) -> Any:
            if spec.uid not in cls._made:
                device = cls.__new__(cls)
                device._is_locked = False
                cls._made[spec.uid] = device
            device = cls._made[spec.uid]
            device._spec = spec
            return device

        @classmethod
        def deviceWithUniqueID_(cls, uid: str) -> Any:
            """The device, or None."""
            specs = [s for s in (*mac.cameras, *mac.mics) if s.uid == uid]
            return cls._of(specs[0]) if specs else None

        @classmethod
        def defaultDeviceWithMediaType_(cls, kind: str) -> Any:
            """The default device, or None."""
            if kind == VIDEO:
                return cls._of(mac.cameras[0]) if mac.cameras else None
            chosen = [m for m in mac.mics if m.uid == mac.default_mic] or mac.mics
            return cls._of(chosen[0]) if chosen else None

        @classmethod
        def authorizationStatusForMediaType_(cls, kind: str) -> int:
            """0 not asked, 1 restricted, 2 denied, 3 granted."""
            return mac.media_status[kind]

        @classmethod
        def requestAccessForMediaType_completionHandler_(cls, kind: str, handler: Any) -> None:
            """Ask the user."""
            check_block(handler, 1)
            mac.asked.append(kind)
            if mac.answer_when_asked is not None:
                mac.media_status[kind] = 3 if mac.answer_when_asked else 2
                mac.answer(lambda: handler(mac.answer_when_asked), "access")

        def uniqueID(self) -> str:
            """Its id."""
            return self._spec.uid

        def localizedName(self) -> str:
            """Its name."""
            return self._spec.name

        def isConnected(self) -> bool:
            """Whether it is there."""
            return self._spec.uid in [s.uid for s in (*mac.cameras, *mac.mics)]

        def activeFormat(self) -> AVCaptureDeviceFormat:
            """Its format."""
            return AVCaptureDeviceFormat(self._spec)

        def lockForConfiguration_(self, error: Any) -> Outs:
            """Lock."""
            self._is_locked = True
            return Outs((True, error))

        def unlockForConfiguration(self) -> None:
            """Unlock."""
            self._is_locked = False

        def setActiveVideoMinFrameDuration_(self, duration: CMTime) -> None:
            """Fastest rate."""
            rate = duration.timescale / duration.value
            if not self._is_locked or rate > self._spec.fps:
                raise ValueError("NSInvalidArgumentException: frame duration")

        def setActiveVideoMaxFrameDuration_(self, duration: CMTime) -> None:
            """Slowest rate."""
            self.setActiveVideoMinFrameDuration_(duration)

    return AVCaptureDevice


def _discovery(mac: Mac, device: Any) -> type:
    class AVCaptureDeviceDiscoverySession(Framework):
        """A search for devices."""

        _kind: str

        @classmethod
        def discoverySessionWithDeviceTypes_mediaType_position_(
            cls, types: Any, kind: str, position: int
        ) -> Any:
            """Search."""
            if not types or position != 0:
                raise Unmodelled("what to search for")
            session = cls()
            session._kind = kind
            return session

        def devices(self) -> list[Any]:
            """What was found."""
            specs = mac.cameras if self._kind == VIDEO else mac.mics
            return [device._of(spec) for spec in specs]

    return AVCaptureDeviceDiscoverySession


class AVCaptureDeviceInput(Framework):
    """A device as an input."""

    _device: Any

    @classmethod
    def deviceInputWithDevice_error_(cls, device: Any, error: Any) -> Outs:
        """Make one."""
        if not device.isConnected():
            return Outs((None, NSError("AVFoundationErrorDomain", -11814, "not connected")))
        made = cls()
        made._device = device
        return Outs((made, error))


class _Output(Framework):
    def init(self) -> Any:
        """Initialise."""
        self._delegate, self._queue, self._settings = None, None, None
        return self

    def setSampleBufferDelegate_queue_(self, delegate: Any, queue: Any) -> None:
        """Who receives the samples."""
        name = "captureOutput_didOutputSampleBuffer_fromConnection_"
        if not isinstance(queue, Queue) or not callable(getattr(delegate, name, None)):
            raise Unmodelled("a delegate and a serial queue")
        self._delegate, self._queue = Weak(self._mac, delegate), queue

    def _give(self, sample: Sample) -> None:
        delegate, queue = self._delegate.held(), self._queue
        if delegate is None:
            return
        queue.submit(
            lambda: delegate.captureOutput_didOutputSampleBuffer_fromConnection_(self, sample, None)
        )


class AVCaptureVideoDataOutput(_Output):
    """Pictures."""

    def setVideoSettings_(self, settings: dict[str, Any]) -> None:
        """The pixel format."""
        if settings != {"kCVPixelBufferPixelFormatTypeKey": 0x42475241}:
            raise Unmodelled(f"video settings {settings}")

    def setAlwaysDiscardsLateVideoFrames_(self, value: bool) -> None:
        """Drop what comes too late."""
        if value is not True:
            raise Unmodelled("late frames would pile up")


class AVCaptureAudioDataOutput(_Output):
    """Sound."""

    def setAudioSettings_(self, settings: dict[str, Any]) -> None:
        """The format AVFoundation converts to."""
        self._settings = settings


def _session(mac: Mac) -> type:
    class AVCaptureSession(Framework):
        """A session; its samples are made on a thread of its own."""

        def init(self) -> Any:
            """Initialise."""
            self._inputs: list[Any] = []
            self._outputs: list[Any] = []
            self._is_configuring = False
            self._is_running = False
            self._clock = Clock(
                ppm=mac.session_ppm, offset_ns=round(mac.session_offset_s * NS_PER_S)
            )
            return self

        def beginConfiguration(self) -> None:
            """Begin."""
            self._is_configuring = True

        def commitConfiguration(self) -> None:
            """Commit."""
            self._is_configuring = False

        def canAddInput_(self, new: Any) -> bool:
            """Whether it can be added."""
            return self._is_configuring and isinstance(new, AVCaptureDeviceInput)

        def canAddOutput_(self, new: Any) -> bool:
            """Whether it can be added."""
            return self._is_configuring and isinstance(new, _Output)

        def addInput_(self, new: Any) -> None:
            """Add."""
            self._inputs.append(new)

        def addOutput_(self, new: Any) -> None:
            """Add."""
            self._outputs.append(new)

        def canSetSessionPreset_(self, preset: str) -> bool:
            """Whether the camera has it."""
            return preset == "AVCaptureSessionPreset1280x720"

        def setSessionPreset_(self, preset: str) -> None:
            """Set it."""
            if not self._is_configuring:
                raise Unmodelled("a preset outside of the configuration")

        def synchronizationClock(self) -> Clock:
            """The clock of all stamps."""
            return self._clock

        def startRunning(self) -> None:
            """Start; blocks."""
            if self._is_configuring or not self._inputs or not self._outputs:
                raise Unmodelled("started before it was committed")
            self._is_running = True
            mac.running.append(self)
            body = self._pictures if self._is_camera() else self._sound
            threading.Thread(target=body, name="AVCaptureSession", daemon=True).start()

        def stopRunning(self) -> None:
            """Stop; blocks."""
            self._is_running = False
            if self in mac.running:
                mac.running.remove(self)

        @scene
        def lose_device(self, uid: str) -> None:
            """The device was unplugged."""
            if self._inputs[0]._device._spec.uid == uid:
                self._is_running = False
                mac.post("AVCaptureDeviceWasDisconnectedNotification", self._inputs[0]._device)

        @scene
        def fail(self, code: int) -> None:
            """The session broke."""
            error = NSError("AVFoundationErrorDomain", code, "the session broke")
            info = {"AVCaptureSessionErrorKey": error}
            mac.post("AVCaptureSessionRuntimeErrorNotification", self, info)

        @scene
        def interrupt(self) -> None:
            """Another application took the device."""
            mac.post("AVCaptureSessionWasInterruptedNotification", self)

        @scene
        def go_silent(self) -> None:
            """Deliver nothing any more, without a word."""
            self._is_running = False

        def _is_camera(self) -> bool:
            return isinstance(self._outputs[0], AVCaptureVideoDataOutput)

        def _pictures(self) -> None:
            spec = self._inputs[0]._device._spec
            interval_ns = round(NS_PER_S / spec.fps)
            next_ns = time.monotonic_ns() + interval_ns
            while self._is_running:
                mac.sleep_until(next_ns)
                next_ns += max(0, time.monotonic_ns() - next_ns) // interval_ns * interval_ns
                taken_ns = next_ns - 5_000_000  # exposed a little earlier
                image = PixelBuffer(seen(mac, taken_ns, spec.width_px, spec.height_px))
                if self._is_running:
                    self._outputs[0]._give(Sample(self._clock.stamp(taken_ns), image=image))
                next_ns += interval_ns

        def _sound(self) -> None:
            settings = self._outputs[0]._settings
            if settings is None or settings["AVSampleRateKey"] != 48_000.0:
                raise Unmodelled("sound in the device's own format")
            # One sample of the session's clock, in host time.
            rate_hz = 48_000 * (1 + self._clock.ppm * 1e-6)
            first_ns, count = time.monotonic_ns(), 0
            while self._is_running:
                count += round(mac.skip_sound_s * 48_000)
                mac.skip_sound_s = 0.0
                begin_ns = first_ns + round(count * NS_PER_S / rate_hz)
                count += BLOCK_FRAMES
                end_ns = first_ns + round(count * NS_PER_S / rate_hz)
                mac.sleep_until(end_ns)
                samples = heard(mac, begin_ns, BLOCK_FRAMES, rate_hz, 2, MIC_HZ)
                stamp = self._clock.stamp(begin_ns)
                if self._is_running:
                    self._outputs[0]._give(pcm(stamp, samples, 48_000.0, is_planar=False))

    return AVCaptureSession


def make(mac: Mac) -> dict[str, Any]:
    """Return the capture part of what the `AVFoundation` module exports."""
    device = _device(mac)
    return {
        "AVCaptureDevice": device,
        "AVCaptureDeviceDiscoverySession": _discovery(mac, device),
        "AVCaptureDeviceInput": AVCaptureDeviceInput,
        "AVCaptureVideoDataOutput": AVCaptureVideoDataOutput,
        "AVCaptureAudioDataOutput": AVCaptureAudioDataOutput,
        "AVCaptureSession": _session(mac),
    }
