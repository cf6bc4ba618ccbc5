"""Devices that go and come back in mid-take: the take goes on, they join the same timeline."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import av
import pytest
from tests.stage.http_camera import http_camera
from tests.stage.processes import kill, wait_until
from tests.stage.sound import pulseaudio
from tests.stage.stage import changed_environment
from tests.stage.xserver import xvfb

import onetake
from onetake.model.devices import Role
from onetake.model.events import SourceState

pytestmark = [pytest.mark.real, pytest.mark.slow]


def is_in(take: onetake.Take, role: Role, state: SourceState) -> bool:
    """Whether a source of the take is in this state."""
    return take.snapshot().sources.get(role) is state


def test_everything_goes_and_comes_back(tmp_path: Path) -> None:
    """The default output is switched, the sound server restarted, the X server killed and started
    in another size, the camera's power cut: one valid file of full length, sound and picture
    ending together, every loss in the report with its reason."""
    path = tmp_path / "take.mp4"
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(xvfb(640, 480))
        sound = stack.enter_context(pulseaudio())
        camera = stack.enter_context(http_camera())
        sound.ctl("set-default-sink", "quiet")
        sound.ctl("load-module", "module-null-sink", "sink_name=other")
        stack.enter_context(changed_environment({**screen.env, **sound.env}))
        take = onetake.record(path, mic="none", camera=camera.url)

        def goes_and_comes(role: Role) -> None:
            wait_until(lambda: is_in(take, role, SourceState.LOST), f"{role} to go")
            wait_until(lambda: is_in(take, role, SourceState.LIVE), f"{role} to come back", 20)

        with take:
            wait_until(lambda: is_in(take, Role.SYSTEM, SourceState.LIVE), "sound")
            sound.ctl("set-default-sink", "other")
            goes_and_comes(Role.SYSTEM)
            assert sound.process is not None
            kill(sound.process)
            wait_until(lambda: is_in(take, Role.SYSTEM, SourceState.LOST), "the server's end")
            again = stack.enter_context(pulseaudio(sound.folder))
            again.ctl("set-default-sink", "quiet")
            wait_until(lambda: is_in(take, Role.SYSTEM, SourceState.LIVE), "sound again", 20)
            kill(screen.process)
            wait_until(lambda: is_in(take, Role.SCREEN, SourceState.LOST), "the screen's end")
            time.sleep(1)
            stack.enter_context(xvfb(800, 600, display=screen.display))
            wait_until(lambda: is_in(take, Role.SCREEN, SourceState.LIVE), "the screen again", 20)
            kill(camera.process)
            wait_until(lambda: is_in(take, Role.CAMERA, SourceState.LOST), "the camera's end")
            time.sleep(1)
            length_s = take.snapshot().position_ns / 1e9
            finished = take.stop()
    report = finished.report
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height) == (640, 480), "the file keeps the size it began with"
        ends_s = [float(s.duration * s.time_base) for s in (video, audio) if s.duration]
        assert len(ends_s) == 2
        assert max(ends_s) - min(ends_s) < 0.04
        assert max(ends_s) == pytest.approx(length_s, abs=0.5)
        assert sum(1 for _ in container.decode(video)) > 100
    degraded = report["degraded"]
    assert isinstance(degraded, list)
    told = [f"{loss['role']}: {loss['reason']}" for loss in degraded]
    for expected in (
        "system: the default changed from quiet.monitor to other.monitor",
        "system: the sound server went away",
        f"screen: the X server {screen.display} went away",
        f"camera: the camera {camera.url} ended the stream",
    ):
        assert any(text.startswith(expected) for text in told), (expected, told)
