"""A reader that stalls costs itself, nobody else, and little of that."""

from __future__ import annotations

from onetake.control.outbox import Importance, Outbox


def everything(outbox):
    outbox.close()
    return list(iter(outbox.get, None))


def test_messages_come_in_the_order_they_were_put():
    """Whatever their importance, nothing overtakes anything."""
    outbox = Outbox()
    for number in range(30):
        outbox.put(b"%d" % number, Importance(number % 3))
    assert everything(outbox) == [b"%d" % number for number in range(30)]


def test_what_passes_goes_first_and_answers_never():
    """A full outbox drops meters, then the oldest events; every answer stays."""
    outbox = Outbox(limit_bytes=60)
    for number in range(5):
        outbox.put(b"meter-%04d" % number, Importance.PASSING)
        outbox.put(b"event-%04d" % number, Importance.EVENT)
    assert not outbox.put(b"x" * 61, Importance.PASSING)
    for number in range(3):
        assert outbox.put(b"reply-%04d" % number, Importance.ANSWER)
    assert everything(outbox) == [
        *(b"event-%04d" % number for number in (2, 3, 4)),
        *(b"reply-%04d" % number for number in range(3)),
    ]


def test_a_full_outbox_looks_at_no_message_twice():
    """Meters to a reader that is gone cost as much as to one that reads."""
    outbox = Outbox(limit_bytes=1000)
    for _ in range(10):
        outbox.put(b"e" * 50, Importance.EVENT)
    waiting = outbox._waiting[Importance.EVENT]
    for number in range(10_000):
        outbox.put(b"%050d" % number, Importance.PASSING)
    assert outbox._waiting[Importance.EVENT] is waiting
    assert outbox.dropped == 10_000 - 10
