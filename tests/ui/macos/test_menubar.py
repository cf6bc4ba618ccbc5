"""The menu-bar item and its loop."""

from __future__ import annotations

import threading

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.making import app_module, until

from onetake.model.events import Snapshot, TakeState, Warned
from onetake.model.geometry import Overlay

RECORDING = Snapshot(state=TakeState.RECORDING, position_ns=83_400_000_000)


def test_titles_follow_the_take(mac: Mac) -> None:
    """Dot and time while it runs, and entries that say what they will do."""
    titles = app_module("menubar").titles
    assert titles(Snapshot())[0] == "○"
    assert list(titles(Snapshot())[1]) == ["record", "quit"]
    title, entries = titles(RECORDING)
    assert title == "● 01:23"
    assert list(entries) == ["pause", "mute-mic", "mute-system", "camera", "stop"]
    assert entries["camera"] == "Hide Camera"
    changed = Snapshot(state=TakeState.PAUSED, is_mic_muted=True, overlay=Overlay(is_visible=False))
    title, entries = titles(changed)
    assert title.startswith("❚❚")
    assert entries["pause"] == "Resume"
    assert entries["mute-mic"] == "Unmute Microphone"
    assert entries["camera"] == "Show Camera"
    warned = Snapshot(warnings=[Warned("x", "first"), Warned("y", "the microphone is gone")])
    assert titles(warned)[1]["warning"] == "⚠ the microphone is gone"


def test_choices_reach_their_actions_and_quit_ends_the_loop(mac: Mac) -> None:
    """What is clicked is done; the loop ends, and the item goes, on quit."""
    module = app_module("menubar")
    now = [Snapshot()]
    done: list[str] = []

    def start() -> None:
        done.append("record")
        now[0] = RECORDING

    def mute() -> None:
        done.append("mute")
        now[0] = Snapshot()
        mac.menu["quit" if "quit" in mac.menu else "stop"].choose()

    bar = module.MenuBar(
        {module.Action.RECORD: start, module.Action.MUTE_MIC: mute}, lambda: now[0]
    )

    def user() -> None:
        assert until(lambda: "record" in mac.menu)
        mac.menu["record"].choose()
        assert until(lambda: "mute-mic" in mac.menu)
        mac.menu["mute-mic"].choose()
        assert until(lambda: "quit" in mac.menu)
        mac.menu["quit"].choose()

    clicking = threading.Thread(target=user)
    clicking.start()
    bar.run()
    clicking.join()
    assert done == ["record", "mute"]
    assert mac.activation_policy == 1
    assert mac.status_items == 0
    assert mac.timers == []


def test_title_is_kept_up_to_date(mac: Mac) -> None:
    """The time runs without anybody clicking; the menu is rebuilt only when it changes."""
    module = app_module("menubar")
    now = [RECORDING]
    bar = module.MenuBar({}, lambda: now[0])

    def user() -> None:
        assert until(lambda: mac.menu_title == "● 01:23")
        menu = mac.menu
        assert until(lambda: bool(mac.timers))
        assert mac.menu is menu
        now[0] = Snapshot(state=TakeState.RECORDING, position_ns=84_000_000_000)
        assert until(lambda: mac.menu_title == "● 01:24")
        bar.quit()

    looking = threading.Thread(target=user)
    looking.start()
    bar.run()
    looking.join()


def test_a_failing_action_ends_the_loop_with_its_error(mac: Mac) -> None:
    """An exception in an action comes out of `run`, not into AppKit."""
    module = app_module("menubar")

    def broken() -> None:
        raise RuntimeError("no")

    bar = module.MenuBar({module.Action.RECORD: broken}, Snapshot)

    def user() -> None:
        assert until(lambda: "record" in mac.menu)
        mac.menu["record"].choose()

    clicking = threading.Thread(target=user)
    clicking.start()
    with pytest.raises(RuntimeError, match="no"):
        bar.run()
    clicking.join()
