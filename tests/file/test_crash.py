"""The process dies, the power goes, the disk fills up: what is in the file stays playable."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from tests.file.making import (
    SIZE_PX,
    feed,
    frame_ticks,
    make_take,
    noise,
    picture,
    sound_of,
    top_level,
    writer,
)

from onetake.errors import DiskFull, OutputFailed
from onetake.file.mp4 import Mp4Writer
from onetake.file.output_file import OutputFile, sync_interval_s
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ONETAKE_KILLS", "6"))
"""Kills in a run of the suite; the long form sets 100 and more."""

LOSS_NS = NS_PER_S
"""What a crash may cost."""


def playable_ns(path: Path) -> tuple[int, int]:
    """How much picture and sound can be decoded."""
    ticks = frame_ticks(path)
    assert ticks == [number * 3000 for number in range(len(ticks))]
    return len(ticks) * NS_PER_S // 30, len(sound_of(path)) * NS_PER_S // SAMPLE_RATE_HZ


@pytest.mark.parametrize("number", range(KILLS))
def test_kill_at_any_instant_costs_less_than_a_second(tmp_path: Path, number: int) -> None:
    """kill -9 while it records: everything up to a second before can be decoded."""
    path = tmp_path / "take.mp4"
    chance = random.Random(number)
    # After the first fragment exists: a second of take, as promised.
    kill_after_lines = chance.randrange(31, 8 * 30)
    command = [sys.executable, "-m", "tests.file.crash_child", str(path)]
    reached_ns = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for count, line in enumerate(child.stdout):
            if not line.strip().isdigit():
                break
            reached_ns = int(line)
            if count >= kill_after_lines:
                child.kill()
                break
        child.kill()
    video_ns, sound_ns = playable_ns(path)
    assert video_ns >= reached_ns - LOSS_NS
    assert sound_ns >= reached_ns - LOSS_NS


def test_picture_waits_for_no_sound(tmp_path: Path) -> None:
    """The mixer runs seconds behind: what is seen by then is on the disk without any sound."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    for number in range(60):
        target.write_video(number * NS_PER_S // 30, picture())
        target.pump(0)
    ticks = frame_ticks(path)
    assert ticks == [number * 3000 for number in range(len(ticks))]
    assert len(ticks) >= 45
    target.write_audio([noise(2 * SAMPLE_RATE_HZ)])
    target.finish(2 * NS_PER_S)
    assert len(frame_ticks(path)) == 60


class _Step(NamedTuple):
    """One thing that was done to the file."""

    kind: str
    offset: int
    data: bytes


def _log_of_a_take(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[_Step]:
    """Record a take and return every write and sync in order."""
    steps: list[_Step] = []
    append, sync, pwrite = OutputFile.append, OutputFile.sync, os.pwrite

    def logged_append(self: OutputFile, data: bytes | memoryview) -> int:
        at = self.size_bytes
        done = append(self, data)
        steps.append(_Step("write", at, bytes(data[:done])))
        return done

    def logged_sync(self: OutputFile) -> None:
        sync(self)
        steps.append(_Step("sync", 0, b""))

    def logged_pwrite(fd: int, data: bytes, offset: int) -> int:
        steps.append(_Step("write", offset, data))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(OutputFile, "append", logged_append)
    monkeypatch.setattr(OutputFile, "sync", logged_sync)
    monkeypatch.setattr(os, "pwrite", logged_pwrite)
    monkeypatch.setattr("onetake.file.output_file.SYNC_LONGEST_S", 0.0)
    target = writer(path)
    target.start()
    feed(target, 6 * NS_PER_S, sound=noise(6 * SAMPLE_RATE_HZ))
    target.add_chapter(2 * NS_PER_S, "marker")
    target.finish(6 * NS_PER_S)
    monkeypatch.undo()
    return steps


def _after_power_cut(steps: list[_Step], cut: int, chance: random.Random) -> bytes:
    """What may be on the disk when the power goes after `cut` steps: all that was synced, and of
    the rest any pages; a page that did not make it reads as zeros, or is past the end."""
    data = bytearray()
    last_sync = max((i for i in range(cut) if steps[i].kind == "sync"), default=-1)
    for number, step in enumerate(steps[:cut]):
        if step.kind == "sync":
            continue
        end = step.offset + len(step.data)
        if number < last_sync:
            data.extend(bytes(max(0, end - len(data))))
            data[step.offset : end] = step.data
            continue
        for start in range(0, len(step.data), 4096):
            page = step.data[start : start + 4096]
            at = step.offset + start
            if chance.random() < 0.5:
                data.extend(bytes(max(0, at + len(page) - len(data))))
                data[at : at + len(page)] = page
    return bytes(data)


def test_power_cut_keeps_what_was_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unsynced pages lost at random, at every step of the end and many before: it still plays."""
    path = tmp_path / "take.mp4"
    steps = _log_of_a_take(path, monkeypatch)
    chance = random.Random(7)
    torn = tmp_path / "torn.mp4"
    syncs = [i for i, step in enumerate(steps) if step.kind == "sync"]
    first_fragment = next(i for i in syncs if steps[i - 1].kind == "write" and i > 2)
    ending = list(range(max(first_fragment + 1, len(steps) - 6), len(steps) + 1))
    cuts = [*chance.sample(range(first_fragment + 1, len(steps)), 10), *ending * 4]
    for cut in cuts:
        synced = max((i for i in range(cut) if steps[i].kind == "sync"), default=0)
        torn.write_bytes(_after_power_cut(steps, synced + 1, chance))
        expected = _before_first_trouble(torn)
        torn.write_bytes(_after_power_cut(steps, cut, chance))
        found = _before_first_trouble(torn)
        assert min(expected) > 0
        assert found[0] >= expected[0], cut
        # A finished file's edit list cuts the padding of the last AAC frame.
        assert found[1] > expected[1] - 1024, cut


def _before_first_trouble(path: Path) -> tuple[int, int]:
    """Frames and samples that are decoded before something cannot be; an unsynced tail is
    garbage, and players skip it."""
    counts = []
    for kind in ("video", "audio"):
        count = 0
        with contextlib.suppress(av.error.InvalidDataError), av.open(str(path)) as container:
            for frame in container.decode(**{kind: 0}):
                count += frame.samples if isinstance(frame, av.AudioFrame) else 1
        counts.append(count)
    return counts[0], counts[1]


def _refuse_beyond(
    monkeypatch: pytest.MonkeyPatch, room: int, code: int, *, reserve: int = 200_000
) -> None:
    """A disk that takes `room` bytes, and `reserve` more when the reserve is given back."""
    state = {"room": room}
    append, release = OutputFile.append, OutputFile.release_reserve

    def limited(self: OutputFile, data: bytes | memoryview) -> int:
        left = state["room"] - self.size_bytes
        if left <= 0:
            raise OSError(code, os.strerror(code))
        return append(self, data[:left])

    def releasing(self: OutputFile) -> None:
        release(self)
        state["room"] += reserve

    monkeypatch.setattr(OutputFile, "append", limited)
    monkeypatch.setattr(OutputFile, "release_reserve", releasing)


def test_full_disk_ends_with_an_ordinary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up at once: DiskFull from `pump`, and a finished file with everything."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    _refuse_beyond(monkeypatch, 61_234, errno.ENOSPC)
    with pytest.raises(DiskFull) as caught:
        feed(target, 20 * NS_PER_S, sound=noise(20 * SAMPLE_RATE_HZ))
    assert caught.value.exit_code == 6
    frames = target.frames
    target.finish(20 * NS_PER_S)
    assert top_level(path) == ["ftyp", "mdat", "moov"]
    assert len(frame_ticks(path)) == frames
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert video.duration is not None
        assert sound.duration is not None
        assert abs(video.duration / 90_000 - sound.duration / 48_000) < 1 / 30


def test_full_disk_without_reserve_stays_playable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room even for the table of contents: told, and the fragments are left as they were."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    _refuse_beyond(monkeypatch, 150_000, errno.ENOSPC, reserve=0)
    with pytest.raises(DiskFull):
        feed(target, 20 * NS_PER_S, sound=noise(20 * SAMPLE_RATE_HZ))
    with pytest.raises(DiskFull):
        target.finish(20 * NS_PER_S)
    assert top_level(path)[:3] == ["ftyp", "moov", "moof"]
    frames = len(frame_ticks(path))
    assert target.frames - 30 <= frames <= target.frames


def test_broken_disk_is_told_and_the_file_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An I/O error is no full disk: OutputFailed, exit code 1, what was written is finished."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    _refuse_beyond(monkeypatch, 150_000, errno.EIO)
    with pytest.raises(OutputFailed) as caught:
        feed(target, 20 * NS_PER_S, sound=noise(20 * SAMPLE_RATE_HZ))
    assert not isinstance(caught.value, DiskFull)
    target.finish(20 * NS_PER_S)
    assert len(frame_ticks(path)) == target.frames


def test_failure_at_the_very_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up while the take is finished: DiskFull from `finish`, file playable."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    feed(target, 3 * NS_PER_S, sound=noise(3 * SAMPLE_RATE_HZ))
    _refuse_beyond(monkeypatch, target.size_bytes, errno.ENOSPC, reserve=0)
    with pytest.raises(DiskFull):
        target.finish(3 * NS_PER_S)
    assert len(frame_ticks(path)) >= 60


@pytest.fixture
def small_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A real file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the mount program")
    if done.returncode:
        pytest.skip(f"needs the right to mount a file system: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("has_neighbour", [False, True])
def test_real_full_disk(small_disk: Path, has_neighbour: bool) -> None:
    """On a real file system that fills up, by the take itself or by another program at once."""
    path = small_disk / "take.mp4"
    target = writer(path, audio_kbps=256)
    target.start()
    if has_neighbour:
        feed(target, 2 * NS_PER_S, sound=noise(2 * SAMPLE_RATE_HZ))
        hog = small_disk / "other.bin"
        with contextlib.suppress(OSError), hog.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    start_ns = 2 * NS_PER_S if has_neighbour else 0
    with pytest.raises(DiskFull):
        feed(target, 90 * NS_PER_S, start_ns=start_ns, sound=noise(90 * SAMPLE_RATE_HZ))
    target.finish(90 * NS_PER_S)
    assert top_level(path) == ["ftyp", "mdat", "moov"]
    assert len(frame_ticks(path)) == target.frames


def test_reserve_leaves_nothing_behind(tmp_path: Path) -> None:
    """The room kept for the end has no name: a finished take leaves one file."""
    make_take(tmp_path / "take.mp4", 0.5)
    assert [file.name for file in tmp_path.iterdir()] == ["take.mp4"]


def test_old_file_survives_a_failed_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replacing fails half way: the old file is still there, the new one beside it plays."""
    path = tmp_path / "take.mp4"
    path.write_bytes(b"precious")
    target = writer(path, overwrite=True)
    target.start()
    feed(target, 3 * NS_PER_S, sound=noise(3 * SAMPLE_RATE_HZ))
    _refuse_beyond(monkeypatch, target.size_bytes, errno.ENOSPC, reserve=0)
    with pytest.raises(DiskFull):
        target.finish(3 * NS_PER_S)
    assert path.read_bytes() == b"precious"
    assert np.count_nonzero(frame_ticks(tmp_path / "take (new).mp4")) > 50


def test_deleted_file_is_rescued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is deleted under the take: told within a second, and the take is elsewhere."""
    folder, videos = tmp_path / "gone", tmp_path / "videos"
    folder.mkdir()
    monkeypatch.setattr("onetake.file.output_file.SYNC_LONGEST_S", 0.0)
    monkeypatch.setattr("onetake.file.mp4.default_folder", lambda: videos)
    said: list[str] = []
    target = Mp4Writer(
        folder / "take.mp4",
        size_px=SIZE_PX,
        settings=Settings(),
        warn=lambda code, *rest: said.append(code),
    )
    target.start()
    feed(target, 2 * NS_PER_S)
    shutil.rmtree(folder)
    with pytest.raises(OutputFailed, match="deleted while recording"):
        target.pump(0)
    target.finish(2 * NS_PER_S)
    assert said == ["output-deleted"]
    assert target.path == videos / "take.mp4"
    assert len(frame_ticks(target.path)) == 60


def test_moved_file_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is renamed under the take is finished where it is now."""
    monkeypatch.setattr("onetake.file.output_file.SYNC_LONGEST_S", 0.0)
    target = writer(tmp_path / "take.mp4")
    target.start()
    feed(target, NS_PER_S)
    (tmp_path / "take.mp4").rename(tmp_path / "talk.mp4")
    feed(target, 2 * NS_PER_S, start_ns=NS_PER_S)
    target.finish(2 * NS_PER_S)
    assert target.path == tmp_path / "talk.mp4"
    assert top_level(target.path) == ["ftyp", "mdat", "moov"]
    assert len(frame_ticks(target.path)) == 60


def test_take_past_4_gib_is_seekable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offsets beyond 32 bits: the file is finished with 64-bit ones and found by every frame."""
    path = tmp_path / "take.mp4"
    hole = 3 << 29
    target = writer(path)
    target.start()
    sound = np.zeros((4 * SAMPLE_RATE_HZ, 2), np.float32)
    sound[[480, 150_000]] = 0.9
    file, index = target._file, target._index
    for second in range(4):
        feed(target, (second + 1) * NS_PER_S, start_ns=second * NS_PER_S, sound=sound)
        # A box of 1.5 GiB of nothing, as if a long take lay there.
        os.pwrite(file._fd, struct.pack(">I4s", hole, b"free"), file.size_bytes)
        os.lseek(file._fd, hole, os.SEEK_CUR)
        file._size_bytes += hole
        index.size_bytes += hole
    target.finish(4 * NS_PER_S)
    assert path.stat().st_size > 4 * hole
    assert frame_ticks(path) == [number * 3000 for number in range(120)]
    heard = np.abs(sound_of(path)[:, 0])
    assert int(np.argmax(heard[:1000])) == 480
    assert 149_000 + int(np.argmax(heard[149_000:])) == 150_000
    with path.open("rb") as written:
        written.seek(-100_000, os.SEEK_END)
        contents = written.read()
    assert b"co64" in contents
    assert b"stco" not in contents


def test_a_slow_disk_is_told_less_often() -> None:
    """Twenty times as long as it takes, between seven times a second and twice."""
    intervals_s = [sync_interval_s(taken_s) for taken_s in (0.0, 0.005, 0.02, 2.0)]
    assert intervals_s == pytest.approx([0.15, 0.15, 0.4, 0.5])


def test_each_fragment_is_forced_to_a_quick_disk_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that was written waits for the disk until the next picture, wherever between two
    fragments the take began."""
    forced_bytes = position_ns = 0
    sync = OutputFile.sync

    def noted_sync(self: OutputFile) -> None:
        nonlocal forced_bytes
        sync(self)
        forced_bytes = self.size_bytes

    monkeypatch.setattr(OutputFile, "sync", noted_sync)
    monkeypatch.setattr("onetake.file.mp4.time.monotonic", lambda: position_ns / NS_PER_S)
    target = writer(tmp_path / "take.mp4")
    target.start()
    for number in range(1, 91):
        feed(target, number * NS_PER_S // 30, start_ns=position_ns, sound=noise(4 * SAMPLE_RATE_HZ))
        assert forced_bytes == target.size_bytes
        position_ns = number * NS_PER_S // 30
    target.finish(position_ns)
