"""What a codec leaves of a source that was muted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.file.making import picture, writer
from tests.file.test_provisional import heard

from onetake.audio.gain import Fader
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ

BLOCK = 2048
"""Samples in a (long) block of AAC, which is what its transform spans (ISO/IEC 14496-3)."""

SPAN = 12_319
"""Samples from one command to the next: twelve of the codec's steps of 1024 and 31 more, so that
each edge lies elsewhere within a step."""


def test_within_a_block_of_a_mute_there_are_exact_zeros(tmp_path: Path) -> None:
    """Wherever within the codec's steps a mute or an unmute lies, a block inside the muted span
    every decoded sample is zero, and half a block inside it less than -70 dBFS."""
    edges = [(number + 1) * SPAN for number in range(66)]
    count = edges[-1] + SPAN
    tone = np.sin(2 * np.pi * 1000 * np.arange(count) / SAMPLE_RATE_HZ)
    sound = np.repeat(0.5 * tone[:, None], 2, axis=1).astype(np.float32)
    fader = Fader(0.0, is_muted=False)
    for number, edge in enumerate(edges):
        fader.mute(edge, is_muted=number % 2 == 0)
    take = writer(tmp_path / "take.mp4")
    take.start()
    take.write_video(0, picture())
    take.write_audio([fader.apply(0, sound)])
    take.finish(count * NS_PER_S // SAMPLE_RATE_HZ)
    found = heard(take.path)
    for muted, unmuted in zip(edges[::2], edges[1::2], strict=True):
        assert not found[muted + BLOCK : unmuted - BLOCK].any()
        inner = found[muted + BLOCK // 2 : unmuted - BLOCK // 2]
        assert np.abs(inner).max() < 10 ** (-70 / 20)
        assert np.abs(found[muted - BLOCK : muted - 480]).max() > 0.3
        assert np.abs(found[unmuted + 480 : unmuted + BLOCK]).max() > 0.3
    assert len({edge % 1024 for edge in edges[::2]}) == 33
