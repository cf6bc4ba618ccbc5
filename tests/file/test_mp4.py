"""What the portable writer promises, read back from finished files."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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

from onetake.errors import EncoderUnavailable, OutputFailed, UsageError
from onetake.file import mp4
from onetake.file.mp4 import Mp4Writer, video_ticks
from onetake.file.output_file import OutputFile
from onetake.model.settings import Codec, Settings, Tracks
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ, ns_from_sample

TICK_NS = 11_112
"""One tick of 1/90000 s, rounded up."""


def test_finished_file_is_an_ordinary_mp4(tmp_path: Path) -> None:
    """After `finish` nothing of the fragments is to be seen from outside."""
    path = tmp_path / "take.mp4"
    make_take(path)
    assert top_level(path) == ["ftyp", "mdat", "moov"]
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 60
        assert container.streams.audio[0].codec_context.name == "aac"


def test_every_frame_has_its_exact_time(tmp_path: Path) -> None:
    """PTS in the file are the positions given, to the nearest 1/90000 s, however irregular."""
    path = tmp_path / "take.mp4"
    positions_ns = [0, 33_333_333, 70_000_001, 500_000_000, 1_000_000_000, 1_011_111_111]
    target = writer(path)
    target.start()
    for position_ns in positions_ns:
        target.write_video(position_ns, picture())
    target.write_audio([np.zeros((SAMPLE_RATE_HZ * 3 // 2, 2), np.float32)])
    target.pump(0)
    target.finish(1_500_000_000)
    assert frame_ticks(path) == [video_ticks(position_ns) for position_ns in positions_ns]
    assert target.dropped_frames == 0


def test_impulses_come_back_at_their_sample(tmp_path: Path) -> None:
    """AAC priming is taken away to the sample, on every track."""
    path = tmp_path / "take.mp4"
    impulses = [480, 24_000, 47_999, 70_001]
    sound = np.zeros((2 * SAMPLE_RATE_HZ, 2), np.float32)
    sound[impulses] = 0.9
    target = writer(path, tracks=Tracks.SEPARATE)
    target.start()
    feed(target, 2 * NS_PER_S, sound=sound, tracks=Tracks.SEPARATE)
    target.finish(2 * NS_PER_S)
    for track in range(3):
        heard = np.abs(sound_of(path, track)[:, 0])
        found = [int(i - 400 + np.argmax(heard[i - 400 : i + 400])) for i in impulses]
        assert found == impulses


@given(
    blocks=st.lists(st.integers(1, 5000), min_size=8, max_size=60),
    steps_ns=st.lists(st.integers(1, 700_000_000), min_size=1, max_size=12),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_cadence_is_kept(tmp_path: Path, blocks: list[int], steps_ns: list[int]) -> None:
    """Any cadence of frames and blocks: PTS strictly increase, both tracks end at the end."""
    path = tmp_path / "take.mp4"
    path.unlink(missing_ok=True)
    samples = sum(blocks)
    end_ns = ns_from_sample(samples)
    # A frame in the very last tick would be shown for no time at all.
    positions_ns = [0]
    positions_ns += [p for p in itertools.accumulate(steps_ns) if p < end_ns - TICK_NS]
    target = writer(path)
    target.start()
    for position_ns in positions_ns:
        target.write_video(position_ns, picture())
    for block in blocks:
        target.write_audio([noise(block)])
        target.pump(0)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(path.read_bytes())
    target.finish(end_ns)
    expected = sorted({video_ticks(position_ns) for position_ns in positions_ns})
    assert frame_ticks(path) == expected
    assert target.dropped_frames == len(positions_ns) - len(expected)
    if torn.stat().st_size:
        found = frame_ticks(torn)
        assert found == expected[: len(found)]
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert sound.duration == samples
        assert video.duration is not None
        assert abs(video.duration / 90_000 - samples / SAMPLE_RATE_HZ) < 1 / 48_000 + 1 / 90_000
    assert 0 <= len(sound_of(path)) - samples < 1024


@pytest.mark.parametrize(("lag_ns", "burst"), [(0, 1), (300_000_000, 1), (0, 20)])
def test_torn_file_has_exact_times_too(tmp_path: Path, lag_ns: int, burst: int) -> None:
    """Irregular frames keep their times in the fragments too, wherever the sound is just then."""
    path = tmp_path / "take.mp4"
    steps_ns = np.random.default_rng(5).integers(2_000_000, 90_000_000, 300)
    positions_ns = [0, *np.cumsum(steps_ns).tolist()]
    target = writer(path)
    target.start()
    samples = 0
    for number, position_ns in enumerate(positions_ns):
        target.write_video(position_ns, picture())
        if number % burst == 0:
            due = max(samples, (position_ns - lag_ns) * SAMPLE_RATE_HZ // NS_PER_S)
            target.write_audio([noise(due - samples)])
            samples = due
        target.pump(0)
    found = frame_ticks(path)
    expected = [video_ticks(position_ns) for position_ns in positions_ns]
    assert found == expected[: len(found)]
    assert found[-1] > expected[-1] - 90_000 * 2
    target.finish(positions_ns[-1] + 50_000_000)
    assert frame_ticks(path) == expected


def test_late_first_picture(tmp_path: Path) -> None:
    """A first frame after 0 is shown at its time, and the end is still the end."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    for position_ns in (100_000_000, 150_000_000, 900_000_000):
        target.write_video(position_ns, picture())
    target.write_audio([np.zeros((SAMPLE_RATE_HZ, 2), np.float32)])
    target.finish(NS_PER_S)
    assert frame_ticks(path) == [9_000, 13_500, 81_000]
    with av.open(str(path)) as container:
        assert container.duration == 1_000_000


