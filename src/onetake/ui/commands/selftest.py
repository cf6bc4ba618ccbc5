"""`onetake selftest`: the pattern on the real screen and speakers, recorded and judged; before it,
whatever of this system can be proven without its devices."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from onetake.ui.options import add_json, add_layers, add_settings, chosen, given_settings

if TYPE_CHECKING:
    from onetake.engine.plan import Plan
    from onetake.model.settings import Settings
    from onetake.platforms.contract import Platform
    from onetake.proof.results import CheckReport
    from onetake.proof.selftest import SelftestAnswer

__all__ = ["add"]

SECONDS = 20.0
"""Length of the take: about 18 events, enough for a median that holds to 0.1 ms."""

SYNTHETIC_SECONDS = 6.0
"""Length of the take of made-up devices: five events, and a second either side of the change from
composed to direct pictures."""

LEAD_S = 2.0
"""Time for the pattern's programs to come up before its position 0."""

SCHEDULE_ID = 1
"""An irregular schedule: a lag of a whole interval cannot look like none."""

_SURPRISES = (AttributeError, TypeError, ValueError)
"""What a system's frameworks raise when they are not as they were when this was written."""


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "selftest",
        help="measure the sync of the real devices here",
        description="Show flashes on the screen, play beeps through the speakers, record both with "
        "the real devices, and say how far apart they are in the file. Turn the volume up; the "
        "microphone should hear the speakers. Takes the flags of 'record'.",
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="how long; left out = 20, without devices 6"
    )
    parser.add_argument("--keep", metavar="FILE", default="", help="keep the recorded file")
    parser.add_argument(
        "--remember",
        action="store_true",
        help="remember the measured offset of each device for every later take",
    )
    parser.add_argument(
        "--without-devices",
        action="store_true",
        help="only what needs no devices: the system's own parts, with a made-up screen and sound",
    )
    add_json(parser, "print one JSON object")
    add_layers(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at the system, record the pattern, judge it, print one report.

    Returns 0 when all is good, else 5 or 1, or the exit code of what stopped the recording.
    """
    import platform
    import tempfile
    from pathlib import Path

    import msgspec

    from onetake.errors import OnetakeError
    from onetake.platforms.registry import find_platforms

    native = find_platforms()[0]
    examine = getattr(native, "examine", None)
    facts: dict[str, Any] = {"schema_version": 1, "verdict": "good"}
    facts["system"] = {"platform": platform.system(), **(examine() if examine is not None else {})}
    _tell(arguments, _system_lines(facts["system"]))
    code = 1 if facts["system"].get("missing_names") else 0
    with tempfile.TemporaryDirectory(prefix="onetake-selftest-") as folder:
        try:
            if arguments.without_devices or examine is not None:
                made_up = _synthetic(native, folder, arguments)
                facts["synthetic"] = made_up
                _tell(arguments, [_synthetic_line(made_up)])
                code = max(code, int(made_up["verdict"].exit_code))
            if not arguments.without_devices:
                path = arguments.keep or str(Path(folder) / "selftest.mp4")
                code = max(code, _with_devices(arguments, path, facts))
        except (OnetakeError, *_SURPRISES) as error:
            if not arguments.as_json:
                raise
            # What was found before it belongs into the report, too.
            known = error if isinstance(error, OnetakeError) else OnetakeError(repr(error))
            facts["error"], code = known.to_dict(), int(known.exit_code)
    facts["verdict"] = _verdict(facts, code)
    if arguments.as_json:
        print(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
    else:
        print(f"verdict: {facts['verdict']}")
    return code


def _tell(arguments: argparse.Namespace, lines: list[str]) -> None:
    """Tell a person at once; a program gets it all in the report."""
    if lines and not arguments.as_json:
        print("\n".join(lines), flush=True)


def _verdict(facts: dict[str, Any], code: int) -> str:
    worst = "broken" if "error" in facts or code == 1 else "degraded"
    return "good" if code == 0 else worst


def _system_lines(system: dict[str, Any]) -> list[str]:
    if "missing_names" not in system:
        return []
    missing = system["missing_names"]
    said = f"missing: {', '.join(missing)}" if missing else "everything used is there"
    return [f"{system['platform']} {system.get('macos', '')}: {said}"]


def _synthetic(native: Platform, folder: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Record made-up devices through the system's own compositor and writer."""
    from pathlib import Path

    from onetake.testing.synthetic_take import synthetic_take

    is_all = arguments.without_devices
    path = (is_all and arguments.keep) or str(Path(folder) / "synthetic.mp4")
    seconds = (is_all and arguments.seconds) or SYNTHETIC_SECONDS
    return synthetic_take(native, path, seconds)


def _synthetic_line(made_up: dict[str, Any]) -> str:
    worst_ms = max((abs(ms) for ms in made_up["worst_ms"].values()), default=None)
    said = "no beep was found" if worst_ms is None else f"worst offset {worst_ms:.2f} ms"
    wrong = "".join(f"; {message}" for message in made_up["findings"])
    return f"made-up devices through {made_up['encoder']}: {made_up['verdict']}, {said}{wrong}"


def _with_devices(arguments: argparse.Namespace, path: str, facts: dict[str, Any]) -> int:
    """Record the pattern with the real devices and judge it; fills `facts`, returns the code."""
    import msgspec

    from onetake.proof.check import check, to_json

    fields = {"camera": "none", **given_settings(arguments), "tracks": "separate"}
    settings = chosen(arguments, fields)[0].settings
    seconds = arguments.seconds or SECONDS
    plan = _recorded(msgspec.structs.replace(settings, output=path), seconds)
    report = check(path)
    answer = _judged(report, plan)
    remembered = _remembered(answer, plan) if arguments.remember else []
    facts |= {
        "paths": msgspec.to_builtins(answer.paths),
        "mic_against_system_ms": answer.mic_against_system_ms,
        "devices": {str(role): device for role, device in plan.shown_devices.items()},
        "remembered": remembered,
        "check": msgspec.json.decode(to_json(report)),
    }
    lines = [*answer.lines, *remembered]
    if not arguments.remember and any(p.suggested_offset_ms for p in answer.paths):
        lines.append("to apply these offsets from now on: onetake selftest --remember")
    _tell(arguments, lines)
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

    programs = getattr(_stage(plan), "pattern_programs", None)
    commands = programs(start_ns, SCHEDULE_ID) if programs is not None else []
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for command in commands]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(5.0)


def _stage(plan: Plan) -> Platform:
    """Return the platform on whose screen the pattern is shown."""
    from onetake.model.devices import Role

    return plan.platform_of(plan.devices[Role.SCREEN])


def _judged(report: CheckReport, plan: Plan) -> SelftestAnswer:
    """Judge each role by the track that holds it alone."""
    from onetake.model.devices import AUDIO_ROLES, Role
    from onetake.model.settings import Tracks
    from onetake.proof.selftest import judge_selftest

    _, mic, system = Tracks.SEPARATE.titles
    titles = {Role.MIC: mic, Role.SYSTEM: system}
    index_of = {track.title: track.index for track in report.tracks}
    # A recorded role without a track is one that is not heard, and no reason to say "good".
    tracks = {r: index_of.get(titles[r], -1) for r in AUDIO_ROLES if r in plan.devices}
    stage_ms = getattr(_stage(plan), "pattern_uncertainty_ms", 0.0)
    return judge_selftest(report, tracks=tracks, stage_ms=stage_ms)


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
