"""What the platform lists and makes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.world import AppSpec, DisplaySpec, MicSpec, WindowSpec
from tests.platforms.macos.making import back_end, running, until

from onetake.clock import HostClock
from onetake.engine.plan import make_plan
from onetake.engine.preflight import look_at_devices
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.model.findings import Status
from onetake.model.settings import Codec, Settings
from onetake.testing.conformance import check_source


def _platform() -> Any:
    return back_end("platform").MacPlatform()


def _rich(mac: Mac) -> None:
    mac.displays.append(DisplaySpec(2, 100, 60, 1.0))
    mac.apps = [
        AppSpec("com.apple.finder", "Finder", 100),
        AppSpec("org.editor", "Editor", 200),
    ]
    mac.windows = [
        WindowSpec(11, "notes.txt", "org.editor", width_pt=140, height_pt=120),
        WindowSpec(12, "", "org.editor"),
        WindowSpec(13, "tip", "org.editor", width_pt=20, height_pt=120),
        WindowSpec(14, "Dock", "com.apple.finder", layer=20, width_pt=140, height_pt=120),
    ]


def test_lists_everything_there_is(mac: Mac) -> None:
    """Displays, windows worth recording, applications, system sound, microphones and cameras."""
    _rich(mac)
    mac.mics.append(MicSpec("USB-7", "USB Microphone", 91))
    mac.default_mic = "USB-7"
    devices = {d.id: d for d in _platform().devices()}
    assert list(devices) == [
        "mac:system",
        "display:1",
        "display:2",
        "window:11",
        "app:com.apple.finder",
        "app:org.editor",
        "coreaudio:MIC-1",
        "avf:MIC-1",
        "coreaudio:USB-7",
        "avf:USB-7",
        "avf:CAM-1",
    ]
    assert devices["window:11"].name == "Editor: notes.txt"
    assert [d.id for d in devices.values() if d.is_default] == [
        "mac:system",
        "display:1",
        "coreaudio:USB-7",
        "avf:CAM-1",
    ]


def test_listing_never_raises_and_never_asks(mac: Mac) -> None:
    """Without the screen permission everything but windows is listed, the problem is said, and
    macOS is not made to ask; without an awake display that is said, too."""
    _rich(mac)
    mac.has_screen_grant = False
    platform = _platform()
    ids = {device.id for device in platform.devices()}
    assert {"mac:system", "display:1", "display:2", "avf:CAM-1"} <= ids
    assert not any(one.startswith(("window:", "app:")) for one in ids)
    assert len(platform.problems()) == 1
    assert "Terminal" in platform.problems()[0]
    assert mac.asked == []
    for display in mac.displays:
        display.is_asleep = True
    assert {device.role for device in platform.devices()} == {Role.MIC, Role.CAMERA}
    assert len(platform.problems()) == 2


def test_listing_on_macos_13(mac: Mac) -> None:
    """Device types that came with macOS 14 have their older names before."""
    mac.version = (13, 0)
    assert {d.role for d in _platform().devices()} == set(Role)


def test_owns_its_schemes(mac: Mac) -> None:
    """Ids are told apart by their scheme."""
    platform = _platform()
    for device_id in ("display:1", "window:2", "app:x", "mac:system", "coreaudio:u", "avf:u"):
        assert platform.owns(device_id)
    for device_id in ("x11::0", "pulse:x", "synthetic:mic", "rtsp://host"):
        assert not platform.owns(device_id)


def test_wrong_role_for_a_device(mac: Mac) -> None:
    """A microphone cannot be a screen."""
    with pytest.raises(DeviceUnavailable):
        _platform().source(Role.SCREEN, "coreaudio:MIC-1", Settings(), HostClock())


@pytest.mark.parametrize(
    ("settings", "is_native"),
    [
        (Settings(), True),
        (Settings(codec=Codec.HEVC), True),
        (Settings(codec=Codec.AV1), False),
        (Settings(encoder="h264_videotoolbox"), False),
        (Settings(encoder="libx264"), False),
    ],
)
def test_portable_writer_stays_selectable(mac: Mac, settings: Settings, is_native: bool) -> None:
    """An encoder chosen by name, or AV1, takes the portable compositor and writer together."""
    platform = _platform()
    assert (platform.compositor((64, 36), settings) is not None) is is_native
    assert (platform.writer("a.mp4", (64, 36), settings) is not None) is is_native


def test_compositor_and_writer_share_the_pool(mac: Mac) -> None:
    """The compositor draws into the pool of the writer of the same size."""
    platform = _platform()
    compositor = platform.compositor((64, 36), Settings())
    writer = platform.writer("a.mp4", (64, 36), Settings())
    assert compositor._pool is writer._pool
    assert platform.compositor((32, 18), Settings())._pool is not writer._pool


@pytest.mark.parametrize(
    ("device_id", "size"),
    [("window:11", (280, 240)), ("app:org.editor", (320, 180)), ("display:2", (100, 60))],
)
def test_windows_applications_and_displays_record(
    mac: Mac, device_id: str, size: tuple[int, int]
) -> None:
    """Each kind of target opens in its size and delivers."""
    _rich(mac)
    source = _platform().source(Role.SCREEN, device_id, Settings(), HostClock())
    with running(source) as pictures:
        assert source.size_px() == size
        assert until(lambda: bool(pictures.sink.frames))


@pytest.mark.slow
def test_doctor_finds_every_device_working(mac: Mac) -> None:
    """The preflight that opens and hears every device finds all four of a healthy Mac."""
    mac.schedule(0.0, 0.5, 20, 0.3)
    plan = make_plan(Settings(camera="default"), [_platform()])
    findings = look_at_devices(plan, HostClock())
    assert {finding.status for finding in findings} == {Status.OK}, findings
    mac.media_status["AVMediaTypeVideo"] = 2
    findings = look_at_devices(plan, HostClock())
    assert [f.status for f in findings].count(Status.FAIL) == 1


def test_own_and_chosen_applications_are_left_out(mac: Mac) -> None:
    """Our own windows and the applications the user names are not in the picture."""
    import os

    _rich(mac)
    mac.apps.append(AppSpec("org.onetake", "onetake", os.getpid()))
    wish = Settings(excluded_apps=("org.editor",))
    source = _platform().source(Role.SCREEN, "display:1", wish, HostClock())
    with running(source):
        assert mac.running[0]._filter._hidden == ["org.editor", "org.onetake"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "device_id"),
    [
        (Role.SCREEN, "display:1"),
        (Role.SYSTEM, "mac:system"),
        (Role.MIC, "coreaudio:MIC-1"),
        (Role.MIC, "avf:MIC-1"),
        (Role.CAMERA, "avf:CAM-1"),
    ],
)
@pytest.mark.parametrize("encoder", ["auto", "libx264"])
def test_sources_conform(mac: Mac, role: Role, device_id: str, encoder: str) -> None:
    """Every source does what every source of every platform must do."""
    platform = _platform()
    wish = Settings(encoder=encoder)
    report = check_source(lambda: platform.source(role, device_id, wish, HostClock()))
    assert report.worst_delay_ms < 1500
