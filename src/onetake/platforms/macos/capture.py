"""Camera and microphone through an AVCaptureSession: one session for each device, so that losing
one does not stop the other.

Invariant: a session is configured, committed and only then started; every stamp is converted from
the session's own clock, which may be the device's.
"""

from __future__ import annotations

from threading import Event
from typing import Any

import AVFoundation
import CoreAudio
import CoreMedia
import Foundation
import msgspec
import objc
import Quartz
from Foundation import NSObject

from onetake.clock import Clock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.media import PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.model.units import CHANNELS, NS_PER_S, SAMPLE_RATE_HZ
from onetake.platforms.callbacks.delivery import Delivery
from onetake.platforms.callbacks.lender import Lender
from onetake.platforms.callbacks.sound_run import SoundRun
from onetake.platforms.contract import Sink
from onetake.platforms.grants import Grant
from onetake.platforms.macos.bridge import HostTime, describe, failed, guarded, serial_queue
from onetake.platforms.macos.permissions import ask, denied
from onetake.platforms.macos.samples import blocks_of, copied_bgra, size_of

__all__ = ["CaptureSource", "Observers", "allowed", "find_device"]

FIRST_TIMEOUT_S = 2.5
"""Longest wait for the first picture or sound. Shorter gives up on a camera that warms up; longer
breaks the 3 s a device has to open."""

SILENT_NS = 3 * NS_PER_S
"""A camera or microphone never pauses: nothing for so long means that it is dead."""

DEFAULT_LOOK_NS = NS_PER_S
"""How often a source on the default device looks whether it still is."""

MOST_CAMERA_FPS = 30
"""A camera faster than this costs power and is not seen in an overlay."""


def allowed(kind: str) -> None:
    """Raise PermissionDenied unless macOS lets us use `kind`; it may ask the user once."""
    if ask(kind) is not Grant.GRANTED:
        raise denied(kind)


def find_device(device_id: str, media_type: Any) -> Any:
    """Return the AVCaptureDevice of `avf:UID`, `coreaudio:UID` or `...:default`."""
    uid = device_id.partition(":")[2]
    if uid == "default":
        device = AVFoundation.AVCaptureDevice.defaultDeviceWithMediaType_(media_type)
    else:
        device = AVFoundation.AVCaptureDevice.deviceWithUniqueID_(uid)
    if device is None or not device.isConnected():
        raise DeviceUnavailable(f"{device_id} is not connected", code="device-gone")
    return device


