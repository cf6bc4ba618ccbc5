"""Files are read as a player would show and play them, and damage ends in facts."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from tests.proof.making import RATE_HZ, Recipe, make, tone

from onetake.errors import InvalidRecording
from onetake.proof.read import Picture, Recording, Sound


def pieces(path: Path) -> tuple[list[tuple[int | None, float]], list[Sound]]:
    """Return (stamp, mean luma) of all pictures, and all sound."""
    pictures, sounds = [], []
    with Recording(path) as recording:
        for piece in recording.pieces():
            if isinstance(piece, Picture):
                pictures.append((piece.pts_ns, float(piece.luma.mean())))
            else:
                sounds.append(piece)
    return pictures, sounds


@pytest.mark.parametrize(
    ("codec", "suffix", "dtype_error"),
    [
        ("pcm_s16le", "mkv", 2e-4),
        ("pcm_s24le", "mkv", 1e-6),
        ("pcm_f32le", "mkv", 1e-7),
        ("pcm_u8", "mkv", 2e-2),
        ("flac", "mkv", 2e-4),
        ("aac", "mp4", 6e-2),
    ],
)
def test_samples_of_any_format(codec: str, suffix: str, dtype_error: float, tmp_path: Path) -> None:
    """Samples come as float32 in full scale 1, whatever the codec stores, at their place."""
    sound = tone(1, 997, 0.5)
    sound[:, 1] *= 0.25
    path = make(tmp_path / f"a.{suffix}", Recipe(seconds=1, sound=sound, audio_codec=codec))
    _, sounds = pieces(path)
    samples = np.concatenate([piece.samples for piece in sounds], axis=1)
    assert samples.dtype == np.float32
    assert sounds[0].pts_ns == 0
    inner = slice(4000, 40_000)
    np.testing.assert_allclose(samples[:, inner], sound.T[:, inner], atol=dtype_error)


def test_priming_is_cut_off(tmp_path: Path) -> None:
    """The encoder's priming samples are neither delivered nor counted in the stamps."""
    sound = np.zeros((RATE_HZ, 2), dtype=np.float32)
    sound[RATE_HZ // 2] = 0.9
    _, sounds = pieces(make(tmp_path / "a.mp4", Recipe(seconds=1, sound=sound)))
    samples = np.concatenate([piece.samples for piece in sounds], axis=1)
    assert np.argmax(np.abs(samples[0])) == RATE_HZ // 2
    for piece in sounds:
        assert piece.pts_ns is not None


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuvj420p", "yuv420p10le", "nv12"])
def test_luma_of_any_format(pix_fmt: str, tmp_path: Path) -> None:
    """The luma plane has the picture's size and its brightness in 8 bits, whatever the format."""
    path = make(tmp_path / "a.mp4", Recipe(seconds=1, size=(642, 360), pix_fmt=pix_fmt))
    pictures, _ = pieces(path)
    flash, dark = pictures[1][1], pictures[15][1]
    assert flash > 180
    assert 40 < dark < 90


@pytest.mark.parametrize("layout", ["mono", "5.1", "7.1", "hexadecagonal"])
def test_any_number_of_channels(layout: str, tmp_path: Path) -> None:
    """Every channel is delivered, also where there are more than PyAV's own list can hold."""
    channels = av.AudioLayout(layout).nb_channels
    samples = np.arange(1, channels + 1)[:, None] * np.full(4096, 1 / 32)
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("wavpack", rate=RATE_HZ, layout=layout)
        stream.format = "fltp"
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T.reshape(1, -1), dtype=np.float32), "flt", layout
        )
        frame.sample_rate = RATE_HZ
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with Recording(path) as recording:
        assert recording.tracks[0].channels == channels
        heard = np.concatenate(
            [piece.samples for piece in recording.pieces() if isinstance(piece, Sound)], axis=1
        )
    np.testing.assert_allclose(heard, samples, atol=1e-6)


def test_first_video_and_all_audio(tmp_path: Path) -> None:
    """All tracks are listed, with what their headers say."""
    with Recording(make(tmp_path / "a.mp4", Recipe(seconds=2))) as recording:
        video, audio = recording.tracks
    assert (video.kind, video.codec, video.width_px) == ("video", "h264", 384)
    assert (audio.kind, audio.codec, audio.rate_hz, audio.channels) == ("audio", "aac", 48000, 2)
    assert video.header_duration_s == pytest.approx(2)
    assert audio.header_duration_s == pytest.approx(2)


@pytest.mark.parametrize("content", [b"", b"not a recording", b"\0" * 4096])
def test_no_recording(content: bytes, tmp_path: Path) -> None:
    """Something else is refused with a hint."""
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(InvalidRecording, match=r"cannot be read as a recording|neither"):
        Recording(path)


def test_no_file(tmp_path: Path) -> None:
    """A missing file, or a folder, is said to be so."""
    for path in (tmp_path / "a.mp4", tmp_path):
        with pytest.raises(InvalidRecording, match="no such file"):
            Recording(path)


def test_damaged_packets_are_counted(tmp_path: Path) -> None:
    """Packets of garbage are counted, and what can be decoded is."""
    good = make(tmp_path / "good.mkv", Recipe(seconds=4, audio_codec="flac"))
    data = bytearray(good.read_bytes())
    with av.open(str(good)) as opened:
        audio = [p for p in opened.demux(audio=0) if p.size and p.pos is not None]
    for packet in audio[10:20]:
        assert packet.pos is not None
        data[packet.pos + 8 : packet.pos + packet.size] = bytes(packet.size - 8)
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(data)
    with Recording(bad) as recording:
        count = sum(isinstance(piece, Sound) for piece in recording.pieces())
        assert recording.trouble.bad_packets[1] >= 5
    assert count >= len(audio) - 20


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A track whose name is no UTF-8 can be read and its name printed, with every PyAV."""
    path = make(tmp_path / "a.mp4", Recipe(seconds=1))
    content = path.read_bytes()
    assert b"SoundHandler" in content
    path.write_bytes(content.replace(b"SoundHandler", b"So\xff\xfedHandler"))
    with Recording(path) as recording:
        titles = [track.title for track in recording.tracks]
    assert "So\ufffd\ufffddHandler" in titles
    assert all(title.encode() for title in titles)
