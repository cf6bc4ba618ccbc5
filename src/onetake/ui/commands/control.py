"""`onetake engine`, `ctl`, `schema` and `config`: how programs drive a recorder."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from onetake.ui.options import add_json, add_layers, add_settings, chosen, given_settings

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands."""
    engine = commands.add_parser(
        "engine",
        help="serve another program over stdin and stdout",
        description="Wait for JSON-RPC requests, one object a line; see docs/protocol.md. When "
        "standard input ends, a running take is stopped and its file finished.",
    )
    engine.add_argument("--stdio", action="store_true", required=True, help="use stdin and stdout")
    add_layers(engine)
    add_settings(engine)
    engine.set_defaults(run=_engine)
    ctl = commands.add_parser(
        "ctl",
        help="drive a running recorder: ctl mute mic, ctl pause, ctl status, ctl stop",
        description="Say a command to a recorder of this user that is running.",
    )
    ctl.add_argument("words", nargs="+", metavar="COMMAND", help="mute mic, hide camera, stop, …")
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
    config.add_argument("what", choices=("show", "check", "explain", "path"))
    config.add_argument("--docs", action="store_true", help="show: with each setting's meaning")
    add_layers(config)
    add_settings(config)
    config.set_defaults(run=_config)


def _engine(arguments: argparse.Namespace) -> int:
    from onetake.control.controller import Controller
    from onetake.control.session import AnnouncedSession, own_session_id
    from onetake.control.stdio import run_stdio
    from onetake.engine.recorder import Recorder

    resolved, _ = chosen(arguments, given_settings(arguments))
    controller = Controller(Recorder(), resolved.settings)
    with AnnouncedSession(controller, own_session_id()):
        return run_stdio(controller, sys.stdin.buffer, sys.stdout.buffer)


def _ctl(arguments: argparse.Namespace) -> int:
    import msgspec

    from onetake.control.ctl import send, told

    reply = send(arguments.words, arguments.session)
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
