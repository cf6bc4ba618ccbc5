"""The real sources do what the contract asks of every source."""

from __future__ import annotations

import pytest
from tests.stage.http_camera import http_camera
from tests.stage.rtsp import rtsp_camera
from tests.stage.stage import Stage

from onetake.clock import HostClock
from onetake.model.devices import Role
from onetake.model.settings import Settings
from onetake.platforms.contract import Source
from onetake.platforms.registry import find_platforms
from onetake.testing import conformance
from onetake.testing.conformance import check_source

pytestmark = pytest.mark.real


def source_of(role: Role, device_id: str, settings: Settings | None = None) -> Source:
    """Return an unopened source from whoever owns the id."""
    platform = next(p for p in find_platforms() if p.owns(device_id))
    return platform.source(role, device_id, settings or Settings(), HostClock())


@pytest.mark.parametrize("fps", [5, 60])
def test_the_screen_conforms(real_stage: Stage, fps: int) -> None:
    """An X screen in motion, slow and fast."""
    settings = Settings(fps=fps)
    report = check_source(lambda: source_of(Role.SCREEN, real_stage.screen_id, settings))
    assert report.frames >= 3


def test_the_microphone_conforms(real_stage: Stage) -> None:
    """A source of the sound server."""
    report = check_source(lambda: source_of(Role.MIC, real_stage.mic_id))
    assert report.samples > 10_000


def test_the_system_sound_conforms(real_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor: its samples come before they are heard, by the whole buffer of the card, so their
    true stamps lie in the future."""
    monkeypatch.setattr(conformance, "_FUTURE_NS", 500_000_000)
    report = check_source(lambda: source_of(Role.SYSTEM, real_stage.system_id))
    assert report.samples > 10_000


def test_network_cameras_conform() -> None:
    """JPEGs over HTTP and H.264 over RTSP."""
    with http_camera() as phone, rtsp_camera() as camera:
        for url in (phone.url, camera.url):
            assert check_source(lambda url=url: source_of(Role.CAMERA, url)).frames > 3
