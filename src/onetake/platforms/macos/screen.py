"""Screen and system sound out of one ScreenCaptureKit stream, shared by two sources.

    SCStream ──screen queue──▶ StreamOutput ─▶ Delivery (screen) ─▶ sink
             └─audio queue───▶              ─▶ Delivery (system) ─▶ sink

Invariant: a stream lives exactly as long as a source leases it; when it dies, every source on it is
told, and the engine decides what to do.
"""

from __future__ import annotations

from threading import Event
from typing import Any

import CoreMedia
import msgspec
import ScreenCaptureKit
from Foundation import NSObject

from onetake.clock import Clock
from onetake.errors import DeviceUnavailable, OnetakeError
from onetake.model.devices import Device, Role
from onetake.model.media import PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.callbacks.delivery import Delivery
from onetake.platforms.callbacks.lender import Lender
from onetake.platforms.callbacks.sound_run import SoundRun
from onetake.platforms.callbacks.stream_hub import StreamHub, Wish
from onetake.platforms.contract import Sink
from onetake.platforms.macos.bridge import HostTime, Reply, guarded, serial_queue
from onetake.platforms.macos.content import Target, active_displays, stream_error
from onetake.platforms.macos.power import Wakefulness, slept_ns
from onetake.platforms.macos.samples import blocks_of, copied_bgra, size_of

__all__ = ["StreamSource", "make_hub"]

START_TIMEOUT_S = 1.4
"""Longest wait for a stream to start; with the list of content it stays within 3 s."""

STOP_TIMEOUT_S = 0.5
"""Longest wait for a stream to stop: one that does not answer is left to the system."""

SILENT_DEATH_NS = 3 * NS_PER_S
"""A stream that brings nothing for so long, after the displays changed or the Mac slept, is dead.
Shorter takes a slow wake-up for death; longer leaves a frozen picture unnoticed."""

SLEEP_NOISE_NS = NS_PER_S
"""Less than this between the two clocks is no sleep."""


class StreamOutput(NSObject):  # type: ignore[misc]  # PyObjC has no types
    """Output and delegate of a stream; called on dispatch queues."""

    def stream_didOutputSampleBuffer_ofType_(self, _stream: Any, sample: Any, kind: int) -> None:
        """Hand a picture or a block of sound over."""
        owner = self.owner
        if kind == ScreenCaptureKit.SCStreamOutputTypeScreen:
            with guarded(owner.deliveries[Role.SCREEN]):
                owner.picture(sample)
        elif kind == ScreenCaptureKit.SCStreamOutputTypeAudio:
            with guarded(owner.deliveries[Role.SYSTEM]):
                owner.sound(sample)

    def stream_didStopWithError_(self, _stream: Any, error: Any) -> None:
        """Tell both sources why the stream ended."""
        with guarded(self.owner.deliveries[Role.SCREEN]):
            self.owner.fail(stream_error(error))