def test_last_picture_stays_until_the_end(tmp_path: Path) -> None:
    """The video track ends at `end_ns` although its last frame came long before."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    target.write_video(0, picture())
    target.write_audio([np.zeros((SAMPLE_RATE_HZ, 2), np.float32)])
    target.finish(3_500_000_000)
    with av.open(str(path)) as container:
        assert container.streams.video[0].duration == 315_000
        assert container.streams.audio[0].duration == 168_000
    assert 168_000 <= len(sound_of(path)) < 168_000 + 1024


def test_frame_that_does_not_advance_is_counted(tmp_path: Path) -> None:
    """Two positions in the same tick would be the same PTS: the second is dropped and counted."""
    target = writer(tmp_path / "take.mp4")
    target.start()
    for position_ns in (0, 1, 20_000_000, 10_000_000):
        target.write_video(position_ns, picture())
    target.write_audio([np.zeros((4800, 2), np.float32)])
    target.finish(100_000_000)
    assert (target.frames, target.dropped_frames) == (2, 2)
    assert frame_ticks(tmp_path / "take.mp4") == [0, 1800]


def test_separate_tracks_are_named_and_the_mix_is_default(tmp_path: Path) -> None:
    """With `separate`: mix, microphone, system sound; only the mix plays by itself."""
    path = tmp_path / "take.mp4"
    make_take(path, tracks=Tracks.SEPARATE)
    with av.open(str(path)) as container:
        sounds = container.streams.audio
        assert [s.metadata["handler_name"] for s in sounds] == list(Tracks.SEPARATE.titles)
        assert [bool(s.disposition & 1) for s in sounds] == [True, False, False]


def test_colour_is_declared(tmp_path: Path) -> None:
    """Players are told BT.709, limited range, so they need not guess."""
    path = tmp_path / "take.mp4"
    make_take(path, 0.5)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_range, context.colorspace) == (1, 1)
        assert (context.color_primaries, context.color_trc) == (1, 1)
        assert not context.has_b_frames


def test_chapters_come_back(tmp_path: Path) -> None:
    """Chapters are read at their sample, from 0 to the end, in any language."""
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    feed(target, 2 * NS_PER_S)
    target.add_chapter(1_500_000_000, "Frage & Antwort – ❓")
    target.add_chapter(500_000_000, "mic muted")
    target.finish(2 * NS_PER_S)
    with av.open(str(path)) as container:
        found = [(c["start"], c["end"], c["metadata"]["title"]) for c in container.chapters()]
    assert found == [
        (0, 24_000, "Start"),
        (24_000, 72_000, "mic muted"),
        (72_000, 96_000, "Frage & Antwort – ❓"),
    ]
    assert len(frame_ticks(path)) == 60


@pytest.mark.parametrize("codec", [Codec.HEVC, Codec.AV1])
def test_other_codecs_keep_time(tmp_path: Path, codec: Codec) -> None:
    """HEVC and AV1 takes have the same times as H.264 ones."""
    path = tmp_path / "take.mp4"
    make_take(path, 1.0, codec=codec)
    assert frame_ticks(path) == [number * 3000 for number in range(30)]


def test_existing_file_is_never_touched(tmp_path: Path) -> None:
    """Without `overwrite` an existing file is an error of use and keeps its bytes."""
    path = tmp_path / "take.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(UsageError) as caught:
        writer(path).start()
    assert (caught.value.code, caught.value.exit_code) == ("file-exists", 2)
    assert path.read_bytes() == b"precious"


def test_overwritten_file_lives_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """With `overwrite` the old file is replaced by the finished new one, not before."""
    path = tmp_path / "take.mp4"
    path.write_bytes(b"precious")
    target = writer(path, overwrite=True)
    target.start()
    feed(target, NS_PER_S)
    assert path.read_bytes() == b"precious"
    assert target.path == tmp_path / "take (new).mp4"
    target.finish(NS_PER_S)
    assert target.path == path
    assert len(frame_ticks(path)) == 30
    assert list(tmp_path.iterdir()) == [path]


def test_take_without_content_leaves_nothing(tmp_path: Path) -> None:
    """A take that ends before its first frame is an error and leaves no file."""
    target = writer(tmp_path / "take.mp4")
    target.start()
    with pytest.raises(OutputFailed, match="nothing was recorded"):
        target.finish(0)
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_an_error_of_output(tmp_path: Path) -> None:
    """A folder that went away between the check and the start is told in one line."""
    with pytest.raises(OutputFailed, match="cannot write"):
        writer(tmp_path / "gone" / "take.mp4").start()


def test_bad_preset_leaves_nothing(tmp_path: Path) -> None:
    """An encoder that does not take its options is told as such, and no file is left."""
    target = writer(tmp_path / "take.mp4", encoder="libx264", encoder_preset="no-such-preset")
    with pytest.raises(EncoderUnavailable):
        target.start()
    assert list(tmp_path.iterdir()) == []


def test_stalled_disk_stalls_only_pump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk hangs video is refused at the watermark, sound goes on, nothing is lost."""
    is_free = threading.Event()
    append = OutputFile.append

    def hanging(self: OutputFile, data: bytes | memoryview) -> int:
        assert is_free.wait(30)
        return append(self, data)

    monkeypatch.setattr(mp4, "QUEUE_HIGH_BYTES", 50_000)
    path = tmp_path / "take.mp4"
    target = writer(path)
    target.start()
    monkeypatch.setattr(OutputFile, "append", hanging)
    pump = threading.Thread(target=lambda: [target.pump(0.01) for _ in range(40)])
    feed(target, NS_PER_S, sound=noise(SAMPLE_RATE_HZ), has_pump=False)
    pump.start()
    refused = 0
    for number in range(30, 300):
        if target.is_ready_for_video():
            target.write_video(number * NS_PER_S // 30, picture(number % 200))
        else:
            refused += 1
        target.write_audio([noise(1600, number)])
    assert refused > 0
    assert target.queued_bytes > 50_000
    is_free.set()
    pump.join(30)
    target.finish(10 * NS_PER_S)
    assert len(frame_ticks(path)) == 300 - refused
    assert 480_000 <= len(sound_of(path)) < 480_000 + 1024


def test_disk_that_never_comes_back_ends_the_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory has a bound: beyond it the take is given up with a reason."""
    monkeypatch.setattr(mp4, "QUEUE_LIMIT_BYTES", 20_000)
    target = writer(tmp_path / "take.mp4")
    target.start()
    with pytest.raises(OutputFailed, match="taken nothing"):
        feed(target, 20 * NS_PER_S, sound=noise(20 * SAMPLE_RATE_HZ), has_pump=False)
    target.finish(NS_PER_S)


def test_encoder_that_fails_falls_back_and_says_so(tmp_path: Path) -> None:
    """An encoder that is asked for but does not work is replaced by software, with a message."""
    said: list[tuple[str, str, str]] = []
    wish = Settings(encoder="h264_nvenc")
    target = Mp4Writer(
        tmp_path / "take.mp4",
        size_px=SIZE_PX,
        settings=wish,
        warn=lambda *words: said.append(words),
    )
    target.start()
    feed(target, NS_PER_S)
    target.finish(NS_PER_S)
    assert target.encoder == "libx264"
    assert [code for code, _, _ in said] == ["encoder-fallback"]
    assert "h264_nvenc" in said[0][1]
    assert len(frame_ticks(tmp_path / "take.mp4")) == 30