class Observers:
    """Notifications that end a delivery, observed without a run loop, until `forget`."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._tokens: list[Any] = []

    def on(self, name: Any, sender: Any, message: str, code: str) -> None:
        """Fail the delivery with `message` when `sender` posts `name`."""

        def note(notification: Any) -> None:
            with guarded(self._delivery):
                info = notification.userInfo() or {}
                error = info.get(AVFoundation.AVCaptureSessionErrorKey)
                why = f": {describe(error)}" if failed(error) else ""
                self._delivery.fail(DeviceUnavailable(f"{message}{why}", code=code))

        center = Foundation.NSNotificationCenter.defaultCenter()
        self._tokens.append(
            center.addObserverForName_object_queue_usingBlock_(name, sender, None, note)
        )

    def forget(self) -> None:
        """Observe no more. Idempotent."""
        while self._tokens:
            Foundation.NSNotificationCenter.defaultCenter().removeObserver_(self._tokens.pop())


class SampleDelegate(NSObject):  # type: ignore[misc]  # PyObjC has no types
    """Receives the samples of one output on its dispatch queue."""

    def captureOutput_didOutputSampleBuffer_fromConnection_(
        self, _output: Any, sample: Any, _connection: Any
    ) -> None:
        """Hand a picture or a block of sound over."""
        with guarded(self.owner.delivery):
            self.owner.take(sample)


class CaptureSource:
    """A camera, or a microphone in the form AVFoundation converts it to: 48 kHz stereo float."""

    stamp_kind = StampKind.CAPTURE

    def __init__(
        self, role: Role, device_id: str, settings: Settings, clock: Clock, *, is_copied: bool
    ) -> None:
        self.device = Device(device_id, device_id, role)
        self._fps = min(settings.fps, MOST_CAMERA_FPS)
        self._clock = clock
        self._lender = Lender(PixelFormat.CVPIXELBUFFER, copied_bgra if is_copied else None)
        self._size_px = (0, 0)
        self._next_look_ns = 0
        self._media_type: Any = None
        self._uid: Any = None
        self._session: Any = None
        self._session_clock: Any = None
        self._delegate: Any = None
        self._host: HostTime
        self._run: SoundRun
        self.delivery: Delivery
        self._observers: Observers

    def open(self) -> None:
        """Start the session and wait for the first sample.

        Raises PermissionDenied, DeviceUnavailable.
        """
        is_camera = self.device.role is Role.CAMERA
        allowed("camera" if is_camera else "microphone")
        video, audio = AVFoundation.AVMediaTypeVideo, AVFoundation.AVMediaTypeAudio
        self._media_type = video if is_camera else audio
        device = find_device(self.device.id, self._media_type)
        self._uid = device.uniqueID()
        self._host = HostTime(self._clock)
        self.delivery = Delivery(self._clock)
        self._run = SoundRun(self._clock)
        self._observers = Observers(self.delivery)
        try:
            self._start(device, self._video_output() if is_camera else self._audio_output())
        except (ValueError, objc.error) as exc:  # NSExceptions of a wrong format or frame rate
            self.close()
            raise DeviceUnavailable(f"{device.localizedName()} cannot be opened: {exc}") from exc
        if not self.delivery.has_arrived.wait(FIRST_TIMEOUT_S):
            self.close()
            raise DeviceUnavailable(f"{device.localizedName()} is open but delivers nothing")
        said = f"{SAMPLE_RATE_HZ} Hz, {CHANNELS} channels"
        if is_camera:
            said = f"{self._size_px[0]}x{self._size_px[1]}"
        name = str(device.localizedName())
        self.device = msgspec.structs.replace(self.device, name=name, format=said)

    def size_px(self) -> tuple[int, int]:
        """Return the size of the pictures; (0, 0) for a microphone."""
        return self._size_px

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver until `stop`. Raises DeviceUnavailable when the device goes away."""
        self.delivery.watch(sink, stop, self._check_alive)

    def close(self) -> None:
        """Stop the session; blocks for a few hundred ms."""
        session, self._session = self._session, None
        if session is not None:
            self._observers.forget()
            session.stopRunning()

    def take(self, sample: Any) -> None:
        """Hand a sample over; on the session's queue."""
        if self.device.role is not Role.CAMERA:
            self.delivery.hand_over(lambda sink: self._give_sound(sink, sample))
            return
        image = CoreMedia.CMSampleBufferGetImageBuffer(sample)
        if image is None:
            return
        size_px = self._size_px = size_of(image)
        stamp = CoreMedia.CMSampleBufferGetPresentationTimeStamp(sample)
        pts_ns = self._host.ns(stamp, self._session_clock) or self._clock.now_ns()

        def give(sink: Sink) -> None:
            frame = self._lender.frame(pts_ns, image, size_px)
            if frame is not None:
                sink.frame(frame)

        self.delivery.hand_over(give)

    def _give_sound(self, sink: Sink, sample: Any) -> None:
        for block in blocks_of(sample, self._run, self._host, self._session_clock):
            sink.audio(block)

    def _start(self, device: Any, output: Any) -> None:
        input_class = AVFoundation.AVCaptureDeviceInput
        capture_input, error = input_class.deviceInputWithDevice_error_(device, None)
        if capture_input is None:
            raise DeviceUnavailable(f"{device.localizedName()}: {describe(error)}")
        session = self._session = AVFoundation.AVCaptureSession.alloc().init()
        self._observe(session, device)
        session.beginConfiguration()
        if not session.canAddInput_(capture_input) or not session.canAddOutput_(output):
            session.commitConfiguration()
            raise ValueError("the capture session refuses it")
        session.addInput_(capture_input)
        session.addOutput_(output)
        preset = AVFoundation.AVCaptureSessionPreset1280x720  # an overlay needs no more
        if self.device.role is Role.CAMERA and session.canSetSessionPreset_(preset):
            session.setSessionPreset_(preset)
        session.commitConfiguration()
        if self.device.role is Role.CAMERA:
            _limit_rate(device, self._fps)
        session.startRunning()
        self._session_clock = session.synchronizationClock()

    def _observe(self, session: Any, device: Any) -> None:
        ends = (
            (session, AVFoundation.AVCaptureSessionRuntimeErrorNotification, "failed", "failed"),
            (session, AVFoundation.AVCaptureSessionWasInterruptedNotification, "is taken", "busy"),
            (device, AVFoundation.AVCaptureDeviceWasDisconnectedNotification, "is gone", "gone"),
        )
        for sender, notification, what, code in ends:
            message = f"{device.localizedName()} {what}"
            self._observers.on(notification, sender, message, f"device-{code}")

    def _video_output(self) -> Any:
        output = AVFoundation.AVCaptureVideoDataOutput.alloc().init()
        bgra = Quartz.kCVPixelFormatType_32BGRA
        output.setVideoSettings_({Quartz.kCVPixelBufferPixelFormatTypeKey: bgra})
        output.setAlwaysDiscardsLateVideoFrames_(True)
        self._listen(output, "onetake.camera")
        return output

    def _audio_output(self) -> Any:
        output = AVFoundation.AVCaptureAudioDataOutput.alloc().init()
        output.setAudioSettings_(
            {
                AVFoundation.AVFormatIDKey: CoreAudio.kAudioFormatLinearPCM,
                AVFoundation.AVSampleRateKey: float(SAMPLE_RATE_HZ),
                AVFoundation.AVNumberOfChannelsKey: CHANNELS,
                AVFoundation.AVLinearPCMBitDepthKey: 32,
                AVFoundation.AVLinearPCMIsFloatKey: True,
                AVFoundation.AVLinearPCMIsNonInterleaved: False,
                AVFoundation.AVLinearPCMIsBigEndianKey: False,
            }
        )
        self._listen(output, "onetake.microphone")
        return output

    def _listen(self, output: Any, label: str) -> None:
        self._delegate = SampleDelegate.alloc().init()  # held: the output holds it weakly
        self._delegate.owner = self
        output.setSampleBufferDelegate_queue_(self._delegate, serial_queue(label))

    def _check_alive(self) -> None:
        self.delivery.check_silence(SILENT_NS, self.device.name)
        now_ns = self._clock.now_ns()
        if self.device.id.endswith(":default") and now_ns > self._next_look_ns:
            self._next_look_ns = now_ns + DEFAULT_LOOK_NS
            with objc.autorelease_pool():
                if find_device(self.device.id, self._media_type).uniqueID() != self._uid:
                    raise DeviceUnavailable("another device is the default now", code="default")


def _limit_rate(device: Any, fps: int) -> None:
    """Ask for `fps` where the format can do it; outside of its ranges macOS raises."""
    ranges = device.activeFormat().videoSupportedFrameRateRanges()
    if not any(r.minFrameRate() <= fps <= r.maxFrameRate() for r in ranges):
        return
    is_locked, _error = device.lockForConfiguration_(None)
    if is_locked:
        duration = CoreMedia.CMTimeMake(1, fps)
        device.setActiveVideoMinFrameDuration_(duration)
        device.setActiveVideoMaxFrameDuration_(duration)
        device.unlockForConfiguration()
