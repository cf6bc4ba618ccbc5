"""The microphone: an AVAudioEngine input tap, and AVCaptureSession where a tap cannot be had.

Invariant: a route change kills a tap for good; what takes over is another source on the same
device, so the timeline shows a short hole, never a shift.
"""

from __future__ import annotations

from threading import Event
from typing import Any

import AVFoundation
import CoreAudio
import numpy as np
import objc

from onetake.clock import Clock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.media import AudioBlock, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.callbacks.delivery import Delivery
from onetake.platforms.callbacks.second_choice import SecondChoice
from onetake.platforms.contract import Sink
from onetake.platforms.macos.bridge import HostTime, describe, guarded, send
from onetake.platforms.macos.capture import CaptureSource, Observers, allowed, find_device

__all__ = ["TapSource", "microphone"]

TAP_FRAMES = 4800
"""Frames a tap is asked for: 100 ms, the least that AVAudioEngine honours."""

SILENT_NS = 3 * NS_PER_S
"""A microphone never pauses: nothing for so long means that it is dead."""

MOST_LATENCY_S = 0.5
"""A device that claims more is not believed: real ones stay under 0.3 s, Bluetooth included."""


class TapSource:
    """A tap on the input node of an AVAudioEngine."""

    stamp_kind = StampKind.CAPTURE

    def __init__(self, device_id: str, clock: Clock) -> None:
        self.device = Device(device_id, device_id, Role.MIC)
        self._clock = clock
        self._engine: Any = None
        self._latency_ns = 0
        self._host: HostTime
        self._delivery: Delivery
        self._observers: Observers

    def open(self) -> None:
        """Install the tap and start. Raises PermissionDenied, DeviceUnavailable."""
        allowed("microphone")
        device = find_device(self.device.id, AVFoundation.AVMediaTypeAudio)
        self._host = HostTime(self._clock)
        self._delivery = Delivery(self._clock)
        self._observers = Observers(self._delivery)
        try:
            self._start(device)
        except (ValueError, objc.error) as exc:  # NSExceptions of a format the hardware left
            self.close()
            raise DeviceUnavailable(f"no tap on {device.localizedName()}: {exc}") from exc

    def size_px(self) -> tuple[int, int]:
        """Return (0, 0): no pictures."""
        return (0, 0)

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver until `stop`. Raises DeviceUnavailable, code `route-changed` when macOS stopped
        the engine because a device came, went or changed its rate."""
        self._delivery.watch(sink, stop, self._check_alive)

    def close(self) -> None:
        """Stop the engine; may take a second."""
        engine, self._engine = self._engine, None
        if engine is not None:
            self._observers.forget()
            engine.inputNode().removeTapOnBus_(0)
            engine.stop()

    def _start(self, device: Any) -> None:
        engine = AVFoundation.AVAudioEngine.alloc().init()
        node = engine.inputNode()
        if not self.device.id.endswith(":default"):
            unit = node.AUAudioUnit()
            if not send(unit, "setDeviceID:error:", _hal_id(str(device.uniqueID())), None):
                raise ValueError("the audio unit refuses the device")
        tap_format = node.inputFormatForBus_(0)
        rate_hz = round(tap_format.sampleRate())
        if rate_hz <= 0:
            raise ValueError("it has no format (no permission, or no device)")
        latency_s = node.presentationLatency()  # of device and stream
        self._latency_ns = round(latency_s * NS_PER_S) if 0 < latency_s < MOST_LATENCY_S else 0
        self._observers.on(
            AVFoundation.AVAudioEngineConfigurationChangeNotification,
            engine,
            "the sound devices of the Mac changed",
            "route-changed",
        )
        self._engine = engine
        node.installTapOnBus_bufferSize_format_block_(0, TAP_FRAMES, tap_format, self._take)
        engine.prepare()
        is_started, error = engine.startAndReturnError_(None)
        if not is_started:
            raise ValueError(describe(error))
        said = f"{rate_hz} Hz, {tap_format.channelCount()} channels"
        self.device = Device(self.device.id, str(device.localizedName()), Role.MIC, format=said)

    def _take(self, buffer: Any, when: Any) -> None:
        """Copy a buffer out, which the engine uses again at once; on the engine's thread."""
        with guarded(self._delivery):
            frames, stride = buffer.frameLength(), buffer.stride()
            channels = buffer.floatChannelData()
            if not frames or not channels:
                return
            samples = np.empty((frames, len(channels)), np.float32)
            for index, channel in enumerate(channels):
                view = np.frombuffer(channel.as_buffer(frames * stride), np.float32)
                samples[:, index] = view[::stride]
            rate_hz = round(buffer.format().sampleRate())
            arrival_ns = self._clock.now_ns()
            stamp_ns = self._host.ns_from_units(when.hostTime()) if when.isHostTimeValid() else None
            if stamp_ns is None:
                stamp_ns = arrival_ns - frames * NS_PER_S // rate_hz
            block = AudioBlock(stamp_ns - self._latency_ns, samples, rate_hz, arrival_ns)
            self._delivery.hand_over(lambda sink: sink.audio(block))

    def _check_alive(self) -> None:
        self._delivery.check_silence(SILENT_NS, self.device.name)


def microphone(
    device_id: str, settings: Settings, clock: Clock, *, tapless: set[str]
) -> SecondChoice:
    """Return a tap, or the capture session that takes over when there is none or it has died.

    `tapless` holds the ids of devices whose tap died on a route change: they are not given another
    one, which is known to crash when it comes too soon. It is shared by the sources of a platform.
    """
    return SecondChoice(
        TapSource(device_id, clock),
        CaptureSource(Role.MIC, device_id, settings, clock, is_copied=False),
        spent=tapless,
        deadly="route-changed",
        notice=(
            "mic-fallback",
            "the microphone comes through AVFoundation",
            "the sound devices changed",
        ),
    )


def _hal_id(uid: str) -> int:
    """Return the HAL's number of the device with this UID. Raises ValueError when there is none."""
    for device_id in _hal_numbers(CoreAudio.kAudioObjectSystemObject, _address(_DEVICES)):
        status, _, pointer = CoreAudio.AudioObjectGetPropertyData(
            device_id, _address(_UID), 0, objc.NULL, 8, None
        )
        if status == 0:
            name = objc.objc_object(c_void_p=int.from_bytes(pointer, "little"))
            if str(name) == uid:
                return device_id
    raise ValueError("the sound system does not know the device")


def _hal_numbers(object_id: int, address: Any) -> tuple[int, ...]:
    status, size = CoreAudio.AudioObjectGetPropertyDataSize(object_id, address, 0, objc.NULL, None)
    if status:
        return ()
    status, size, found = CoreAudio.AudioObjectGetPropertyData(
        object_id, address, 0, objc.NULL, size, None
    )
    return () if status else tuple(np.frombuffer(found, np.uint32)[: size // 4].tolist())


def _address(selector: int) -> tuple[int, int, int]:
    scope = CoreAudio.kAudioObjectPropertyScopeGlobal
    return (selector, scope, CoreAudio.kAudioObjectPropertyElementMain)


_DEVICES = CoreAudio.kAudioHardwarePropertyDevices
_UID = CoreAudio.kAudioDevicePropertyDeviceUID
