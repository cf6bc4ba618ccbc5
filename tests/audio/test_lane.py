"""The audio lane end to end, on simulated devices with a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from onetake.model.devices import Role
from onetake.testing.clocksim import ClockScript, simulate
from onetake.testing.lanesim import play
from onetake.testing.soundtruth import tone, tone_errors_s

SAMPLE_S = 1 / 48_000


@pytest.mark.parametrize(
    ("rate_hz", "ppm"),
    [(48_000, 0), (48_000, 500), (48_000, -500), (44_100, 300), (16_000, 208), (96_000, -120)],
)
def test_exact_stamps_align_to_a_hundredth_of_a_sample(rate_hz: int, ppm: float) -> None:
    """With exact stamps every sample lies within 0.01 sample of where it was heard."""
    script = ClockScript(duration_s=14, rate_hz=rate_hz, block_frames=rate_hz // 100, ppm=ppm)
    take = play({Role.MIC: (simulate(script), tone)}, t0_s=1.0123, end_s=13.0)
    mix = take.track()
    assert len(mix) == round((13.0 - 1.0123) * 48_000 + 0.5)
    errors = tone_errors_s(mix, take.t0_s)[:-1]
    assert np.abs(errors).max() < 0.01 * SAMPLE_S
    position = 0
    for block in take.blocks:
        assert block.first_sample == position
        position += len(block.tracks[0])
