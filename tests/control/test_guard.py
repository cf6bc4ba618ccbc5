"""Who may knock: Host and Origin before anything else, paces, delays and tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.control.guard import (
    BURST,
    FAILURES_ALLOWED,
    LOCK_S,
    REQUESTS_PER_S,
    OneTimeTokens,
    Pace,
    Throttle,
    own_hosts,
    refusal,
)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def judged(target="/", hosts=("127.0.0.1:1",), origins=()):
    refused = refusal(target, hosts, origins, port=1, allowed_origins={"http://127.0.0.1:1"})
    return refused and refused[0]


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["127.0.0.1:1"], None),
        (["localhost:1"], None),
        (["[::1]:1"], None),
        (["LOCALHOST:1"], None),
        ([], 421),
        (["127.0.0.1:1", "127.0.0.1:1"], 421),
        (["127.0.0.1:1", "evil.example"], 421),
        (["127.0.0.1"], 421),
        (["127.0.0.1:2"], 421),
        (["evil.example:1"], 421),
        (["127.0.0.1.evil.example:1"], 421),
        (["localhost.:1"], 421),
        (["[::1%25lo]:1"], 421),
        (["[::ffff:127.0.0.1]:1"], 421),
        (["0.0.0.0:1"], 421),
        (["127.1:1"], 421),
        (["2130706433:1"], 421),
        (["user@127.0.0.1:1"], 421),
        ([""], 421),
    ],
)
def test_hosts(hosts, status):
    """Only this machine's own names with this very port pass: a name that leads here does not."""
    assert judged(hosts=hosts) == status


@pytest.mark.parametrize(
    ("origins", "status"),
    [
        ([], None),
        (["http://127.0.0.1:1"], None),
        (["null"], 403),
        (["http://127.0.0.1:2"], 403),
        (["https://127.0.0.1:1"], 403),
        (["http://evil.example"], 403),
        (["http://127.0.0.1:1.evil.example"], 403),
        (["http://127.0.0.1:1", "http://127.0.0.1:1"], 403),
        ([""], 403),
    ],
)
def test_origins(origins, status):
    """A page may talk to us only if it is our own."""
    assert judged(origins=origins) == status


@pytest.mark.parametrize("target", ["http://evil.example/", "*", "", "//evil.example/", "x"])
def test_targets_are_paths(target):
    """The absolute form of a request line, which overrides Host elsewhere, is refused."""
    assert judged(target=target) == 400


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_odd_passes(host, origin):
    """Whatever the headers say, only exact values pass."""
    if host.lower() not in own_hosts(1) or origin != "http://127.0.0.1:1":
        assert judged(hosts=[host], origins=[origin]) is not None


def test_the_pace_of_a_flood():
    """After the burst messages are held back so that the rate is never exceeded."""
    clock = Clock()
    pace = Pace(clock)
    for carried_out in range(1, 2001):
        clock.now_s += pace.delay_s()
        assert carried_out <= BURST + 1 + clock.now_s * REQUESTS_PER_S + 1e-6
    assert clock.now_s > 9


def test_an_honest_client_is_never_held_back():
    """Sixty messages a second, a fader being dragged, pass at once."""
    clock = Clock()
    pace = Pace(clock)
    for _ in range(3000):
        clock.now_s += 1 / 60
        assert pace.delay_s() == 0


def test_wrong_passwords_cost_more_each_time():
    """The delay doubles, ten failures lock the door for a minute, one success forgives."""
    clock = Clock()
    throttle = Throttle(clock)
    assert [throttle.failed() for _ in range(4)] == [0.25, 0.5, 1.0, 2.0]
    throttle.succeeded()
    assert throttle.failed() == 0.25
    for _ in range(FAILURES_ALLOWED - 1):
        throttle.failed()
    assert throttle.is_locked
    clock.now_s += LOCK_S
    assert not throttle.is_locked


def test_tokens_work_once():
    """A token becomes a session once; sessions stay; nothing else opens anything."""
    tokens = OneTimeTokens()
    token = tokens.new_token()
    session = tokens.exchange(token)
    assert session is not None
    assert tokens.exchange(token) is None
    assert tokens.exchange(session) is None
    assert tokens.is_session(session)
    assert not tokens.is_session(token)
    assert not tokens.is_session("")
    assert not tokens.is_session("ä")
    assert len(token) >= 43
