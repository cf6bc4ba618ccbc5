"""A take that fails before its first frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from onetake.audio.lane import AudioLane, MixBlock
from onetake.engine.recorder import Recorder
from onetake.errors import OutputFailed
from onetake.model.settings import Settings


def test_what_kept_a_take_from_beginning_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever starts it hears the reason."""

    def fail(_lane: AudioLane, _now_ns: int) -> list[MixBlock]:
        raise ValueError("no number fits")

    monkeypatch.setattr(AudioLane, "advance", fail)
    settings = Settings(
        output=str(tmp_path / "take.mp4"),
        screen="synthetic:screen?size=320x180&never=1",  # the first frame cannot come before it
        system_audio="none",
        mic="synthetic",
    )
    with pytest.raises(OutputFailed, match="no number fits"):
        Recorder().start(settings)
