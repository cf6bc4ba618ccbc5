"""Scripts for pure state machines: `>> event` goes in, `<< effect` must come out, in this order.

    assert (
        Playbook(step, Session.of(settings, frozenset({Role.SCREEN})))
        >> Begin(0)
        << Publish(StateChanged(TakeState.STARTING))
        >> SourceDelivered(Role.SCREEN, "synthetic:screen", 1)
        << Publish
        << OpenWriter()
    )

Invariant: nothing is overlooked. An effect that was not named fails the next event, or the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Self, TypeVar

__all__ = ["Playbook", "Raises"]

State = TypeVar("State")
Event = TypeVar("Event")
Effect = TypeVar("Effect")


class Raises:
    """Expected instead of effects: the event is refused, and the state stays as it was."""

    def __init__(self, kind: type[Exception], *, code: str | None = None) -> None:
        self.kind = kind
        self.code = code

    def __repr__(self) -> str:
        return f"Raises({self.kind.__name__}, code={self.code!r})"


class Playbook(Generic[State, Event, Effect]):
    """Plays events into `step(state, event) -> (state, effects)`.

    Args:
        step: the pure transition function under test.
        state: where to begin.
    """

    def __init__(
        self, step: Callable[[State, Event], tuple[State, list[Effect]]], state: State
    ) -> None:
        self._step = step
        self.state = state
        """The state after the events so far."""
        self._played: list[str] = []
        self._left: list[Effect] = []
        self._error: Exception | None = None

    def __rshift__(self, event: Event) -> Self:
        """Play an event. Raises AssertionError if effects of the one before were not named."""
        self._require_nothing_left()
        self._played.append(f">> {event!r}")
        try:
            self.state, effects = self._step(self.state, event)
        except Exception as error:  # noqa: BLE001  the next `<<` says whether it was expected
            self._error = error
        else:
            self._left = list(effects)
        return self

    def __lshift__(
        self, expected: Effect | type[object] | Callable[[Effect], bool] | Raises
    ) -> Self:
        """Expect the next effect: a value it equals, a type it is of, a function that is true of
        it, or `Raises`. Raises AssertionError otherwise."""
        self._played.append(f"<< {expected!r}")
        if isinstance(expected, Raises):
            self._match_error(expected)
            return self
        self._require_no_error()
        if not self._left:
            raise AssertionError(self._told(f"no effect is left, expected {expected!r}"))
        effect = self._left.pop(0)
        if not _fits(effect, expected):
            raise AssertionError(self._told(f"the effect was {effect!r}"))
        return self

    def __bool__(self) -> bool:
        """End the script: True, or AssertionError when something was not named."""
        self._require_nothing_left()
        return True

    def _match_error(self, expected: Raises) -> None:
        error, self._error = self._error, None
        is_kind = isinstance(error, expected.kind)
        is_code = expected.code is None or getattr(error, "code", None) == expected.code
        if not (is_kind and is_code):
            raise AssertionError(self._told(f"what was raised: {error!r}")) from error

    def _require_nothing_left(self) -> None:
        self._require_no_error()
        if self._left:
            raise AssertionError(self._told(f"not named: {self._left!r}"))

    def _require_no_error(self) -> None:
        if self._error is not None:
            raise AssertionError(self._told(f"raised {self._error!r}")) from self._error

    def _told(self, what: str) -> str:
        """Return the script so far with what is wrong at its end."""
        return "\n".join([*self._played, f"!! {what}"])


def _fits(effect: object, expected: object) -> bool:
    """Return whether an effect is what was expected."""
    if isinstance(expected, type):
        return isinstance(effect, expected)
    if callable(expected) and not isinstance(expected, type(effect)):
        return bool(expected(effect))
    return effect == expected
