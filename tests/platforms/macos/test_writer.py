"""AVAssetWriter behind the writer contract, with the traps the stand-in models."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.quartz import PixelBuffer
from tests.platforms.macos.making import back_end

from onetake.engine.plan import make_plan
from onetake.engine.preflight import look_at_encoder
from onetake.errors import DiskFull, EncoderUnavailable, OutputFailed, UsageError
from onetake.file import waiting_sound
from onetake.model.findings import Status
from onetake.model.settings import Codec, Quality, Settings, Tracks
from onetake.platforms.contract import Adaptable

SIZE = (64, 36)
MS = 1_000_000


def _writer(path: Path, settings: Settings | None = None, size: tuple[int, int] = SIZE) -> Any:
    pool = back_end("compositor").PixelPool(size)
    return back_end("writer").AssetWriter(str(path), size, settings or Settings(), pool)


def _picture(value: int = 80, size: tuple[int, int] = SIZE) -> PixelBuffer:
    return PixelBuffer(np.full((size[1], size[0], 4), value, np.uint8))


def _sound(frames: int, value: float = 0.25) -> np.ndarray:
    return np.full((frames, 2), value, np.float32)


def _pump_all(writer: Any) -> None:
    while writer.pump(0.0):
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file goes."""
    return tmp_path / "take.mp4"


def test_a_whole_file(mac: Mac, path: Path) -> None:
    """One session from 0, gapless sound, an explicit end, and a completed file of that length."""
    writer = _writer(path)
    writer.start()
    for number in range(30):
        writer.write_video(number * 33 * MS, _picture())
        writer.write_audio([_sound(1600)])
        writer.pump(0.0)
    writer.finish(1_000 * MS)
    file = mac.writers[0]
    assert file.status() == 2
    assert file._session_s == 0
    assert file._end_s == pytest.approx(1.0, abs=1 / 90_000)
    assert file._fragment_s == 2
    video, audio = file._inputs
    assert [f.ticks for f in video._frames] == [round(n * 0.033 * 90_000) for n in range(30)]
    assert sum(len(s) for s in audio._sound) == 48_000
    assert audio._times[1] == (1600, 1600)
    assert writer.size_bytes == path.stat().st_size > 0


def test_sound_is_padded_to_the_end(mac: Mac, path: Path) -> None:
    """Missing sound at the end becomes silence: the tracks end together."""
    writer = _writer(path)
    writer.start()
    writer.write_video(0, _picture())
    writer.write_audio([_sound(1000)])
    writer.finish(2_500 * MS)
    sound = np.concatenate(mac.writers[0]._inputs[1]._sound)
    assert len(sound) == 120_000
    assert not sound[1000:].any()


def test_times_that_do_not_increase_are_dropped(mac: Mac, path: Path) -> None:
    """A time that is the same after rounding to ticks never reaches the writer: the next append
    would fail the whole file."""
    writer = _writer(path)
    writer.start()
    for position_ns in (0, 1, 33 * MS, 32 * MS, 33 * MS + 4_000, 66 * MS):
        writer.write_video(position_ns, _picture())
    writer.finish(100 * MS)
    assert [f.ticks for f in mac.writers[0]._inputs[0]._frames] == [0, 2970, 5940]
    assert writer.dropped_frames == 3


def test_the_stand_in_fails_late_on_equal_times(mac: Mac, path: Path) -> None:
    """Without that care the file is lost: this is what the rule above prevents."""
    writer = _writer(path)
    writer.start()
    writer.write_video(0, _picture())
    writer._last_ticks = -1
    writer.write_video(0, _picture())  # taken
    with pytest.raises(OutputFailed, match="-16364"):
        writer.write_video(33 * MS, _picture())


def test_the_systems_encoder_has_no_cheaper_way(mac: Mac, path: Path) -> None:
    """It cannot be changed in mid-take, and does not claim to: pictures are dropped at once."""
    assert not isinstance(_writer(path), Adaptable)


def test_not_ready_drops_pictures_and_keeps_sound(mac: Mac, path: Path) -> None:
    """While the writer is not ready the caller drops pictures; sound waits and none is lost."""
    writer = _writer(path)
    writer.start()
    writer.write_video(0, _picture())
    mac.unready_until_ns = time.monotonic_ns() + 60_000 * MS
    assert not writer.is_ready_for_video()
    writer.write_video(33 * MS, _picture())
    for _ in range(10):
        writer.write_audio([_sound(4800)])
        assert not writer.pump(0.0)
    mac.unready_until_ns = 0
    _pump_all(writer)
    writer.write_video(200 * MS, _picture())
    writer.finish(1_000 * MS)
    video, audio = mac.writers[0]._inputs
    assert [f.ticks for f in video._frames] == [0, 18_000]
    assert sum(len(s) for s in audio._sound) == 48_000
    assert writer.dropped_frames == 1


