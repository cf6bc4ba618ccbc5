"""What the simulated devices see and hear at a host time, so that sync can be measured."""

from __future__ import annotations

import threading
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tests.platforms.macos.fake.world import NS_PER_S, Mac

from onetake.model.pattern import EventSchedule, draw, mic_sound, system_sound

SYSTEM_HZ = 1000.0
MIC_HZ = 3000.0
LEVEL = 0.4
DARK, BRIGHT = 40, 220


_schedules = {}


def schedule_of(mac: Mac) -> EventSchedule:
    """Return the schedule of the test pattern; one for each thread, since they are not shared."""
    key = (threading.get_ident(), mac.pattern_id)
    if key not in _schedules:
        _schedules[key] = EventSchedule(mac.pattern_id)
    return _schedules[key]


@cache
def picture(width_px: int, height_px: int, value: int) -> NDArray[np.uint8]:
    """Return an even picture, BGRA. Shared: nobody may write to it."""
    pixels = np.full((height_px, width_px, 4), value, np.uint8)
    pixels.flags.writeable = False
    return pixels


def seen(mac: Mac, host_ns: int, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return what a screen or camera shows at `host_ns`."""
    if mac.pattern_epoch_ns is not None and height_px > 100:  # a screen, not the small camera
        pixels = np.empty((height_px, width_px, 4), np.uint8)
        draw(pixels, host_ns - mac.pattern_epoch_ns, schedule_of(mac))
        return pixels
    return picture(width_px, height_px, BRIGHT if mac.is_flashing(host_ns) else DARK)


def heard(
    mac: Mac, first_ns: int, count: int, rate_hz: float, channels: int, tone_hz: float
) -> NDArray[np.float32]:
    """Return `count` samples from host time `first_ns` on, taken at `rate_hz` of host time."""
    if mac.pattern_epoch_ns is not None:
        make = system_sound if tone_hz == SYSTEM_HZ else mic_sound
        sound = make(schedule_of(mac), first_ns - mac.pattern_epoch_ns, count, rate_hz)
        return np.repeat(sound[:, None], channels, axis=1)
    times_ns = first_ns + np.arange(count) * (NS_PER_S / rate_hz)
    sound = np.zeros(count, np.float32)
    for event in mac.events:
        inside = (times_ns >= event.start_ns) & (times_ns < event.end_ns)
        if inside.any():
            phase = 2 * np.pi * tone_hz * (times_ns[inside] - event.start_ns) / NS_PER_S
            sound[inside] = LEVEL * np.sin(phase)
    return np.repeat(sound[:, None], channels, axis=1)
