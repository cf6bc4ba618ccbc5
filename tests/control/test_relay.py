"""Whatever a take says reaches those who listened before there was one."""

from __future__ import annotations

from tests.control.fakes import FakeRecorder, FakeTake

from onetake.control.relay import Relay
from onetake.engine.broadcast import Broadcaster
from onetake.model.events import Finished, StateChanged, TakeState
from onetake.model.settings import Settings


class EndsBetweenLooks(FakeTake):
    """Says its last words just after a listener has waited in vain."""

    def subscribe(self):
        real = super().subscribe()
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
