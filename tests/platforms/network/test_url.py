"""Camera addresses are understood, and never shown with their secrets."""

from __future__ import annotations

import pytest

from onetake.errors import DeviceUnavailable
from onetake.platforms.network.url import is_camera_url, parse_url, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://cam/video", "http://cam/video"),
        ("http://me:secret@cam:81/video?q=1", "http://***@cam:81/video?q=1"),
        ("rtsp://me@cam/1", "rtsp://***@cam/1"),
        ("http://me:se@cret@cam", "http://***@cam"),
        ("http://cam?user=me&pwd=secret&x=1", "http://cam?user=***&pwd=***&x=1"),
        (
            "http://cam/cgi?loginuse=me&loginpas=x&a=2",
            "http://cam/cgi?loginuse=***&loginpas=***&a=2",
        ),
        ("https://me:secret@[fe80::1]:8443/v", "https://***@[fe80::1]:8443/v"),
        ("pulse:me:secret@host", "pulse:me:secret@host"),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    """User, password and secret-looking parameters become `***`; the rest stays readable."""
    assert without_credentials(url) == shown


def test_an_address_has_its_parts() -> None:
    """Ports have their defaults, credentials are unquoted, the fragment is dropped."""
    address = parse_url("RTSP://me:a%40b@cam.local/ch/1?x=1#top")
    assert (address.scheme, address.host, address.port) == ("rtsp", "cam.local", 554)
    assert (address.user, address.password, address.target) == ("me", "a@b", "/ch/1?x=1")
    assert "a@b" not in repr(address)
    assert parse_url("https://cam:8443").port == 8443
    assert parse_url("https://cam").is_encrypted


@pytest.mark.parametrize("url", ["http://", "http://cam:99999/", "http://:80/", "ftp://cam/", "x"])
def test_what_is_no_address_is_said_so(url: str) -> None:
    """A malformed URL is a DeviceUnavailable with an example, not a ValueError."""
    with pytest.raises(DeviceUnavailable, match="no address of a camera"):
        parse_url(url)


def test_only_camera_schemes_are_ours() -> None:
    """The schemes are told apart from device ids."""
    assert is_camera_url("HTTP://a")
    assert not is_camera_url("http:/a")
    assert not is_camera_url("file:///etc/passwd")