def test_too_much_waiting_sound_gives_the_file_up(
    mac: Mac, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that is never ready again is told as OutputFailed before memory runs out."""
    monkeypatch.setattr(waiting_sound, "MOST_WAITING", 20)
    writer = _writer(path)
    writer.start()
    mac.unready_until_ns = time.monotonic_ns() + 60_000 * MS
    for _ in range(20):
        writer.write_audio([_sound(960)])
    with pytest.raises(OutputFailed, match="too long"):
        writer.write_audio([_sound(960)])


@pytest.mark.parametrize("call", ["video", "pump", "finish"])
def test_a_failed_writer_says_so_at_the_next_call(mac: Mac, path: Path, call: str) -> None:
    """After a failure every call raises: a failed writer is never ready again, so waiting for it
    would wait for ever."""
    writer = _writer(path)
    writer.start()
    writer.write_video(0, _picture())
    mac.fails_at_frame = 1
    with pytest.raises(OutputFailed, match="-11800"):
        writer.write_video(33 * MS, _picture())
    assert writer.is_ready_for_video()  # so that the caller calls, and is told
    calls = {
        "video": lambda: writer.write_video(66 * MS, _picture()),
        "pump": lambda: writer.pump(0.0),
        "finish": lambda: writer.finish(100 * MS),
    }
    with pytest.raises(OutputFailed):
        calls[call]()


def test_disk_full(mac: Mac, path: Path) -> None:
    """-11807 is DiskFull, which has its own exit code."""
    mac.fails_at_frame, mac.writer_error = 1, (-11807, -12784)
    writer = _writer(path)
    writer.start()
    writer.write_video(0, _picture())
    with pytest.raises(DiskFull):
        writer.write_video(33 * MS, _picture())


def test_a_file_that_cannot_be_finished(mac: Mac, path: Path) -> None:
    """The status after finishing is looked at."""
    mac.finish_error = (-11800, -12780)
    writer = _writer(path)
    writer.start()
    writer.write_video(0, _picture())
    with pytest.raises(OutputFailed, match="-12780"):
        writer.finish(33 * MS)


def test_existing_files(mac: Mac, path: Path) -> None:
    """An existing file is refused, or replaced only when the new one is finished."""
    path.write_bytes(b"old")
    with pytest.raises(UsageError) as caught:
        _writer(path).start()
    assert caught.value.code == "file-exists"
    writer = _writer(path, Settings(overwrite=True))
    writer.start()
    assert path.read_bytes() == b"old"
    writer.write_video(0, _picture())
    writer.finish(33 * MS)
    assert path.stat().st_size > 100
    assert [p.name for p in path.parent.iterdir()] == ["take.mp4"]


def test_folder_that_is_not_there(mac: Mac, tmp_path: Path) -> None:
    """A writer that cannot start says why."""
    with pytest.raises(OutputFailed, match="-17913"):
        _writer(tmp_path / "nowhere" / "take.mp4").start()


@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC])
def test_encoder_settings(mac: Mac, path: Path, codec: Codec) -> None:
    """No frame reordering (it excludes fragments), a real bit rate, BT.709, key frames each 2 s."""
    wish = Settings(codec=codec, quality=Quality.HIGH, fps=60, audio_kbps=192)
    writer = _writer(path, wish, (1920, 1080))
    writer.start()
    video, audio = (track._settings for track in mac.writers[0]._inputs)
    compression = video["AVVideoCompressionPropertiesKey"]
    share = 0.6 if codec is Codec.HEVC else 1.0
    assert compression["AVVideoAverageBitRateKey"] == round(1920 * 1080 * 60 * 0.14 * share)
    assert compression["AVVideoAllowFrameReorderingKey"] is False
    assert compression["AVVideoExpectedSourceFrameRateKey"] == 60
    assert compression["AVVideoMaxKeyFrameIntervalDurationKey"] == 2.0
    assert ("AVVideoProfileLevelKey" in compression) == (codec is Codec.H264)
    assert video["AVVideoColorPropertiesKey"]["AVVideoYCbCrMatrixKey"].endswith("709_2")
    assert audio["AVEncoderBitRateKey"] == 192_000


def test_an_encoder_that_is_not_there(mac: Mac, path: Path) -> None:
    """Settings the Mac cannot encode are told before the file is created."""
    mac.codecs = ("AVVideoCodecTypeH264",)
    with pytest.raises(EncoderUnavailable):
        _writer(path, Settings(codec=Codec.HEVC)).start()
    assert not path.exists()


def test_separate_tracks(mac: Mac, path: Path) -> None:
    """With separate tracks there are three sound inputs of one length."""
    writer = _writer(path, Settings(tracks=Tracks.SEPARATE))
    writer.start()
    writer.write_video(0, _picture())
    writer.write_audio([_sound(4800, v) for v in (0.1, 0.2, 0.3)])
    writer.finish(200 * MS)
    tracks = mac.writers[0]._inputs[1:]
    assert [float(t._sound[0][0, 0]) for t in tracks] == pytest.approx([0.1, 0.2, 0.3])
    assert [sum(len(s) for s in t._sound) for t in tracks] == [9600] * 3


def test_an_interleaving_writer_is_not_waited_for_at_the_end(mac: Mac, path: Path) -> None:
    """A writer that holds sound back until pictures come takes it once the pictures have ended."""
    mac.most_ahead_s = 1.0
    writer = _writer(path)
    writer.start()
    writer.write_video(0, _picture())
    for _ in range(40):
        writer.write_audio([_sound(4800)])
    _pump_all(writer)
    assert len(writer._waiting) > 0
    begun_s = time.monotonic()
    writer.finish(4_000 * MS)
    assert time.monotonic() - begun_s < 1
    assert sum(len(s) for s in mac.writers[0]._inputs[1]._sound) == 4 * 48_000


def test_pool_is_the_writers_while_it_writes(mac: Mac, path: Path) -> None:
    """The compositor draws into the writer's pool from the start to the finish."""
    writer = _writer(path)
    pool = writer._pool
    assert pool.adaptor is None
    writer.start()
    assert pool.adaptor.pixelBufferPool() is not None
    writer.write_video(0, pool.take())
    writer.finish(33 * MS)
    assert pool.adaptor is None


def test_pool_of_the_next_file_stays(mac: Mac, path: Path) -> None:
    """When a take goes on in a new file, finishing the old one leaves the new one's pool alone."""
    old = _writer(path)
    old.start()
    old.write_video(0, _picture())
    new = back_end("writer").AssetWriter(str(path) + ".2.mp4", SIZE, Settings(), old._pool)
    new.start()
    old.finish(33 * MS)
    assert old._pool.adaptor is new._adaptor


def test_the_portable_compositors_pictures(mac: Mac, path: Path) -> None:
    """A picture that is no pixel buffer is copied into one; the preflight encodes here, too."""
    writer = _writer(path)
    writer.start()
    pixels = np.full((36, 64, 4), 200, np.uint8)
    picture = av.VideoFrame.from_ndarray(pixels, format="bgra").reformat(format="nv12")
    writer.write_video(0, picture)
    writer.finish(33 * MS)
    assert mac.writers[0]._inputs[0]._frames[0].luma == pytest.approx(200, abs=3)
    platform = back_end("platform").MacPlatform()
    plan = make_plan(Settings(), [platform])
    (finding,) = look_at_encoder(plan, (320, 180), path.parent)
    assert finding.status is not Status.FAIL, finding
    assert "AVAssetWriter" in finding.message


def test_chapters_and_titles_are_in_the_file(mac: Mac, path: Path) -> None:
    """AVAssetWriter writes neither; the finished file has both, and its report's order of tracks
    can be read from it."""
    writer = _writer(path, Settings(tracks=Tracks.SEPARATE))
    writer.start()
    writer.add_chapter(400 * MS, "here")
    for number in range(30):
        writer.write_video(number * 33 * MS, _picture())
        writer.write_audio([_sound(1600)] * 3)
        writer.pump(0.0)
    writer.finish(1_000 * MS)
    with av.open(str(path)) as container:
        found = [
            (c["start"] * c["time_base"], c["metadata"]["title"]) for c in container.chapters()
        ]
        titles = [s.metadata["handler_name"] for s in container.streams.audio]
    assert found == [(0, "Start"), (pytest.approx(0.4), "here")]
    assert titles == ["Mix", "Microphone", "System audio"]
