"""With safety tracks a muted source is found in the mix whatever it sounds like."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.proof.making import RATE_HZ, Samples

from onetake.model.devices import Role
from onetake.model.units import NS_PER_S
from onetake.platforms.synthetic.sound import speech
from onetake.proof.separate import muted_shares

pytestmark = pytest.mark.slow

SECONDS = 8
SPAN = (Role.MIC, 2 * NS_PER_S, 6 * NS_PER_S)
TRACKS = {Role.MIC: 1, Role.SYSTEM: 2}


def three_tracks(path: Path, tracks: list[Samples], codec: str = "aac") -> Path:
    """Write mono samples as the stereo tracks mix, microphone and system sound."""
    with av.open(str(path), "w") as output:
        streams = [output.add_stream(codec, rate=RATE_HZ, layout="stereo") for _ in tracks]
        for start in range(0, SECONDS * RATE_HZ, 1024):
            for stream, samples in zip(streams, tracks, strict=True):
                part = np.repeat(samples[None, start : start + 1024], 2, axis=0)
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), "fltp", "stereo")
                frame.sample_rate, frame.pts = RATE_HZ, start
                frame.time_base = Fraction(1, RATE_HZ)
                output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))
    return path


def sources() -> tuple[Samples, Samples]:
    """Return a voice and pink-like noise with a tone."""
    rng = np.random.default_rng(1)
    count = SECONDS * RATE_HZ
    noise = np.convolve(rng.standard_normal(count), np.ones(16) / 16, mode="same")
    times_s = np.arange(count) / RATE_HZ
    music = (0.1 * noise + 0.05 * np.sin(2 * np.pi * 700 * times_s)).astype(np.float32)
    return speech(1, 0, count, RATE_HZ), music


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
@pytest.mark.parametrize("leak_db", [0, -20, -40])
def test_leak_is_measured(codec: str, leak_db: int, tmp_path: Path) -> None:
    """A voice left in the mix is seen with its level, through a lossy codec as well."""
    mic, system = sources()
    mix = system + mic * 10 ** (leak_db / 20)
    path = three_tracks(tmp_path / "a.mov", [mix, mic, system], codec)
    (share,) = muted_shares(path, [SPAN], TRACKS, 0)
    assert share is not None
    assert share.is_seen
    assert share.share_db == pytest.approx(leak_db, abs=1.5)


@pytest.mark.parametrize(("codec", "limit_db"), [("aac", -40), ("pcm_s16le", -70)])
def test_clean_mute(codec: str, limit_db: int, tmp_path: Path) -> None:
    """Where the mix holds only the other source nothing is seen, and little could hide."""
    mic, system = sources()
    mix = system + mic
    mix[2 * RATE_HZ : 6 * RATE_HZ] = system[2 * RATE_HZ : 6 * RATE_HZ]
    path = three_tracks(tmp_path / "a.mov", [mix, mic, system], codec)
    (share,) = muted_shares(path, [SPAN], TRACKS, 0)
    assert share is not None
    assert share.share_db < limit_db
    assert not share.is_seen or share.share_db < -50


def test_nothing_to_tell(tmp_path: Path) -> None:
    """A silent microphone, or one that hears only the loudspeakers, tells nothing."""
    _, system = sources()
    for mic in (np.zeros_like(system), 0.3 * system):
        path = three_tracks(tmp_path / "a.mov", [system, mic, system], "pcm_s16le")
        assert muted_shares(path, [SPAN], TRACKS, 0) == [None]
