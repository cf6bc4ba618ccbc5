"""Gain and mute at the sample."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.audio.gain import RAMP, Fader

ONES = np.ones((6000, 2), np.float32)


def test_gain_of_one_is_the_input_itself() -> None:
    """Where nothing is changed nothing is computed."""
    fader = Fader(0.0, is_muted=False)
    assert np.shares_memory(fader.apply(0, ONES), ONES)


def test_mute_is_exactly_zero_from_its_sample() -> None:
    """The sound fades out within 480 samples before a mute, and in from the very unmute."""
    fader = Fader(0.0, is_muted=False)
    fader.mute(1000, is_muted=True)
    fader.mute(3000, is_muted=False)
    out = fader.apply(0, ONES)[:, 0]
    assert np.array_equal(out[: 1001 - RAMP], np.ones(1001 - RAMP))
    assert out[999] > 0
    assert np.array_equal(out[1000:3001], np.zeros(2001))
    assert out[3010] > 0
    assert np.array_equal(out[3000 + RAMP :], np.ones(3000 - RAMP))


def test_ramp_never_clicks() -> None:
    """Between any two samples of a ramp the gain moves by less than 0.4 %."""
    fader = Fader(0.0, is_muted=False)
    fader.mute(100, is_muted=True)
    fader.mute(300, is_muted=False)
    fader.set_gain(700, -20.0)
    steps = np.diff(fader.apply(0, ONES)[:, 0])
    assert np.abs(steps).max() < 0.004


def test_gain_is_kept_while_muted() -> None:
    """A gain set during a mute is heard after the unmute."""
    fader = Fader(0.0, is_muted=True)
    fader.set_gain(1000, -6.0)
    fader.mute(2000, is_muted=False)
    out = fader.apply(0, ONES)
    assert not out[:2000].any()
    assert out[3000, 0] == pytest.approx(10 ** (-6 / 20), rel=1e-6)
    assert fader.now == pytest.approx(10 ** (-6 / 20))


def test_instant_change_has_no_ramp() -> None:
    """In a pause a mute needs no ramp: from its sample on there is silence."""
    fader = Fader(0.0, is_muted=False)
    fader.mute(1000, is_muted=True, is_instant=True)
    out = fader.apply(0, ONES)[:, 0]
    assert np.array_equal(out, (np.arange(6000) < 1000).astype(np.float32))


def test_early_mute_never_overtakes_an_unmute() -> None:
    """A mute moved forward by its lead does not end up before the unmute given earlier."""
    fader = Fader(0.0, is_muted=True)
    fader.mute(2000, is_muted=False)
    fader.mute(1500, is_muted=True)
    assert not fader.apply(0, ONES).any()


def test_what_was_rendered_stays() -> None:
    """A command for the past takes effect at once, with its ramp."""
    fader = Fader(0.0, is_muted=False)
    fader.apply(0, ONES[:1000])
    fader.mute(200, is_muted=True)
    out = fader.apply(1000, ONES[:1000])[:, 0]
    assert out[0] == 1
    assert not out[RAMP:].any()


_COMMANDS = st.lists(
    st.tuples(
        st.integers(0, 5900), st.sampled_from(["mute", "unmute", "gain"]), st.integers(-20, 6)
    ),
    max_size=12,
)


@given(_COMMANDS, st.lists(st.integers(1, 2000), min_size=1, max_size=10))
@settings(deadline=None, max_examples=100)
def test_any_commands_in_any_pieces(
    commands: list[tuple[int, str, int]], pieces: list[int]
) -> None:
    """However the range is cut, the gain is the same, smooth, bounded, and zero when muted."""
    commands = sorted(commands, key=lambda command: command[0])

    def rendered(cuts: list[int]) -> np.ndarray:
        fader = Fader(0.0, is_muted=False)
        for sample, what, gain_db in commands:
            if what == "gain":
                fader.set_gain(sample, float(gain_db))
            else:
                fader.mute(sample, is_muted=what == "mute")
        edges = [0, *cuts, 6000]
        return np.concatenate([fader.apply(low, ONES[low:high]) for low, high in pairwise(edges)])[
            :, 0
        ]

    cuts = sorted({cut for cut in np.cumsum(pieces).tolist() if cut < 6000})
    whole = rendered([])
    assert np.array_equal(whole, rendered(cuts))
    assert whole.min() >= 0
    assert whole.max() <= 2.0
    mutes = [(sample, what == "mute") for sample, what, _ in commands if what != "gain"]
    for index, (sample, is_mute) in enumerate(mutes):
        end = mutes[index + 1][0] if index + 1 < len(mutes) else 6000
        if is_mute:
            assert not whole[sample:end].any()
