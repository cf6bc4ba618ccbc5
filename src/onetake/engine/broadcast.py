"""One publisher, any number of listeners, none of which can slow the take.

Each listener has its own bounded queue. When it is full, the oldest meters go first, then the
oldest event of all; what a listener missed is counted in its subscription.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from onetake.model.events import Event, Meters

__all__ = ["QUEUE_LIMIT", "Asked", "Broadcaster", "Subscription", "always", "never"]

Asked = Callable[[], bool]
"""Says whether somebody wants something now; any thread may ask."""

QUEUE_LIMIT = 1000
"""Most events waiting for one listener: 50 s of meters. Fewer would drop meters of a user interface
that redraws slowly; more only lets a dead listener hold memory."""


def always() -> bool:
    """Return True: meters are wanted."""
    return True


def never() -> bool:
    """Return False: meters, 20 a second, would only wake the listener."""
    return False


class Subscription:
    """A listener's end. `get` from one thread; `close` from any.

    Args:
        wants_meters: asked by the publisher, on its thread, before each `Meters` event.
    """

    def __init__(self, broadcaster: Broadcaster, wants_meters: Asked) -> None:
        self._broadcaster = broadcaster
        self.wants_meters = wants_meters
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self.is_closed = False
        self.missed = 0
        """Events dropped because this listener did not read."""

    def get(self, timeout_s: float | None = None) -> Event | None:
        """Return the next event, or None after `timeout_s` or when closed."""
        with self._changed:
            if not self._events and not self.is_closed:
                self._changed.wait(timeout_s)
            return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Listen no more."""
        self._broadcaster.forget(self)
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def offer(self, event: Event) -> None:
        """Take an event in; never blocks. The broadcaster's business."""
        with self._changed:
            if len(self._events) >= QUEUE_LIMIT:
                self._make_room()
            self._events.append(event)
            self._changed.notify()

    def _make_room(self) -> None:
        self.missed += 1
        for index, event in enumerate(self._events):
            if isinstance(event, Meters):
                del self._events[index]
                return
        self._events.popleft()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Broadcaster:
    """Hands events to all subscriptions. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(self, before: Iterable[Event] = (), wants_meters: Asked = always) -> Subscription:
        """Return a new subscription that sees `before`, then every event from now on; meters only
        while `wants_meters()`."""
        subscription = Subscription(self, wants_meters)
        for event in before:
            subscription.offer(event)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Drop a subscription; unknown ones are ignored."""
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)

    def wants_meters(self) -> bool:
        """Return whether anybody would see `Meters` now."""
        return any(subscription.wants_meters() for subscription in self._subscriptions)

    def publish(self, event: Event) -> None:
        """Hand `event` to everybody, in the order of the calls of each thread."""
        is_meters = isinstance(event, Meters)
        for subscription in self._subscriptions:
            if not is_meters or subscription.wants_meters():
                subscription.offer(event)
