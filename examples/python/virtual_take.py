"""Record ten seconds in an instant, on a clock that nobody has to wait for: for your own tests."""

import numpy as np

from onetake.model.commands import SetMute
from onetake.model.devices import Role
from onetake.testing.virtual import record_virtual

small = {Role.SCREEN: "synthetic:screen?size=160x90", Role.MIC: "synthetic:mic?drift_ppm=300"}
mute, unmute = SetMute(Role.MIC, is_muted=True), SetMute(Role.MIC, is_muted=False)
take = record_virtual(sources=small, commands=[(2.0, mute), (5.0, unmute)], duration_s=10)
sound = take.memory.audio()  # float32, shape (samples, 2), 48 kHz

muted = sound[round(2.01 * 48000) : 5 * 48000]  # behind the ramp of 10 ms
print(f"{len(sound) / 48000:g} s, {len(take.memory.frames)} frames")
print(f"loudest while muted: {np.abs(muted).max():g}, else: {np.abs(sound).max():.2f}")
