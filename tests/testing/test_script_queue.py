"""Scripts are merged by delivery time, and none runs ahead of who looks at its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from onetake.errors import DeviceUnavailable
from onetake.model.commands import Stop, TimedCommand
from onetake.model.devices import Role
from onetake.model.media import Frame, PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.synthetic.script import Delivery
from onetake.testing.script_queue import Play, ScriptQueue

START_NS = 5 * NS_PER_S + 7


def queue(**kinds: StampKind) -> ScriptQueue:
    """Return an empty queue."""
    return ScriptQueue(Settings(), START_NS, {Role(role): kind for role, kind in kinds.items()})


def ticking(
    step_ns: int, drawn: list[int] | None = None, released: list[int] | None = None
) -> Play:
    """Return a script that delivers a picture each `step_ns`, and notes what it draws."""

    notes = [] if released is None else released

    def play(opened_ns: int) -> Iterator[Delivery]:
        for number in range(1, 1000):
            at_ns = opened_ns + number * step_ns
            if drawn is not None:
                drawn.append(at_ns)
            release = partial(notes.append, at_ns)
            yield at_ns, Frame(at_ns, 8, 6, object(), PixelFormat.BGRA, None, release)

    return play


def test_everything_comes_in_order() -> None:
    """Pictures of two scripts, commands and ticks come by time; equal times in order of making."""
    merged = queue()
    merged.open(Role.SCREEN, ticking(10), START_NS)
    merged.open(Role.CAMERA, ticking(7), START_NS)
    stop = TimedCommand(START_NS + 20, Stop())
    merged.add(START_NS + 20, stop)
    merged.add(START_NS + 1, None)
    seen = []
    for _ in range(8):
        due = merged.next()
        seen.append((due.host_ns - START_NS, due.role or type(due.what).__name__))
        merged.done(due)
    screen, camera = Role.SCREEN, Role.CAMERA
    assert seen == [
        (1, "NoneType"),
        (7, camera),
        (10, screen),
        (14, camera),
        (20, "TimedCommand"),
        (20, screen),
        (21, camera),
        (28, camera),
    ]


def test_no_picture_is_drawn_before_the_last_was_looked_at() -> None:
    """A script goes on at `done`, not before."""
    drawn: list[int] = []
    merged = queue()
    merged.open(Role.SCREEN, ticking(10, drawn), START_NS)
    due = merged.next()
    assert len(drawn) == 1
    merged.done(due)
    assert len(drawn) == 2


def test_a_replaced_script_is_heard_no_more() -> None:
    """What a replaced device had still to deliver is given back unseen."""
    released: list[int] = []
    merged = queue()
    merged.open(Role.CAMERA, ticking(10, released=released), START_NS)
    merged.open(Role.CAMERA, ticking(25), START_NS)
    assert merged.next().host_ns == START_NS + 25
    assert released == [START_NS + 10]


def test_ids_and_kinds_are_those_of_the_devices() -> None:
    """A synthetic id says its own kind of stamps; a script's is what the caller says."""
    merged = queue(system=StampKind.ARRIVAL)
    merged.open(Role.MIC, "synthetic:mic?stamps=arrival", START_NS)
    merged.open(Role.SYSTEM, ticking(10), START_NS)
    merged.open(Role.SCREEN, "synthetic?size=320x200", START_NS)
    assert merged.kinds[Role.MIC] is StampKind.ARRIVAL
    assert merged.kinds[Role.SYSTEM] is StampKind.ARRIVAL
    assert merged.ids[Role.SCREEN] == "synthetic:screen?size=320x200"
    assert merged.ids[Role.SYSTEM] == "script:system"
    assert merged.screen_size_px() == (320, 200)
    assert merged.epoch_ns == 5 * NS_PER_S


def test_a_screen_without_a_picture_has_no_size() -> None:
    """Without a first picture there is nothing to record."""
    merged = queue()
    merged.open(Role.SCREEN, "synthetic:screen?never=1", START_NS)
    with pytest.raises(DeviceUnavailable):
        merged.screen_size_px()
