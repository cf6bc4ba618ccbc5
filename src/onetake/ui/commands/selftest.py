"""`onetake selftest`: the pattern on the real screen and speakers, recorded and judged."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from onetake.ui.options import add_json, add_layers, add_settings, chosen, given_settings

if TYPE_CHECKING:
    from onetake.engine.plan import Plan
    from onetake.model.settings import Settings
    from onetake.proof.results import CheckReport
    from onetake.proof.selftest import SelftestAnswer

__all__ = ["add"]

SECONDS = 20.0
"""Length of the take: about 18 events, enough for a median that holds to 0.1 ms."""

LEAD_S = 2.0
"""Time for the pattern's programs to come up before its position 0."""

SCHEDULE_ID = 1
"""An irregular schedule: a lag of a whole interval cannot look like none."""


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "selftest",
        help="measure the sync of the real devices here",
        description="Show flashes on the screen, play beeps through the speakers, record both with "
        "the real devices, and say how far apart they are in the file. Turn the volume up; the "
        "microphone should hear the speakers. Takes the flags of 'record'.",
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help="how long")
    parser.add_argument("--keep", metavar="FILE", default="", help="keep the recorded file")
    parser.add_argument(
        "--remember",
        action="store_true",
        help="remember the measured offset of each device for every later take",
    )
    add_json(parser, "print one JSON object")
    add_layers(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record the pattern, judge it, print the answer; 0 when all paths are good, else 5 or 1."""
    import tempfile
    from pathlib import Path

    import msgspec

    from onetake.proof.check import check, to_json

    fields = {"camera": "none", **given_settings(arguments), "tracks": "separate"}
    settings = chosen(arguments, fields)[0].settings
    with tempfile.TemporaryDirectory(prefix="onetake-selftest-") as folder:
        path = arguments.keep or str(Path(folder) / "selftest.mp4")
        plan = _recorded(msgspec.structs.replace(settings, output=path), arguments.seconds)
        report = check(path)
    answer = _judged(report, plan)
    remembered = _remembered(answer, plan) if arguments.remember else []
    if arguments.as_json:
        facts = {
            "schema_version": 1,
            "verdict": answer.verdict,
            "paths": msgspec.to_builtins(answer.paths),
            "mic_against_system_ms": answer.mic_against_system_ms,
            "devices": {str(role): device for role, device in plan.shown_devices.items()},
            "remembered": remembered,
            "system": _system_facts(),
            "check": msgspec.json.decode(to_json(report)),
        }
        print(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
    else:
        print("\n".join([*answer.lines, *remembered]))
        if not arguments.remember and any(p.suggested_offset_ms for p in answer.paths):
            print("to apply these offsets from now on: onetake selftest --remember")
        print(f"verdict: {answer.verdict}")
    return int(answer.verdict.exit_code)


def _recorded(settings: Settings, seconds: float) -> Plan:
    """Record the pattern for `seconds`; returns what was recorded with which devices."""
    import time

    import msgspec

    from onetake.engine.recorder import Recorder

    recorder = Recorder()
    settings = msgspec.structs.replace(settings, duration_s=seconds, has_report=False)
    plan = recorder.plan(settings)
    start_ns = time.monotonic_ns() + int(LEAD_S * 1e9)
    with _pattern(plan, start_ns):
        time.sleep(max(0.0, (start_ns - time.monotonic_ns()) / 1e9))
        recorder.start(settings).wait(seconds + 60.0)
    return plan


@contextmanager
def _pattern(plan: Plan, start_ns: int) -> Iterator[None]:
    """Run the screen's platform's pattern programs, where its devices do not show it themselves."""
    import subprocess

    from onetake.model.devices import Role

    platform = plan.platform_of(plan.devices[Role.SCREEN])
    programs = getattr(platform, "pattern_programs", None)
    commands = programs(start_ns, SCHEDULE_ID) if programs is not None else []
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for command in commands]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(5.0)


def _judged(report: CheckReport, plan: Plan) -> SelftestAnswer:
    """Judge each role by the track that holds it alone."""
    from onetake.model.devices import AUDIO_ROLES, Role
    from onetake.proof.selftest import judge_selftest

    titles = {Role.MIC: "Microphone", Role.SYSTEM: "System audio"}
    tracks = {
        role: track.index
        for role in AUDIO_ROLES
        if role in plan.devices
        for track in report.tracks
        if track.title == titles[role]
    }
    return judge_selftest(report, tracks=tracks)


def _remembered(answer: SelftestAnswer, plan: Plan) -> list[str]:
    """Keep the suggested offsets; returns what was kept, one line each."""
    from onetake.engine.plan import OFFSET_FIELDS, memory_id
    from onetake.file.device_memory import DeviceMemory

    memory = DeviceMemory()
    lines = []
    for path in answer.paths:
        if path.suggested_offset_ms is None:
            continue
        device_id = memory_id(path.role, plan.devices[path.role], plan.platforms)
        in_force_ms = getattr(plan.settings, OFFSET_FIELDS[path.role]) or 0.0
        offset_ms = round(in_force_ms + path.suggested_offset_ms, 1)
        if memory.remember(device_id, offset_ms):
            lines.append(f"remembered: {device_id} is moved by {offset_ms:+.1f} ms from now on")
    return lines


def _system_facts() -> dict[str, Any]:
    """Return what only this system can say of itself: on a Mac, whether every name we use exists,
    and what the permissions are."""
    import platform

    system = platform.system()
    if system != "Darwin":
        return {"platform": system}
    from onetake.platforms.macos.selftest import environment, missing_names

    return {"platform": system, **environment(), "missing_names": missing_names()}
