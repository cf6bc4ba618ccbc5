"""Controls and markers become chapters that cover the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.model.chapters import chapter_label, chapter_marks, chapters_of
from onetake.model.commands import (
    Command,
    Marker,
    MoveOverlay,
    Pause,
    Resume,
    SetGain,
    SetMute,
    ShowCamera,
    Stop,
    SwitchDevice,
)
from onetake.model.devices import Role
from onetake.model.events import ControlChanged
from onetake.model.units import NS_PER_S, first_sample_at_or_after


@pytest.mark.parametrize(
    ("command", "label"),
    [
        (Marker("question"), "question"),
        (Marker(), "marker"),
        (SetMute(Role.MIC, True), "Microphone muted"),
        (SetMute(Role.SYSTEM, False), "System sound live"),
        (SetGain(Role.MIC, -6.0), "Microphone -6 dB"),
        (ShowCamera(False), "Camera hidden"),
        (SwitchDevice(Role.MIC, "pulse:x"), "Mic switched to pulse:x"),
        (Pause(), "Paused"),
        (Resume(), None),
        (MoveOverlay(x=0.5), None),
        (Stop(), None),
    ],
)
def test_labels(command: Command, label: str | None) -> None:
    """What a viewer reads is what was done; what moves all the time is no chapter."""
    assert chapter_label(command) == label


def test_a_dragged_slider_is_one_chapter() -> None:
    """Gain changes in quick succession are one chapter with the last value, mutes stay apart."""
    controls = [
        ControlChanged(SetGain(Role.MIC, float(-number)), number * 50_000_000)
        for number in range(20)
    ]
    controls.append(ControlChanged(SetMute(Role.MIC, True), 300_000_000))
    controls.append(ControlChanged(SetMute(Role.MIC, False), 400_000_000))
    assert chapter_marks(controls) == [
        (0, "Microphone -19 dB"),
        (300_000_000, "Microphone muted"),
        (400_000_000, "Microphone live"),
    ]


@given(
    st.lists(st.tuples(st.integers(-NS_PER_S, 100 * NS_PER_S), st.text()), max_size=40),
    st.integers(1, 90 * NS_PER_S),
)
def test_chapters_cover_the_file(marks: list[tuple[int, str]], end_ns: int) -> None:
    """From 0 to the end, without gap or overlap, each with a title."""
    chapters = chapters_of(marks, end_ns)
    assert bool(chapters) == bool(marks)
    at = 0
    for chapter in chapters:
        assert chapter.start_sample == at
        assert chapter.end_sample > at
        assert chapter.title.strip()
        at = chapter.end_sample
    if chapters:
        assert at == first_sample_at_or_after(end_ns)
