"""Nothing is called saved that was not opened again; and it costs the same whatever the length."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.file.making import SIZE_PX, feed, make_take, noise, picture, writer

from onetake.model.devices import Role
from onetake.model.report import SourceStatistics, Stretch
from onetake.model.settings import Tracks
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.proof.verify import Verification, VerifyCode, verify


def _codes(look: Verification) -> list[VerifyCode]:
    return [problem.code for problem in look.problems]


def test_good_take_has_no_problems(tmp_path: Path) -> None:
    """A good take: no problem, tracks as they are, both ending together."""
    path = tmp_path / "take.mp4"
    make_take(path, 3.0, tracks=Tracks.SEPARATE)
    look = verify(path, duration_ns=3 * NS_PER_S, fps=30, audio_tracks=3)
    assert look.problems == []
    assert not look.needs_repair
    assert [track.kind for track in look.tracks] == ["video", "audio", "audio", "audio"]
    assert look.tracks[0].packets == 90
    assert look.tracks[0].format == f"{SIZE_PX[0]}x{SIZE_PX[1]}"
    assert look.end_difference_ms is not None
    assert abs(look.end_difference_ms) < 0.1


def test_wrong_length_is_found(tmp_path: Path) -> None:
    """A take that is shorter than it should be by more than a frame."""
    path = tmp_path / "take.mp4"
    make_take(path, 2.0)
    assert verify(path, duration_ns=2_030_000_000, fps=30).problems != []
    look = verify(path, duration_ns=2_100_000_000, fps=30)
    assert set(_codes(look)) == {VerifyCode.DURATION_WRONG}
    assert look.needs_repair


def test_missing_track_is_found(tmp_path: Path) -> None:
    """Fewer tracks than were recorded."""
    path = tmp_path / "take.mp4"
    make_take(path, 1.0)
    look = verify(path, duration_ns=NS_PER_S, fps=30, audio_tracks=3)
    assert _codes(look) == [VerifyCode.TRACK_MISSING]


@pytest.mark.parametrize("content", [b"", b"nothing", bytes(4000)])
def test_unreadable_file_is_found(tmp_path: Path, content: bytes) -> None:
    """What is no film at all is a problem, not an exception."""
    path = tmp_path / "take.mp4"
    path.write_bytes(content)
    assert _codes(verify(path, duration_ns=NS_PER_S, fps=30)) == [VerifyCode.UNREADABLE]
    assert _codes(verify(tmp_path / "gone.mp4", duration_ns=1, fps=30)) == [VerifyCode.UNREADABLE]


def test_destroyed_tail_is_found(tmp_path: Path) -> None:
    """The last seconds of the media overwritten with zeros cannot be decoded."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    feed(target, 4 * NS_PER_S, sound=noise(4 * SAMPLE_RATE_HZ))
    target.finish(4 * NS_PER_S)
    data = bytearray(path.read_bytes())
    contents = data.rindex(b"moov") - 4
    data[contents - 20_000 : contents] = bytes(20_000)
    path.write_bytes(data)
    look = verify(path, duration_ns=4 * NS_PER_S, fps=30)
    assert VerifyCode.TAIL_UNDECODABLE in _codes(look)
    assert look.needs_repair


def test_black_picture_is_found(tmp_path: Path) -> None:
    """Black from the first to the last frame is told; one bright key frame is enough not to."""
    path = tmp_path / "black.mp4"
    target = writer(path)
    target.start()
    feed(target, 5 * NS_PER_S, image=lambda number: picture(16))
    target.finish(5 * NS_PER_S)
    look = verify(path, duration_ns=5 * NS_PER_S, fps=30)
    assert _codes(look) == [VerifyCode.BLACK_PICTURE]
    assert not look.needs_repair
    path = tmp_path / "once.mp4"
    target = writer(path)
    target.start()
    feed(target, 5 * NS_PER_S, image=lambda number: picture(200 if number < 45 else 16))
    target.finish(5 * NS_PER_S)
    assert verify(path, duration_ns=5 * NS_PER_S, fps=30).problems == []


def test_silent_microphone_is_found(tmp_path: Path) -> None:
    """A microphone that delivered only zeros, by what its source measured."""
    path = tmp_path / "take.mp4"
    make_take(path, 2.0)
    whole = [Stretch(0, 2 * NS_PER_S)]
    dead = SourceStatistics("capture", frames=96_000, peak_db=-120.0, digital_silence=whole)
    look = verify(path, duration_ns=2 * NS_PER_S, fps=30, sources={Role.MIC: dead})
    assert _codes(look) == [VerifyCode.SILENT_MICROPHONE]
    quiet = SourceStatistics("capture", frames=96_000, peak_db=-70.0)
    assert verify(path, duration_ns=2 * NS_PER_S, fps=30, sources={Role.MIC: quiet}).problems == []
    absent = SourceStatistics("capture")
    assert verify(path, duration_ns=2 * NS_PER_S, fps=30, sources={Role.MIC: absent}).problems == []
