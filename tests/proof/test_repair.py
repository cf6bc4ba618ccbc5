"""Repair brings back what a crash left, changes no original, and survives what is not ours."""

from __future__ import annotations

import hashlib
import os
import random
import time
from pathlib import Path

import av
import numpy as np
import pytest
from tests.file.making import (
    feed,
    frame_ticks,
    noise,
    picture,
    sound_of,
    top_level,
    writer,
)

from onetake.errors import DiskFull, InvalidRecording, OnetakeError, UsageError
from onetake.file.journal import Journal, leftovers
from onetake.model.commands import Marker, SetMute
from onetake.model.companions import journal_path, report_path
from onetake.model.devices import Role
from onetake.model.events import ControlChanged, SourceChanged, SourceState
from onetake.model.journal import Happened, Opened
from onetake.model.settings import Settings, Tracks
from onetake.model.take_report import decode_report
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.proof.repair import repair
from onetake.proof.verify import VerifyCode, verify

FUZZ = int(os.environ.get("ONETAKE_FUZZ", "120"))
"""Mangled files in a run of the suite; the long form sets thousands."""

IMPULSES = [480, 24_000, 70_001, 100_000]


def _recorded(path: Path, *, seconds: int = 5, tracks: Tracks = Tracks.MIX) -> bytes:
    """A take that was never finished, as a crash leaves it."""
    sound = np.zeros((seconds * SAMPLE_RATE_HZ, 2), np.float32)
    sound[IMPULSES] = 0.9
    target = writer(path, tracks=tracks)
    target.start()
    feed(
        target,
        seconds * NS_PER_S,
        sound=sound + noise(len(sound)) * 0.01,
        tracks=tracks,
        image=lambda number: picture(40 + number % 150),
    )
    torn = path.read_bytes()
    target.finish(seconds * NS_PER_S)
    return torn


@pytest.fixture(scope="module")
def torn_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an interrupted take of 5 s."""
    return _recorded(tmp_path_factory.mktemp("torn") / "take.mp4")


@pytest.fixture(scope="module")
def whole_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a finished take of 5 s."""
    path = tmp_path_factory.mktemp("whole") / "take.mp4"
    _recorded(path)
    return path.read_bytes()


def _impulses(path: Path, track: int = 0) -> list[int]:
    heard = np.abs(sound_of(path, track)[:, 0])
    return [int(i - 400 + np.argmax(heard[i - 400 : i + 400])) for i in IMPULSES]


def test_torn_take_becomes_an_ordinary_file(tmp_path: Path, torn_bytes: bytes) -> None:
    """All that was on the disk comes back, at its exact time, in an ordinary MP4."""
    path = tmp_path / "take.mp4"
    path.write_bytes(torn_bytes)
    frames = len(frame_ticks(path))
    done = repair(path)
    assert done.path == tmp_path / "take (repaired).mp4"
    assert "moof" not in top_level(done.path)
    assert frame_ticks(done.path) == [number * 3000 for number in range(frames)]
    assert _impulses(done.path) == IMPULSES
    assert done.frames == frames
    assert path.read_bytes() == torn_bytes
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))


def test_separate_tracks_come_back(tmp_path: Path) -> None:
    """Every track of a take with safety tracks is repaired, with its name and default mark."""
    path = tmp_path / "take.mp4"
    path.write_bytes(_recorded(tmp_path / "other.mp4", tracks=Tracks.SEPARATE))
    done = repair(path)
    with av.open(str(done.path)) as container:
        sounds = container.streams.audio
        names = [sound.metadata["handler_name"] for sound in sounds]
        defaults = [bool(sound.disposition & 1) for sound in sounds]
    assert names == ["Mix", "Microphone", "System audio"]
    assert defaults == [True, False, False]
    assert all(_impulses(done.path, track) == IMPULSES for track in range(3))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.9, 0.999])
def test_cut_anywhere_keeps_what_is_whole(tmp_path: Path, torn_bytes: bytes, share: float) -> None:
    """A file that ends in the middle of anything is repaired up to its last whole fragment."""
    path = tmp_path / "take.mp4"
    path.write_bytes(torn_bytes[: int(len(torn_bytes) * share)])
    done = repair(path)
    ticks = frame_ticks(done.path)
    assert ticks == [number * 3000 for number in range(len(ticks))]
    assert len(ticks) / 30 > 4.5 * share - 1
    duration_ns = round(done.duration_s * NS_PER_S)
    problems = verify(done.path, duration_ns=duration_ns, fps=30).problems
    assert {problem.code for problem in problems} <= {VerifyCode.DURATION_WRONG}


