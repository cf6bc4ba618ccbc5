"""The platform offers four devices, and one pattern for all of them."""

import threading

import pytest

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Platform, Source
from onetake.platforms.synthetic.platform import SyntheticPlatform, full_device_id


def test_it_is_a_platform_with_four_devices() -> None:
    """One device a role, each with an id it owns, none of them a default."""
    platform: Platform = SyntheticPlatform()
    devices = platform.devices()
    assert {device.role for device in devices} == set(Role)
    assert all(platform.owns(device.id) for device in devices)
    assert not any(device.is_default for device in devices)
    assert [device.id for device in devices] == [f"synthetic:{role}" for role in Role]
    assert all(device.format for device in devices)
    assert platform.problems() == []
    assert platform.compositor((2, 2), Settings()) is None
    assert platform.writer("x", (2, 2), Settings()) is None


@pytest.mark.parametrize("other", ["pulse:synthetic", "x11::0", "synthetics:mic", ""])
def test_it_owns_nothing_else(other: str) -> None:
    """Ids of other schemes are not its own."""
    assert not SyntheticPlatform().owns(other)


def test_short_ids_mean_the_roles_device() -> None:
    """`synthetic` alone, with or without options, is the device of the role it is asked for."""
    assert full_device_id(Role.MIC, "synthetic") == "synthetic:mic"
    assert full_device_id(Role.MIC, "synthetic?seed=1") == "synthetic:mic?seed=1"
    assert SyntheticPlatform().owns("synthetic")


def test_a_device_of_another_role_is_refused() -> None:
    """The camera cannot be the microphone, and an unknown option is no device."""
    platform = SyntheticPlatform()
    for device_id in ("synthetic:camera", "synthetic:mic?flip=1"):
        with pytest.raises(DeviceUnavailable):
            platform.source(Role.MIC, device_id, Settings(), HostClock())


class FakeClock:
    """A clock the test sets."""

    def __init__(self) -> None:
        self.at_ns = 7 * NS_PER_S + 400

    def now_ns(self) -> int:
        """Return what was set."""
        return self.at_ns


class Catch:
    """A sink that keeps the first thing and stops."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.got: list[object] = []

    def frame(self, frame: object) -> None:
        """Keep."""
        self.got.append(frame)
        self.stop.set()

    audio = frame

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Ignore."""


def test_all_devices_share_one_epoch() -> None:
    """Sources opened at different times play one pattern: its position 0 is the whole second before
    the first was opened."""
    platform, clock = SyntheticPlatform(), FakeClock()
    sources: list[Source] = []
    for role in Role:
        source = platform.source(role, f"synthetic:{role}", Settings(), clock)
        source.open()
        sources.append(source)
        clock.at_ns += 3 * NS_PER_S
    assert {source._epoch_ns for source in sources} == {7 * NS_PER_S}
