"""A phone as a webcam: JPEGs over HTTP, with every way they can fail."""

from __future__ import annotations

import time

import av
import numpy as np
import pytest
from tests.platforms.collecting import Running, run_for
from tests.stage.http_camera import http_camera
from tests.stage.processes import kill
from tests.stage.truth import read_picture

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.devices import Role
from onetake.model.media import PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.platforms.contract import Source
from onetake.platforms.network.platform import NetworkPlatform

pytestmark = pytest.mark.slow


def source_of(url: str) -> Source:
    """Return an unopened source."""
    return NetworkPlatform().source(Role.CAMERA, url, Settings(), HostClock())


@pytest.mark.parametrize("mode", ["length", "boundary"])
def test_pictures_come_with_the_time_they_were_taken(mode: str) -> None:
    """Stamps lie within a frame after the instant drawn in the picture, and increase."""
    start_ns = time.monotonic_ns()
    with http_camera(start_ns, mode=mode) as camera:
        found = run_for(source_of(camera.url), 1.5)
    assert found.size_px == (640, 360)
    assert len(found.frames) > 5
    assert all(a < b for a, b in zip(found.stamps_ns, found.stamps_ns[1:], strict=False))
    late_ms = []
    for stamp_ns, image in found.frames:
        assert isinstance(image, av.VideoFrame)
        code = read_picture(image.to_ndarray(format="bgr24"))
        assert code is not None
        late_ms.append((stamp_ns - start_ns - code.position_ns) / 1e6)
    assert min(late_ms) > -1
    # Without lengths a picture is only complete when the next begins; its stamp is not later.
    assert float(np.median(late_ms)) < 15


def test_frames_are_what_the_contract_says() -> None:
    """PyAV frames, stamped on arrival, device named after open."""
    with http_camera() as camera:
        source = source_of(camera.url)
        found = run_for(source, 0.5)
    assert source.stamp_kind is StampKind.ARRIVAL
    assert source.device.format == "640x360"
    assert found.formats == {PixelFormat.AV}


def test_a_camera_with_a_login_is_let_in_by_digest() -> None:
    """User and password of the URL answer the challenge, and are never in the device."""
    with http_camera(mode="login") as camera:
        source = source_of(camera.url.replace("//", "//me:secret@"))
        run_for(source, 0.3)
        assert "secret" not in repr(source.device)
        with pytest.raises(PermissionDenied, match="wants a user"):
            run_for(source_of(camera.url), 0)


@pytest.mark.parametrize("mode", ["silent", "mute"])
def test_a_camera_that_never_delivers_fails_to_open_in_3_s(mode: str) -> None:
    """Both a server that never answers and one that answers without pictures."""
    with http_camera(mode=mode) as camera:
        source = source_of(camera.url)
        begun_s = time.monotonic()
        with pytest.raises(DeviceUnavailable, match=r"no picture|no answer"):
            source.open()
        assert time.monotonic() - begun_s < 3.1
        source.close()


def test_a_web_page_is_no_camera() -> None:
    """The wrong path is answered with what was found there."""
    with http_camera(mode="page") as camera:
        with pytest.raises(DeviceUnavailable, match="no camera stream but text/html") as caught:
            run_for(source_of(camera.url), 0)
        assert "/video" in caught.value.hint


def test_nobody_there_is_said_at_once() -> None:
    """A refused connection names the camera without its password."""
    with pytest.raises(DeviceUnavailable, match="Connection refused") as caught:
        run_for(source_of("http://me:secret@127.0.0.1:1/video"), 0)
    assert "secret" not in caught.value.message + caught.value.hint


def test_a_stop_is_followed_within_half_a_second() -> None:
    """The contract's bound."""
    with http_camera() as camera, Running(source_of(camera.url)) as running:
        time.sleep(0.3)
        assert running.stop() < 0.5
        assert running.error is None


def test_a_camera_that_dies_is_unavailable() -> None:
    """The end of the connection is DeviceUnavailable at once, so that the engine tries again."""
    with http_camera() as camera, Running(source_of(camera.url)) as running:
        time.sleep(0.3)
        kill(camera.process)
        assert isinstance(running.wait_for_end(1.0), DeviceUnavailable)
