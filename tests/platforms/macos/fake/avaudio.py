"""AVAudioEngine with an input tap, and the part of the HAL that names devices."""

from __future__ import annotations

import struct
import threading
import time
from typing import Any

import numpy as np
from tests.platforms.macos.fake.foundation import NSError
from tests.platforms.macos.fake.runtime import (
    NULL,
    Framework,
    Outs,
    Unmodelled,
    VarList,
    check_block,
    scene,
)
from tests.platforms.macos.fake.signals import MIC_HZ, heard
from tests.platforms.macos.fake.world import NS_PER_S, Mac, MicSpec


class AVAudioFormat(Framework):
    """A format."""

    def __init__(self, rate_hz: float, channels: int) -> None:
        self._facts = (rate_hz, channels)

    def sampleRate(self) -> float:
        """Hz."""
        return float(self._facts[0])

    def channelCount(self) -> int:
        """Channels."""
        return self._facts[1]

    def initStandardFormatWithSampleRate_channels_(self, rate_hz: float, channels: int) -> Any:
        """Float, planar."""
        self._facts = (rate_hz, channels)
        return self


class AVAudioTime(Framework):
    """When a buffer was recorded, or is to be played."""

    def __init__(self, host_units: int | None) -> None:
        self._units = host_units

    @classmethod
    def hostTimeForSeconds_(cls, seconds: float) -> int:
        """Seconds as mach units."""
        return round(seconds * NS_PER_S)

    @classmethod
    def timeWithHostTime_(cls, units: int) -> Any:
        """A time."""
        return cls(units)

    def isHostTimeValid(self) -> bool:
        """Whether it has a host time."""
        return self._units is not None

    def hostTime(self) -> int:
        """Mach units."""
        if self._units is None:
            raise Unmodelled("the host time of a time that has none")
        return self._units


class AVAudioPCMBuffer(Framework):
    """A buffer that the engine uses again."""

    def __init__(self, memory: np.ndarray, rate_hz: float) -> None:
        self._memory = memory
        self._rate_hz = rate_hz

    def initWithPCMFormat_frameCapacity_(self, sound: AVAudioFormat, frames: int) -> Any:
        """An empty one."""
        self._memory = np.full((sound.channelCount(), frames), 9.0, np.float32)
        self._rate_hz = sound.sampleRate()
        self._filled = 0
        return self

    def setFrameLength_(self, frames: int) -> None:
        """How much of it counts."""
        self._filled = frames

    def frameLength(self) -> int:
        """Frames in it."""
        return self._memory.shape[1]

    def stride(self) -> int:
        """Distance of two samples of a channel."""
        return 1

    def format(self) -> AVAudioFormat:
        """Its format."""
        return AVAudioFormat(self._rate_hz, len(self._memory))

    def floatChannelData(self) -> tuple[VarList, ...]:
        """One list of floats for each channel."""
        return tuple(VarList(memoryview(channel)) for channel in self._memory)


