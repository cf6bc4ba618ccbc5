"""`onetake record`: record until stopped."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from onetake.ui.help import examples
from onetake.ui.options import add_json, add_layers, add_settings, chosen, given_settings
from onetake.ui.remote_flags import add_remotes, remote_wish, tell_remotes

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "record",
        help="record until stopped",
        description="Record until q, Ctrl-C or --duration. Keys on a terminal: m mute microphone, "
        "s mute system sound, c hide camera, p pause, k marker, q stop.",
        epilog=examples(
            {
                "onetake record lesson.mp4 --camera default": "all four, you in a corner",
                "onetake record --mic none --duration 60": "a minute, named by date",
                "onetake record cast.mp4 --region 0,0,1280x720": "a part of the screen",
                "onetake record call.mp4 --detach": "in the background; see 'onetake ctl'",
            }
        ),
    )
    parser.add_argument("file", nargs="?", default="", metavar="FILE", help="the file to write")
    add_json(parser, "print one JSON object a line instead of words")
    add_layers(parser)
    group = parser.add_argument_group("who may drive it")
    group.add_argument("--session", metavar="NAME", help="name for 'onetake ctl --session NAME'")
    group.add_argument(
        "--detach", action="store_true", help="go on in the background; returns when it records"
    )
    add_remotes(group)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record one take; returns the exit code."""
    from onetake.control.announced_session import own_session_id
    from onetake.control.controller import Controller
    from onetake.control.remotes import Remotes
    from onetake.engine.recorder import Recorder
    from onetake.ui.recording import exit_code_of, run_take

    if arguments.detach:
        return _detach(arguments)
    fields = given_settings(arguments)
    if arguments.file:
        fields["output"] = arguments.file
    resolved, config = chosen(arguments, fields)
    recorder = Recorder()
    controller = Controller(recorder, resolved.settings)
    _mention_leftovers(resolved.settings.output, as_json=arguments.as_json)
    wish = remote_wish(arguments, arguments.session or own_session_id())
    with Remotes(controller, wish, config.remote, profiles=tuple(config.presets)) as remotes:
        tell_remotes(remotes)
        finished = run_take(
            recorder,
            controller,
            resolved.settings,
            keys=config.keys,
            as_json=arguments.as_json,
        )
    return exit_code_of(finished)


def _detach(arguments: argparse.Namespace) -> int:
    """Start the same command in the background, without --detach."""
    import json

    from onetake.control.announced_session import launch_detached, own_session_id

    session_id = arguments.session or own_session_id()
    words = [word for word in arguments.words if word != "--detach"]
    if not arguments.session:
        words.append(f"--session={session_id}")
    session = launch_detached([sys.executable, "-m", "onetake.ui.cli", *words], session_id)
    if arguments.as_json:
        print(json.dumps({"session": session.id, "pid": session.pid, "path": session.path}))
    else:
        print(f"recording to {session.path}; stop it with: onetake ctl stop")
    return 0


def _mention_leftovers(output: str, *, as_json: bool) -> None:
    """Say on a terminal which recordings in the folder were interrupted."""
    from pathlib import Path

    from onetake.file.journal import leftovers
    from onetake.file.naming import default_folder

    if as_json:
        return
    folder = Path(output).parent if output else default_folder()
    for leftover in leftovers(folder):
        print(
            f"{leftover.recording} was interrupted; make it an ordinary file with: "
            f"onetake repair '{leftover.recording}'",
            file=sys.stderr,
        )
