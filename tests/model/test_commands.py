"""Commands that change the overlay: what they say is what is drawn, or they are refused."""

from __future__ import annotations

import pytest

from onetake.errors import UsageError
from onetake.model.commands import (
    Command,
    MoveOverlay,
    Pause,
    SetMute,
    SetOverlay,
    ShowCamera,
    changed_overlay,
    command_text,
)
from onetake.model.devices import Role
from onetake.model.geometry import Anchor, Overlay, Shape


def test_only_named_fields_change() -> None:
    """A move leaves alone what it does not name."""
    moved = changed_overlay(Overlay(height=0.4), MoveOverlay(shape=Shape.CIRCLE))
    assert moved == Overlay(height=0.4, shape=Shape.CIRCLE)


def test_a_place_makes_the_overlay_free() -> None:
    """A drag gives x and y; the overlay leaves its corner without being told twice."""
    assert changed_overlay(Overlay(), MoveOverlay(x=0.2)).anchor is Anchor.FREE
    kept = changed_overlay(Overlay(), MoveOverlay(x=0.2, anchor=Anchor.TOP_LEFT))
    assert kept.anchor is Anchor.TOP_LEFT


def test_hiding_keeps_the_look() -> None:
    """Shown again, the camera looks as before."""
    overlay = Overlay(height=0.4)
    hidden = changed_overlay(overlay, ShowCamera(is_visible=False))
    assert not hidden.is_visible
    assert changed_overlay(hidden, ShowCamera(is_visible=True)) == overlay


@pytest.mark.parametrize(
    "command",
    [
        MoveOverlay(x=-0.1),
        MoveOverlay(y=1.1),
        MoveOverlay(height=0.01),
        MoveOverlay(shadow=2.0),
        SetOverlay(Overlay(border=0.5)),
        MoveOverlay(x=float("nan")),
    ],
)
def test_shares_out_of_range_are_refused(command: Command) -> None:
    """A slip of a remote is refused, not drawn."""
    with pytest.raises(UsageError):
        changed_overlay(Overlay(), command)


def test_other_commands_leave_the_overlay_alone() -> None:
    """A pause changes no overlay."""
    assert changed_overlay(Overlay(), Pause()) == Overlay()


def test_every_command_has_words() -> None:
    """Log lines and chapters say what happened."""
    assert command_text(SetMute(Role.MIC, is_muted=True)) == "microphone muted"
    assert command_text(ShowCamera(is_visible=False)) == "camera hidden"
