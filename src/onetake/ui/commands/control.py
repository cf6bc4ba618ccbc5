"""`onetake engine`, `ctl`, `schema` and `config`: how programs drive a recorder."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from onetake.control.verbs import VERBS
from onetake.ui.help import examples, table
from onetake.ui.options import add_json, add_layers, add_settings, chosen, given_settings
from onetake.ui.remote_flags import add_obs, add_remotes, remote_wish, tell_remotes

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands."""
    engine = commands.add_parser(
        "engine",
        help="serve another program over stdin and stdout",
        description="Wait for JSON-RPC requests, one object a line, and answer them; 'onetake "
        "schema' tells what can be asked. When standard input ends, a running take is stopped and "
        "its file finished.",
        epilog=examples(
            {
                "onetake engine --stdio": "for the program that started it",
                "onetake engine --stdio --obs-websocket": "a deck may drive it, too",
            }
        ),
    )
    engine.add_argument("--stdio", action="store_true", required=True, help="use stdin and stdout")
    engine.add_argument("--session", metavar="NAME", help="name for 'onetake ctl --session NAME'")
    add_remotes(engine.add_argument_group("who may drive it"))
    add_layers(engine)
    add_settings(engine)
    engine.set_defaults(run=_engine)
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
    panel.add_argument("--port", type=int, metavar="PORT", help="left out = any free one")
    panel.add_argument("--open", action="store_true", help="open it in the browser")
    add_obs(panel)
    panel.set_defaults(run=_panel, panel=-1, session=None)
    add_layers(panel)
    add_settings(panel)
    app = commands.add_parser(
        "app",
        help="record from a window",
        description="Open the panel in a window of its own; needs the extra 'onetake[app]'.",
    )
    add_obs(app)
    app.set_defaults(run=_app, panel=-1, session=None)
    add_layers(app)
    add_settings(app)
    password = commands.add_parser(
        "obs-password", help="show the password of the obs-websocket adapter"
    )
    password.add_argument("--show", action="store_true", required=True, help="print it")
    password.set_defaults(run=_obs_password)
    ctl = commands.add_parser(
        "ctl",
        help="drive a running recorder: ctl mute mic, ctl pause, ctl status, ctl stop",
        description="Say a command to a recorder of this user that is running.",
        epilog=table("commands:", {verb.words: verb.doc for verb in VERBS.values()}),
    )
    ctl.add_argument("verb", metavar="COMMAND", help="one of the commands below")
    ctl.add_argument("words", nargs="*", metavar="WORD", help="what it is about")
    ctl.add_argument("--session", metavar="NAME", help="which recorder, when several run")
    add_json(ctl, "print the answer as one JSON object")
    ctl.set_defaults(run=_ctl)
    schema = commands.add_parser(
        "schema", help="print the JSON Schema of commands, events, settings and report"
    )
    schema.set_defaults(run=_schema)
    config = commands.add_parser(
        "config",
        help="show or check the configuration file",
        description="show: the settings as a configuration file; check: whether the file makes "
        "sense; explain: where each setting comes from; path: where the file lies.",
    )
    config.epilog = examples(
        {
            "onetake config show --docs": "a whole file to begin with",
            "onetake config explain --preset lesson": "what would be used, and why",
        }
    )
    config.add_argument(
        "what", choices=("show", "check", "explain", "path"), help="what to do, see above"
    )
    config.add_argument("--docs", action="store_true", help="show: with each setting's meaning")
    add_layers(config)
    add_settings(config)
    config.set_defaults(run=_config)


def _engine(arguments: argparse.Namespace) -> int:
    from onetake.control.controller import Controller
    from onetake.control.remotes import Remotes
    from onetake.control.session import own_session_id
    from onetake.control.stdio import run_stdio
    from onetake.engine.recorder import Recorder

    resolved, config = chosen(arguments, given_settings(arguments))
    controller = Controller(Recorder(), resolved.settings)
    wish = remote_wish(arguments, arguments.session or own_session_id())
    with Remotes(controller, wish, config.remote, profiles=tuple(config.presets)) as remotes:
        tell_remotes(remotes)
        return run_stdio(controller, sys.stdin.buffer, sys.stdout.buffer)


def _panel(arguments: argparse.Namespace) -> int:
    import signal
    import threading
    import webbrowser

    from onetake.control.controller import Controller
    from onetake.control.remotes import Remotes
    from onetake.control.session import own_session_id
    from onetake.engine.recorder import Recorder

    resolved, config = chosen(arguments, given_settings(arguments))
    controller = Controller(Recorder(), resolved.settings)
    if arguments.port is not None:
        arguments.panel = arguments.port
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: ended.set())
    wish = remote_wish(arguments, own_session_id())
    with Remotes(controller, wish, config.remote, profiles=tuple(config.presets)) as remotes:
        if arguments.open:
            webbrowser.open(remotes.panel_url())
        else:
            tell_remotes(remotes)
        while not ended.wait(0.2):
            pass  # A wait without an end would not be left for a signal on every system.
        controller.close()
    return 0


def _app(arguments: argparse.Namespace) -> int:
    from onetake.control.controller import Controller
    from onetake.control.remotes import Remotes
    from onetake.control.session import own_session_id
    from onetake.engine.recorder import Recorder
    from onetake.ui.panel.window import open_window

    resolved, config = chosen(arguments, given_settings(arguments))
    controller = Controller(Recorder(), resolved.settings)
    wish = remote_wish(arguments, own_session_id())
    with Remotes(controller, wish, config.remote, profiles=tuple(config.presets)) as remotes:
        open_window(remotes.panel_url())
        controller.close()
    return 0


def _obs_password(_arguments: argparse.Namespace) -> int:
    from onetake.control.config import load_config
    from onetake.control.obs.password import obs_password

    secret = obs_password(load_config().remote.obs_password_file)
    print("".join(secret))
    return 0


def _ctl(arguments: argparse.Namespace) -> int:
    import msgspec

    from onetake.control.ctl import send, told

    reply = send([arguments.verb, *arguments.words], arguments.session)
    print(msgspec.json.encode(reply.result).decode() if arguments.as_json else told(reply))
    return 0


def _schema(_arguments: argparse.Namespace) -> int:
    import json

    from onetake.control.schema import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _config(arguments: argparse.Namespace) -> int:
    from onetake.control.config import config_path
    from onetake.control.config_text import config_text, explanation

    if arguments.what == "path":
        print(config_path())
        return 0
    resolved, config = chosen(arguments, given_settings(arguments))
    match arguments.what:
        case "check":
            print(f"{config.path or 'no configuration file'}: fine")
        case "explain":
            print(explanation(resolved), end="")
        case _:
            text = config_text(
                resolved.settings, config.keys, config.remote, has_docs=arguments.docs
            )
            print(text, end="")
    return 0
