"""A camera's password is used and told to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from onetake.engine.recorder import Recorder
from onetake.errors import OnetakeError
from onetake.model.settings import Settings

SECRET = "hunter2"


def test_plan_shows_no_password(tmp_path: Path) -> None:
    """Devices and settings for reports and events are without credentials; the device has them."""
    url = f"http://me:{SECRET}@127.0.0.1:9/cam"
    settings = Settings(
        output=str(tmp_path / "out.mp4"),
        screen="synthetic",
        system_audio="none",
        mic="none",
        camera=url,
    )
    plan = Recorder().plan(settings)
    assert SECRET in "".join(plan.devices.values())
    assert SECRET not in str(plan.shown_devices)
    assert SECRET not in str(plan.shown_settings)


def test_refusal_shows_no_password(tmp_path: Path) -> None:
    """The line that refuses a camera names it without its password."""
    settings = Settings(
        output=str(tmp_path / "out.mp4"),
        screen="synthetic",
        system_audio="none",
        mic="none",
        camera=f"http://me:{SECRET}@127.0.0.1:9/cam",
    )
    with pytest.raises(OnetakeError) as caught:
        Recorder().start(settings)
    assert SECRET not in str(caught.value.to_dict())
    assert list(tmp_path.iterdir()) == []
