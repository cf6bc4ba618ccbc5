"""The configuration: layers in their order, errors that name the place, text that reads back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.control.config import (
    Config,
    Keys,
    RemoteConfig,
    load_config,
    parse_config,
    resolve_settings,
)
from onetake.control.config_text import config_text, explanation
from onetake.errors import UsageError
from onetake.model.describe import field_docs
from onetake.model.geometry import Overlay, Rect, Shape
from onetake.model.settings import Quality, Settings

FILE = """
fps = 24
mic = "none"
quality = "small"
region = "0,0,640x480"
[overlay]
shape = "circle"
height = 0.5
[preset.lesson]
quality = "high"
mic = "USB"
overlay = { height = 0.2 }
[keys]
mute_mic = "x"
[remote]
obs_port = 4466
"""


def test_layers_in_their_order():
    """Flag beats environment beats preset beats file beats default, field by field."""
    resolved = resolve_settings(
        {"fps": 60},
        config=parse_config(FILE, "config.toml"),
        preset="lesson",
        environment={"ONETAKE_FPS": "50", "ONETAKE_MIC": "Built-in", "ONETAKE_OVERLAY_X": "0.1"},
    )
    settings = resolved.settings
    assert settings.fps == 60
    assert settings.mic == "Built-in"
    assert settings.quality is Quality.HIGH
    assert settings.region == Rect(0, 0, 640, 480)
    assert settings.overlay == Overlay(shape=Shape.CIRCLE, height=0.2, x=0.1)
    assert settings.system_audio == Settings().system_audio
    assert resolved.sources == {
        "fps": "flag",
        "mic": "environment",
        "quality": "preset lesson",
        "region": "config.toml",
        "overlay.shape": "config.toml",
        "overlay.height": "preset lesson",
        "overlay.x": "environment",
    }
    assert 'quality = "high"  # preset lesson' in explanation(resolved)


def test_nothing_said_is_the_default():
    """Without any layer the settings are the defaults, and nothing claims otherwise."""
    resolved = resolve_settings({}, environment={})
    assert resolved.settings == Settings()
    assert resolved.sources == {}


def test_other_tables():
    """Keys and the remote's ports are read from their own tables."""
    config = parse_config(FILE, "config.toml")
    assert config.keys == Keys(mute_mic="x")
    assert config.remote == RemoteConfig(obs_port=4466)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fps = 'fast'", "line 1: fps: Expected `int`, got `str`"),
        ("\n\nfsp = 3", "line 3: unknown setting 'fsp'"),
        ("[overlay]\nshpe = 'circle'", "line 2: unknown setting 'shpe'"),
        ("[overlay]\nshape = 'star'", "line 2: overlay.shape"),
        ("[preset.a]\nfps = true", "[preset.a], line 2"),
        ("preset = 3", "a preset is a table"),
        ("region = 'all'", "'all' is no region"),
        ("[keys]\nstop = 'quit'", "stop is not one character"),
        ("[keys]\nstop = 'm'", "stop and mute_mic are the same"),
        ("[keys]\nfly = 'f'", "unknown setting 'fly'"),
        ("fps = ", "config.toml"),
        ("a=" + "[" * 5000, "config.toml"),
    ],
)
def test_mistakes_are_named_with_their_place(text, words):
    """An error says file, line and field."""
    with pytest.raises(UsageError) as caught:
        parse_config(text, "config.toml")
    assert words in caught.value.message


def test_a_misspelt_key_gets_a_suggestion():
    """The hint names the field that was probably meant."""
    with pytest.raises(UsageError) as caught:
        parse_config("qualty = 'high'", "config.toml")
    assert caught.value.hint == "did you mean 'quality'?"


def test_unknown_presets_and_bad_environment_are_errors():
    """Neither is ignored."""
    with pytest.raises(UsageError):
        resolve_settings({}, preset="none such", environment={})
    with pytest.raises(UsageError) as caught:
        resolve_settings({}, environment={"ONETAKE_FPS": "many"})
    assert "ONETAKE_FPS" in caught.value.message
    with pytest.raises(UsageError):
        resolve_settings({}, environment={"ONETAKE_PRESET": "none such"})


def test_files(tmp_path, monkeypatch):
    """A missing default file says nothing; a named one must be there and be text."""
    monkeypatch.setenv("ONETAKE_CONFIG", str(tmp_path / "config.toml"))
    assert load_config() == Config()
    with pytest.raises(UsageError):
        load_config(tmp_path / "other.toml")
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError):
        load_config()
    (tmp_path / "config.toml").write_text(FILE)
    assert load_config().settings["fps"] == 24
    with pytest.raises(UsageError):
        load_config(tmp_path)


def test_every_field_is_documented_and_shown():
    """`config show --docs` has each field of each table with its documentation."""
    text = config_text(has_docs=True)
    for kind in (Settings, Overlay, Keys, RemoteConfig):
        for name, doc in field_docs(kind).items():
            assert doc, f"{kind.__name__}.{name} has no documentation"
            assert name in text
            assert " ".join(doc.split()[:4]) in text.replace("\n# ", " ")


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
settings_values = st.builds(
    Settings,
    output=texts,
    mic=texts,
    fps=st.integers(1, 240),
    duration_s=st.none() | st.floats(0.1, 1e6),
    region=st.none() | st.builds(Rect, *[st.integers(0, 9999)] * 4),
    is_mic_muted=st.booleans(),
    quality=st.sampled_from(Quality),
    overlay=st.builds(Overlay, x=st.floats(0, 1), shape=st.sampled_from(Shape)),
)


@given(settings_values, st.booleans())
def test_what_is_shown_reads_back(settings, has_docs):
    """The text of any settings, read as a configuration file, gives these settings."""
    config = parse_config(config_text(settings, has_docs=has_docs), "shown")
    assert resolve_settings({}, config=config, environment={}).settings == settings


@given(st.text(max_size=60))
def test_any_text_is_a_config_or_a_usage_error(text):
    """Garbage is refused, never a crash."""
    with contextlib.suppress(UsageError):
        parse_config(text, "fuzz")
