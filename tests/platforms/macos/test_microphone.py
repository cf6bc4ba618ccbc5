"""The microphone's tap and what takes over from it, on the simulated Mac."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.signals import MIC_HZ
from tests.platforms.macos.fake.world import MicSpec
from tests.platforms.macos.making import back_end, laid, onsets_of_sound, running, until

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.devices import Role
from onetake.model.settings import Settings

NS_PER_S = 1_000_000_000


def _mic(device_id: str = "coreaudio:MIC-1") -> Any:
    platform = back_end("platform").MacPlatform()
    return platform.source(Role.MIC, device_id, Settings(), HostClock())


def test_tap_delivers_the_devices_own_rate_and_channels(mac: Mac) -> None:
    """Blocks are the device's rate and channel count; buffers are copied before the engine uses
    them again."""
    mac.mics[0] = MicSpec(rate_hz=44_100, channels=2)
    source = _mic()
    with running(source) as sound:
        mac.schedule(0.1, 1.0, 1)
        assert source.device.format == "44100 Hz, 2 channels"
        assert until(lambda: len(sound.sink.blocks) > 4)
    block = sound.sink.blocks[0]
    assert block.rate_hz == 44_100
    assert block.samples.shape[1] == 2
    assert max(float(np.abs(b.samples).max()) for b in sound.sink.blocks) < 0.5
    assert sound.sink.warnings == []


def test_latency_is_subtracted(mac: Mac) -> None:
    """A beep lies where it happened in the air, though the HAL stamps it 30 ms later."""
    mac.mics[0].latency_s = 0.030
    with running(_mic()) as sound:
        mac.schedule(0.25, 1.0, 1)
        assert until(lambda: time.monotonic_ns() > mac.events[-1].end_ns + 300_000_000)
    start_ns, samples = laid(sound.sink.blocks)
    onset_s = onsets_of_sound(samples, MIC_HZ)[0]
    assert abs(start_ns + onset_s * NS_PER_S - mac.events[0].start_ns) < 1_000_000


def test_unbelievable_latency_is_not_subtracted(mac: Mac) -> None:
    """A device that claims seconds of latency is not believed."""
    mac.mics[0].latency_s = 5.0
    source = _mic()
    source.open()
    assert source._first._latency_ns == 0
    source.close()


def test_pinned_device_is_bound_by_its_hal_number(mac: Mac) -> None:
    """`coreaudio:UID` records that device, whatever the default is."""
    mac.mics.append(MicSpec("USB-7", "USB Microphone", 91, rate_hz=32_000))
    source = _mic("coreaudio:USB-7")
    with running(source) as sound:
        assert until(lambda: bool(sound.sink.blocks))
        assert source.device.name == "USB Microphone"
    assert sound.sink.blocks[0].rate_hz == 32_000


def test_default_device_is_followed(mac: Mac) -> None:
    """`coreaudio:default` records the default device of the moment."""
    mac.mics.append(MicSpec("USB-7", "USB Microphone", 91, rate_hz=32_000))
    mac.default_mic = "USB-7"
    with running(_mic("coreaudio:default")) as sound:
        assert until(lambda: bool(sound.sink.blocks))
    assert sound.sink.blocks[0].rate_hz == 32_000


@pytest.mark.parametrize("fault", ["hal", "tap"])
def test_session_takes_over_when_there_is_no_tap(mac: Mac, fault: str) -> None:
    """Where the device cannot be bound or the tap cannot be had, AVFoundation delivers, and the
    user is told."""
    mac.hal_names_devices = fault != "hal"
    mac.tap_error = "required condition is false" if fault == "tap" else ""
    with running(_mic()) as sound:
        assert until(lambda: bool(sound.sink.blocks))
    assert sound.sink.blocks[0].rate_hz == 48_000
    assert [w[0] for w in sound.sink.warnings] == ["mic-fallback"]


def test_route_change_ends_the_tap_and_the_next_source_is_a_session(mac: Mac) -> None:
    """A headset that switches to 16 kHz stops the tap; the next source on the device, of the same
    platform, takes no tap again."""
    platform = back_end("platform").MacPlatform()
    clock = HostClock()
    with running(platform.source(Role.MIC, "coreaudio:MIC-1", Settings(), clock)) as sound:
        assert until(lambda: len(sound.sink.blocks) > 2)
        mac.mics[0].rate_hz = 16_000
        mac.change_route()
        assert until(lambda: sound.error is not None, 0.5)
    assert sound.error.code == "route-changed"  # type: ignore[union-attr]
    with running(platform.source(Role.MIC, "coreaudio:MIC-1", Settings(), clock)) as sound:
        mac.schedule(0.4, 1.0, 1)
        assert until(lambda: time.monotonic_ns() > mac.events[-1].end_ns + 300_000_000)
    start_ns, samples = laid(sound.sink.blocks)
    onset_s = onsets_of_sound(samples, MIC_HZ)[0]
    assert abs(start_ns + onset_s * NS_PER_S - mac.events[0].start_ns) < 1_000_000
    assert [w[0] for w in sound.sink.warnings] == ["mic-fallback"]


def test_unplugged_microphone_is_gone(mac: Mac) -> None:
    """Unplugging is a route change after which there is no device: the source ends."""
    with running(_mic()) as sound:
        assert until(lambda: bool(sound.sink.blocks))
        mac.unplug("MIC-1")
        assert until(lambda: sound.error is not None, 1.0)
    assert isinstance(sound.error, DeviceUnavailable)
    with pytest.raises(DeviceUnavailable, match="not connected"):
        _mic().open()


def test_silent_death(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tap that is not called any more is given up."""
    monkeypatch.setattr(back_end("microphone"), "SILENT_NS", 300_000_000)
    with running(_mic()) as sound:
        assert until(lambda: bool(sound.sink.blocks))
        mac.running[0].go_silent()
        assert until(lambda: sound.error is not None, 2.0)
    assert sound.error.code == "device-silent"  # type: ignore[union-attr]


def test_no_device_and_no_permission(mac: Mac) -> None:
    """Without a microphone it is unavailable, without permission denied: two different errors."""
    mac.media_status["AVMediaTypeAudio"] = 2
    with pytest.raises(PermissionDenied):
        _mic().open()
    mac.media_status["AVMediaTypeAudio"] = 3
    mac.mics = []
    with pytest.raises(DeviceUnavailable):
        _mic("coreaudio:default").open()


def test_everything_ends_with_the_source(mac: Mac) -> None:
    """After `close` no engine runs and nothing is observed, with or without the fallback."""
    with running(_mic()):
        pass
    mac.tap_error = "no"
    with running(_mic()):
        pass
    assert mac.running == []
    assert mac.observers == []
