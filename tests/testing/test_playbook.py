"""A playbook overlooks nothing."""

import pytest

from onetake.testing.playbook import Playbook, Raises


def count(state: int, event: int) -> tuple[int, list[str]]:
    """Add, and say so for each unit; refuse what is negative."""
    if event < 0:
        raise ValueError("negative")
    return state + event, [f"+{number}" for number in range(event)]


def test_what_is_named_passes() -> None:
    """Values, types and functions match the effects in their order, and the state is at hand."""
    book = Playbook(count, 0) >> 2 << "+0" << "+1" >> 0 >> 1 << str
    assert book
    assert book.state == 3
    assert Playbook(count, 0) >> 1 << (lambda effect: effect.startswith("+"))


def test_an_effect_that_is_not_named_fails() -> None:
    """Left-over effects fail at the next event and at the end."""
    with pytest.raises(AssertionError, match=r"\+1"):
        Playbook(count, 0) >> 2 << "+0" >> 0
    with pytest.raises(AssertionError, match="not named"):
        assert Playbook(count, 0) >> 1


def test_an_effect_that_does_not_come_fails() -> None:
    """A wrong effect, and one too many, fail where they stand."""
    with pytest.raises(AssertionError, match="the effect was"):
        Playbook(count, 0) >> 1 << "+7"
    with pytest.raises(AssertionError, match="the effect was"):
        Playbook(count, 0) >> 1 << int
    with pytest.raises(AssertionError, match="no effect is left"):
        Playbook(count, 0) >> 0 << "+0"


def test_refusals_are_expected_or_fail() -> None:
    """`Raises` takes the place of the effects; the state stays; an unexpected error fails."""
    book = Playbook(count, 5) >> -1 << Raises(ValueError) >> 1 << "+0"
    assert book
    assert book.state == 6
    for wrong in (
        lambda: Playbook(count, 0) >> -1 << Raises(KeyError),
        lambda: Playbook(count, 0) >> 0 << Raises(ValueError),
        lambda: Playbook(count, 0) >> -1 >> 1,
        lambda: bool(Playbook(count, 0) >> -1),
        lambda: Playbook(count, 0) >> -1 << Raises(ValueError, code="other"),
    ):
        with pytest.raises(AssertionError):
            wrong()
