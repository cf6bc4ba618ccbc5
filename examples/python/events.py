"""Hear everything that happens in a take, until it is over."""

import onetake
from onetake.model.events import ControlChanged, Finished, Meters, Warned

devices = {"screen": "synthetic", "system_audio": "none", "mic": "synthetic"}
take = onetake.record("events.mp4", duration_s=1, **devices)
take.mark("here")
for event in take.events():
    match event:
        case Meters(levels=levels):
            print(*(f"{role} {level.peak_db:.0f} dB" for role, level in levels.items()))
        case ControlChanged(command=command, position_ns=position_ns):
            print(f"{position_ns / 1e9:.3f} s: {command}")
        case Warned(message=message, hint=hint):
            print(f"warning: {message} ({hint})")
        case Finished(path=path, verdict=verdict):
            print(f"{path} is {verdict}")