class SharedStream:
    """One running SCStream and who listens to it."""

    def __init__(self, target: Target, host: HostTime, *, has_audio: bool, is_copied: bool) -> None:
        self.target = target
        self.has_audio = has_audio
        self.deliveries = {role: Delivery(host.clock) for role in (Role.SCREEN, Role.SYSTEM)}
        self.leases: set[Role] = set()
        self.size_px = (0, 0)
        self.is_dead = False
        self._host = host
        self._lender = Lender(PixelFormat.CVPIXELBUFFER, copied_bgra if is_copied else None)
        self.begin_sound()
        self._output: Any = None
        self._stream: Any = None
        self._clock: Any = None
        self._displays = active_displays()
        self._slept_ns = slept_ns()

    def open(self) -> None:
        """Start the stream. Raises PermissionDenied, DeviceUnavailable, UsageError."""
        view = self.target.view()
        self.size_px = (view.width_px, view.height_px)
        configuration = self.target.configuration(view, has_audio=self.has_audio)
        self._output = StreamOutput.alloc().init()
        self._output.owner = self
        self._stream = ScreenCaptureKit.SCStream.alloc().initWithFilter_configuration_delegate_(
            view.content_filter, configuration, self._output
        )
        # The screen output is there for a sound-only stream too: without it every frame logs an
        # error.
        kinds = [(ScreenCaptureKit.SCStreamOutputTypeScreen, "onetake.screen")]
        if self.has_audio:
            kinds.append((ScreenCaptureKit.SCStreamOutputTypeAudio, "onetake.system"))
        for kind, label in kinds:
            is_added, error = self._stream.addStreamOutput_type_sampleHandlerQueue_error_(
                self._output, kind, serial_queue(label), None
            )
            if not is_added:
                raise stream_error(error)
        self._start()

    def _start(self) -> None:
        reply = Reply()
        self._stream.startCaptureWithCompletionHandler_(reply.one)
        answer = reply.wait(START_TIMEOUT_S)
        if answer is None:
            self.close()
            raise DeviceUnavailable("the screen recording does not start")
        if answer[0] is not None:
            raise stream_error(answer[0])
        self._clock = self._stream.synchronizationClock()

    def picture(self, sample: Any) -> None:
        """Hand a screen sample over; on the screen queue."""
        infos = CoreMedia.CMSampleBufferGetSampleAttachmentsArray(sample, False)
        status = infos[0][ScreenCaptureKit.SCStreamFrameInfoStatus] if infos else None
        shown = (ScreenCaptureKit.SCFrameStatusComplete, ScreenCaptureKit.SCFrameStatusStarted)
        image = CoreMedia.CMSampleBufferGetImageBuffer(sample) if status in shown else None
        stamp = CoreMedia.CMSampleBufferGetPresentationTimeStamp(sample)
        pts_ns = self._host.ns(stamp, self._clock) or self._host.clock.now_ns()
        size_px = (0, 0) if image is None else size_of(image)

        def give(sink: Sink) -> None:
            frame = self._lender.frame(pts_ns, image, size_px)
            if frame is not None:
                sink.frame(frame)

        self.deliveries[Role.SCREEN].hand_over(give)

    def sound(self, sample: Any) -> None:
        """Hand a block of system sound over; on the audio queue."""

        def give(sink: Sink) -> None:
            for block in blocks_of(sample, self._run, self._host, self._clock):
                sink.audio(block)

        self.deliveries[Role.SYSTEM].hand_over(give)

    def begin_sound(self) -> None:
        """Let sound, and the silence that stands for it, begin now."""
        self._run = SoundRun(self._host.clock, is_quiet_silent=True)

    def pass_silence_on(self) -> None:
        """Deliver the silence in which ScreenCaptureKit sends nothing; on the engine's thread."""

        def give(sink: Sink) -> None:
            for block in self._run.quiet():
                sink.audio(block)

        self.deliveries[Role.SYSTEM].hand_over(give, is_sign_of_life=False)

    def fail(self, error: OnetakeError) -> None:
        """Tell everyone on the stream that it is over."""
        self.is_dead = True
        for delivery in self.deliveries.values():
            delivery.fail(error)

    def check_alive(self) -> None:
        """Raise when the stream has died without a word: nothing comes, and the world changed.

        Nothing alone proves nothing: a still screen without sound may be silent for minutes.
        """
        silent_ns = min(delivery.silent_ns() for delivery in self.deliveries.values())
        if silent_ns < SILENT_DEATH_NS:
            return
        has_slept = slept_ns() - self._slept_ns > SLEEP_NOISE_NS
        if has_slept or active_displays() != self._displays:
            message = "the screen recording went silent when the displays changed"
            self.fail(DeviceUnavailable(message, code="stream-silent"))

    def close(self) -> None:
        """Stop the stream; whether it says that it did does not matter (-3808: it had already)."""
        stream, self._stream = self._stream, None
        self.is_dead = True
        if stream is not None:
            reply = Reply()
            stream.stopCaptureWithCompletionHandler_(reply.one)
            reply.wait(STOP_TIMEOUT_S)


def make_hub() -> StreamHub:
    """Return what leases streams to the sources of one platform, and keeps the Mac awake."""
    return StreamHub(Target("display:", None, (), has_cursor=False, fps=1), Wakefulness())


class StreamSource:
    """Screen or system sound; the engine runs one object for each."""

    stamp_kind = StampKind.CAPTURE

    def __init__(
        self,
        role: Role,
        device_id: str,
        settings: Settings,
        clock: Clock,
        *,
        hub: StreamHub,
        is_copied: bool,
    ) -> None:
        self._role = role
        self._clock = clock
        self._hub = hub
        self._is_copied = is_copied
        self._has_audio = settings.system_audio != "none"
        self._target: Target | None = None
        self._stream: SharedStream | None = None
        self.device = Device(device_id, "System sound", role, is_default=True)
        if role is Role.SCREEN:
            self._target = Target.of(device_id, settings)
            self.device = Device(device_id, device_id, role)
            hub.expect(self._target)

    def open(self) -> None:
        """Join or start a stream. Raises PermissionDenied, DeviceUnavailable, UsageError."""
        self._stream = self._hub.lease(Wish(self._role, self._target, self._has_audio, self._make))
        width_px, height_px = self._stream.size_px
        said = f"{width_px}x{height_px}" if self._role is Role.SCREEN else "48000 Hz, 2 channels"
        self.device = msgspec.structs.replace(self.device, format=said)

    def _make(self, target: Target, has_audio: bool) -> SharedStream:
        host = HostTime(self._clock)
        return SharedStream(target, host, has_audio=has_audio, is_copied=self._is_copied)

    def size_px(self) -> tuple[int, int]:
        """Return the size of the pictures; (0, 0) for the system sound."""
        is_screen = self._stream is not None and self._role is Role.SCREEN
        return self._stream.size_px if is_screen and self._stream is not None else (0, 0)

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver until `stop`. Raises DeviceUnavailable when the stream ends or dies."""
        stream = self._stream
        if stream is not None:
            if self._role is Role.SYSTEM:
                stream.begin_sound()
            stream.deliveries[self._role].watch(sink, stop, lambda: self._look_after(stream))

    def _look_after(self, stream: SharedStream) -> None:
        stream.check_alive()
        if self._role is Role.SYSTEM:
            stream.pass_silence_on()

    def close(self) -> None:
        """End the lease."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._hub.give_back(stream, self._role)
