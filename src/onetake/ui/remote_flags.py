"""The flags that let others drive a recorder: panel and obs-websocket; nothing listens unasked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from onetake.ui.options import chosen, given_settings

if TYPE_CHECKING:
    from onetake.control.controller import Controller
    from onetake.control.remotes import Remotes, RemoteWish

__all__ = ["add_obs", "add_remotes", "remote_wish", "tell_remotes", "waiting_recorder"]


def add_remotes(group: argparse._ArgumentGroup) -> None:
    """Add `--panel` and `--obs-websocket`."""
    group.add_argument(
        "--panel",
        nargs="?",
        type=int,
        const=-1,
        metavar="PORT",
        help="serve the web panel on this machine",
    )
    add_obs(group)


def add_obs(parser: argparse._ActionsContainer) -> None:
    """Add `--obs-websocket`."""
    parser.add_argument(
        "--obs-websocket",
        nargs="?",
        type=int,
        const=-1,
        metavar="PORT",
        help="let obs-websocket remotes on this machine drive it (port 4455)",
    )


def remote_wish(arguments: argparse.Namespace, session_id: str) -> RemoteWish:
    """Return what was asked for."""
    from onetake.control.remotes import RemoteWish

    panel, obs = arguments.panel, arguments.obs_websocket
    return RemoteWish(
        session_id=session_id,
        has_panel=panel is not None,
        panel_port=None if panel in (None, -1) else panel,
        has_obs=obs is not None,
        obs_port=None if obs in (None, -1) else obs,
    )


@contextmanager
def waiting_recorder(arguments: argparse.Namespace) -> Iterator[tuple[Controller, Remotes]]:
    """Make a recorder that records when it is told to, and open what was asked for to tell it.

    Raises UsageError for settings that make no sense, and what opening the adapters raises.
    """
    from onetake.control.announced_session import own_session_id
    from onetake.control.controller import Controller
    from onetake.control.remotes import Remotes
    from onetake.engine.recorder import Recorder

    resolved, config = chosen(arguments, given_settings(arguments))
    controller = Controller(Recorder(), resolved.settings)
    wish = remote_wish(arguments, arguments.session or own_session_id())
    with Remotes(controller, wish, config.remote, profiles=tuple(config.presets)) as remotes:
        yield controller, remotes


def tell_remotes(remotes: Remotes) -> None:
    """Say on stderr where the adapters listen. The panel's address opens it once; it goes to the
    person at the terminal and nowhere else."""
    if remotes.panel is not None:
        print(f"panel: {remotes.panel_url()}", file=sys.stderr, flush=True)
    if remotes.obs is not None:
        print(
            f"obs-websocket: port {remotes.obs.port} (password: onetake obs-password --show)",
            file=sys.stderr,
            flush=True,
        )