def test_a_hole_costs_only_what_is_in_it(tmp_path: Path, torn_bytes: bytes) -> None:
    """Zeros in the middle (a page that was never written) cost their fragment, not what follows."""
    path = tmp_path / "take.mp4"
    middle = torn_bytes.index(b"moof", len(torn_bytes) // 2)
    path.write_bytes(torn_bytes[: middle - 4] + bytes(600) + torn_bytes[middle + 596 :])
    done = repair(path)
    ticks = frame_ticks(done.path)
    assert done.lost_bytes > 0
    assert done.notes
    assert ticks[-1] > 4 * 90_000
    assert len(ticks) >= 4.5 * 30 - 2 * 15


def test_garbage_at_the_end_is_left_out(tmp_path: Path, torn_bytes: bytes) -> None:
    """Packets that cannot be decoded are not in the repaired file."""
    path = tmp_path / "take.mp4"
    last = torn_bytes.rindex(b"mdat")
    path.write_bytes(torn_bytes[: last + 4] + bytes(len(torn_bytes) - last - 4))
    done = repair(path)
    assert len(frame_ticks(done.path)) >= 3.5 * 30
    assert done.notes == ["the very end could not be decoded and was left out"]


def test_finished_take_needs_no_repair(tmp_path: Path, whole_bytes: bytes) -> None:
    """An ordinary file is told to be one; nothing is written."""
    path = tmp_path / "take.mp4"
    path.write_bytes(whole_bytes)
    done = repair(path)
    assert (done.was_needed, done.path) == (False, path)
    assert list(tmp_path.iterdir()) == [path]


def test_fragments_inside_a_finished_take_are_found(tmp_path: Path, whole_bytes: bytes) -> None:
    """A finished file whose table of contents is gone is repaired from the fragments in it."""
    path = tmp_path / "take.mp4"
    path.write_bytes(whole_bytes[: whole_bytes.rindex(b"moov") + 100])
    done = repair(path)
    assert done.was_needed
    assert len(frame_ticks(done.path)) == 150
    assert _impulses(done.path) == IMPULSES


def test_report_and_chapters_come_from_the_journal(tmp_path: Path, torn_bytes: bytes) -> None:
    """What was commanded before the crash is in the repaired file's chapters and report."""
    path = tmp_path / "take.mp4"
    path.write_bytes(torn_bytes)
    journal = Journal(path)
    journal.open(Opened(file="take.mp4", settings=Settings(mic="pulse:mic"), encoder="libx264"))
    controls = [
        ControlChanged(SetMute(Role.MIC, True), 1_000_000_000),
        ControlChanged(Marker("question"), 2_500_000_000),
    ]
    for control in controls:
        journal.add(Happened(control))
    journal.add(Happened(SourceChanged(Role.MIC, SourceState.LOST, "m", 3_000_000_000, "gone")))
    journal.close()
    assert [left.recording for left in leftovers(tmp_path)] == [path]
    done = repair(path)
    assert done.report == report_path(done.path)
    report = decode_report(done.report.read_bytes())
    assert report.controls == controls
    assert report.recovered_from == "take.mp4"
    assert report.settings.mic == "pulse:mic"
    assert report.verdict == "degraded"
    assert [span.role for span in report.degraded] == [Role.MIC]
    with av.open(str(done.path)) as container:
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
    assert titles == ["Start", "Microphone muted", "question"]
    assert leftovers(tmp_path) == []
    assert not journal_path(path).exists()


def test_torn_journal_still_gives_a_report(tmp_path: Path, torn_bytes: bytes) -> None:
    """A journal that ends in the middle of a line gives what its whole lines say."""
    path = tmp_path / "take.mp4"
    path.write_bytes(torn_bytes)
    journal = Journal(path)
    journal.open(Opened(file="take.mp4"))
    journal.add(Happened(ControlChanged(Marker("one"), NS_PER_S)))
    journal.add(Happened(ControlChanged(Marker("two"), 2 * NS_PER_S)))
    journal.close()
    data = journal_path(path).read_bytes()
    journal_path(path).write_bytes(b"\x00\xffgarbage\n" + data[:-9])
    done = repair(path)
    assert done.report is not None
    report = decode_report(done.report.read_bytes())
    assert [control.command for control in report.controls] == [Marker("one")]


def test_existing_output_is_not_touched(tmp_path: Path, torn_bytes: bytes) -> None:
    """An output that exists is an error of use; without one, another name is found."""
    path = tmp_path / "take.mp4"
    path.write_bytes(torn_bytes)
    taken = tmp_path / "take (repaired).mp4"
    taken.write_bytes(b"precious")
    with pytest.raises(UsageError):
        repair(path, taken)
    assert repair(path).path == tmp_path / "take (repaired 2).mp4"
    assert taken.read_bytes() == b"precious"


def test_no_room_is_told_and_leaves_nothing(
    tmp_path: Path, torn_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full while repairing: DiskFull, no half file, the original as it was."""
    path = tmp_path / "take.mp4"
    path.write_bytes(torn_bytes)
    monkeypatch.setattr(os, "fsync", _no_room)
    with pytest.raises(DiskFull):
        repair(path)
    assert list(tmp_path.iterdir()) == [path]


def _no_room(fd: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("content", [b"", b"abc", bytes(5000), b"\x00\x00\x00\x18ftypisom" * 3])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    """Files of other kinds are an InvalidRecording with a reason."""
    path = tmp_path / "thing.mp4"
    path.write_bytes(content)
    with pytest.raises(InvalidRecording):
        repair(path)


def test_missing_file_is_an_error_of_use(tmp_path: Path) -> None:
    """A path that leads nowhere is told as such."""
    with pytest.raises(UsageError):
        repair(tmp_path / "nothing.mp4")


def _mangled(data: bytes, chance: random.Random) -> bytes:
    """Damage of every kind, often where it hurts: in box headers and tables."""
    result = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        anchor = chance.choice([b"moof", b"traf", b"trun", b"tfdt", b"mdat", b"moov", b"stsd", b""])
        places = [i for i in range(0, len(result), 7) if not anchor] or _places(result, anchor)
        at = chance.choice(places) if places else chance.randrange(len(result))
        at = min(len(result) - 1, max(0, at + chance.randrange(-6, 60)))
        match chance.randrange(6):
            case 0:
                result[at] ^= 1 << chance.randrange(8)
            case 1:
                result[at : at + 4] = chance.randbytes(4)
            case 2:
                result[at : at + 4] = b"\xff\xff\xff\xff"
            case 3:
                del result[at : at + chance.randrange(1, 400)]
            case 4:
                result[at:at] = chance.randbytes(chance.randrange(1, 50))
            case _:
                end = at + chance.randrange(1, 5000)
                result[at:end] = bytes(len(result[at:end]))
        if len(result) < 100:
            break
    if chance.random() < 0.3:
        del result[chance.randrange(50, max(51, len(result))) :]
    return bytes(result)


def _places(data: bytearray, anchor: bytes) -> list[int]:
    places, at = [], data.find(anchor)
    while at >= 0:
        places.append(at)
        at = data.find(anchor, at + 1)
    return places


@pytest.mark.parametrize("start", range(0, FUZZ, 40))
def test_mangled_files_never_crash_or_hang(
    tmp_path: Path, torn_bytes: bytes, whole_bytes: bytes, start: int
) -> None:
    """Whatever is done to a file: a repaired one or a plain error, soon, the original untouched."""
    path = tmp_path / "take.mp4"
    said: list[str] = []
    for seed in range(start, min(start + 40, FUZZ)):
        chance = random.Random(seed)
        data = _mangled(chance.choice([torn_bytes, whole_bytes]), chance)
        path.write_bytes(data)
        journal_path(path).write_bytes(_mangled(b'{"entry":"opened","file":"x"}\n' * 9, chance))
        began_s = time.monotonic()
        try:
            done = repair(path, from_fragments=chance.random() < 0.5)
        except OnetakeError as error:
            said.append(error.message)
        else:
            if done.was_needed:
                assert top_level(done.path)[0] == "ftyp"
                done.path.unlink()
            if done.report is not None:
                done.report.unlink()
        assert time.monotonic() - began_s < 10, seed
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
        assert not list(tmp_path.glob(".*.tmp")), seed
    assert all(message and "\n" not in message for message in said)
