"""`--help` of each command is short where it can be, and enough to use it."""

from __future__ import annotations

import argparse

import pytest

from onetake.ui.help import examples, examples_of
from onetake.ui.parser import make_parser


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = make_parser()
    action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


@pytest.mark.parametrize("name", commands())
def test_help_begins_with_one_line_of_usage(name, monkeypatch):
    """The first line says how the command is written; flags stand below it, each explained."""
    monkeypatch.setenv("COLUMNS", "80")
    first, second, *rest = commands()[name].format_help().splitlines()
    assert first.startswith(f"usage: onetake {name}")
    assert len(first) <= 80
    assert second == ""
    assert rest


@pytest.mark.parametrize("name", commands())
def test_every_command_is_explained(name):
    """Above its flags stands what it does."""
    assert commands()[name].description


@pytest.mark.parametrize("name", commands())
def test_every_argument_is_explained(name):
    """No flag and no argument stands there without a word about it."""
    unexplained = [one.dest for one in commands()[name]._actions if not one.help]
    assert unexplained == []


def test_examples_can_be_read_back():
    """The manual and the reference take the examples from the help."""
    lines = {"onetake record a.mp4": "a file", "onetake devices": "what there is"}
    parser = argparse.ArgumentParser(epilog=examples(lines))
    assert examples_of(parser) == lines
