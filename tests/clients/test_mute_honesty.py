"""A mute is in the file where it was acknowledged, whichever way it was given."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.clients.tone import RATE_HZ, ToneRecorderPlatforms, decoded_mix
from tests.clients.transports import TRANSPORTS, transport

from onetake.control.controller import Controller
from onetake.engine.recorder import Recorder
from onetake.model.commands import SetMute
from onetake.model.events import ControlChanged
from onetake.model.settings import Settings

BLOCK = 2048
"""Samples in a (long) block of AAC, which is what its transform spans (ISO/IEC 14496-3): what a
decoded edge may be smeared over."""
CODEC_NOISE = 10 ** (-70 / 20)
"""What AAC at 160 kbit/s may leave of a tone of half of full scale in the second half of the block
after its end: nothing for most places of the edge (tests/file/test_mute_edges.py)."""
RAMP = 480
"""Samples of the ramp before a mute and after an unmute: 10 ms."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_muted_tone_is_digital_zero(name, tmp_path, monkeypatch):
    """1 kHz on the microphone, muted and unmuted from outside: half a block after the acknowledged
    position the codec's noise alone is left, a block after it exact zeros; and the tone is there
    around it."""
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(tmp_path / "run"))
    settings = Settings(
        output=str(tmp_path / "take.mp4"),
        screen="synthetic:screen?size=320x180",
        system_audio="none",
        mic="tone:mic",
    )
    controller = Controller(Recorder(platforms=ToneRecorderPlatforms()), settings)
    listening = controller.subscribe()
    with transport(name, controller) as client:
        client.start()
        time.sleep(0.8)
        client.mute("mic", True)
        time.sleep(0.8)
        client.mute("mic", False)
        time.sleep(0.6)
        client.stop()
    controller.close()
    edges = []
    while (event := listening.get(0)) is not None:
        if isinstance(event, ControlChanged) and isinstance(event.command, SetMute):
            edges.append(event.position_ns * RATE_HZ // 10**9)
    muted, unmuted = edges
    sound = decoded_mix(tmp_path / "take.mp4")
    inside = sound[muted + BLOCK : unmuted - BLOCK]
    assert len(inside) > RATE_HZ // 2
    assert np.count_nonzero(inside) == 0
    assert np.abs(sound[muted + BLOCK // 2 : unmuted - BLOCK // 2]).max() < CODEC_NOISE
    # Loud to the fade, which ends at the position, and loud again after the one of the unmute.
    assert np.abs(sound[muted - RAMP - BLOCK : muted - RAMP]).max() > 0.3
    assert np.abs(sound[unmuted + RAMP : unmuted + RAMP + BLOCK]).max() > 0.3
    assert np.abs(sound[muted : muted + BLOCK]).max() < 0.1
