"""Telling many listeners without waiting for any."""

from __future__ import annotations

from onetake.engine.broadcast import QUEUE_LIMIT, Broadcaster
from onetake.model.events import Meters, StateChanged, TakeState


def test_everybody_hears_everything_in_order() -> None:
    """Each subscription gets each event from its own beginning on."""
    broadcaster = Broadcaster()
    first = broadcaster.subscribe()
    broadcaster.publish(StateChanged(TakeState.STARTING))
    second = broadcaster.subscribe()
    broadcaster.publish(StateChanged(TakeState.RECORDING))
    assert [first.get(0), first.get(0), first.get(0)] == [
        StateChanged(TakeState.STARTING),
        StateChanged(TakeState.RECORDING),
        None,
    ]
    assert second.get(0) == StateChanged(TakeState.RECORDING)


def test_a_slow_listener_loses_meters_before_states() -> None:
    """When a queue is full the oldest meters go; the states stay."""
    broadcaster = Broadcaster()
    slow = broadcaster.subscribe()
    broadcaster.publish(StateChanged(TakeState.STARTING))
    for position in range(QUEUE_LIMIT + 10):
        broadcaster.publish(Meters({}, position))
    broadcaster.publish(StateChanged(TakeState.RECORDING))
    heard = []
    while (event := slow.get(0)) is not None:
        heard.append(event)
    assert len(heard) == QUEUE_LIMIT
    assert [e.state for e in heard if isinstance(e, StateChanged)] == ["starting", "recording"]
    assert slow.missed == 12


def test_a_closed_subscription_hears_no_more() -> None:
    """Leaving the context ends the subscription, and waiting on it returns at once."""
    broadcaster = Broadcaster()
    with broadcaster.subscribe() as subscription:
        pass
    broadcaster.publish(StateChanged(TakeState.STARTING))
    assert subscription.get(60.0) is None


def test_meters_reach_only_who_wants_them_now() -> None:
    """A listener that nobody watches is not woken 20 times a second; other events always come."""
    broadcaster, is_watched = Broadcaster(), []
    listener = broadcaster.subscribe(wants_meters=lambda: bool(is_watched))
    broadcaster.publish(Meters({}, 1))
    broadcaster.publish(StateChanged(TakeState.RECORDING))
    is_watched.append(True)
    broadcaster.publish(Meters({}, 2))
    assert [type(listener.get(0.0)) for _ in range(3)] == [
        StateChanged,
        Meters,
        type(None),
    ]
