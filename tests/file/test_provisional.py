"""Sound at the end of a growing file that is not mixed for good yet."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.file.making import feed, picture, writer

from onetake.file.mp4 import Mp4Writer
from onetake.file.output_file import OutputFile
from onetake.model.settings import Tracks
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.proof.verify import verify

STEP_NS = NS_PER_S // 30
STEP = SAMPLE_RATE_HZ // 30


def song(samples: int, hz: float = 440.0) -> NDArray[np.float32]:
    """A sweep that is at no two places the same, at half of full scale."""
    t = np.arange(samples) / SAMPLE_RATE_HZ
    mono = 0.5 * np.sin(2 * np.pi * (hz * t + 200 * t * t))
    return np.repeat(mono[:, None], 2, axis=1).astype(np.float32)


def heard(path: Path, track: int = 0) -> NDArray[np.float32]:
    """Every sample of a track at its place, float32, shape (n, 2)."""
    out = np.zeros((60 * SAMPLE_RATE_HZ, 2), np.float32)
    end = 0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=track):
            assert frame.pts is not None
            assert frame.time_base is not None
            first = round(frame.pts * frame.time_base * SAMPLE_RATE_HZ)
            block = frame.to_ndarray().T
            skip = max(0, -first)
            out[first + skip : first + len(block)] = block[skip:]
            end = max(end, first + len(block))
    return out[:end]


def worst(
    found: NDArray[np.float32], sound: NDArray[np.float32], packets: int
) -> NDArray[np.float32]:
    """How far off the worst sample of each packet is, shape (packets,)."""
    off = np.abs(found[: packets * 1024] - sound[: packets * 1024])
    return off.reshape(packets, -1).max(axis=1)


def complaints(path: Path) -> str:
    """What FFmpeg has to say about a file."""
    words = ["ffmpeg", "-v", "warning", "-i", str(path), "-map", "0", "-f", "null", "-"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stderr


def growing(path: Path, sound: NDArray[np.float32], behind: int, **wishes: object) -> Mp4Writer:
    """A take that was fed a sound, `behind` samples of it provisionally, and not finished."""
    target = writer(path, **wishes)
    target.start()
    count = 3 if wishes.get("tracks") is Tracks.SEPARATE else 1
    for end in range(STEP, len(sound) + 1, STEP):
        target.write_video((end // STEP - 1) * STEP_NS, picture(40 + end // STEP % 100))
        if end > behind:
            target.write_audio([sound[max(0, end - behind - STEP) : end - behind]] * count)
        if end % (12 * STEP) == 0:
            target.write_provisional([sound[max(0, end - behind) : end]] * count)
        target.pump(0)
    return target


def left(target: Mp4Writer) -> Path:
    """What a kill would leave of a take, as a file of its own; the take is then finished."""
    copy = target.path.with_suffix(".left.mp4")
    shutil.copy(target.path, copy)
    target.finish(NS_PER_S)
    return copy


@pytest.mark.parametrize("behind_s", [0.6, 2.0, 3.6, 9.0])
def test_a_growing_file_holds_what_is_not_mixed_yet(tmp_path: Path, behind_s: float) -> None:
    """A file of which nothing more is written has the provisional sound, at its place and without
    a seam: what is heard is in no packet further from the sound than in a file written for good."""
    sound = song(4 * SAMPLE_RATE_HZ)
    behind = round(behind_s * SAMPLE_RATE_HZ)
    path = left(growing(tmp_path / "take.mp4", sound, behind))
    good, found = heard(left(growing(tmp_path / "good.mp4", sound, 0))), heard(path)
    assert len(found) == len(sound) // 1024 * 1024
    count = len(good) // 1024 - 2
    assert (worst(found, sound, count) < worst(good, sound, count) + 1e-4).all()
    assert complaints(path) == ""


def test_nothing_provisional_is_left_at_the_end(tmp_path: Path) -> None:
    """The finished file has the sound that was written for good, and not a byte of the other."""
    sound = song(3 * SAMPLE_RATE_HZ)
    plain, other = tmp_path / "plain.mp4", tmp_path / "other.mp4"
    for path, behind in ((plain, 0), (other, SAMPLE_RATE_HZ)):
        target = growing(path, sound, behind)
        if behind:
            target.write_provisional([np.full((SAMPLE_RATE_HZ, 2), 0.9, np.float32)])
            target.pump(0)
            target.write_audio([sound[-behind:]])
        target.finish(3 * NS_PER_S)
    assert np.array_equal(heard(plain), heard(other))
    assert abs(plain.stat().st_size - other.stat().st_size) < 2000  # other fragments
    assert not verify(other, duration_ns=3 * NS_PER_S, fps=30).problems


def test_better_sound_takes_the_place_of_provisional(tmp_path: Path) -> None:
    """What is written for good is what is heard, also while the file grows."""
    path = tmp_path / "take.mp4"
    sound = song(4 * SAMPLE_RATE_HZ)
    target = writer(path)
    target.start()
    feed(target, NS_PER_S, sound=sound)
    target.write_provisional([np.zeros((SAMPLE_RATE_HZ, 2), np.float32)])
    target.pump(0)
    size = path.stat().st_size
    assert size > target.size_bytes
    feed(target, 3 * NS_PER_S, start_ns=NS_PER_S, sound=sound)
    assert path.stat().st_size == target.size_bytes
    found = heard(left(target))
    assert len(found) > 2.7 * SAMPLE_RATE_HZ
    assert np.abs(found - sound[: len(found)])[2048:-1024].max() < 0.1  # AAC's own error


def test_every_track_has_its_own(tmp_path: Path) -> None:
    """Separate tracks end provisionally all at once."""
    path = tmp_path / "take.mp4"
    sound = song(4 * SAMPLE_RATE_HZ)
    path = left(growing(path, sound, SAMPLE_RATE_HZ, tracks=Tracks.SEPARATE))
    assert {len(heard(path, track)) // 1024 for track in range(3)} == {len(heard(path)) // 1024}
    assert len(heard(path, 2)) > 3.5 * SAMPLE_RATE_HZ


def test_a_disk_that_refuses_the_provisional_end_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failing to write what is provisional is no failure of the take."""

    def refuse(_fd: int, _data: bytes, _offset: int) -> int:
        raise OSError(28, "no space left on device")

    path = tmp_path / "take.mp4"
    sound = song(3 * SAMPLE_RATE_HZ)
    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", refuse)
        target = growing(path, sound, SAMPLE_RATE_HZ)
        assert path.stat().st_size == target.size_bytes
    target.write_audio([sound[-SAMPLE_RATE_HZ:]])
    target.finish(3 * NS_PER_S)
    assert not verify(path, duration_ns=3 * NS_PER_S, fps=30).problems


def test_a_provisional_end_makes_way_for_the_next_byte(tmp_path: Path) -> None:
    """Whatever its length, nothing of it stays behind what is appended."""
    file = OutputFile(tmp_path / "file", is_replacing=False)
    file.create()
    file.write(b"for good")
    file.put_provisional(b" and this for now")
    file.put_provisional(b" or this")
    assert file.path.read_bytes() == b"for good or this"
    assert file.size_bytes == 8
    file.append(b"!")
    assert file.path.read_bytes() == b"for good!"
    file.put_provisional(b" or this")
    file.close()
