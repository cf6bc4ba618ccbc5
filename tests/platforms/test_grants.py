"""One permission is told the same way everywhere."""

from __future__ import annotations

import os
import subprocess

import pytest

from onetake.platforms import grants
from onetake.platforms.grants import KINDS, Grant, advice, fact_of, parents, refusal


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grant", list(Grant))
def test_advice_is_one_line_that_names_somebody(kind: str, grant: Grant) -> None:
    """Whatever is not granted comes with what to do; what is granted with nothing."""
    told = advice(kind, grant, "Terminal")
    assert bool(told) is (grant is not Grant.GRANTED)
    assert "\n" not in told
    if grant in (Grant.DENIED, Grant.NOT_ASKED, Grant.UNKNOWN):
        assert "Terminal" in told
        assert "System Settings > Privacy & Security >" in told


def test_doctor_and_refusal_use_the_same_words() -> None:
    """A refused take gives the advice of the fact."""
    fact = fact_of("camera", Grant.DENIED, "Terminal")
    assert refusal("camera", Grant.DENIED, "Terminal").hint == fact.advice


def test_a_refused_grant_needs_a_relaunch() -> None:
    """Granted, and refused all the same: it takes effect when the application is started anew."""
    assert "quit Terminal and open it again" in refusal("screen", Grant.GRANTED, "Terminal").hint


def test_parents_are_read_from_ps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of processes holds this one's parent, also where `ps` cannot be had."""
    assert parents()[os.getpid()] == os.getppid()

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    assert grants.parents() == {os.getpid(): os.getppid()}
