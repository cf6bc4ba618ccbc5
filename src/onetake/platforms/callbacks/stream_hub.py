"""Streams that carry picture and sound at once, shared by the two sources the engine runs.

Invariant: a stream lives exactly as long as a source leases it; sound does not depend on the
picture, nor the picture on the sound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Condition
from typing import Any, Protocol

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role

__all__ = ["SharedStream", "StreamHub", "Wish"]

EXPECT_TIMEOUT_S = 0.3
"""How long system sound waits for the screen source it is to share a stream with."""

Target = Any
"""What a stream shows; equal targets can share one stream."""


class SharedStream(Protocol):
    """A stream that may be leased."""

    target: Target
    has_audio: bool
    is_dead: bool
    leases: set[Role]

    def open(self) -> None:
        """Start. Raises PermissionDenied, DeviceUnavailable, UsageError."""
        ...

    def close(self) -> None:
        """Stop. Idempotent."""
        ...


class Wakefulness(Protocol):
    """Keeps the machine awake between `begin` and `end`, both idempotent."""

    def begin(self) -> None:
        """From now on."""
        ...

    def end(self) -> None:
        """No more."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a source wants of a stream."""

    role: Role
    target: Target | None
    """None for sound: whatever the screen source shows, or anything."""
    has_audio: bool
    make: Callable[[Target, bool], Any]
    """Makes a stream of a target, with sound or without, not yet opened."""


class StreamHub:
    """Leases streams, so that screen and system sound share one. Any thread.

    Args:
        anything: the target of sound without a screen.
        awake: begun with the first stream, ended with the last.
    """

    def __init__(self, anything: Target, awake: Wakefulness) -> None:
        self._anything = anything
        self._awake = awake
        self._streams: list[SharedStream] = []
        self._expected: Target | None = None
        self._changed = Condition()

    def expect(self, target: Target) -> None:
        """Remember what the screen source will show, for the sound that opens first."""
        with self._changed:
            self._expected = target
            self._changed.notify_all()

    def lease(self, wish: Wish) -> Any:
        """Return a running stream that can serve the role, started if need be."""
        with self._changed:
            if wish.target is None:
                self._changed.wait_for(lambda: self._expected is not None, EXPECT_TIMEOUT_S)
                wish = replace(wish, target=self._expected)
            stream = self._joinable(wish)
            if stream is None:
                stream = self._started(wish)
                self._streams.append(stream)
            stream.leases.add(wish.role)
            self._awake.begin()
            return stream

    def give_back(self, stream: SharedStream, role: Role) -> None:
        """End a lease; the last one stops the stream."""
        with self._changed:
            stream.leases.discard(role)
            if stream.leases or stream not in self._streams:
                return
            self._streams.remove(stream)
            if not self._streams:
                self._awake.end()
                self._expected = None
        stream.close()

    def _joinable(self, wish: Wish) -> SharedStream | None:
        is_sound = wish.role is Role.SYSTEM
        for stream in self._streams:
            is_fitting = stream.has_audio if is_sound else stream.target == wish.target
            if is_fitting and not stream.is_dead and wish.role not in stream.leases:
                return stream
        return None

    def _started(self, wish: Wish) -> SharedStream:
        """Start a stream, with less than wished where the whole cannot be had."""
        is_heard = any(Role.SYSTEM in s.leases and not s.is_dead for s in self._streams)
        is_sound = wish.role is Role.SYSTEM
        first = wish.target or self._anything
        stream: SharedStream = wish.make(first, is_sound or (wish.has_audio and not is_heard))
        try:
            stream.open()
        except DeviceUnavailable:
            if not stream.has_audio or first == self._anything:
                raise
            stream = wish.make(self._anything if is_sound else first, is_sound)
            stream.open()
        return stream
