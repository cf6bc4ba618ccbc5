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

BLOCK = 1024
"""Samples in a block of the codec: what a decoded edge may be smeared over."""
CODEC_NOISE = 10 ** (-70 / 20)
"""What AAC at 160 kbit/s may leave of a tone of half of full scale in the second block after its
end: nothing for most places of the edge within its block, -74 dBFS for the worst (every 16th of
1024 places tried)."""
RAMP = 480
"""Samples of the mute's ramp: 10 ms."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_muted_tone_is_digital_zero(name, tmp_path, monkeypatch):
    """1 kHz on the microphone, muted and unmuted from outside: one block after the acknowledged
    position the codec's noise alone is left, two blocks after it exact zeros; and the tone is
    there around it."""
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
    inside = sound[muted + RAMP + BLOCK : unmuted - BLOCK]
    assert len(inside) > RATE_HZ // 2
    # The codec's transform spans two blocks, so the tone's quantising noise ends with the second.
    assert np.abs(inside).max() < CODEC_NOISE
    assert np.count_nonzero(inside[BLOCK:-BLOCK]) == 0
    # Loud to the very position, silent one block after it; and loud again one block after the end.
    assert np.abs(sound[muted - BLOCK : muted]).max() > 0.3
    assert np.abs(sound[unmuted + RAMP : unmuted + RAMP + BLOCK]).max() > 0.3
    assert np.abs(sound[muted + RAMP : muted + RAMP + BLOCK]).max() < 0.3