class AUAudioUnit(Framework, outside=True):
    """The unit behind the input node; PyObjC knows nothing of its selectors."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def setDeviceID_error_(self, device_id: int, error: Any) -> bool:
        """Bind a device; a plain bool, no error object."""
        return bool(self._owner._bind(device_id))


class AVAudioInputNode(Framework):
    """The input node."""

    def __init__(self, mac: Mac, engine: Any) -> None:
        self._owner, self._engine = mac, engine
        self._tap: Any = None
        self._bound: int | None = None

    def AUAudioUnit(self) -> AUAudioUnit:
        """The unit behind it."""
        return AUAudioUnit(self)

    def inputFormatForBus_(self, bus: int) -> AVAudioFormat:
        """The format of the hardware; rate 0 without a device or the permission."""
        mic = self._mic()
        if mic is None or self._owner.media_status["AVMediaTypeAudio"] != 3:
            return AVAudioFormat(0.0, 0)
        return AVAudioFormat(mic.rate_hz, mic.channels)

    def presentationLatency(self) -> float:
        """Of device and stream."""
        mic = self._mic()
        return mic.latency_s if mic else 0.0

    def installTapOnBus_bufferSize_format_block_(
        self, bus: int, frames: int, tap_format: AVAudioFormat, block: Any
    ) -> None:
        """Install the one tap."""
        check_block(block, 2)
        mic = self._mic()
        if self._owner.tap_error:
            raise ValueError(f"NSInvalidArgumentException: {self._owner.tap_error}")
        if self._tap is not None or mic is None or tap_format.sampleRate() != mic.rate_hz:
            raise ValueError(
                "required condition is false: format.sampleRate == hwFormat.sampleRate"
            )
        self._tap = (max(frames, mic.rate_hz // 10), block)

    def removeTapOnBus_(self, bus: int) -> None:
        """Remove the tap."""
        self._tap = None

    def _bind(self, device_id: int) -> bool:
        self._bound = device_id
        return self._mic() is not None

    def _mic(self) -> MicSpec | None:
        mics = self._owner.mics
        if self._bound is not None:
            return next((m for m in mics if m.hal_id == self._bound), None)
        chosen = [m for m in mics if m.uid == self._owner.default_mic] or mics
        return chosen[0] if chosen else None


def _engine(mac: Mac) -> type:
    class AVAudioEngine(Framework):
        """An engine; its tap is called on a thread of its own."""

        def init(self) -> Any:
            """Initialise."""
            self._node = AVAudioInputNode(mac, self)
            self._player: Any = None
            self._is_prepared = False
            self._is_running = False
            return self

        def inputNode(self) -> AVAudioInputNode:
            """The input node."""
            if not mac.mics and not self._is_prepared:
                raise ValueError("required condition is false: inputNode != nullptr")
            return self._node

        def attachNode_(self, node: Any) -> None:
            """Add a player."""
            node._engine, self._player = self, node

        def mainMixerNode(self) -> str:
            """What players play into."""
            return "mixer"

        def outputNode(self) -> Any:
            """The speakers."""
            return AVAudioOutputNode()

        def connect_to_format_(self, node: Any, mixer: str, sound: AVAudioFormat) -> None:
            """Connect a player."""
            if node is not self._player or mixer != "mixer":
                raise ValueError("required condition is false: node is not attached")
            node._sound = sound

        def prepare(self) -> None:
            """Prepare."""
            self._is_prepared = True

        def startAndReturnError_(self, error: Any) -> Outs:
            """Start."""
            if not self._is_prepared or (self._node._tap is None and self._player is None):
                raise Unmodelled("an engine without a tap or a player")
            if self._player is not None and not mac.has_output:
                return Outs((False, NSError("com.apple.coreaudio.avfaudio", -10875, "no output")))
            self._is_running = True
            if self._player is not None:
                return Outs((True, error))
            mac.running.append(self)
            threading.Thread(target=self._produce, name="AVAudioEngine", daemon=True).start()
            return Outs((True, error))

        def stop(self) -> None:
            """Stop."""
            self._is_running = False
            if self in mac.running:
                mac.running.remove(self)

        @scene
        def lose_route(self) -> None:
            """A device came, went, or changed its rate."""
            self._is_running = False
            mac.post("AVAudioEngineConfigurationChangeNotification", self)

        @scene
        def go_silent(self) -> None:
            """Deliver nothing any more, without a word."""
            self._is_running = False

        def _produce(self) -> None:
            mic = self._node._mic()
            frames, block = self._node._tap
            rate_hz = mic.rate_hz * (1 + mic.drift_ppm * 1e-6)
            memory = np.zeros((mic.channels, frames), np.float32)
            buffer = AVAudioPCMBuffer(memory, mic.rate_hz)
            first_ns, count = time.monotonic_ns(), 0
            latency_ns = round(mic.latency_s * NS_PER_S)
            while True:
                begin_ns = first_ns + round(count * NS_PER_S / rate_hz)
                count += frames
                # Air reaches the converter at `begin_ns`; the HAL stamps it a latency later.
                end_ns = first_ns + round(count * NS_PER_S / rate_hz) + latency_ns
                mac.sleep_until(end_ns)
                if not self._is_running:
                    return
                memory[:] = heard(mac, begin_ns, frames, rate_hz, mic.channels, MIC_HZ).T
                when = AVAudioTime(begin_ns + latency_ns)
                mac.call_back(lambda when=when: block(buffer, when), "tap")
                memory[:] = 9.0  # whoever kept the memory instead of a copy hears this

    class AVAudioOutputNode(Framework):
        """The speakers."""

        def presentationLatency(self) -> float:
            """Of device and stream."""
            return mac.output_latency_s

    return AVAudioEngine


def _player(mac: Mac) -> type:
    class AVAudioPlayerNode(Framework):
        """Plays buffers at their times."""

        _engine: Any = None
        _sound: Any = None
        _is_playing = False

        def init(self) -> Any:
            """Initialise."""
            return self

        def play(self) -> None:
            """From now on."""
            if self._engine is None or not self._engine._is_running:
                raise ValueError("required condition is false: _engine->IsRunning()")
            self._is_playing = True

        def scheduleBuffer_atTime_options_completionHandler_(
            self, buffer: AVAudioPCMBuffer, when: AVAudioTime, options: int, handler: Any
        ) -> None:
            """Play a buffer at a time."""
            if not self._is_playing or options or handler is not None:
                raise Unmodelled("a buffer for a player that does not play")
            if buffer.format().channelCount() != self._sound.channelCount():
                raise ValueError("required condition is false: channel counts")
            mac.played.append((when.hostTime(), buffer._memory[0, : buffer._filled].copy()))

    return AVAudioPlayerNode


def make_engine(mac: Mac) -> dict[str, Any]:
    """Return the AVFAudio part of what the `AVFoundation` module exports."""
    return {
        "AVAudioEngine": _engine(mac),
        "AVAudioPlayerNode": _player(mac),
        "AVAudioFormat": AVAudioFormat,
        "AVAudioPCMBuffer": AVAudioPCMBuffer,
        "AVAudioTime": AVAudioTime,
    }


def make_hal(mac: Mac) -> dict[str, Any]:
    """Return what the `CoreAudio` module exports."""
    devices, uid = 1684370979, 1969841184

    def data(object_id: int, selector: int) -> bytes | None:
        if object_id == 1 and selector == devices:
            return struct.pack(f"{len(mac.mics)}I", *(m.hal_id for m in mac.mics))
        mic = next((m for m in mac.mics if m.hal_id == object_id), None)
        if mic is None or selector != uid or not mac.hal_names_devices:
            return None
        return struct.pack("<Q", mac.pointer_to(mic.uid))

    def size(object_id: int, address: Any, length: int, qualifier: Any, out: Any) -> Outs:
        if length or qualifier is not NULL or out is not None or len(address) != 3:
            raise Unmodelled("property arguments")
        found = data(object_id, address[0])
        return Outs((560947818, 0)) if found is None else Outs((0, len(found)))

    def get(object_id: int, address: Any, length: int, qualifier: Any, room: int, out: Any) -> Outs:
        if length or qualifier is not NULL or out is not None or len(address) != 3:
            raise Unmodelled("property arguments")
        found = data(object_id, address[0])
        if found is None or room < len(found):
            return Outs((560947818, 0, b""))
        return Outs((0, len(found), found))

    return {"AudioObjectGetPropertyData": get, "AudioObjectGetPropertyDataSize": size}
