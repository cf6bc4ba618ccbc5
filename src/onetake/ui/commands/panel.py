"""`onetake panel` and `onetake app`: the web panel, in a browser or in a window of its own."""

from __future__ import annotations

import argparse
from typing import Any

from onetake.ui.help import examples
from onetake.ui.options import add_layers, add_settings
from onetake.ui.remote_flags import add_obs, tell_remotes, waiting_recorder

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands."""
    panel = commands.add_parser(
        "panel",
        help="record from a page in the browser",
        description="Serve the web panel on this machine until Ctrl-C; takes are started, steered "
        "and stopped there. What they start with can be given here.",
        epilog=examples(
            {
                "onetake panel --open": "in the browser",
                "onetake panel --obs-websocket": "and a Stream Deck or Companion may drive it",
            }
        ),
    )
    panel.add_argument(
        "--port", type=int, dest="panel", default=-1, metavar="PORT", help="left out = any free one"
    )
    panel.add_argument("--open", action="store_true", help="open it in the browser")
    add_obs(panel)
    panel.set_defaults(run=_panel, session=None)
    add_layers(panel)
    add_settings(panel)
    app = commands.add_parser(
        "app",
        help="record from a window",
        description="Open the panel in a window of its own; needs the package pywebview.",
    )
    add_obs(app)
    app.set_defaults(run=_app, panel=-1, session=None)
    add_layers(app)
    add_settings(app)


def _panel(arguments: argparse.Namespace) -> int:
    import signal
    import threading
    import webbrowser

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: ended.set())
    with waiting_recorder(arguments) as (controller, remotes):
        if arguments.open:
            webbrowser.open(remotes.panel_url())
        tell_remotes(remotes)  # Also then: no browser may have come up.
        while not ended.wait(0.2):
            pass  # A wait without an end would not be left for a signal on every system.
        controller.close()
    return 0


def _app(arguments: argparse.Namespace) -> int:
    from onetake.ui.panel.window import open_window

    with waiting_recorder(arguments) as (controller, remotes):
        open_window(remotes.panel_url())
        controller.close()
    return 0
