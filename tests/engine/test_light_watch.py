"""A black picture is told while there is still time."""

from __future__ import annotations

import av
import numpy as np

from onetake.engine.light_watch import LightWatch
from onetake.model.units import NS_PER_S


def picture(luma: int) -> av.VideoFrame:
    """A grey picture."""
    return av.VideoFrame.from_ndarray(np.full((96, 64), luma, np.uint8), format="yuv420p")


def watched() -> tuple[LightWatch, list[str]]:
    """A watch and the codes it warned of."""
    told: list[str] = []
    return LightWatch(lambda code, message, hint: told.append(code)), told


def test_three_seconds_of_black_are_told_once() -> None:
    """Black from the first picture on, or after light, is told once until there is light again."""
    watch, told = watched()
    for second in range(7):
        watch.see(second * NS_PER_S, picture(16))
    assert told == ["screen-black"]
    assert not watch.has_seen_light
    watch.see(7 * NS_PER_S, picture(200))
    for second in range(8, 12):
        watch.see(second * NS_PER_S, picture(16))
    assert told == ["screen-black"] * 2


def test_a_short_darkness_is_none() -> None:
    """A fade to black of two seconds warns of nothing."""
    watch, told = watched()
    for second, luma in enumerate((200, 16, 16, 200, 16, 16, 200)):
        watch.see(second * NS_PER_S, picture(luma))
    assert told == []


def test_native_pictures_are_let_pass() -> None:
    """A picture that cannot be read is not called black."""
    watch, told = watched()
    for second in range(10):
        watch.see(second * NS_PER_S, object())
    assert told == []
