"""An RTSP camera: real H.264 over RTP."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.platforms.collecting import Running, run_for
from tests.stage.rtsp import rtsp_camera

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.model.settings import Settings
from onetake.platforms.contract import Source
from onetake.platforms.network.platform import NetworkPlatform

pytestmark = pytest.mark.real


def source_of(url: str) -> Source:
    """Return an unopened source."""
    return NetworkPlatform().source(Role.CAMERA, url, Settings(), HostClock())


def test_pictures_come_evenly_stamped() -> None:
    """The sender's clock, tied to the earliest arrivals, gives even stamps that increase."""
    with rtsp_camera() as camera:
        found = run_for(source_of(camera.url), 2.0)
    assert found.size_px == (640, 360)
    steps_ms = np.diff(found.stamps_ns) / 1e6
    assert len(steps_ms) > 15
    assert (steps_ms > 0).all()
    assert float(np.median(steps_ms)) == pytest.approx(33.3, abs=0.5)
    ages_ms = [(a - s) / 1e6 for s, a in zip(found.stamps_ns, found.arrivals_ns, strict=True)]
    assert min(ages_ms[5:]) > -1


def test_a_packet_that_comes_in_two_parts_is_one() -> None:
    """A wait in the middle of a packet, longer than a read's, costs neither place nor picture."""
    with rtsp_camera() as camera, Running(source_of(camera.url)) as running:
        time.sleep(0.5)
        camera.gap_s = 0.3
        time.sleep(1.5)
        camera.gap_s = 0.0
        time.sleep(0.5)  # what has gathered comes
        before = len(running.found.frames)
        time.sleep(1.0)
        after = len(running.found.frames)
        assert running.stop() < 0.5
    assert after - before > 15


def test_a_silent_session_is_whole_when_pictures_come_again() -> None:
    """Waiting for pictures does not break the stream: a stop stays possible, and after a stall of
    1 s pictures go on in the same session."""
    with rtsp_camera() as camera, Running(source_of(camera.url)) as running:
        time.sleep(1.0)
        camera.is_frozen = True
        time.sleep(1.0)
        before = len(running.found.frames)
        camera.is_frozen = False
        time.sleep(1.5)
        after = len(running.found.frames)
        camera.is_frozen = True
        time.sleep(0.3)
        assert running.stop() < 0.5
    assert after - before > 5


def test_a_camera_that_hangs_up_is_unavailable() -> None:
    """The end of the connection is DeviceUnavailable."""
    with rtsp_camera() as camera, Running(source_of(camera.url)) as running:
        time.sleep(0.5)
        camera.hang_up()
        assert isinstance(running.wait_for_end(3), DeviceUnavailable)


def test_a_camera_without_pictures_fails_to_open_in_3_s() -> None:
    """A session that plays nothing is an error in time."""
    with rtsp_camera() as camera:
        camera.is_frozen = True
        source = source_of(camera.url)
        begun_s = time.monotonic()
        with pytest.raises(DeviceUnavailable):
            source.open()
        assert time.monotonic() - begun_s < 3.1
        source.close()
