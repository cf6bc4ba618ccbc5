"""A take whose encoder cannot keep up: the ladder is climbed down, told, and the file is good.

The machine is not loaded: the usual encoder is made to wait, so that every machine sees the same.
"""

from __future__ import annotations

import time
from pathlib import Path

import av
import pytest
from tests.clients.takes import assert_good

import onetake
from onetake.file.mp4 import video_ticks
from onetake.file.report import read_report
from onetake.file.video_encoder import VideoEncoder
from onetake.model.events import Warned
from onetake.video import ladder

pytestmark = pytest.mark.slow

WAIT_S = 0.08
"""What a frame of the usual encoder takes longer: 12 frames a second remain of 30."""


@pytest.fixture
def slow_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the usual encoder be slow, the cheaper one as quick as it is, and a second be room."""
    encode = VideoEncoder.encode

    def slowly(self: VideoEncoder, image: av.VideoFrame | None) -> list[av.Packet]:
        if image is not None and not self.is_cheaper:
            time.sleep(WAIT_S)
        return list(encode(self, image))

    monkeypatch.setattr(VideoEncoder, "encode", slowly)
    monkeypatch.setattr(ladder, "CLEAR_NS", 1_000_000_000)


@pytest.mark.usefixtures("slow_encoder")
def test_the_encoder_is_relieved_and_everybody_told(tmp_path: Path) -> None:
    """The step is told at its place, where the file has a key frame, and stands in the report;
    sound and picture are whole and in step on both sides of it."""
    path = tmp_path / "take.mp4"
    with onetake.record(
        path,
        duration_s=6.0,
        screen="synthetic:screen?size=640x360",
        system_audio="synthetic",
        mic="synthetic",
    ) as take:
        told = [event for event in take.events() if isinstance(event, Warned)]
    steps = [warned for warned in told if warned.code.startswith("encoder-")]
    codes = [warned.code for warned in steps]
    assert codes[0] == "encoder-cheaper"
    assert codes == (["encoder-cheaper", "encoder-usual"] * len(codes))[: len(codes)]
    with av.open(str(path)) as container:
        keys = {packet.pts for packet in container.demux(video=0) if packet.is_keyframe}
    assert {video_ticks(warned.position_ns) for warned in steps} <= keys
    report = read_report(path)
    assert report is not None
    assert [w for w in report.warnings if w.code.startswith("encoder-")] == steps
    assert report.video.encoder_changes == len(steps)
    assert report.video.cheaper_s > 0
    assert any("less work" in note for note in report.notes)
    assert_good(path)
