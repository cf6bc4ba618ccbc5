"""Files that something else has written get chapters and names, and lose nothing."""

from __future__ import annotations

import errno
import json
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.file.making import noise, picture

from onetake.errors import DiskFull, OutputFailed
from onetake.file import annotate as module
from onetake.file.annotate import annotate
from onetake.file.boxes import boxes, child, header_field
from onetake.model.chapters import Chapter

CHAPTERS = [
    Chapter(0, 24_000, "Start"),
    Chapter(24_000, 72_000, "Frage & Antwort – ❓"),
    Chapter(72_000, 96_000, "End"),
]


def _foreign(path: Path, flags: str = "") -> None:
    """Write two seconds with two sound tracks by FFmpeg's own muxer, in its own time scale."""
    with av.open(str(path), "w", format="mp4", options={"movflags": flags} if flags else {}) as out:
        video = out.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.codec_context.time_base = Fraction(1, 90_000)
        tracks = [out.add_stream("aac", rate=48_000, layout="stereo") for _ in range(2)]
        for number in range(60):
            frame = picture(60 + number)
            frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
            out.mux(video.encode(frame))
        for seed, track in enumerate(tracks):
            sound = np.ascontiguousarray(noise(96_000, seed).T)
            samples = av.AudioFrame.from_ndarray(sound, format="fltp", layout="stereo")
            samples.sample_rate, samples.pts = 48_000, 0
            out.mux(track.encode(samples))
        for stream in (video, *tracks):
            out.mux(stream.encode(None))


def _content(path: Path) -> list[list[tuple[int | None, bytes]]]:
    """Return time and bytes of every packet of picture and sound."""
    with av.open(str(path)) as container:
        media = [s for s in container.streams if s.type in ("video", "audio")]
        packets: dict[int, list[tuple[int | None, bytes]]] = {s.index: [] for s in media}
        for packet in container.demux(media):
            packets[packet.stream.index].append((packet.pts, bytes(packet)))
        return list(packets.values())


@pytest.mark.parametrize("flags", ["", "faststart"])
def test_chapters_and_names_are_added_and_nothing_is_lost(tmp_path: Path, flags: str) -> None:
    """Wherever the table of contents lies: chapters at their sample in any language, names of the
    sound tracks, and every packet as it was."""
    path = tmp_path / "foreign.mp4"
    _foreign(path, flags)
    before = _content(path)
    annotate(path, chapters=CHAPTERS, sound_titles=["Mix", "Microphone"])
    assert _content(path) == before
    with av.open(str(path)) as container:
        found = [
            (round(c["start"] * c["time_base"] * 48_000), c["metadata"]["title"])
            for c in container.chapters()
        ]
        for name in ("name", "handler_name"):
            titles = [s.metadata[name] for s in container.streams.audio]
            assert titles == ["Mix", "Microphone"]
    assert found == [(chapter.start_sample, chapter.title) for chapter in CHAPTERS]


def test_the_chapter_track_is_the_videos(tmp_path: Path) -> None:
    """Apple's players read a text track that the video refers to; it is as long as the file."""
    path = tmp_path / "foreign.mp4"
    _foreign(path)
    annotate(path, chapters=CHAPTERS, sound_titles=[])
    words = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    told = json.loads(subprocess.run(words, capture_output=True, check=True, text=True).stdout)
    (text,) = [s for s in told["streams"] if s["codec_type"] == "data"]
    assert text["codec_tag_string"] == "text"
    assert float(text["duration"]) == pytest.approx(2.0, abs=0.001)
    data = path.read_bytes()
    assert b"tref" in data
    movie = next(part for part in boxes(data) if part.kind == b"moov")
    scale = header_field(data, child(data, movie, b"mvhd"), b"mvhd")
    *_, track = (part for part in boxes(data, movie.body, movie.end) if part.kind == b"trak")
    at = child(data, track, b"tkhd").body + 20
    assert int.from_bytes(data[at : at + 4], "big") == 2 * scale, "in the movie's own ticks"


def test_names_without_chapters(tmp_path: Path) -> None:
    """A take without marks gets its names and no empty chapters."""
    path = tmp_path / "foreign.mp4"
    _foreign(path)
    annotate(path, chapters=[], sound_titles=["Mix", "Microphone"])
    with av.open(str(path)) as container:
        assert container.chapters() == []
        assert len(container.streams) == 3
        assert container.streams.audio[1].metadata["name"] == "Microphone"


def test_it_plays_at_every_instant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off by a crash between appending and the one write, the file plays as before."""
    path = tmp_path / "foreign.mp4"
    _foreign(path)
    before = _content(path)

    def die(file: object) -> None:
        file.flush()  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_sync", die)
    with pytest.raises(KeyboardInterrupt):
        annotate(path, chapters=CHAPTERS, sound_titles=[])
    assert _content(path) == before


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written is taken away again, byte for byte."""
    path = tmp_path / "foreign.mp4"
    _foreign(path)
    before = path.read_bytes()

    def refuse(file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_sync", refuse)
    with pytest.raises(DiskFull):
        annotate(path, chapters=CHAPTERS, sound_titles=[])
    assert path.read_bytes() == before


def test_a_fragmented_file_is_left_alone(tmp_path: Path) -> None:
    """Its table of contents has to come before its fragments; behind them it would lose them."""
    path = tmp_path / "foreign.mp4"
    _foreign(path, "frag_keyframe+empty_moov")
    before = path.read_bytes()
    with pytest.raises(OutputFailed):
        annotate(path, chapters=CHAPTERS, sound_titles=[])
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\0" * 32, b"\0\0\0\x08free" * 3])
def test_what_is_no_mp4_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file without a table of contents is an error and keeps its bytes."""
    path = tmp_path / "foreign.mp4"
    path.write_bytes(content)
    with pytest.raises(OutputFailed):
        annotate(path, chapters=CHAPTERS, sound_titles=[])
    assert path.read_bytes() == content
