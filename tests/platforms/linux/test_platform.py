"""The Linux platform behind the contract, with and without anything there."""

from __future__ import annotations

import sys

import pytest
from tests.stage.stage import changed_environment

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.model.settings import Settings
from onetake.platforms.linux.platform import LinuxPlatform
from onetake.platforms.linux.pulse import DEFAULT_MIC_ID, DEFAULT_SYSTEM_ID
from onetake.platforms.linux.x11_server import parse_display

NOTHING = {
    "DISPLAY": "",
    "WAYLAND_DISPLAY": "",
    "XDG_SESSION_TYPE": "",
    "PULSE_SERVER": "unix:/nonexistent/native",
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /dev of Linux")
def test_a_machine_without_anything_lists_nothing_and_says_why() -> None:
    """No display, no sound server: one line each, with what to do, and nothing raises."""
    with changed_environment(NOTHING):
        platform = LinuxPlatform()
        assert [d for d in platform.devices() if d.role is not Role.CAMERA] == []
        problems = platform.problems()
    assert any("DISPLAY is not set" in problem for problem in problems)
    assert all("\n" not in problem for problem in problems)


def test_a_machine_without_libxcb_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing library of a server or container is one line, not a traceback."""
    for name in [n for n in sys.modules if n.startswith("onetake.platforms.linux.x11")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "xcffib", None)
    platform = LinuxPlatform()
    assert [d for d in platform.devices() if d.role is Role.SCREEN] == []
    assert any("libxcb is not installed" in problem for problem in platform.problems())
    with pytest.raises(DeviceUnavailable, match="libxcb"):
        platform.source(Role.SCREEN, "x11::0", Settings(), HostClock())


@pytest.mark.parametrize(
    ("role", "device_id"),
    [(Role.MIC, "x11::0"), (Role.SCREEN, "pulse:x"), (Role.MIC, "v4l2:/dev/video0")],
)
def test_a_device_of_another_kind_is_refused(role: Role, device_id: str) -> None:
    """A screen is no microphone."""
    with pytest.raises(DeviceUnavailable, match=f"cannot be a {role}"):
        LinuxPlatform().source(role, device_id, Settings(), HostClock())


def test_ids_are_owned_by_their_scheme() -> None:
    """Ours are x11, pulse and v4l2."""
    platform = LinuxPlatform()
    owned = ["x11::0", "x11:host:1/HDMI-1", "pulse:a:b", "v4l2:/dev/video0"]
    assert all(platform.owns(device_id) for device_id in owned)
    assert not any(platform.owns(text) for text in ["synthetic:mic", "rtsp://c", "x11", ""])


def test_sound_has_an_id_for_the_default() -> None:
    """Screens and cameras do not: they are chosen when the take begins."""
    platform = LinuxPlatform()
    assert platform.default_id(Role.MIC) == DEFAULT_MIC_ID
    assert platform.default_id(Role.SYSTEM) == DEFAULT_SYSTEM_ID
    assert platform.default_id(Role.SCREEN) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (":0", ("", 0)),
        (":10.0", ("", 10)),
        ("host:1", ("host", 1)),
        ("unix:3", ("unix", 3)),
        ("0", None),
        ("", None),
        (":x", None),
    ],
)
def test_display_names(name: str, expected: tuple[str, int] | None) -> None:
    """host, number and screen as X writes them."""
    parsed = parse_display(name)
    assert (None if parsed is None else (parsed.host, parsed.number)) == expected
