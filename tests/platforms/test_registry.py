"""Finding the device a person meant."""

from __future__ import annotations

import pytest

from onetake.clock import Clock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.settings import Settings
from onetake.platforms.contract import Compositor, Source, Writer
from onetake.platforms.registry import find_platforms, resolve, shown_id


class FakePlatform:
    """A platform with a fixed list of devices."""

    def __init__(
        self, name: str, devices: list[Device], schemes: tuple[str, ...], problem: str = ""
    ) -> None:
        self.name = name
        self._devices = devices
        self._schemes = schemes
        self._problem = problem

    def devices(self) -> list[Device]:
        return self._devices

    def problems(self) -> list[str]:
        return [self._problem] if self._problem else []

    def owns(self, device_id: str) -> bool:
        return device_id.startswith(self._schemes)

    def source(self, role: Role, device_id: str, settings: Settings, clock: Clock) -> Source:
        raise NotImplementedError

    def compositor(self, size_px: tuple[int, int], settings: Settings) -> Compositor | None:
        return None

    def writer(self, path: str, size_px: tuple[int, int], settings: Settings) -> Writer | None:
        return None


class FollowingPlatform(FakePlatform):
    """A platform that has an id for the default."""

    def default_id(self, role: Role) -> str | None:
        return "pulse:@DEFAULT@" if role is Role.MIC else None


MICS = [
    Device("pulse:alsa_input.usb", "USB Microphone", Role.MIC),
    Device("pulse:alsa_input.pci", "Built-in Audio", Role.MIC, True),
    Device("pulse:alsa_input.pci2", "Built-in Audio 2", Role.MIC),
]
SCREENS = [Device("x11::0", "Display :0", Role.SCREEN, True)]
SYNTHETIC = FakePlatform(
    "synthetic",
    [Device(f"synthetic:{role}", f"Synthetic {role}", role) for role in Role],
    ("synthetic",),
)
REAL = FakePlatform("linux", [*MICS, *SCREENS], ("pulse:", "x11:"))
ALL = [REAL, SYNTHETIC]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pulse:alsa_input.usb", "pulse:alsa_input.usb"),
        ("USB Microphone", "pulse:alsa_input.usb"),
        ("usb", "pulse:alsa_input.usb"),
        ("ALSA_INPUT.USB", "pulse:alsa_input.usb"),
        (" usb microphone ", "pulse:alsa_input.usb"),
        ("Built-in Audio", "pulse:alsa_input.pci"),
        ("built-in audio", "pulse:alsa_input.pci"),
        ("alsa_input.pci", "pulse:alsa_input.pci"),
        ("default", "pulse:alsa_input.pci"),
        ("DEFAULT", "pulse:alsa_input.pci"),
        ("none", None),
        ("", None),
        ("synthetic", "synthetic:mic"),
        ("synthetic:mic?drift=200", "synthetic:mic?drift=200"),
        ("pulse:not-there-yet", "pulse:not-there-yet"),
    ],
)
def test_resolves_ids_names_prefixes_and_words(text: str, expected: str | None) -> None:
    """A full id, an exact name, an unambiguous beginning and the three words are understood."""
    assert resolve(Role.MIC, text, ALL) == expected


def test_an_exact_name_beats_a_longer_one_it_begins() -> None:
    """`Built-in Audio` is not ambiguous although `Built-in Audio 2` exists."""
    assert resolve(Role.MIC, "Built-in Audio", ALL) == "pulse:alsa_input.pci"


def test_an_ambiguous_beginning_names_what_it_fits() -> None:
    """Several devices that fit equally are an error that lists them."""
    with pytest.raises(DeviceUnavailable, match="fits 2 microphones") as caught:
        resolve(Role.MIC, "built", ALL)
    assert "pulse:alsa_input.pci" in caught.value.hint
    assert "pulse:alsa_input.pci2" in caught.value.hint


def test_a_typing_error_is_answered_with_the_near_match() -> None:
    """The hint of an unknown name holds the nearest device."""
    with pytest.raises(DeviceUnavailable, match="is called 'USB Micropone'") as caught:
        resolve(Role.MIC, "USB Micropone", ALL)
    assert "did you mean: pulse:alsa_input.usb" in caught.value.hint


def test_a_word_inside_the_name_is_answered_with_it() -> None:
    """A part from the middle of a name is not taken, but named."""
    with pytest.raises(DeviceUnavailable) as caught:
        resolve(Role.MIC, "Microphone", ALL)
    assert "did you mean: pulse:alsa_input.usb" in caught.value.hint


def test_a_device_of_another_role_is_not_taken() -> None:
    """A screen's name is no microphone."""
    with pytest.raises(DeviceUnavailable):
        resolve(Role.MIC, "Display :0", ALL)


def test_default_never_falls_back_to_synthetic() -> None:
    """Without a real device `default` is an error that says why, not a made-up recording."""
    bare = FakePlatform("linux", [], ("x11:",), problem="no display: DISPLAY is not set")
    with pytest.raises(DeviceUnavailable, match="there is no screen") as caught:
        resolve(Role.SCREEN, "default", [bare, SYNTHETIC])
    assert "no display" in caught.value.hint


def test_a_name_without_any_device_says_why_there_is_none() -> None:
    """An unknown name on a system without that kind of device is answered with the problem."""
    bare = FakePlatform("linux", [], (), problem="no sound server: Connection refused")
    with pytest.raises(DeviceUnavailable) as caught:
        resolve(Role.MIC, "usb", [bare, SYNTHETIC])
    assert "no sound server" in caught.value.hint


def test_default_is_the_id_that_follows_where_there_is_one() -> None:
    """A platform that can follow the default gets the id for that, so a switch is noticed."""
    platform = FollowingPlatform("linux", [*MICS, *SCREENS], ("pulse:", "x11:"))
    assert resolve(Role.MIC, "default", [platform, SYNTHETIC]) == "pulse:@DEFAULT@"
    assert resolve(Role.SCREEN, "default", [platform, SYNTHETIC]) == "x11::0"


@pytest.mark.parametrize("url", ["rtsp://c/1", "RTSPS://c/1", "http://10.0.0.2:8080/video"])
def test_the_url_of_a_camera_is_its_id(url: str) -> None:
    """Camera URLs need no list."""
    assert resolve(Role.CAMERA, url, ALL) == url
    with pytest.raises(DeviceUnavailable):
        resolve(Role.MIC, url, ALL)


def test_shown_ids_hold_no_password() -> None:
    """What goes to logs and reports has its credentials replaced; other ids stay as they are."""
    assert shown_id("http://me:secret@cam/v?a=1") == "http://***@cam/v?a=1"
    assert shown_id("pulse:a@b") == "pulse:a@b"


def test_this_system_has_its_platforms() -> None:
    """The synthetic platform is always there, and last."""
    names = [platform.name for platform in find_platforms()]
    assert names[-2:] == ["network", "synthetic"]
