"""Whatever a take says reaches those who listened before there was one."""

from __future__ import annotations

from tests.control.fakes import FakeRecorder, FakeTake

from onetake.control.relay import Relay
from onetake.engine.broadcast import Broadcaster
from onetake.model.events import Finished, Meters, StateChanged, TakeState
from onetake.model.settings import Settings


class EndsBetweenLooks(FakeTake):
    """Says its last words just after a listener has waited in vain."""

    def subscribe(self, *, wants_meters):
        real = super().subscribe(wants_meters=wants_meters)
        take = self

        class Listening:
            def get(self, timeout_s):
                if not take.is_ended:
                    take._finish()
                    return None
                return real.get(0)

            def close(self):
                real.close()

        return Listening()


def test_the_last_words_are_not_lost():
    """A take that ends between two looks has its result told before its end."""
    recorder, events = FakeRecorder(), Broadcaster()
    heard = events.subscribe()
    relay = Relay(recorder, None, events)
    recorder.take = EndsBetweenLooks(Settings())
    recorder.take.begin()
    relay.start()
    relay.join(10)
    told = []
    while (event := heard.get(0)) is not None:
        told.append(event)
    assert [type(event) for event in told[-2:]] == [Finished, StateChanged]
    assert told[-1].state is TakeState.FINISHED


def test_meters_that_nobody_wants_do_not_wake_it():
    """A take tells the relay no meters while nobody behind it listens to any."""
    recorder, events = FakeRecorder(), Broadcaster()
    wants = [False]
    heard = events.subscribe(wants_meters=lambda: wants[0])
    take = recorder.take = FakeTake(Settings())
    take.begin()
    relay = Relay(recorder, None, events)
    relay.start()
    assert relay.is_listening.wait(10)
    assert not take._broadcaster.wants_meters()
    take.meters()
    wants[0] = True
    assert take._broadcaster.wants_meters()
    take.meters()
    take._finish()
    relay.join(10)
    told = []
    while (event := heard.get(0)) is not None:
        told.append(event)
    assert sum(isinstance(event, Meters) for event in told) == 1
