"""`onetake doctor`: would a take go well here, and if not, what to do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onetake.ui.options import add_json, add_layers, add_settings, chosen, given_settings

if TYPE_CHECKING:
    from onetake.model.findings import Finding
    from onetake.model.settings import Settings
    from onetake.platforms.contract import Platform

__all__ = ["add"]

SCHEMA_VERSION = 1

LOW_BYTES = 2_000_000_000
"""Free room below which a take is at risk: about 45 minutes of 1080p at standard quality."""

MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL", "skipped": "-   "}


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="see whether a take would go well here",
        description="Try every device, the encoder and the folder for a moment, and say what to do "
        "about what is wrong. Takes the flags of 'record'. Ends with 0 when a take would start, "
        "else with 1.",
    )
    parser.add_argument("file", nargs="?", default="", metavar="FILE", help="where it would go")
    parser.add_argument(
        "--fix", action="store_true", help="open the system's settings where that is the remedy"
    )
    add_json(parser, "print one JSON object")
    add_layers(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, tell, and return 0, or 1 when a take would not start."""
    import msgspec

    from onetake.model.findings import Status

    fields = given_settings(arguments)
    if arguments.file:
        fields["output"] = arguments.file
    settings = chosen(arguments, fields)[0].settings
    findings = examine(settings, is_fixing=arguments.fix)
    is_ready = not any(finding.status is Status.FAIL for finding in findings)
    if arguments.as_json:
        report = {
            "schema_version": SCHEMA_VERSION,
            "is_ready": is_ready,
            "findings": msgspec.to_builtins(findings),
        }
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        for finding in findings:
            remedy = f" — {finding.remedy}" if finding.remedy else ""
            print(f"{MARKS[finding.status]}  {finding.id}: {finding.message}{remedy}")
        print("ready to record" if is_ready else "not ready to record")
    return 0 if is_ready else 1


def examine(settings: Settings, *, is_fixing: bool = False) -> list[Finding]:
    """Return what is found, in the order of FindingId. Opens devices; writes nothing that stays."""
    from onetake.clock import HostClock
    from onetake.engine.plan import make_plan
    from onetake.engine.preflight import look_at_devices, look_at_encoder, look_for_devices
    from onetake.errors import OnetakeError
    from onetake.model.findings import Finding, FindingId, Status
    from onetake.platforms.registry import find_platforms

    platforms = find_platforms()
    findings = [fact for platform in platforms for fact in _permissions(platform, is_fixing)]
    folder, about_folder = _folder(settings)
    settings, missing = look_for_devices(settings, platforms)
    findings += missing
    try:
        plan = make_plan(settings, platforms)
        said = {finding.id for finding in missing}
        findings += [one for one in look_at_devices(plan, HostClock()) if one.id not in said]
        if folder is not None:
            findings += look_at_encoder(plan, (1920, 1080), folder)
    except OnetakeError as error:
        findings.append(Finding(FindingId.SCREEN, Status.FAIL, error.message, error.hint))
    return sorted(findings + about_folder, key=lambda found: list(FindingId).index(found.id))


def _permissions(platform: Platform, is_fixing: bool) -> list[Finding]:
    """Return what the system allows, where it has a say (macOS); with `is_fixing`, open the pane of
    the first thing it does not."""
    from onetake.model.findings import Finding, FindingId, Status

    if platform.name != "macos":
        return []
    from onetake.platforms.grants import Grant
    from onetake.platforms.macos.permissions import facts, open_settings

    findings = []
    for fact in facts():
        is_granted = fact.grant is Grant.GRANTED
        # What was never asked is asked by the first recording; nothing is wrong yet.
        status = Status.WARN if fact.grant in (Grant.NOT_ASKED, Grant.UNKNOWN) else Status.FAIL
        text = f"{fact.kind}: {fact.grant} for {fact.holder}"
        finding_id = FindingId(f"permission-{fact.kind}")
        findings.append(Finding(finding_id, Status.OK if is_granted else status, text, fact.advice))
        if is_fixing and not is_granted:
            open_settings(fact.kind)
            is_fixing = False
    return findings


def _folder(settings: Settings) -> tuple[Path | None, list[Finding]]:
    """Return the folder a take would go to, None when it cannot, and what is found there."""
    import shutil

    from onetake.errors import OnetakeError
    from onetake.file.journal import leftovers
    from onetake.file.naming import output_path
    from onetake.model.findings import Finding, FindingId, Status

    try:
        folder = output_path(settings.output, overwrite=True).parent
    except OnetakeError as error:
        return None, [Finding(FindingId.FOLDER, Status.FAIL, error.message, error.hint)]
    findings = [Finding(FindingId.FOLDER, Status.OK, f"{folder} can be written to")]
    free_bytes = shutil.disk_usage(folder).free
    text = f"{free_bytes / 1e9:.1f} GB free"
    is_low = free_bytes < LOW_BYTES
    findings.append(
        Finding(
            FindingId.DISK,
            Status.WARN if is_low else Status.OK,
            text,
            "free some room, or record to another disk" if is_low else "",
        )
    )
    names = [leftover.recording.name for leftover in leftovers(folder)]
    findings.append(
        Finding(
            FindingId.LEFTOVERS,
            Status.WARN if names else Status.OK,
            f"interrupted recordings: {', '.join(names)}" if names else "none",
            "run 'onetake repair FILE' on each" if names else "",
        )
    )
    return folder, findings
