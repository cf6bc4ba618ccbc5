"""A finished file is read again, and mended when it is not sound."""

from __future__ import annotations

from pathlib import Path

from tests.file.making import frame_ticks, make_take

from onetake.engine.second_look import Looked, look_again
from onetake.model.units import NS_PER_S


def look(path: Path, *, may_mend: bool = True) -> Looked:
    """Look at a take of two seconds."""
    return look_again(path, duration_ns=2 * NS_PER_S, fps=30, audio_tracks=1, may_mend=may_mend)


def damage(path: Path) -> None:
    """Spoil the table of contents, as a disk that loses a block does."""
    data = bytearray(path.read_bytes())
    at = data.rindex(b"stsz")
    data[at - 4 : at + 60] = b"\xff" * 64
    path.write_bytes(data)


def test_a_sound_file_is_left_alone(tmp_path: Path) -> None:
    """Nothing is done to a file that is whole."""
    path = tmp_path / "take.mp4"
    make_take(path)
    looked = look(path)
    assert (looked.path, looked.mended) == (path, "")
    assert list(tmp_path.glob("*.mp4")) == [path]


def test_a_damaged_file_is_mended_and_kept(tmp_path: Path) -> None:
    """A spoilt table of contents is told and made anew from the fragments; all pictures are there,
    and the damaged file is as it was."""
    path = tmp_path / "take.mp4"
    make_take(path)
    damage(path)
    before = path.read_bytes()
    looked = look(path)
    assert looked.path != path
    assert "damaged" in looked.mended
    assert not looked.seen.needs_repair
    assert len(frame_ticks(looked.path)) == 60
    assert path.read_bytes() == before


def test_a_file_that_is_beyond_mending_is_told(tmp_path: Path) -> None:
    """What no repair makes better is handed out as it is, with its problems."""
    path = tmp_path / "take.mp4"
    path.write_bytes(b"no recording at all" * 100)
    looked = look(path)
    assert (looked.path, looked.mended) == (path, "")
    assert looked.seen.needs_repair
