"""Picture and sound share a stream where they can, and do without each other where they cannot."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.platforms.callbacks.stream_hub import StreamHub, Wish

ANYTHING = "any display"


@dataclass
class Stream:
    """A stream of a world in which some targets cannot be shown."""

    world: World
    target: str
    has_audio: bool
    is_dead: bool = False
    leases: set[Role] = field(default_factory=set)

    def open(self) -> None:
        """Open, if the world lets it."""
        if self.target in self.world.gone or (self.has_audio and self.world.is_mute):
            raise DeviceUnavailable("no")
        self.world.running.append(self)

    def close(self) -> None:
        """Close."""
        self.world.running.remove(self)


class World:
    """What runs, what is awake, and what cannot be had."""

    def __init__(self) -> None:
        self.running: list[Stream] = []
        self.gone: set[str] = set()
        self.is_mute = False
        self.is_awake = False
        self.hub = StreamHub(ANYTHING, self)

    def begin(self) -> None:
        """Keep awake."""
        self.is_awake = True

    def end(self) -> None:
        """Let sleep."""
        self.is_awake = False

    def make(self, target: str, has_audio: bool) -> Stream:
        """Make a stream."""
        return Stream(self, target, has_audio)

    def lease(self, role: Role, target: str | None = None, *, has_audio: bool = True) -> Stream:
        """Lease a stream as a source does."""
        if target is not None:
            self.hub.expect(target)
        leased: Stream = self.hub.lease(Wish(role, target, has_audio, self.make))
        return leased


@pytest.fixture
def world() -> World:
    """A world with nothing in it yet."""
    return World()


def test_one_stream_for_both_from_first_to_last(world: World) -> None:
    """The second joins; the machine is awake until the last has gone."""
    screen = world.lease(Role.SCREEN, "display 1")
    sound = world.lease(Role.SYSTEM)
    assert sound is screen
    world.hub.give_back(screen, Role.SCREEN)
    assert (world.running, world.is_awake) == ([screen], True)
    world.hub.give_back(sound, Role.SYSTEM)
    assert (world.running, world.is_awake) == ([], False)


def test_sound_that_opens_first_waits_for_the_screen(world: World) -> None:
    """It starts the stream that the screen will want."""
    threading.Timer(0.02, lambda: world.hub.expect("display 2")).start()
    assert world.lease(Role.SYSTEM).target == "display 2"


def test_another_target_is_another_stream_without_a_second_sound(world: World) -> None:
    """Switching the screen starts a stream for the picture alone; the sound stays where it is."""
    first = world.lease(Role.SCREEN, "display 1")
    world.lease(Role.SYSTEM)
    second = world.lease(Role.SCREEN, "display 2")
    assert second is not first
    assert not second.has_audio


def test_a_dead_stream_is_not_joined(world: World) -> None:
    """What has died is replaced by a new stream."""
    first = world.lease(Role.SCREEN, "display 1")
    first.is_dead = True
    assert world.lease(Role.SYSTEM) is not first


def test_picture_goes_on_without_sound(world: World) -> None:
    """A stream that cannot start with sound is started without."""
    world.is_mute = True
    assert not world.lease(Role.SCREEN, "display 1").has_audio
    with pytest.raises(DeviceUnavailable):
        world.lease(Role.SYSTEM)


def test_sound_goes_on_without_the_display(world: World) -> None:
    """With its display gone, sound comes from any other; with none at all, it says so."""
    world.gone.add("display 1")
    world.hub.expect("display 1")
    assert world.lease(Role.SYSTEM).target == ANYTHING
    world.gone.add(ANYTHING)
    world.running[0].is_dead = True
    with pytest.raises(DeviceUnavailable):
        world.lease(Role.SYSTEM)
