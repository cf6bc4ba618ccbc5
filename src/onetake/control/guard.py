"""Who may knock, how often, and how loud: the rules every network adapter applies first. Pure.

Invariant: a request is judged by its own headers before anything of it is acted upon; a secret
never shows in a `repr`, a log or an error.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection, Sequence

__all__ = [
    "MAX_CLIENTS",
    "MAX_MESSAGE_BYTES",
    "OneTimeTokens",
    "Pace",
    "Secret",
    "Throttle",
    "own_hosts",
    "refusal",
]

MAX_CLIENTS = 8
"""Most clients of one adapter. A deck, a phone and a browser tab are three."""

MAX_MESSAGE_BYTES = 64 * 1024
"""Longest message a client may send; the largest honest one, a batch, is under 10 KiB."""

REQUESTS_PER_S = 200
"""How many messages a second of one client are acted upon. A fader being dragged sends 60. More
are read later, never dropped: the sender's own queue fills. Higher lets a flood take CPU from the
encoder."""

BURST = 100
"""How many messages may come at once before the pace applies."""

FIRST_DELAY_S = 0.25
"""How long the answer to the first wrong password is held back; each further one doubles it."""

LONGEST_DELAY_S = 8.0

FAILURES_ALLOWED = 10
"""So many wrong passwords close the door for LOCK_S, for everybody who is not in already."""

LOCK_S = 60.0


class Secret(str):
    """A password or token that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


def own_hosts(port: int) -> frozenset[str]:
    """Return the values of `Host` that mean this machine."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def refusal(
    target: str,
    hosts: Sequence[str],
    origins: Sequence[str],
    *,
    port: int,
    allowed_origins: Collection[str],
) -> tuple[int, str] | None:
    """Return the HTTP status and text with which a request is refused; None = it may go on.

    Args:
        target: the request target as sent.
        hosts: all values of `Host`.
        origins: all values of `Origin`.
        allowed_origins: exact values; a request without `Origin` is no browser's.
    """
    if len(hosts) != 1 or hosts[0].lower() not in own_hosts(port):
        # A name that leads here but is not ours: DNS rebinding.
        return 421, "this server answers to its own address only"
    if not target.startswith("/") or target.startswith("//"):
        return 400, "the request target must be a path"
    if len(origins) > 1 or any(origin not in allowed_origins for origin in origins):
        return 403, "web pages of other origins may not talk to this server"
    return None


class Pace:
    """A token bucket for one client's messages. One thread.

    Args:
        now_s: a monotonic clock.
    """

    def __init__(
        self, now_s: Callable[[], float], per_s: float = REQUESTS_PER_S, burst: int = BURST
    ) -> None:
        self._now_s = now_s
        self._per_s = per_s
        self._burst = float(burst)
        self._tokens = float(burst)
        self._last_s = now_s()

    def delay_s(self) -> float:
        """Count one message and return how long to wait before it is acted upon."""
        now_s = self._now_s()
        self._tokens = min(self._burst, self._tokens + (now_s - self._last_s) * self._per_s)
        self._last_s = now_s
        self._tokens -= 1.0
        return max(0.0, -self._tokens / self._per_s)


class Throttle:
    """What wrong passwords cost, counted over all who knock. One thread.

    Args:
        now_s: a monotonic clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._failures = 0
        self._locked_until_s = float("-inf")

    @property
    def is_locked(self) -> bool:
        """Whether nobody new is let in for a while."""
        return self._now_s() < self._locked_until_s

    def failed(self) -> float:
        """Count a wrong password and return how long to hold the answer back."""
        self._failures += 1
        delay_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (self._failures - 1))
        if self._failures >= FAILURES_ALLOWED:
            self._failures = 0
            self._locked_until_s = self._now_s() + LOCK_S
        return delay_s

    def succeeded(self) -> None:
        """Somebody knew the password: earlier slips are forgotten."""
        self._failures = 0


class OneTimeTokens:
    """Tokens that let a browser in, each once, and the sessions they were exchanged for."""

    def __init__(self) -> None:
        self._tokens: set[Secret] = set()
        self._sessions: set[Secret] = set()

    def new_token(self) -> Secret:
        """Return a token for a URL's fragment."""
        token = Secret(secrets.token_urlsafe(32))
        self._tokens.add(token)
        return token

    def exchange(self, token: str) -> Secret | None:
        """Return a session for a token, which is used up; None for a wrong or used one."""
        found = _found(token, self._tokens)
        if found is None:
            return None
        self._tokens.discard(found)
        session = Secret(secrets.token_urlsafe(32))
        self._sessions.add(session)
        return session

    def is_session(self, session: str) -> bool:
        """Whether a session was given out."""
        return _found(session, self._sessions) is not None


def _found(given: str, known: set[Secret]) -> Secret | None:
    """Look a secret up, comparing each in constant time."""
    found = None
    for one in known:
        if hmac.compare_digest(given.encode(errors="replace"), one.encode()):
            found = one
    return found
